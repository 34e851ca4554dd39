package generate

import (
	"slices"

	"github.com/qkvgo/qkv/internal/portable"
)

// best is the id of the highest score, the lowest such id; −1 if no score is a number above −Inf.
func best(row []float32) int32 {
	id, top := int32(-1), never
	for i, x := range row {
		if x > top {
			id, top = int32(i), x
		}
	}
	return id
}

// kthBest is the k-th highest of row, 1 ≤ k ≤ len(row), found with a heap of k.
func (s *scratch) kthBest(row []float32, k int) float32 {
	h := s.best[:0]
	if cap(h) < k {
		h = make([]float32, 0, k)
	}
	h = append(h, row[:k]...)
	for i := k/2 - 1; i >= 0; i-- {
		sink(h, i)
	}
	for _, x := range row[k:] {
		if x > h[0] {
			h[0] = x
			sink(h, 0)
		}
	}
	s.best = h
	return h[0]
}

// sink restores the heap h, least first, below position i.
func sink(h []float32, i int) {
	for {
		child := 2*i + 1
		if child >= len(h) {
			return
		}
		if child+1 < len(h) && h[child+1] < h[child] {
			child++
		}
		if h[i] <= h[child] {
			return
		}
		h[i], h[child] = h[child], h[i]
		i = child
	}
}

// dropBelow forbids ids for which exp(score − top) is below floor, but never one of the keep best.
func (s *scratch) dropBelow(row []float32, top float32, floor float64, keep int) {
	least := top
	if keep > 1 {
		least = s.kthBest(row, min(keep, len(row)))
	}
	for i, x := range row {
		if x < least && portable.Exp(float64(x)-float64(top)) < floor {
			row[i] = never
		}
	}
}

// ranking hands out ids by rising key, equal keys by rising id: a heap, so that the first few cost
// little more than one look at each.
type ranking struct {
	ids  []int32
	keys []float64
}

func (r *ranking) reset()         { r.ids, r.keys = r.ids[:0], r.keys[:0] }
func (r *ranking) len() int       { return len(r.ids) }
func (r *ranking) least() float64 { return r.keys[0] }

// add puts an id in; build must follow the last.
func (r *ranking) add(id int32, key float64) {
	r.ids, r.keys = append(r.ids, id), append(r.keys, key)
}

func (r *ranking) build() {
	for i := len(r.ids)/2 - 1; i >= 0; i-- {
		r.sink(i)
	}
}

// pop takes the first id out.
func (r *ranking) pop() (id int32, key float64) {
	id, key = r.ids[0], r.keys[0]
	last := len(r.ids) - 1
	r.swap(0, last)
	r.ids, r.keys = r.ids[:last], r.keys[:last]
	r.sink(0)
	return id, key
}

func (r *ranking) less(i, j int) bool {
	return r.keys[i] < r.keys[j] || r.keys[i] == r.keys[j] && r.ids[i] < r.ids[j]
}

func (r *ranking) swap(i, j int) {
	r.ids[i], r.ids[j] = r.ids[j], r.ids[i]
	r.keys[i], r.keys[j] = r.keys[j], r.keys[i]
}

func (r *ranking) sink(i int) {
	for {
		child := 2*i + 1
		if child >= len(r.ids) {
			return
		}
		if child+1 < len(r.ids) && r.less(child+1, child) {
			child++
		}
		if !r.less(child, i) {
			return
		}
		r.swap(i, child)
		i = child
	}
}

// candidate is one way to continue one beam.
type candidate struct {
	score float32
	beam  int   // which beam of the group
	id    int32 // its next id
}

// before is the order of candidates: higher scores first, then earlier beams, then lower ids.
func (c candidate) before(d candidate) bool {
	if c.score != d.score {
		return c.score > d.score
	}
	if c.beam != d.beam {
		return c.beam < d.beam
	}
	return c.id < d.id
}

func byRank(c, d candidate) int {
	switch {
	case c.before(d):
		return -1
	case d.before(c):
		return 1
	}
	return 0
}

// podium keeps the best few candidates offered, sorted, best first: few are offered that get in.
type podium struct {
	size int
	top  []candidate
}

// offer takes c in if it is among the size best so far. Candidates come by rising beam and id, so
// that one that only ties with the last does not get in. NaN never does.
func (p *podium) offer(c candidate) {
	if c.score != c.score {
		return
	}
	if len(p.top) == p.size {
		if !(c.score > p.top[p.size-1].score) {
			return
		}
		p.top = p.top[:p.size-1]
	}
	at, _ := slices.BinarySearchFunc(p.top, c, byRank)
	p.top = slices.Insert(p.top, at, c)
}
