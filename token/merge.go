package token

import "math/bits"

// A mergeTable gives for a pair of tokens the rank of its merge and the token it makes. It is a hash table with open
// addressing, because looking up pairs is most of what encoding an unknown word does.
type mergeTable struct {
	slots []mergeSlot
	shift uint
}

// A mergeSlot is a merge, or empty.
type mergeSlot struct {
	pair mergePair
	rank int32
	id   int32
}

// A mergePair is two ids in one number; noPair is none.
type mergePair uint64

const noPair = ^mergePair(0)

func pairOf(left, right int32) mergePair {
	return mergePair(uint32(left))<<32 | mergePair(uint32(right))
}

// newMergeTable makes a table of merges. Of merges of the same pair the last counts.
func newMergeTable(merges []mergeSlot) *mergeTable {
	b := uint(bits.Len(uint(2*len(merges) + 1)))
	t := &mergeTable{slots: make([]mergeSlot, 1<<b), shift: 64 - b}
	for i := range t.slots {
		t.slots[i].pair = noPair
	}
	for _, m := range merges {
		*t.slot(m.pair) = m
	}
	return t
}

func (t *mergeTable) slot(p mergePair) *mergeSlot {
	i := uint64(p) * 0x9E3779B97F4A7C15 >> t.shift
	for {
		s := &t.slots[i]
		if s.pair == p || s.pair == noPair {
			return s
		}
		i = (i + 1) & uint64(len(t.slots)-1)
	}
}

// noRank is the rank of a pair that does not merge.
const noRank = int32(1<<31 - 1)

// get returns the rank of a pair, or noRank, and what it makes.
func (t *mergeTable) get(left, right int32) (rank, id int32) {
	s := t.slot(pairOf(left, right))
	if s.pair == noPair {
		return noRank, noToken
	}
	return s.rank, s.id
}

// scanMax is the number of symbols up to which looking through all pairs is faster than keeping a heap of them.
const scanMax = 32

// apply merges the symbols of a word, lowest rank first, leftmost first among equals, and returns how many are left.
func (t *mergeTable) apply(s []piecePart) int {
	if len(s) > scanMax {
		return t.applyHeap(s)
	}
	var ranks, ids [scanMax]int32 // of the pair that begins at a symbol
	for i := range len(s) - 1 {
		ranks[i], ids[i] = t.get(s[i].id, s[i+1].id)
	}
	for len(s) > 1 {
		best, rank := 0, noRank
		for i, r := range ranks[:len(s)-1] {
			if r < rank {
				best, rank = i, r
			}
		}
		if rank == noRank {
			break
		}
		s[best] = piecePart{ids[best], s[best+1].end}
		copy(s[best+1:], s[best+2:])
		copy(ranks[best:len(s)-1], ranks[best+1:len(s)-1])
		copy(ids[best:len(s)-1], ids[best+1:len(s)-1])
		s = s[:len(s)-1]
		if best > 0 {
			ranks[best-1], ids[best-1] = t.get(s[best-1].id, s[best].id)
		}
		if best+1 < len(s) {
			ranks[best], ids[best] = t.get(s[best].id, s[best+1].id)
		}
	}
	return len(s)
}

// A candidate is a pair that may merge: the symbol it begins at, and what the two symbols were.
type candidate struct {
	rank, at int32
	pair     mergePair
	id       int32
}

//lint:ignore U1000 the heap calls it
func (c candidate) before(d candidate) bool {
	return c.rank < d.rank || c.rank == d.rank && c.at < d.at
}

// applyHeap is apply for long words: n log n.
func (t *mergeTable) applyHeap(s []piecePart) int {
	n := int32(len(s))
	next := make([]int32, n) // the symbol after; n: none
	prev := make([]int32, n) // the symbol before; −1: none
	for i := range n {
		next[i], prev[i] = i+1, i-1
	}
	var h heap[candidate]
	consider := func(i int32) {
		if i < 0 || next[i] == n {
			return
		}
		if rank, id := t.get(s[i].id, s[next[i]].id); rank != noRank {
			h.push(candidate{rank, i, pairOf(s[i].id, s[next[i]].id), id})
		}
	}
	for i := range n - 1 {
		consider(i)
	}
	for len(h) > 0 {
		c := h.pop()
		j := next[c.at]
		if j == n || s[c.at].id < 0 || pairOf(s[c.at].id, s[j].id) != c.pair {
			continue // one of the two has merged meanwhile
		}
		s[c.at] = piecePart{c.id, s[j].end}
		s[j].id = noToken
		next[c.at] = next[j]
		if next[j] < n {
			prev[next[j]] = c.at
		}
		consider(prev[c.at])
		consider(c.at)
	}
	left := 0
	for i := int32(0); i < n; i = next[i] {
		s[left] = s[i]
		left++
	}
	return left
}
