package nn

import (
	"math"

	"github.com/qkvgo/qkv/kernel"
	"github.com/qkvgo/qkv/tensor"
)

// MaxPool is the largest number under each place of a window, channel by channel:
// x [pixels, C], whose grids p.Rows holds, becomes [places, C], and p.Rows the
// batch of places. outside is what pixels outside the picture count as; −Inf
// leaves them out. A NaN is larger than any number. Adjoint: ȳ to the first of
// the largest, if it is in the picture; rows ascending.
func MaxPool(p *Pass, x *tensor.Tensor, w Window, outside float32) *tensor.Tensor {
	if x.Rows() != p.Rows.Rows() || len(p.Rows.Grids) != p.Rows.Len() {
		panic(&tensor.Fault{Op: "MaxPool", Shapes: [][]int{x.Shape()}, Msg: "the batch holds no grids of that many pixels"})
	}
	from, to := p.Rows, w.Over(p.Rows)
	p.Rows = to
	s, c := x.Scope(), x.Width()
	y := s.New(to.Rows(), c)
	best := make([]int32, to.Rows()*c) // the pixel that each number came from
	s.Device.Parallel(to.Rows(), max(1, 1<<13/max(c*w.taps(), 1)), func(lo, hi int, _ *kernel.Workspace) {
		w.each(from, to, lo, hi, func(row, tap, pixel int) {
			out, at := y.Row(row), best[row*c:][:c]
			for k := range c {
				v := outside
				if pixel >= 0 {
					v = x.Row(pixel)[k]
				}
				if tap == 0 || v > out[k] || math.IsNaN(float64(v)) {
					out[k], at[k] = v, int32(pixel)
				}
			}
		})
	})
	return s.Record("MaxPool", y, []*tensor.Tensor{x}, nil, func(g *tensor.Tensor) []*tensor.Tensor {
		dx := s.Zeros(x.Shape()...)
		s.Device.Parallel(c, max(1, 1<<13/max(to.Rows(), 1)), func(lo, hi int, _ *kernel.Workspace) {
			for row := range to.Rows() {
				for k, v := range g.Row(row)[lo:hi] {
					if pixel := best[row*c+lo+k]; pixel >= 0 {
						dx.Row(int(pixel))[lo+k] += v
					}
				}
			}
		})
		return []*tensor.Tensor{dx}
	})
}

// Frame sets n rows and columns of zeros around each picture of x [pixels, C],
// and makes p.Rows the batch of the larger ones.
func Frame(p *Pass, x *tensor.Tensor, n int) *tensor.Tensor {
	from := p.Rows
	one := Window{Size: Square(1), Pad: Square(n)}
	p.Rows = one.Over(from)
	ids := make([]int32, p.Rows.Rows())
	one.each(from, p.Rows, 0, len(ids), func(row, _, pixel int) { ids[row] = int32(1 + pixel) })
	return tensor.Stack(p.Zeros(1, x.Width()), x).Gather(ids)
}
