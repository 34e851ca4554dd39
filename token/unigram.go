package token

import (
	"math"
	"unicode/utf8"
)

// unigram chooses among all ways to cut a word into tokens the one with the highest sum of scores (Kudo 2018).
type unigram struct {
	*vocabulary
	scores       []float64
	tree         *prefixTree
	cache        *wordCache
	unk          int32   // missingToken: none
	unkScore     float64 // of a character without a token
	byteFallback bool
	bytes        [256]int32 // the tokens of bytes, for byteFallback
}

// unkPenalty is how much worse than the worst token an unknown character is.
const unkPenalty = 10

func newUnigram(v *vocabulary, scores []float64, unk int32, byteFallback bool) *unigram {
	m := &unigram{
		vocabulary: v, scores: scores, tree: newPrefixTree(v.tokens), cache: newWordCache(), unk: unk, byteFallback: byteFallback,
	}
	worst := math.Inf(1)
	for _, s := range scores {
		worst = min(worst, s)
	}
	m.unkScore = worst - unkPenalty
	for b := range m.bytes {
		m.bytes[b] = v.id(byteName(byte(b)))
		m.byteFallback = m.byteFallback && m.bytes[b] != noToken
	}
	return m
}

func (m *unigram) appendTokens(dst []piecePart, word string) []piecePart {
	if len(word) > wordBytesMax {
		return m.cut(dst, word)
	}
	if parts, ok := m.cache.get(word); ok {
		return append(dst, parts...)
	}
	n := len(dst)
	dst = m.cut(dst, word)
	m.cache.put(word, dst[n:])
	return dst
}

// A unigramStep is the best way to get to a place of a word.
type unigramStep struct {
	score float64
	from  int32 // where its last token begins; −1: there is no way yet
	id    int32
}

// cut finds the best path through word (Viterbi 1967).
func (m *unigram) cut(dst []piecePart, word string) []piecePart {
	var few [wordBytesMax + 1]unigramStep
	best := few[:]
	if len(word) >= len(few) {
		best = make([]unigramStep, len(word)+1)
	}
	for i := range best[:len(word)+1] {
		best[i].from = -1
	}
	for i, n := 0, 0; i < len(word); i += n {
		_, n = utf8.DecodeRuneInString(word[i:])
		score, known := best[i].score, false
		reach := func(end int, s float64, id int32) {
			if to := &best[end]; to.from < 0 || score+s > to.score {
				*to = unigramStep{score + s, int32(i), id}
			}
		}
		m.tree.prefixes(word[i:], func(length int, id int32) bool {
			if best[i].from >= 0 || i == 0 {
				reach(i+length, m.scores[id], id)
			}
			known = known || length == n
			return true
		})
		if !known {
			reach(i+n, m.unkScore, m.unk)
		}
	}
	return m.trace(dst, word, best)
}

// trace appends the tokens of the best path. Neighbours without a token make one unknown, or bytes.
func (m *unigram) trace(dst []piecePart, word string, best []unigramStep) []piecePart {
	n := len(dst)
	for end := int32(len(word)); end > 0; end = best[end].from {
		id := best[end].id
		if last := len(dst) - 1; id == m.unk && last >= n && dst[last].id == m.unk {
			continue // it reaches further back now
		}
		dst = append(dst, piecePart{id, end})
	}
	parts := dst[n:]
	for i, j := 0, len(parts)-1; i < j; i, j = i+1, j-1 {
		parts[i], parts[j] = parts[j], parts[i]
	}
	if m.byteFallback {
		return m.fallBack(dst, n, word)
	}
	return dst
}

// fallBack spells the unknown among dst[n:] with bytes, all of which stand for the whole run.
func (m *unigram) fallBack(dst []piecePart, n int, word string) []piecePart {
	var out []piecePart
	from := int32(0)
	for i, p := range dst[n:] {
		run := word[from:p.end]
		from = p.end
		_, literal := m.ids[run]
		if p.id != m.unk || literal {
			if out != nil {
				out = append(out, p)
			}
			continue
		}
		if out == nil {
			out = append(make([]piecePart, 0, len(word)), dst[n:n+i]...)
		}
		for j := range len(run) {
			out = append(out, piecePart{m.bytes[run[j]], p.end})
		}
	}
	if out == nil {
		return dst
	}
	return append(dst[:n], out...)
}
