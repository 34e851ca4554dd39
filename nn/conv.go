package nn

import (
	"fmt"

	"github.com/qkvgo/qkv/kernel"
	"github.com/qkvgo/qkv/tensor"
)

// Window is how a convolution or a pooling slides over a picture. Only Size must
// be set.
type Window struct {
	Size     Grid // of the window in pixels
	Stride   Grid // pixels from one place to the next; zero: 1
	Dilation Grid // pixels between neighbours within the window; zero: 1
	Pad      Grid // rows above and below, columns left and right of the picture
	// Same pads, instead of Pad, so much that there is a place for every
	// Stride-th pixel: half of it above and left, the rest below and right.
	Same bool
}

// Square is a grid as high as it is wide.
func Square(n int) Grid { return Grid{n, n} }

// axis is how many places a window of k pixels has along a line of n, and where
// the first of them begins, 0 or less.
func axis(n, k, stride, dilation, pad int, same bool) (places, first int) {
	stride, dilation = max(stride, 1), max(dilation, 1)
	reach := (k-1)*dilation + 1
	if same {
		places = (n + stride - 1) / stride
		return places, -max((places-1)*stride+reach-n, 0) / 2
	}
	if n+2*pad < reach {
		return 0, -pad
	}
	return (n+2*pad-reach)/stride + 1, -pad
}

// over is the grid of the window's places over a picture, and where the first
// of them begins.
func (w Window) over(g Grid) (out, first Grid) {
	out.Height, first.Height = axis(g.Height, w.Size.Height, w.Stride.Height, w.Dilation.Height, w.Pad.Height, w.Same)
	out.Width, first.Width = axis(g.Width, w.Size.Width, w.Stride.Width, w.Dilation.Width, w.Pad.Width, w.Same)
	return out, first
}

// Over is the batch of the window's places over the pictures of b.
func (w Window) Over(b Batch) Batch {
	grids := make([]Grid, len(b.Grids))
	for i, g := range b.Grids {
		grids[i], _ = w.over(g)
	}
	return Pictures(grids...)
}

// taps is how many pixels a window has.
func (w Window) taps() int { return w.Size.Height * w.Size.Width }

// each calls f for each pixel of each window whose place, a row of to, is lo ≤
// row < hi: tap counts within the window, pixel is the row of from, or -1
// outside the picture. Rows and taps ascend.
func (w Window) each(from, to Batch, lo, hi int, f func(row, tap, pixel int)) {
	down, right := max(w.Stride.Height, 1), max(w.Stride.Width, 1)
	below, beside := max(w.Dilation.Height, 1), max(w.Dilation.Width, 1)
	for i, g := range from.Grids {
		out, first := w.over(g)
		for row := max(lo, to.Off[i]); row < min(hi, to.Off[i+1]); row++ {
			n := row - to.Off[i]
			top, left := first.Height+n/out.Width*down, first.Width+n%out.Width*right
			for tap := range w.taps() {
				y, x := top+tap/w.Size.Width*below, left+tap%w.Size.Width*beside
				pixel := -1
				if y >= 0 && y < g.Height && x >= 0 && x < g.Width {
					pixel = from.Off[i] + y*g.Width + x
				}
				f(row, tap, pixel)
			}
		}
	}
}

// Conv2d is a convolution over pictures of any sizes, channels last:
//
//	y[place] = Σ W[channel, tap]·x[pixel under the tap, channel] + b
type Conv2d struct {
	Weight *Param `ckpt:"weight"` // [D, C/Groups, height, width]
	Bias   *Param `ckpt:"bias"`   // [D], or nil
	Window Window
	Groups int // channels of a group see those of the same group only; 0: 1
}

// NewConv2d declares a convolution from channels to width numbers a place.
func NewConv2d(channels, width int, w Window, groups int, bias bool) *Conv2d {
	groups = max(groups, 1)
	l := &Conv2d{Weight: NewParam(width, channels/groups, w.Size.Height, w.Size.Width), Window: w, Groups: groups}
	if bias {
		l.Bias = NewParam(width)
	}
	return l
}

