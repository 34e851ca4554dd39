package nn

import (
	"fmt"
	"math"

	"github.com/qkvgo/qkv/device"
	"github.com/qkvgo/qkv/kernel"
	"github.com/qkvgo/qkv/tensor"
)

// Patches cuts pictures into patches and maps each to a vector: a convolution
// whose stride is its size (Dosovitskiy et al. 2021, eq. 1).
type Patches struct {
	Weight *Param `ckpt:"weight"` // [D, C, P, Q]
	Bias   *Param `ckpt:"bias"`   // [D]
}

// NewPatches declares the map from patches of height × width pixels to vectors
// of the given width.
func NewPatches(channels, width, height, wide int) *Patches {
	return &Patches{NewParam(width, channels, height, wide), NewParam(width)}
}

// Forward maps pixels [rows, C], whose grids p.Rows holds, to [patches, D] and
// makes p.Rows the batch of patches. Pixels beyond the last whole patch are
// left out.
func (l *Patches) Forward(p *Pass, pixels *tensor.Tensor) *tensor.Tensor {
	d, c, h, w := l.Weight.Shape[0], l.Weight.Shape[1], l.Weight.Shape[2], l.Weight.Shape[3]
	if pixels.Width() != c {
		panic(&tensor.Fault{Op: "Patches", Param: l.Weight.Name, Shapes: [][]int{pixels.Shape(), l.Weight.Shape},
			Msg: "the pictures have another number of channels"})
	}
	if len(p.Rows.Grids) != p.Rows.Len() || pixels.Rows() != p.Rows.Rows() {
		panic(&tensor.Fault{Op: "Patches", Param: l.Weight.Name, Shapes: [][]int{pixels.Shape()},
			Msg: fmt.Sprintf("the batch has %d rows of %d pictures and %d grids", p.Rows.Rows(), p.Rows.Len(), len(p.Rows.Grids))})
	}
	grids := make([]Grid, p.Rows.Len())
	for i, g := range p.Rows.Grids {
		grids[i] = Grid{g.Height / h, g.Width / w}
	}
	patches := Pictures(grids...)
	x := unfold(pixels, p.Rows, patches, h, w)
	p.Rows = patches
	return x.Linear(p.Use(l.Weight).Reshape(d, c*h*w), p.Use(l.Bias), tensor.Identity)
}

// unfold puts each patch's pixels into one row, [patches, C·h·w], a channel
// after the other. Adjoint: each number back to its pixel.
func unfold(pixels *tensor.Tensor, from, patches Batch, h, w int) *tensor.Tensor {
	s := pixels.Scope()
	y := s.New(patches.Rows(), pixels.Width()*h*w)
	each := func(f func(patch, place, pixel int)) {
		for i, g := range patches.Grids {
			g.pixels(s.Device, h, w, from.Grids[i].Width, func(patch, place, pixel int) {
				f(patches.Off[i]+patch, place, from.Off[i]+pixel)
			})
		}
	}
	each(func(patch, place, pixel int) { scatter(y.Row(patch), pixels.Row(pixel), place, h*w) })
	return s.Record("unfold", y, []*tensor.Tensor{pixels}, nil, func(g *tensor.Tensor) []*tensor.Tensor {
		dx := s.Zeros(pixels.Shape()...)
		each(func(patch, place, pixel int) { collect(dx.Row(pixel), g.Row(patch), place, h*w) })
		return []*tensor.Tensor{dx}
	})
}

// pixels calls f for every pixel of a grid of patches of h × w that are cut from
// a picture of the given width: with the patch, the pixel's place in it and the
// pixel's place in the picture, all counted row by row.
func (g Grid) pixels(dev device.Device, h, w, width int, f func(patch, place, pixel int)) {
	dev.Parallel(g.Height, 1, func(lo, hi int, _ *kernel.Workspace) {
		for y := lo * h; y < hi*h; y++ {
			for x := range g.Width * w {
				f(y/h*g.Width+x/w, y%h*w+x%w, y*width+x)
			}
		}
	})
}

// scatter writes a pixel's channels to its place in a patch of n pixels.
func scatter(patch, pixel []float32, place, n int) {
	for k, v := range pixel {
		patch[k*n+place] = v
	}
}

// collect is the opposite of scatter.
func collect(pixel, patch []float32, place, n int) {
	for k := range pixel {
		pixel[k] = patch[k*n+place]
	}
}

