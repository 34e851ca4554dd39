package nn

import (
	"fmt"

	"github.com/qkvgo/qkv/kernel"
	"github.com/qkvgo/qkv/tensor"
)

// GroupNorm normalizes each group of channels over all rows of a sequence, which
// is a picture's pixels, and scales and shifts each channel (Wu & He 2018, eq.
// 1–4).
type GroupNorm struct {
	Weight *Param `ckpt:"weight"` // [C]
	Bias   *Param `ckpt:"bias"`   // [C]
	Groups int
	Eps    float32
}

// NewGroupNorm declares a group norm for rows of the given number of channels.
func NewGroupNorm(groups, channels int, eps float32) *GroupNorm {
	return &GroupNorm{NewParam(channels), NewParam(channels), groups, eps}
}

// Forward maps x [rows, C] to the same shape. A group's numbers are added up as
// one row, pixel after pixel. Adjoint: that of a layer norm for each group, the
// sums for weight and bias over rows ascending.
func (l *GroupNorm) Forward(p *Pass, x *tensor.Tensor) *tensor.Tensor {
	c := l.Weight.Shape[0]
	if l.Groups < 1 || x.Width() != c || c%l.Groups != 0 || x.Rows() != p.Rows.Rows() {
		panic(&tensor.Fault{Op: "GroupNorm", Param: l.Weight.Name, Shapes: [][]int{x.Shape(), l.Weight.Shape},
			Msg: fmt.Sprintf("not %d channels in %d equal groups, a row each of the batch", c, l.Groups)})
	}
	s, k := x.Scope(), x.Scope().Kernels()
	gamma, beta := p.Use(l.Weight), p.Use(l.Bias)
	all := groups{off: p.Rows.Off, groups: l.Groups, wide: c / l.Groups}
	y, stats := s.New(x.Shape()...), s.New(2, max(all.len(), 1)).Exact()
	s.Compute(true, func() {
		mean, rstd := stats.Row(0), stats.Row(1)
		all.parallel(s, func(i int, b piece, buffer []float32) {
			b.take(buffer, x)
			mean[i], rstd[i] = k.LayerNorm(buffer, buffer, nil, nil, l.Eps)
			b.put(y, buffer)
			for r := b.top; r < b.end; r++ {
				out := y.Row(r)[b.left:b.right]
				k.Mul(out, out, gamma.Row(0)[b.left:b.right])
				k.Add(out, out, beta.Row(0)[b.left:b.right])
			}
		})
	}, []*tensor.Tensor{y}, x, gamma, beta, stats)
	return s.Record("GroupNorm", y, []*tensor.Tensor{x, gamma, beta}, []*tensor.Tensor{x, gamma, stats}, func(dy *tensor.Tensor) []*tensor.Tensor {
		dx, dgamma, dbeta := s.New(x.Shape()...), s.Zeros(c), s.Zeros(c)
		all.parallel(s, func(i int, b piece, buffer []float32) {
			g := make([]float32, len(buffer))
			b.take(buffer, x)
			b.take(g, dy)
			for at := 0; at < len(g); at += all.wide {
				k.Mul(g[at:at+all.wide], g[at:at+all.wide], gamma.Row(0)[b.left:b.right])
			}
			k.LayerNormBack(g, g, buffer, nil, stats.Row(0)[i], stats.Row(1)[i])
			b.put(dx, g)
		})
		for i := range all.len() {
			b := all.at(i)
			for r := b.top; r < b.end; r++ {
				k.NormGrad(dgamma.Row(0)[b.left:b.right], dbeta.Row(0)[b.left:b.right], dy.Row(r)[b.left:b.right],
					x.Row(r)[b.left:b.right], stats.Row(0)[i], stats.Row(1)[i])
			}
		}
		return []*tensor.Tensor{dx, dgamma, dbeta}
	})
}

// groups are the blocks of a batch that are normalized, each by itself.
type groups struct {
	off          []int
	groups, wide int // of each sequence, and their width
}

// piece is some rows and columns of a tensor.
type piece struct{ top, end, left, right int }

func (g groups) len() int { return max(len(g.off)-1, 0) * g.groups }

func (g groups) at(i int) piece {
	n, left := i/g.groups, i%g.groups*g.wide
	return piece{g.off[n], g.off[n+1], left, left + g.wide}
}

// parallel calls f with every block that has rows, and room for its numbers.
func (g groups) parallel(s *tensor.Scope, f func(i int, b piece, buffer []float32)) {
	s.Device.Parallel(g.len(), 1, func(lo, hi int, _ *kernel.Workspace) {
		var buffer []float32
		for i := lo; i < hi; i++ {
			b := g.at(i)
			n := (b.end - b.top) * g.wide
			if n == 0 {
				continue
			}
			if len(buffer) < n {
				buffer = make([]float32, n)
			}
			f(i, b, buffer[:n])
		}
	})
}

// take copies the block of x into one row.
func (b piece) take(row []float32, x *tensor.Tensor) {
	for r := b.top; r < b.end; r++ {
		row = row[copy(row, x.Row(r)[b.left:b.right]):]
	}
}

// put copies one row into the block of x.
func (b piece) put(x *tensor.Tensor, row []float32) {
	for r := b.top; r < b.end; r++ {
		row = row[copy(x.Row(r)[b.left:b.right], row):]
	}
}
