package batch

import (
	"context"
	"fmt"
	"iter"

	"github.com/qkvgo/qkv/data"
)

// Plan says how a set is cut into batches. A batch is full when the next example
// would go beyond one of the limits; one that alone is beyond Rows stands alone.
type Plan struct {
	Examples int    // the most in a batch; 0: any number
	Rows     int    // the most rows in a batch, tokens or pixels; 0: any number
	Seed     uint64 // of the order, another one in every epoch
}

// check refuses a plan without an end to its batches.
func (p Plan) check() error {
	if p.Examples < 0 || p.Rows < 0 || p.Examples == 0 && p.Rows == 0 {
		return fmt.Errorf("batches of %d examples and %d rows: one of the two must be positive", p.Examples, p.Rows)
	}
	return nil
}

// cut gives the batches of examples that come in an order.
func (s *Set) cut(p Plan, order []int) (batches [][]int) {
	first, rows := 0, 0
	for at, i := range order {
		n := s.Rows(i)
		if at > first && (p.Examples > 0 && at-first == p.Examples || p.Rows > 0 && rows+n > p.Rows) {
			batches, first, rows = append(batches, order[first:at]), at, 0
		}
		rows += n
	}
	if first < len(order) {
		batches = append(batches, order[first:])
	}
	return batches
}

// epoch is the batches of pass number e over the set.
func (s *Set) epoch(p Plan, e int64) [][]int {
	return s.cut(p, data.Permutation(s.Len(), p.Seed, uint64(e)))
}

// Batches is how many batches so many epochs have: with a budget of rows, epochs
// differ.
func (s *Set) Batches(p Plan, epochs int) (n int64) {
	for e := range int64(epochs) {
		if p.Rows == 0 && p.Examples > 0 {
			return int64(epochs) * int64((s.Len()+p.Examples-1)/p.Examples)
		}
		n += int64(len(s.epoch(p, e)))
	}
	return n
}

// Source gives the batches of a run, epoch after epoch without end, every
// example once in each.
func (s *Set) Source(p Plan) data.Source { return source{s, p} }

type source struct {
	set  *Set
	plan Plan
}

// From gives the batches from number n on.
func (r source) From(n int64) iter.Seq2[data.Batch, error] {
	return data.Ahead(context.Background(), r.numbers(n), 1, 2, func(examples []int) (data.Batch, error) {
		return r.set.Batch(examples...)
	})
}

// numbers gives the examples of the batches from number n on.
func (r source) numbers(n int64) iter.Seq2[[]int, error] {
	return func(yield func([]int, error) bool) {
		err := r.plan.check()
		if err == nil && r.set.Len() == 0 {
			err = fmt.Errorf("there are no examples to learn from")
		}
		if err != nil {
			yield(nil, err)
			return
		}
		for e := int64(0); ; e++ {
			if size := r.set.Batches(r.plan, 1); r.plan.Rows == 0 && n >= size { // all epochs are alike
				e += n / size
				n %= size
			}
			batches := r.set.epoch(r.plan, e)
			for _, b := range batches[min(n, int64(len(batches))):] {
				if !yield(b, nil) {
					return
				}
			}
			n = max(0, n-int64(len(batches)))
		}
	}
}

// InOrder gives batches that cover the set once, in its own order.
func (s *Set) InOrder(p Plan) iter.Seq2[data.Batch, error] {
	return func(yield func(data.Batch, error) bool) {
		if err := p.check(); err != nil {
			yield(data.Batch{}, err)
			return
		}
		order := make([]int, s.Len())
		for i := range order {
			order[i] = i
		}
		for _, examples := range s.cut(p, order) {
			b, err := s.Batch(examples...)
			if !yield(b, err) || err != nil {
				return
			}
		}
	}
}
