package token

import (
	"cmp"
	"slices"
)

// A prefixTree finds the tokens that a text begins with.
type prefixTree struct {
	root  [256]int32 // the child of the root by its byte; 0: none
	first []int32    // the children of node n are first[n] to first[n+1]
	label []byte     // the byte that leads to a node
	value []int32    // what ends at a node; −1: nothing
}

// newPrefixTree makes a tree of keys, each of which has its place in keys as value; of equal keys the first counts. The
// empty key is left out.
func newPrefixTree(keys []string) *prefixTree {
	order := make([]int32, 0, len(keys))
	for i, k := range keys {
		if k != "" {
			order = append(order, int32(i))
		}
	}
	slices.SortFunc(order, func(a, b int32) int {
		return cmp.Or(cmp.Compare(keys[a], keys[b]), cmp.Compare(a, b))
	})
	t := &prefixTree{label: []byte{0}, value: []int32{-1}}
	type node struct{ from, to, depth int } // the keys below it, and their common length
	queue := []node{{0, len(order), 0}}
	for n := 0; n < len(queue); n++ {
		q := queue[n]
		t.first = append(t.first, int32(len(t.label)))
		for q.from < q.to && len(keys[order[q.from]]) == q.depth {
			q.from++ // these end here
		}
		for q.from < q.to {
			b := keys[order[q.from]][q.depth]
			to := q.from
			for to < q.to && keys[order[to]][q.depth] == b {
				to++
			}
			if n == 0 {
				t.root[b] = int32(len(t.label))
			}
			value := int32(-1)
			if k := order[q.from]; len(keys[k]) == q.depth+1 {
				value = k
			}
			t.label = append(t.label, b)
			t.value = append(t.value, value)
			queue = append(queue, node{q.from, to, q.depth + 1})
			q.from = to
		}
	}
	t.first = append(t.first, int32(len(t.label)))
	return t
}

// child returns the node that b leads to from node n, or 0.
func (t *prefixTree) child(n int32, b byte) int32 {
	if n == 0 {
		return t.root[b]
	}
	from, to := t.first[n], t.first[n+1]
	if to-from > 8 {
		if i, ok := slices.BinarySearch(t.label[from:to], b); ok {
			return from + int32(i)
		}
		return 0
	}
	for i := from; i < to; i++ {
		if t.label[i] == b {
			return i
		}
	}
	return 0
}

// prefixes yields the lengths and values of the keys that text begins with, shortest first.
func (t *prefixTree) prefixes(text string, yield func(length int, value int32) bool) {
	n := int32(0)
	for i := range len(text) {
		if n = t.child(n, text[i]); n == 0 {
			return
		}
		if v := t.value[n]; v >= 0 && !yield(i+1, v) {
			return
		}
	}
}
