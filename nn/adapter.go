package nn

import (
	"slices"

	"github.com/qkvgo/qkv/tensor"
)

// Adapter is what low-rank adaptation adds to the product of a Linear or a Conv1D
// (Hu et al. 2021, eq. 3): scale·drop(x)·Aᵀ·Bᵀ. Package lora makes them.
type Adapter struct {
	A     *Param  // [rank, in]
	B     *Param  // [out, rank]
	Scale float32 // of the product
	Drop  float32 // rate of dropout on x
}

// add is y plus what the adapter makes of x, or y itself without one.
func (a *Adapter) add(p *Pass, x, y *tensor.Tensor) *tensor.Tensor {
	if a == nil {
		return y
	}
	thin := p.drop(a.Drop, x).MatMulT(p.Use(a.A)).Scale(a.Scale)
	return y.Add(thin.MatMulT(p.Use(a.B)))
}

// Adapted says whether a layer of the model m has an adapter.
func Adapted(m any) bool {
	return slices.ContainsFunc(Find[*Linear](m), func(l *Linear) bool { return l.Adapter != nil }) ||
		slices.ContainsFunc(Find[*Conv1D](m), func(l *Conv1D) bool { return l.Adapter != nil })
}
