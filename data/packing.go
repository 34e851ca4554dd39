package data

import (
	"cmp"
	"fmt"
	"iter"
	"slices"
)

// Packing cuts a sequence into batches by a budget of tokens. Nothing is
// padded: a batch is full when the next sequence would not fit.
type Packing struct {
	Tokens    int // the greatest number of tokens in a batch
	Sequences int // the greatest number of sequences in a batch; 0: no limit
	// Window sequences are sorted by length before they are cut, so that those of
	// a batch are about as long; their batches come shuffled. 0 and 1: the order
	// stays as it is.
	Window int
	Seed   uint64 // of the order of the batches
}

// Pack gives the batches of a sequence. length is the tokens of one element;
// one that is longer than a whole batch is an error. The batches depend on the
// elements, their order and p alone.
func Pack[T any](p Packing, seq iter.Seq2[T, error], length func(T) int) iter.Seq2[[]T, error] {
	return func(yield func([]T, error) bool) {
		var window []T
		number := uint64(0)
		// give hands on the batches of the window, and empties it.
		give := func() bool {
			batches := p.cut(len(window), func(i int) int { return length(window[i]) }, number)
			for _, rows := range batches {
				batch := make([]T, len(rows))
				for k, i := range rows {
					batch[k] = window[i]
				}
				if !yield(batch, nil) {
					return false
				}
			}
			window, number = window[:0], number+1
			return true
		}
		tokens := 0
		for v, err := range seq {
			n := 0
			if err == nil {
				if n = length(v); n > p.Tokens {
					err = fmt.Errorf("a sequence of %d tokens does not fit into a batch of %d: cut it or allow more", n, p.Tokens)
				}
			}
			if err != nil {
				yield(nil, err)
				return
			}
			// Without a window what is held is one batch.
			full := len(window) >= p.Window
			if p.Window <= 1 {
				full = tokens+n > p.Tokens || p.Sequences > 0 && len(window) >= p.Sequences
			}
			if full && len(window) > 0 {
				if !give() {
					return
				}
				tokens = 0
			}
			window, tokens = append(window, v), tokens+n
		}
		give()
	}
}

// cut divides n sequences into batches, given by their indices.
func (p Packing) cut(n int, length func(int) int, number uint64) [][]int {
	order := make([]int, n)
	for i := range order {
		order[i] = i
	}
	if p.Window > 1 {
		slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(length(b), length(a)) })
	}
	var batches [][]int
	start, tokens := 0, 0
	for k, i := range order {
		if k > start && (tokens+length(i) > p.Tokens || p.Sequences > 0 && k-start >= p.Sequences) {
			batches = append(batches, order[start:k])
			start, tokens = k, 0
		}
		tokens += length(i)
	}
	if n > 0 {
		batches = append(batches, order[start:])
	}
	if p.Window > 1 {
		shuffle(batches, p.Seed, number)
	}
	return batches
}
