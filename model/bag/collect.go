package bag

import (
	"cmp"
	"maps"
	"slices"

	"github.com/qkvgo/qkv/internal/portable"
)

// Limits say which n-grams get a feature of their own.
type Limits struct {
	MinDocuments int // in how many documents an n-gram must occur; 0: 1
	MaxFeatures  int // the most frequent ones only; 0: all
}

// Collect lists the n-grams of documents, [documents][tokens], and completes c: F and,
// for Model.Grams, the ids, [F, longest], in order. There is nothing to list for
// words and hashed columns.
func (c Config) Collect(documents [][]int32, l Limits) (Config, []float32) {
	if c.words() {
		c.F = c.V
		return c, nil
	}
	if c.Hashed {
		return c, nil
	}
	type seen struct{ times, documents, last int }
	found := map[gram]*seen{}
	for d, ids := range documents {
		for g := range c.grams(ids) {
			s := found[g]
			if s == nil {
				s = &seen{last: -1}
				found[g] = s
			}
			s.times++
			if s.last != d {
				s.documents, s.last = s.documents+1, d
			}
		}
	}
	maps.DeleteFunc(found, func(_ gram, s *seen) bool { return s.documents < l.MinDocuments })
	list := slices.SortedFunc(maps.Keys(found), func(a, b gram) int {
		return cmp.Or(cmp.Compare(found[b].times, found[a].times), slices.Compare(a[:], b[:]))
	})
	if l.MaxFeatures > 0 {
		list = list[:min(len(list), l.MaxFeatures)]
	}
	slices.SortFunc(list, func(a, b gram) int { return slices.Compare(a[:], b[:]) })
	c.F = len(list)
	ids := make([]float32, 0, c.F*c.Range[1])
	for _, g := range list {
		for _, id := range g[:c.Range[1]] {
			ids = append(ids, float32(id))
		}
	}
	return c, ids
}

// weigh sets the inverse document frequencies: ln((1+n)/(1+n_f)) + 1, where n_f of n
// documents have feature f.
func (m *Model) weigh(documents [][]int32) {
	having := make([]int, m.F)
	for _, ids := range documents {
		for _, f := range m.counts(ids).Index {
			having[f]++
		}
	}
	idf := make([]float32, m.F)
	for f, n := range having {
		idf[f] = float32(portable.Log(float64(1+len(documents))/float64(1+n)) + 1)
	}
	m.IDF.Set(idf)
}

// Table counts the n-grams of one length over documents.
type Table struct {
	N        int
	Total    int // occurrences
	Distinct int
	Once     int // n-grams that occur once
	Unseen   int // occurrences in held documents of n-grams that the others lack
	Held     int // occurrences in held documents
}

// Count counts the n-grams of n tokens in documents and how many of those in held
// ones are new. Nothing is left out.
func Count(n int, documents, held [][]int32) Table {
	c, t := Config{Range: []int{n, n}}, Table{N: n}
	found := map[gram]int{}
	for _, ids := range documents {
		for g := range c.grams(ids) {
			found[g]++
			t.Total++
		}
	}
	t.Distinct = len(found)
	for _, times := range found {
		if times == 1 {
			t.Once++
		}
	}
	for _, ids := range held {
		for g := range c.grams(ids) {
			t.Held++
			if found[g] == 0 {
				t.Unseen++
			}
		}
	}
	return t
}
