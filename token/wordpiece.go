package token

import (
	"strings"
	"unicode/utf8"
)

// wordPiece cuts a word into the longest tokens from the left; pieces after the first bear a prefix in the vocabulary
// (Wu et al. 2016; Devlin et al. 2019). A word that does not come out even is unknown as a whole.
type wordPiece struct {
	*vocabulary
	inner    map[string]int32 // the tokens with the prefix, without it
	longest  int              // bytes of the longest token
	unk      int32            // missingToken where the vocabulary has none
	maxChars int              // longer words are unknown
}

func newWordPiece(v *vocabulary, unk, prefix string, maxChars int) *wordPiece {
	m := &wordPiece{vocabulary: v, inner: v.ids, unk: missingToken, maxChars: maxChars}
	if id, ok := v.ids[unk]; ok {
		m.unk = id
	}
	if prefix != "" {
		m.inner = make(map[string]int32, len(v.ids))
	}
	for t, id := range v.ids {
		m.longest = max(m.longest, len(t))
		if rest, ok := strings.CutPrefix(t, prefix); ok && prefix != "" {
			m.inner[rest] = id
		}
	}
	return m
}

func (m *wordPiece) appendTokens(dst []piecePart, word string) []piecePart {
	n := len(dst)
	unknown := piecePart{m.unk, int32(len(word))}
	if len(word) > m.maxChars && utf8.RuneCountInString(word) > m.maxChars {
		return append(dst, unknown)
	}
	table := m.ids
	for start := 0; start < len(word); {
		end := min(len(word), start+m.longest)
		for end < len(word) && end > start && !utf8.RuneStart(word[end]) {
			end--
		}
		id := noToken
		for end > start {
			if known, ok := table[word[start:end]]; ok {
				id = known
				break
			}
			_, w := utf8.DecodeLastRuneInString(word[start:end])
			end -= w
		}
		if id == noToken {
			return append(dst[:n], unknown)
		}
		dst = append(dst, piecePart{id, int32(end)})
		start, table = end, m.inner
	}
	return dst
}

// wordLevel knows whole words only.
type wordLevel struct {
	*vocabulary
	unk int32 // missingToken where the vocabulary has none
}

func newWordLevel(v *vocabulary, unk string) *wordLevel {
	m := &wordLevel{v, missingToken}
	if id, ok := v.ids[unk]; ok {
		m.unk = id
	}
	return m
}

func (m *wordLevel) appendTokens(dst []piecePart, word string) []piecePart {
	id, ok := m.ids[word]
	if !ok {
		id = m.unk
	}
	return append(dst, piecePart{id, int32(len(word))})
}
