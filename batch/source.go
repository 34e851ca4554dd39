package batch

import (
	"fmt"
	"iter"

	"github.com/qkvgo/qkv/data"
)

// Plan says how a set is cut into batches. A batch is full when the next example
// would go beyond one of the limits.
type Plan struct {
	Examples int    // the most in a batch; 0: any number
	Rows     int    // the most rows in a batch, tokens or pixels, and at least the longest example's; 0: any number
	Window   int    // so many examples are sorted by length before they are cut; 0: none
	Seed     uint64 // of the order, another one in every epoch
}

// Source gives the batches of a run, epoch after epoch without end, every
// example once in each.
func (s *Set) Source(p Plan) data.Set[int] {
	numbers := make([]int, s.Len())
	for i := range numbers {
		numbers[i] = i
		if p.Rows > 0 {
			p.Rows = max(p.Rows, s.Rows(i))
		}
	}
	return data.Set[int]{Items: numbers, Rows: p.Examples, Tokens: p.Rows, Length: s.Rows, Window: p.Window, Seed: p.Seed,
		Make: func(examples []int, _ uint64) (data.Batch, error) { return s.Batch(examples...) }}
}

// InOrder gives batches that cover the set once, in its own order.
func (s *Set) InOrder(p Plan) iter.Seq2[data.Batch, error] {
	if s.Len() == 0 {
		return func(yield func(data.Batch, error) bool) { yield(data.Batch{}, fmt.Errorf("there are no examples")) }
	}
	p.Window = 0
	return s.Source(p).InOrder()
}