// Replace puts token, one row, in place of the rows of x that masked names.
func Replace(x, token *tensor.Tensor, masked []bool) *tensor.Tensor {
	if len(masked) != x.Rows() {
		panic(&tensor.Fault{Op: "Replace", Shapes: [][]int{x.Shape(), {len(masked)}}, Msg: "there must be one mark a row"})
	}
	ids := make([]int32, len(masked))
	for i, hidden := range masked {
		ids[i] = int32(i)
		if hidden {
			ids[i] = int32(x.Rows())
		}
	}
	return tensor.Stack(x, token.Reshape(1, x.Width())).Gather(ids)
}

// Prepend puts token, one row, before the rows of each sequence of x and makes
// p.Rows the longer batch; its grids stay those of the rows without token.
func Prepend(p *Pass, token, x *tensor.Tensor) *tensor.Tensor {
	var ids []int32
	lengths := make([]int, p.Rows.Len())
	for i := range lengths {
		ids = append(ids, 0)
		for r := p.Rows.Off[i]; r < p.Rows.Off[i+1]; r++ {
			ids = append(ids, int32(1+r))
		}
		lengths[i] = 1 + p.Rows.Off[i+1] - p.Rows.Off[i]
	}
	grids := p.Rows.Grids
	p.Rows = Sequences(lengths...)
	p.Rows.Grids = grids
	return tensor.Stack(token, x).Gather(ids)
}

// Behead leaves out the first row of each sequence of x, if it has one, and makes
// p.Rows the shorter batch: the opposite of Prepend.
func Behead(p *Pass, x *tensor.Tensor) *tensor.Tensor {
	var ids []int32
	lengths := make([]int, p.Rows.Len())
	for i := range lengths {
		for r := p.Rows.Off[i] + 1; r < p.Rows.Off[i+1]; r++ {
			ids = append(ids, int32(r))
		}
		lengths[i] = max(p.Rows.Off[i+1]-p.Rows.Off[i]-1, 0)
	}
	grids := p.Rows.Grids
	p.Rows = Sequences(lengths...)
	p.Rows.Grids = grids
	return x.Gather(ids)
}

// AtGrids gives each row of the batch its row of a table of positions [1,
// 1+N, D], whose first row is for the class token and the others are a grid. A
// picture of another grid takes the table by bicubic interpolation where resize
// says so (the paper, §3.2), and is a fault otherwise.
func AtGrids(p *Pass, table *tensor.Tensor, grid Grid, resize bool) *tensor.Tensor {
	table = table.Reshape(1+grid.Height*grid.Width, table.Width())
	var ids []int32 // while no picture has another grid, places are rows of the table
	for _, g := range p.Rows.Grids {
		if g != grid {
			if !resize {
				panic(&tensor.Fault{Op: "AtGrids", Shapes: [][]int{{g.Height, g.Width}, {grid.Height, grid.Width}},
					Msg: "the picture has another number of patches than the table of positions; resize the picture, or interpolate positions"})
			}
			return table.Mix(resized(p.Rows.Grids, grid))
		}
		for i := range table.Rows() {
			ids = append(ids, int32(i))
		}
	}
	return table.Gather(ids)
}

// resized gives for the class token and each place of pictures with the given
// grids the rows of a table for grid and their weights.
func resized(grids []Grid, grid Grid) (rows [][]int32, weights [][]float32) {
	for _, g := range grids {
		rows, weights = append(rows, []int32{0}), append(weights, []float32{1})
		for y := range g.Height {
			for x := range g.Width {
				r, w := cubicAt(g, grid, y, x)
				rows, weights = append(rows, r), append(weights, w)
			}
		}
	}
	return rows, weights
}

// cubicAt gives the table rows (1 is the first of the grid) and their weights
// for place (y, x) of a picture with grid g.
func cubicAt(g, grid Grid, y, x int) (rows []int32, weights []float32) {
	if g == grid {
		return []int32{int32(1 + y*grid.Width + x)}, []float32{1}
	}
	ys, wy := cubic(y, g.Height, grid.Height)
	xs, wx := cubic(x, g.Width, grid.Width)
	for a := range 4 {
		for b := range 4 {
			rows = append(rows, int32(1+ys[a]*grid.Width+xs[b]))
			weights = append(weights, float32(wy[a]*wx[b]))
		}
	}
	return rows, weights
}

