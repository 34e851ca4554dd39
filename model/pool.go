package model

import (
	"github.com/qkvgo/qkv/nn"
	"github.com/qkvgo/qkv/tensor"
)

// Pooling is how the rows of a document become its one vector, under the names that
// configs have.
type Pooling string

// The ways to pool. An empty document's vector is zero.
const (
	First  Pooling = "first"
	Last   Pooling = "last"
	Mean   Pooling = "mean"
	Max    Pooling = "max"    // the greatest number of each column
	Concat Pooling = "concat" // last, max and mean beside each other (Howard & Ruder 2018, §3.3)
)

// Width is the width of the vector made of rows of width d.
func (k Pooling) Width(d int) int {
	if k == Concat {
		return 3 * d
	}
	return d
}

// Of maps the pass's rows h [rows, d] to [sequences, Width(d)].
func (k Pooling) Of(p *nn.Pass, h *tensor.Tensor) *tensor.Tensor {
	switch k {
	case First:
		return p.First(h)
	case Last:
		return p.Last(h)
	case Mean:
		return h.MeanRows(p.Rows.Off)
	case Max:
		return h.MaxRows(p.Rows.Off)
	case Concat:
		return tensor.Concat(Last.Of(p, h), Max.Of(p, h), Mean.Of(p, h))
	}
	panic(&tensor.Fault{Op: "pooling", Msg: "rows are not pooled by " + string(k)})
}
