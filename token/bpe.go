package token

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// bpe joins the characters of a word pair by pair, in the order in which training found the pairs (Sennrich et al.
// 2016, section 3.2).
type bpe struct {
	*vocabulary
	merges *mergeTable
	cache  *wordCache

	unk          int32 // for characters without a token; noToken: they are dropped
	fuseUnk      bool  // neighbours without a token make one unknown
	byteFallback bool  // spell characters without a token as <0x..> bytes
	ignoreMerges bool  // a word that is a token is that token
	prefix       string
	suffix       string

	mark  string      // tokens have it only at their beginning, so that a word may be cut before it; "": none
	bytes *byteTokens // where words come as bytes and not as the characters that spell them
}

// byteTokens are the tokens of single bytes, and of whole words as bytes.
type byteTokens struct {
	first [2][2][256]int32 // [inside the word][at its end][byte]
	words map[string]int32 // for ignoreMerges
}

// wordBytesMax is the length of the longest word worth remembering.
const wordBytesMax = 48

func (m *bpe) appendTokens(dst []piecePart, word string) []piecePart {
	if m.mark == "" {
		return m.appendWord(dst, word)
	}
	for done := 0; done < len(word); {
		end := m.segment(word, done)
		n := len(dst)
		dst = m.appendWord(dst, word[done:end])
		if done > 0 {
			for i := range dst[n:] {
				dst[n+i].end += int32(done)
			}
		}
		done = end
	}
	return dst
}

// segment returns where the first mark stands that follows something else after i.
func (m *bpe) segment(word string, i int) int {
	for strings.HasPrefix(word[i:], m.mark) {
		i += len(m.mark)
	}
	if n := strings.Index(word[i:], m.mark); n >= 0 {
		return i + n
	}
	return len(word)
}

// takeMark lets m cut words before marks if no token reaches over one: SentencePiece vocabularies see a text as one
// word, but all their tokens lie within words. It needs every character to have a token, so that none is dropped.
func (m *bpe) takeMark(mark string) {
	if m.id(mark) == noToken || m.prefix != "" || m.suffix != "" || m.ignoreMerges || m.unk == noToken {
		return
	}
	for _, t := range m.tokens {
		if strings.Contains(strings.TrimLeft(t, mark), mark) {
			return
		}
	}
	m.mark = mark
}

func (m *bpe) appendWord(dst []piecePart, word string) []piecePart {
	if len(word) > wordBytesMax {
		return m.merge(dst, word)
	}
	if parts, ok := m.cache.get(word); ok {
		return append(dst, parts...)
	}
	n := len(dst)
	dst = m.merge(dst, word)
	m.cache.put(word, dst[n:])
	return dst
}

// merge finds the tokens of a word.
func (m *bpe) merge(dst []piecePart, word string) []piecePart {
	if m.ignoreMerges {
		id := noToken
		if m.bytes == nil {
			id = m.id(word)
		} else if known, ok := m.bytes.words[word]; ok {
			id = known
		}
		if id != noToken {
			return append(dst, piecePart{id, int32(len(word))})
		}
	}
	n := len(dst)
	if m.bytes != nil {
		dst = m.appendBytes(dst, word)
	} else {
		dst = m.appendChars(dst, word)
	}
	return dst[:n+m.merges.apply(dst[n:])]
}

// appendBytes appends the token of every byte of word.
func (m *bpe) appendBytes(dst []piecePart, word string) []piecePart {
	unknown := false // the last token is unknown
	for i := range len(word) {
		inside, last := 0, 0
		if i > 0 {
			inside = 1
		}
		if i == len(word)-1 {
			last = 1
		}
		id := m.bytes.first[inside][last][word[i]]
		if id == noToken && unknown && m.fuseUnk {
			dst[len(dst)-1].end++
			continue
		}
		unknown = id == noToken
		if unknown {
			id = m.unk
		}
		dst = append(dst, piecePart{id, int32(i + 1)})
	}
	return dst
}

// appendChars appends the token of every character of word. Characters that are dropped do not count for where the
// others end: the reference says so.
func (m *bpe) appendChars(dst []piecePart, word string) []piecePart {
	end := int32(0)
	unknown := int32(0) // bytes that wait to become an unknown token
	add := func(id, n int32) {
		end += n
		dst = append(dst, piecePart{id, end})
	}
	for i, n := 0, 0; i < len(word); i += n {
		_, n = utf8.DecodeRuneInString(word[i:])
		c := word[i : i+n]
		if m.prefix != "" && i > 0 {
			c = m.prefix + c
		}
		if m.suffix != "" && i+n == len(word) {
			c += m.suffix
		}
		if id := m.id(c); id != noToken {
			if unknown > 0 {
				add(m.unk, unknown)
				unknown = 0
			}
			add(id, int32(n))
			continue
		}
		if m.byteFallback && m.hasBytes(c) {
			for j := range len(c) {
				add(m.id(byteName(c[j])), 1)
			}
			continue
		}
		if m.unk == noToken {
			continue
		}
		if unknown > 0 && !m.fuseUnk {
			add(m.unk, unknown)
			unknown = 0
		}
		unknown += int32(n)
	}
	if unknown > 0 {
		add(m.unk, unknown)
	}
	return dst
}

// hasBytes tells whether every byte of s has a token.
func (m *bpe) hasBytes(s string) bool {
	for i := range len(s) {
		if m.id(byteName(s[i])) == noToken {
			return false
		}
	}
	return true
}

// byteName returns the token of a byte that fell back: <0x0A>.
func byteName(b byte) string { return byteNames[6*int(b) : 6*int(b)+6] }

var byteNames = func() string {
	var s strings.Builder
	for b := range 256 {
		fmt.Fprintf(&s, "<0x%02X>", b)
	}
	return s.String()
}()

// takeBytes makes m work on bytes instead of the characters that spell them, where that gives the same tokens; it tells
// whether it does.
func (m *bpe) takeBytes() bool {
	b := &byteTokens{}
	for inside := range b.first {
		for last := range b.first[inside] {
			for c := range b.first[inside][last] {
				t := string(byteRunes[c])
				if inside == 1 {
					t = m.prefix + t
				}
				if last == 1 {
					t += m.suffix
				}
				id := m.id(t)
				if id == noToken && (m.unk == noToken || m.byteFallback) {
					return false
				}
				b.first[inside][last][c] = id
			}
		}
	}
	if m.ignoreMerges {
		b.words = make(map[string]int32, len(m.ids))
		for t, id := range m.ids {
			b.words[string(appendByteToken(nil, t))] = id
		}
	}
	m.bytes = b
	return true
}