// cubic gives the four places and weights of cubic convolution with a = −0.75
// (Keys 1981) for place i of n over a line of m; places outside are the nearest
// inside. Products are rounded before they are added, on processors that could
// fuse the two as well.
func cubic(i, n, m int) (at [4]int, w [4]float64) {
	const a = -0.75
	x := (float64(i)+0.5)*float64(m)/float64(n) - 0.5
	floor := math.Floor(x)
	t := x - floor
	near := func(d float64) float64 { return float64((float64((a+2)*d)-(a+3))*d*d) + 1 }
	far := func(d float64) float64 { return float64((float64((float64(a*d)-5*a)*d)+8*a)*d) - 4*a }
	w = [4]float64{far(t + 1), near(t), near(1 - t), far(2 - t)}
	for k := range at {
		at[k] = min(max(int(floor)-1+k, 0), m-1)
	}
	return at, w
}

// PixelShuffle turns rows of s·s·C numbers, a row per place of the grids, into
// s × s pixels of C channels each (Shi et al. 2016, eq. 4): [pixels, C].
// Adjoint: the numbers back to their rows.
func PixelShuffle(x *tensor.Tensor, grids []Grid, s int) *tensor.Tensor {
	c := x.Width() / (s * s)
	n := 0
	for _, g := range grids {
		n += g.Height * g.Width
	}
	if n != x.Rows() || c*s*s != x.Width() {
		panic(&tensor.Fault{Op: "PixelShuffle", Shapes: [][]int{x.Shape()}, Msg: fmt.Sprintf("not %d rows of a multiple of %d numbers", n, s*s)})
	}
	y := x.Scope().New(n*s*s, c)
	each := func(f func(patch, place, pixel int)) {
		first := 0
		for _, g := range grids {
			g.pixels(x.Scope().Device, s, s, g.Width*s, func(patch, place, pixel int) {
				f(first+patch, place, first*s*s+pixel)
			})
			first += g.Height * g.Width
		}
	}
	each(func(patch, place, pixel int) { collect(y.Row(pixel), x.Row(patch), place, s*s) })
	return x.Scope().Record("PixelShuffle", y, []*tensor.Tensor{x}, nil, func(g *tensor.Tensor) []*tensor.Tensor {
		dx := x.Scope().New(x.Shape()...)
		each(func(patch, place, pixel int) { scatter(dx.Row(patch), g.Row(pixel), place, s*s) })
		return []*tensor.Tensor{dx}
	})
}

// MaskedL1 is the mean absolute difference of y and want, [pixels, C], over the
// pixels of masked patches of h × w (Xie et al. 2022, SimMIM, eq. 1): the sum
// over them by (their number + 1e-5)·C. masked is [patches].
func MaskedL1(y *tensor.Tensor, want []float32, grids []Grid, masked []bool, h, w int) *tensor.Tensor {
	if y.Rows()*y.Width() != len(want) {
		panic(&tensor.Fault{Op: "MaskedL1", Shapes: [][]int{y.Shape(), {len(want)}},
			Msg: "as many pixels must be predicted as there are (encoder_stride must be patch_size)"})
	}
	pixels, patches := 0, 0
	for _, g := range grids {
		pixels, patches = pixels+g.Height*g.Width, patches+g.Height/h*(g.Width/w)
	}
	if pixels != y.Rows() || patches*h*w != pixels || patches != len(masked) {
		panic(&tensor.Fault{Op: "MaskedL1", Shapes: [][]int{y.Shape(), {len(masked)}},
			Msg: fmt.Sprintf("pictures of %d pixels have %d patches of %d×%d", pixels, patches, h, w)})
	}
	var rows []int32
	var target []float32
	pixel, patch := 0, 0
	for _, g := range grids {
		for r := range g.Height * g.Width {
			if masked[patch+r/g.Width/h*(g.Width/w)+r%g.Width/w] {
				rows = append(rows, int32(pixel))
				target = append(target, want[pixel*y.Width():(pixel+1)*y.Width()]...)
			}
			pixel++
		}
		patch += g.Height / h * (g.Width / w)
	}
	if len(rows) == 0 {
		return y.Gather(nil).Sum() // zero, where a mean of nothing is not a number
	}
	n := float32(len(rows))
	return y.Gather(rows).L1(target).Scale(n / (n + 1e-5))
}
