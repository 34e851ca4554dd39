package bag

import (
	"iter"
	"math"
	"slices"

	"github.com/qkvgo/qkv/internal/portable"
)

// Vector is a document's vector without its zeros.
type Vector struct {
	Index []int32   // of features, ascending
	Value []float32 // of the same length
}

// gram is an n-gram as a key: its ids, -1 behind them.
type gram [maxGram]int32

// grams gives the n-grams of a document in order, by their first token, shorter
// ones first. A document of n tokens has n-k+1 of k tokens.
func (c Config) grams(ids []int32) iter.Seq[gram] {
	return func(yield func(gram) bool) {
		for i := range ids {
			g := gram{-1, -1, -1, -1, -1, -1, -1, -1}
			for n := 1; n <= min(c.Range[1], len(ids)-i); n++ {
				id := ids[i+n-1]
				if c.Unknown != nil && id == *c.Unknown {
					break
				}
				if g[n-1] = id; n >= c.Range[0] && !yield(g) {
					return
				}
			}
		}
	}
}

// hash is FNV-1a (Fowler, Noll & Vo) of the n-gram's ids as little-endian bytes, its
// halves folded together.
func (g gram) hash() uint32 {
	h := uint64(14695981039346656037)
	for _, id := range g {
		if id < 0 {
			break
		}
		for shift := 0; shift < 32; shift += 8 {
			h = (h ^ uint64(uint32(id)>>shift&0xff)) * 1099511628211
		}
	}
	return uint32(h>>32) ^ uint32(h)
}

// feature is the column of an n-gram; false where it has none.
func (m *Model) feature(g gram) (int32, bool) {
	switch {
	case m.Hashed:
		return int32(g.hash() % uint32(m.F)), true
	case m.Grams == nil:
		return g[0], g[0] >= 0 && int(g[0]) < m.F
	}
	m.once.Do(m.read)
	f, ok := m.index[g]
	return f, ok
}

// read makes the index of the list of n-grams.
func (m *Model) read() {
	m.index = make(map[gram]int32, m.F)
	ids, n := m.Grams.Float32(), m.Range[1]
	for f := range m.F {
		g := gram{-1, -1, -1, -1, -1, -1, -1, -1}
		for t, id := range ids[f*n : (f+1)*n] {
			g[t] = int32(id)
		}
		m.index[g] = int32(f)
	}
}

// Vector is the vector of a document of token ids.
func (m *Model) Vector(ids []int32) Vector {
	v := m.counts(ids)
	if m.IDF != nil {
		idf := m.IDF.Float32()
		for t, f := range v.Index {
			v.Value[t] *= idf[f]
		}
	}
	if m.Norm == "l2" {
		v.normalize()
	}
	return v
}

// counts is how often each feature occurs in a document.
func (m *Model) counts(ids []int32) Vector {
	var found []int32
	for g := range m.grams(ids) {
		if f, ok := m.feature(g); ok {
			found = append(found, f)
		}
	}
	slices.Sort(found)
	var v Vector
	for t, f := range found {
		if t > 0 && f == found[t-1] {
			v.Value[len(v.Value)-1]++
			continue
		}
		v.Index, v.Value = append(v.Index, f), append(v.Value, 1)
	}
	for t, n := range v.Value {
		switch {
		case m.Binary:
			v.Value[t] = 1
		case m.Sublinear:
			v.Value[t] = float32(1 + portable.Log(float64(n)))
		}
	}
	return v
}

// normalize makes the vector's length 1, unless it is 0.
func (v Vector) normalize() {
	sum := 0.0
	for _, x := range v.Value {
		sum += float64(float64(x) * float64(x))
	}
	if sum == 0 {
		return
	}
	length := math.Sqrt(sum)
	for t, x := range v.Value {
		v.Value[t] = float32(float64(x) / length)
	}
}
