package token

import "unicode/utf8"

// byteRunes are the characters that byte-level vocabularies spell bytes with: printable bytes of Latin-1 stand for
// themselves, the others are numbered from U+0100 (Radford et al. 2019, code release). A space is Ġ.
var byteRunes = func() (runes [256]rune) {
	next := rune(0x100)
	for b := range 256 {
		if '!' <= b && b <= '~' || 0xA1 <= b && b <= 0xFF && b != 0xAD {
			runes[b] = rune(b)
		} else {
			runes[b] = next
			next++
		}
	}
	return runes
}()

// runeBytes is the inverse of byteRunes; −1 where there is none.
var runeBytes = func() (bytes [0x144]int16) {
	for r := range bytes {
		bytes[r] = -1
	}
	for b, r := range byteRunes {
		bytes[r] = int16(b)
	}
	return bytes
}()

// appendByteToken appends the bytes that a byte-level token spells; a token with any other character stands for itself.
func appendByteToken(dst []byte, t string) []byte {
	n := len(dst)
	for _, r := range t {
		if int(r) >= len(runeBytes) || runeBytes[r] < 0 {
			return append(dst[:n], t...)
		}
		dst = append(dst, byte(runeBytes[r]))
	}
	return dst
}

// appendLossy appends b as UTF-8: every longest piece that could begin a character but does not becomes one U+FFFD.
func appendLossy(dst, b []byte) []byte {
	for len(b) > 0 {
		r, n := utf8.DecodeRune(b)
		if r == utf8.RuneError && n <= 1 {
			n = 1
			for n < len(b) && n < utf8.UTFMax && !utf8.FullRune(b[:n]) && continues(b[:n], b[n]) {
				n++
			}
			dst = append(dst, "\uFFFD"...)
		} else {
			dst = append(dst, b[:n]...)
		}
		b = b[n:]
	}
	return dst
}

// continues tells whether an unfinished character may go on with c.
func continues(head []byte, c byte) bool {
	var buf [utf8.UTFMax]byte
	b := append(append(buf[:0], head...), c)
	if !utf8.FullRune(b) {
		return true
	}
	r, n := utf8.DecodeRune(b)
	return r != utf8.RuneError || n > 1
}
