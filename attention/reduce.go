package attention

import (
	"fmt"

	"github.com/qkvgo/qkv/nn"
	"github.com/qkvgo/qkv/tensor"
)

// Reducer shortens what queries meet: fewer keys and values stand for all of a
// sequence. It treats sequences apart from each other.
type Reducer interface {
	// Reduce maps keys and values [key rows, …] of the sequences of rows to
	// fewer rows, and says which sequence each belongs to.
	Reduce(p *nn.Pass, k, v *tensor.Tensor, rows nn.Batch) (shortK, shortV *tensor.Tensor, short nn.Batch)
}

// Pool lets the mean of each Size keys and values of a sequence, the last ones
// perhaps fewer, stand for them: memory-compressed attention with means for its
// strided convolution (Liu et al. 2018, Generating Wikipedia by Summarizing Long
// Sequences, §4.2.2).
type Pool struct{ Size int }

// Reduce is Reducer's.
func (r Pool) Reduce(_ *nn.Pass, k, v *tensor.Tensor, rows nn.Batch) (*tensor.Tensor, *tensor.Tensor, nn.Batch) {
	if r.Size < 1 {
		panic(&tensor.Fault{Op: "Pool", Shapes: [][]int{k.Shape()}, Msg: fmt.Sprintf("a size of %d", r.Size)})
	}
	off, lengths := []int{0}, make([]int, rows.Len())
	for i := range lengths {
		for at := rows.Off[i]; at < rows.Off[i+1]; at += r.Size {
			off = append(off, min(at+r.Size, rows.Off[i+1]))
			lengths[i]++
		}
	}
	return k.MeanRows(off), v.MeanRows(off), nn.Sequences(lengths...)
}

// reduce shortens the keys and values of a call by the core's Reducer. What
// speaks of single keys has no meaning after it and is refused.
func (c *Call) reduce(p *nn.Pass) {
	refuse := func(what string) {
		panic(&tensor.Fault{Op: "Attend", Shapes: [][]int{c.Q.Shape(), c.K.Shape(), c.V.Shape()},
			Msg: fmt.Sprintf("%T leaves fewer keys: %s", c.Core.Reduce, what)})
	}
	switch {
	case c.Stream:
		refuse("it cannot go on from a memory")
	case len(c.Terms) > 0:
		refuse("terms are between single keys")
	case c.Keys.Hidden != nil || c.Pattern != Pattern(Full):
		refuse("a pattern is between single keys")
	}
	c.K, c.V, c.Keys = c.Core.Reduce.Reduce(p, c.K, c.V, c.Keys)
	c.Past = make([]int, c.Keys.Len())
}
