package token

import (
	"encoding/base64"
	"encoding/binary"
	"errors"
	"strings"
	"unicode"
	"unicode/utf8"
)

// precompiled is SentencePiece's table of replacements: a double-array trie (Aoe 1989) of what to replace, and the
// replacements one after the other, each with a zero byte at its end.
type precompiled struct {
	units        []uint32
	replacements string
}

// parsePrecompiled reads the base64 text of a table.
func parsePrecompiled(text string) (*precompiled, error) {
	raw, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return nil, err
	}
	if len(raw) < 4 {
		return nil, errors.New("the table has no length")
	}
	size := binary.LittleEndian.Uint32(raw)
	raw = raw[4:]
	if size%4 != 0 || uint64(size) > uint64(len(raw)) {
		return nil, errors.New("the table is shorter than it says")
	}
	p := &precompiled{units: make([]uint32, size/4), replacements: string(raw[size:])}
	for i := range p.units {
		p.units[i] = binary.LittleEndian.Uint32(raw[4*i:])
	}
	return p, nil
}

// lookup returns the replacement of the shortest beginning of s that has one.
func (p *precompiled) lookup(s string) (string, bool) {
	unit := func(i uint32) uint32 {
		if int64(i) < int64(len(p.units)) {
			return p.units[i]
		}
		return 1 << 31 // the label of no byte
	}
	offset := func(u uint32) uint32 { return u >> 10 << (u >> 6 & 8) }
	at := offset(unit(0))
	for i := range len(s) {
		at ^= uint32(s[i])
		u := unit(at)
		if s[i] == 0 || u&(1<<31|0xFF) != uint32(s[i]) {
			return "", false
		}
		at ^= offset(u)
		if u>>8&1 == 1 {
			return p.replacement(unit(at) &^ (1 << 31))
		}
	}
	return "", false
}

// replacement returns the replacement at an offset.
func (p *precompiled) replacement(at uint32) (string, bool) {
	if int64(at) > int64(len(p.replacements)) {
		return "", false
	}
	s, _, _ := strings.Cut(p.replacements[at:], "\x00")
	return s, true
}

// clusterMax is the length from which a cluster of characters is looked up character by character.
const clusterMax = 6

// normalize replaces cluster by cluster. The replacement of a cluster's beginning stands for the whole: the reference
// says so.
func (p *precompiled) normalize(q *piece) {
	if plainASCII(q.text) {
		return // the tables that there are leave these alone
	}
	out := make([]formRune, 0, len(q.text))
	changed := false
	take := func(part string) bool {
		by, ok := p.lookup(part)
		if ok {
			changed = true
			out = exchange(out, part, by)
		}
		return ok
	}
	for i := 0; i < len(q.text); {
		n := clusterLen(q.text[i:])
		if n < clusterMax && take(q.text[i:i+n]) {
			i += n
			continue
		}
		for end := i + n; i < end; {
			r, w := utf8.DecodeRuneInString(q.text[i:])
			if !take(q.text[i : i+w]) {
				out = append(out, formRune{r: r})
			}
			i += w
		}
	}
	if changed {
		q.become(out)
	}
}

// exchange appends by, which replaces old, to out: character for character; where by is longer, its last are additions;
// where old is longer, the last character replaces the rest of it too. At the beginning of a text there may be no last
// character; then the rest of old is not accounted for and all origins that follow lie too far to the left: the reference
// says so.
func exchange(out []formRune, old, by string) []formRune {
	excess := utf8.RuneCountInString(by) - utf8.RuneCountInString(old)
	for _, r := range by {
		out = append(out, formRune{r: r})
	}
	for i := range max(excess, 0) {
		out[len(out)-1-i].more = -1
	}
	if excess < 0 && len(out) > 0 {
		out[len(out)-1].more -= excess
	}
	return out
}

// plainASCII tells whether s is printable ASCII.
func plainASCII(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}

// clusterLen returns the length of the first cluster of s: a character, the marks on it and the signs that stand before
// it, or a carriage return with its line feed. Clusters that only Unicode's finer rules make (Standard Annex 29: flags,
// emoji sequences, Hangul, Indic conjuncts) reach clusterMax, where they make no difference.
func clusterLen(s string) int {
	r, n := utf8.DecodeRuneInString(s)
	for unicode.Is(prepended, r) && n < len(s) {
		next, w := utf8.DecodeRuneInString(s[n:])
		if isControl(next) {
			return n
		}
		r = next
		n += w
	}
	if r == '\r' && strings.HasPrefix(s[n:], "\n") {
		return n + 1
	}
	if isControl(r) {
		return n
	}
	for n < len(s) {
		r, w := utf8.DecodeRuneInString(s[n:])
		if !joins(r) {
			break
		}
		n += w
	}
	return n
}

// prepended are the signs that belong to the cluster after them (Grapheme_Cluster_Break=Prepend).
var prepended = &unicode.RangeTable{
	R16: []unicode.Range16{
		{Lo: 0x0600, Hi: 0x0605, Stride: 1}, {Lo: 0x06DD, Hi: 0x06DD, Stride: 1}, {Lo: 0x070F, Hi: 0x070F, Stride: 1},
		{Lo: 0x0890, Hi: 0x0891, Stride: 1}, {Lo: 0x08E2, Hi: 0x08E2, Stride: 1}, {Lo: 0x0D4E, Hi: 0x0D4E, Stride: 1},
	},
	R32: []unicode.Range32{
		{Lo: 0x110BD, Hi: 0x110BD, Stride: 1}, {Lo: 0x110CD, Hi: 0x110CD, Stride: 1}, {Lo: 0x111C2, Hi: 0x111C3, Stride: 1},
		{Lo: 0x1193F, Hi: 0x1193F, Stride: 1}, {Lo: 0x11941, Hi: 0x11941, Stride: 1}, {Lo: 0x11A3A, Hi: 0x11A3A, Stride: 1},
		{Lo: 0x11A84, Hi: 0x11A89, Stride: 1}, {Lo: 0x11D46, Hi: 0x11D46, Stride: 1}, {Lo: 0x11F02, Hi: 0x11F02, Stride: 1},
	},
}

// isControl tells whether r is a cluster of its own whatever follows.
func isControl(r rune) bool {
	const joiner, nonJoiner = 0x200D, 0x200C
	return unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp) && r != joiner && r != nonJoiner &&
		!unicode.Is(prepended, r)
}

// joins tells whether r joins the cluster before it.
func joins(r rune) bool {
	switch {
	case r == 0x200C, r == 0x200D, r == 0xFF9E, r == 0xFF9F, r == 0x0E33, r == 0x0EB3:
		return true
	case 0x1F3FB <= r && r <= 0x1F3FF, 0xE0020 <= r && r <= 0xE007F: // skin tones, tags
		return true
	case 0x102B <= r && r <= 0x109C && unicode.Is(unicode.Mc, r): // Myanmar's spacing marks, most of which stand alone
		return r == 0x1031 || r == 0x103B || r == 0x103C || r == 0x1056 || r == 0x1057 || r == 0x1084
	case r == 0x1A61, r == 0x1A63, r == 0x1A64, r == 0xAA7B, r == 0xAA7D:
		return false
	}
	return chars().of(r)&classM != 0
}
