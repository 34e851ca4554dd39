package nn

import (
	"github.com/qkvgo/qkv/kernel"
	"github.com/qkvgo/qkv/tensor"
)

// depthwise is a convolution whose every channel sees itself alone, x [pixels, C]
// and weight [C, taps] to [places, C]: whole rows at a time, where a group for
// each channel would be as many products of one column. The sum over taps is the
// same chain. Adjoint: x̄ and W̄ by the same multiplications, places ascending.
func depthwise(x, weight *tensor.Tensor, from, to Batch, w Window) *tensor.Tensor {
	s, k := x.Scope(), x.Scope().Kernels()
	c, taps := x.Width(), w.taps()
	of := make([][]float32, taps) // the weights of each tap, a number a channel
	for tap := range of {
		of[tap] = make([]float32, c)
		for channel := range c {
			of[tap][channel] = weight.Row(channel)[tap]
		}
	}
	y := s.Zeros(to.Rows(), c)
	s.Device.Parallel(to.Rows(), max(1, 1<<13/max(c*taps, 1)), func(lo, hi int, _ *kernel.Workspace) {
		w.each(from, to, lo, hi, func(row, tap, pixel int) {
			if pixel >= 0 {
				k.MulAdd(y.Row(row), x.Row(pixel), of[tap])
			}
		})
	})
	return s.Record("depthwise", y, []*tensor.Tensor{x, weight}, []*tensor.Tensor{x}, func(g *tensor.Tensor) []*tensor.Tensor {
		dx, dw := s.Zeros(x.Shape()...), s.New(weight.Shape()...)
		s.Device.Parallel(c, max(16, 1<<13/max(to.Rows()*taps, 1)), func(lo, hi int, _ *kernel.Workspace) {
			slopes := make([]float32, taps*(hi-lo))
			w.each(from, to, 0, to.Rows(), func(row, tap, pixel int) {
				if pixel >= 0 {
					k.MulAdd(dx.Row(pixel)[lo:hi], g.Row(row)[lo:hi], of[tap][lo:hi])
					k.MulAdd(slopes[tap*(hi-lo):(tap+1)*(hi-lo)], g.Row(row)[lo:hi], x.Row(pixel)[lo:hi])
				}
			})
			for channel := lo; channel < hi; channel++ {
				for tap := range taps {
					dw.Row(channel)[tap] = slopes[tap*(hi-lo)+channel-lo]
				}
			}
		})
		return []*tensor.Tensor{dx, dw}
	})
}
