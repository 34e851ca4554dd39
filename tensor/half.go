package tensor

import (
	"slices"

	"github.com/qkvgo/qkv/kernel"
)

// Half is numbers of 16 bits: bfloat16, or else IEEE half precision.
type Half struct {
	Bits []uint16
	BF16 bool
}

// HalfWeight is a weight that stays in 16 bits, over h: products read it from
// panels, which are made from it directly, and Gather widens the rows it takes.
// No other op can read it, and it has no gradient.
func (s *Scope) HalfWeight(h Half, panels *Panels, shape ...int) *Tensor {
	rows, width := fold(shape)
	if rows*width != len(h.Bits) {
		panic(&Fault{Op: "HalfWeight", Shapes: [][]int{{len(h.Bits)}, shape}, Msg: "the data do not fill the shape"})
	}
	return &Tensor{scope: s, buf: &buffer{alien: true}, half: &h, packable: panels, shape: slices.Clone(shape), rows: rows, width: width, stride: width}
}

// pack prepares w, or wᵀ, for products.
func (w *Tensor) pack(set *kernel.Set, transposed bool) *kernel.Packed {
	k, n := w.rows, w.width
	if transposed {
		k, n = n, k
	}
	if w.half == nil {
		p, v := set.NewPacked(nil, k, n), w.seen(transposed)
		w.scope.eachPanels(k, n, p.Width(), func(lo, hi int) { set.PackColumns(p, lo, hi, v) })
		return p
	}
	v := kernel.View16{Data: w.half.Bits, RowStride: w.stride, ColStride: 1}
	if transposed {
		v.RowStride, v.ColStride = 1, w.stride
	}
	if w.half.BF16 {
		return set.PackBF16(nil, k, n, v)
	}
	return set.PackF16(nil, k, n, v)
}

// copyRow copies row i to dst, in 32 bits.
func (x *Tensor) copyRow(dst []float32, i int) {
	switch {
	case x.half == nil:
		copy(dst, x.Row(i))
	case x.half.BF16:
		x.scope.Kernels().BF16ToF32(dst, x.half.Bits[i*x.stride:][:x.width])
	default:
		x.scope.Kernels().F16ToF32(dst, x.half.Bits[i*x.stride:][:x.width])
	}
}