// Forward maps x [pixels, C], whose grids p.Rows holds, to [places, D] and makes
// p.Rows the batch of places.
func (l *Conv2d) Forward(p *Pass, x *tensor.Tensor) *tensor.Tensor {
	return l.With(p, x, p.Use(l.Weight))
}

// With is Forward with other weights in place of the layer's: such as were made
// from them.
func (l *Conv2d) With(p *Pass, x, weight *tensor.Tensor) *tensor.Tensor {
	d, c, groups := l.Weight.Shape[0], l.Weight.Shape[1], max(l.Groups, 1)
	if x.Width() != c*groups || d%groups != 0 || x.Rows() != p.Rows.Rows() || len(p.Rows.Grids) != p.Rows.Len() {
		panic(&tensor.Fault{Op: "Conv2d", Param: l.Weight.Name, Shapes: [][]int{x.Shape(), l.Weight.Shape},
			Msg: fmt.Sprintf("not pictures of %d channels in %d groups", c*groups, groups)})
	}
	from := p.Rows
	p.Rows = l.Window.Over(from)
	taps := l.Window.taps()
	weight, bias := weight.Reshape(d, c*taps), p.Use(l.Bias)
	if groups > 1 && c == 1 && d == groups {
		y := depthwise(x, weight, from, p.Rows, l.Window)
		if bias == nil {
			return y
		}
		return y.AddRow(bias)
	}
	parts := make([]*tensor.Tensor, groups)
	for g := range groups {
		w, b := weight.Slice(g*d/groups, (g+1)*d/groups), bias
		if b != nil && groups > 1 {
			b = b.Cols(g*d/groups, (g+1)*d/groups)
		}
		parts[g] = windows(x.Cols(g*c, (g+1)*c), from, p.Rows, l.Window).Linear(w, b, tensor.Identity)
	}
	if groups == 1 {
		return parts[0]
	}
	return tensor.Concat(parts...)
}

// windows puts the pixels under each place of the window into one row, [places,
// C·taps], a channel after the other, zeros outside the picture. Adjoint: each
// number back to its pixel, rows and taps ascending.
func windows(x *tensor.Tensor, from, to Batch, w Window) *tensor.Tensor {
	if w.taps() == 1 && from.Rows() == to.Rows() && w.Pad == (Grid{}) {
		return x // a window of one pixel at every pixel
	}
	s, c, taps := x.Scope(), x.Width(), w.taps()
	y := s.New(to.Rows(), c*taps)
	s.Compute(true, func() {
		s.Device.Parallel(to.Rows(), max(1, 1<<13/max(c*taps, 1)), func(lo, hi int, _ *kernel.Workspace) {
			w.each(from, to, lo, hi, func(row, tap, pixel int) {
				out := y.Row(row)[tap:]
				if pixel < 0 {
					for k := range c {
						out[k*taps] = 0
					}
					return
				}
				for k, v := range x.Row(pixel) {
					out[k*taps] = v
				}
			})
		})
	}, []*tensor.Tensor{y}, x)
	return s.Record("windows", y, []*tensor.Tensor{x}, nil, func(g *tensor.Tensor) []*tensor.Tensor {
		dx := s.Zeros(x.Shape()...)
		s.Device.Parallel(c, max(1, 1<<13/max(to.Rows()*taps, 1)), func(lo, hi int, _ *kernel.Workspace) {
			w.each(from, to, 0, to.Rows(), func(row, tap, pixel int) {
				if pixel < 0 {
					return
				}
				in, out := g.Row(row)[tap:], dx.Row(pixel)
				for k := lo; k < hi; k++ {
					out[k] += in[k*taps]
				}
			})
		})
		return []*tensor.Tensor{dx}
	})
}
