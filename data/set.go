package data

import (
	"context"
	"fmt"
	"iter"
	"math"

	"github.com/qkvgo/qkv/internal/philox"
)

// Set is a Source over elements in memory: each pass over them comes shuffled
// anew, cut into batches by number, by tokens or by both, without end. What
// batch number n holds depends on the elements and the fields alone.
type Set[E any] struct {
	Items []E
	// Make turns the elements of a batch into what a model reads. draw is for
	// what is random in that, masks or cropped pictures: another number for
	// every batch of a run, and 0 in order.
	Make func(items []E, draw uint64) (Batch, error)

	Rows   int         // the greatest number of elements in a batch; 0: no limit
	Tokens int         // the greatest number of tokens in a batch; 0: no limit
	Length func(E) int // tokens of an element; may be nil where Tokens and Window are 0
	Window int         // as Packing's: so many elements are sorted by length before they are cut
	Seed   uint64

	// Workers is how many batches are made at once while the model works on
	// earlier ones; 0: one.
	Workers int
}

// Check gives an error where no batch can be made of the elements.
func (s Set[E]) Check() error {
	switch {
	case len(s.Items) == 0:
		return fmt.Errorf("there is nothing to learn from: the set is empty")
	case s.Rows < 1 && s.Tokens < 1:
		return fmt.Errorf("say how large a batch is, in rows or in tokens")
	case s.Tokens > 0 && s.Length != nil:
		for i, e := range s.Items {
			if n := s.Length(e); n > s.Tokens {
				return fmt.Errorf("element %d has %d tokens, more than a batch of %d: cut it or allow more", i, n, s.Tokens)
			}
		}
	}
	return nil
}

// packing is how a pass is cut.
func (s Set[E]) packing(seed uint64) Packing {
	p := Packing{Tokens: s.Tokens, Sequences: s.Rows, Window: s.Window, Seed: seed}
	if p.Tokens == 0 {
		p.Tokens = math.MaxInt
	}
	return p
}

// length is the tokens of an element, as far as they count.
func (s Set[E]) length(e E) int {
	if s.Length == nil {
		return 0
	}
	return s.Length(e)
}

// cut gives the batches of elements in the given order, as their indices.
func (s Set[E]) cut(order []int, seed uint64) (batches [][]int) {
	p := s.packing(seed)
	size := len(order)
	if p.Window > 1 {
		size = p.Window
	}
	for lo, number := 0, uint64(0); lo < len(order); lo, number = lo+size, number+1 {
		window := order[lo:min(lo+size, len(order))]
		for _, batch := range p.cut(len(window), func(i int) int { return s.length(s.Items[window[i]]) }, number) {
			rows := make([]int, len(batch))
			for k, i := range batch {
				rows[k] = window[i]
			}
			batches = append(batches, rows)
		}
	}
	return batches
}

// pass is the batches of pass number epoch.
func (s Set[E]) pass(epoch uint64) [][]int {
	draw := philox.Block(s.Seed, [4]uint32{uint32(epoch), uint32(epoch >> 32), 1 << 31})
	return s.cut(Permutation(len(s.Items), s.Seed, epoch), uint64(draw[1])<<32|uint64(draw[0]))
}

// size is the number of batches in pass number epoch.
func (s Set[E]) size(epoch uint64) int64 {
	if s.Tokens == 0 && s.Window <= 1 {
		return int64((len(s.Items) + s.Rows - 1) / s.Rows)
	}
	return int64(len(s.pass(epoch)))
}

// Batches is the number of batches in so many passes; of a part of a pass
// its share, rounded up.
func (s Set[E]) Batches(epochs float64) (n int64) {
	if s.Check() != nil {
		return 0
	}
	whole := uint64(epochs)
	for e := range whole {
		n += s.size(e)
	}
	if part := epochs - float64(whole); part > 0 {
		n += int64(math.Ceil(float64(part * float64(s.size(whole)))))
	}
	return n
}

// From gives the shuffled batches from number n on, without end.
func (s Set[E]) From(n int64) iter.Seq2[Batch, error] {
	return s.made(func(yield func(planned, error) bool) {
		if err := s.Check(); err != nil {
			yield(planned{}, err)
			return
		}
		epoch, skip := uint64(0), n
		for size := s.size(0); skip >= size; size = s.size(epoch) {
			skip, epoch = skip-size, epoch+1
		}
		for number := n; ; epoch++ {
			for _, rows := range s.pass(epoch)[skip:] {
				draw := philox.Block(s.Seed, [4]uint32{uint32(number), uint32(number >> 32), 3 << 30})
				if !yield(planned{rows, uint64(draw[1])<<32 | uint64(draw[0])}, nil) {
					return
				}
				number++
			}
			skip = 0
		}
	})
}

// InOrder gives all elements once, in their order, or sorted within windows of
// their batches: to evaluate on.
func (s Set[E]) InOrder() iter.Seq2[Batch, error] {
	return s.made(func(yield func(planned, error) bool) {
		if err := s.Check(); err != nil {
			yield(planned{}, err)
			return
		}
		order := make([]int, len(s.Items))
		for i := range order {
			order[i] = i
		}
		for _, rows := range s.cut(order, s.Seed) {
			if !yield(planned{rows, 0}, nil) {
				return
			}
		}
	})
}

// planned is a batch that is to be made.
type planned struct {
	rows []int
	draw uint64
}

// made makes the planned batches, ahead of whoever reads them.
func (s Set[E]) made(plans iter.Seq2[planned, error]) iter.Seq2[Batch, error] {
	workers := max(1, s.Workers)
	return Ahead(context.Background(), plans, workers, workers+1, func(p planned) (Batch, error) {
		items := make([]E, len(p.rows))
		for i, row := range p.rows {
			items[i] = s.Items[row]
		}
		return s.Make(items, p.draw)
	})
}
