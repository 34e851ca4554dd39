package nn

import (
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/qkvgo/qkv/tensor"
)

// pictures are grids whose sizes differ, some smaller than a patch, some with
// pixels beyond the last whole patch.
var pictures = []Grid{{6, 4}, {5, 9}, {1, 8}, {0, 3}, {2, 2}}

// whole are small whole numbers: sums of their products are exact, in any order.
func whole(r *rand.Rand, n int) []float32 {
	v := make([]float32, n)
	for i := range v {
		v[i] = float32(r.IntN(17) - 8)
	}
	return v
}

func random() *rand.Rand { return rand.New(rand.NewPCG(1, 2)) }

// trained starts a pass that records.
func trained(t *testing.T, rows Batch) *Pass {
	p := NewPass(t.Context(), rows, Options{Tape: true})
	t.Cleanup(p.Close)
	return p
}

// fault is the error of the fault that f panics with.
func fault(f func()) (err error) {
	defer tensor.Guard(&err)
	f()
	return nil
}

// linear checks the adjoint of a linear map: with whole numbers the difference
// that a step of one in an element of x makes is the gradient, exactly.
func linear(t *testing.T, rows Batch, x []float32, shape []int, f func(p *Pass, x *tensor.Tensor) *tensor.Tensor) {
	t.Helper()
	r := random()
	var cotangent []float32
	run := func(x []float32) (sum float32, grad []float32) {
		p := trained(t, rows)
		in := p.Input(x, shape...)
		y := f(p, in)
		if cotangent == nil {
			cotangent = whole(r, y.Rows()*y.Width())
		}
		loss := y.Mul(p.Of(cotangent, y.Shape()...)).Sum()
		loss.Backward()
		return loss.Scalar(), in.Grad().Float32s()
	}
	before, grad := run(x)
	for i := range x {
		moved := slices.Clone(x)
		moved[i]++
		after, _ := run(moved)
		if after-before != grad[i] {
			t.Errorf("gradient of element %d is %v, want %v", i, grad[i], after-before)
		}
	}
}

// Patches are a convolution whose stride is its size, over pictures of
// different sizes at once.
func TestPatches(t *testing.T) {
	const c, d, h, w = 3, 4, 2, 3
	r := random()
	l := NewPatches(c, d, h, w)
	weight, bias := whole(r, d*c*h*w), whole(r, d)
	l.Weight.Set(weight)
	l.Bias.Set(bias)
	b := Pictures(pictures...)
	pixels := whole(r, b.Rows()*c)
	var want []float32
	var grids []Grid
	for i, g := range pictures {
		grids = append(grids, Grid{g.Height / h, g.Width / w})
		for y := range g.Height / h {
			for x := range g.Width / w {
				for o := range d {
					sum := bias[o]
					for k := range c {
						for dy := range h {
							for dx := range w {
								sum += weight[((o*c+k)*h+dy)*w+dx] * pixels[(b.Off[i]+(y*h+dy)*g.Width+x*w+dx)*c+k]
							}
						}
					}
					want = append(want, sum)
				}
			}
		}
	}
	p := trained(t, b)
	y := l.Forward(p, p.Of(pixels, b.Rows(), c))
	if !slices.Equal(y.Float32s(), want) {
		t.Errorf("have %v, want %v", y.Float32s(), want)
	}
	if !slices.Equal(p.Rows.Grids, grids) || p.Rows.Rows() != len(want)/d {
		t.Errorf("grids %v, want %v", p.Rows.Grids, grids)
	}
	if err := p.Rows.Check(); err != nil {
		t.Error(err)
	}
	linear(t, b, pixels, []int{b.Rows(), c}, l.Forward)
	linear(t, b, weight, []int{d, c, h, w}, func(p *Pass, x *tensor.Tensor) *tensor.Tensor {
		y := unfold(p.Of(pixels, b.Rows(), c), b, Pictures(grids...), h, w)
		return y.Linear(x.Reshape(d, c*h*w), nil, tensor.Identity)
	})
}

// Pictures that do not fit the layer or the batch are faults.
func TestPatchesFaults(t *testing.T) {
	l := NewPatches(3, 4, 2, 2)
	InitZeros(l.Weight)
	InitZeros(l.Bias)
	l.Weight.Name = "patch.weight"
	for name, c := range map[string]struct {
		rows   Batch
		pixels []int
	}{
		"channels": {Pictures(Grid{2, 2}), []int{4, 1}},
		"rows":     {Pictures(Grid{2, 2}), []int{3, 3}},
		"no grids": {Sequences(4), []int{4, 3}},
	} {
		p := trained(t, c.rows)
		var f *tensor.Fault
		if err := fault(func() { l.Forward(p, p.Zeros(c.pixels...)) }); !errors.As(err, &f) || f.Param != "patch.weight" {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Prepend puts the token before each sequence; Behead takes it away again.
func TestPrependBehead(t *testing.T) {
	b := Pictures(pictures...)
	r := random()
	x, token := whole(r, b.Rows()*2), whole(r, 2)
	p := trained(t, b)
	y := Prepend(p, p.Of(token, 1, 2), p.Of(x, b.Rows(), 2))
	longer := p.Rows
	if err := longer.Check(); err != nil {
		t.Error(err)
	}
	for i, off := range longer.Off[:longer.Len()] {
		if !slices.Equal(y.Row(off), token) {
			t.Errorf("sequence %d starts with %v", i, y.Row(off))
		}
	}
	back := Behead(p, y)
	if !slices.Equal(back.Float32s(), x) || !slices.Equal(p.Rows.Off, b.Off) || !slices.Equal(p.Rows.Grids, b.Grids) {
		t.Error("Behead does not undo Prepend")
	}
	linear(t, b, x, []int{b.Rows(), 2}, func(p *Pass, x *tensor.Tensor) *tensor.Tensor { return Prepend(p, p.Of(token, 1, 2), x) })
	linear(t, b, token, []int{1, 2}, func(p *Pass, token *tensor.Tensor) *tensor.Tensor { return Prepend(p, token, p.Of(x, b.Rows(), 2)) })
	linear(t, b, x, []int{b.Rows(), 2}, Behead)
	empty := trained(t, Sequences(0, 2, 0))
	if y := Behead(empty, empty.Zeros(2, 3)); y.Rows() != 1 || empty.Rows.Len() != 3 {
		t.Errorf("%d rows of %d sequences are left", y.Rows(), empty.Rows.Len())
	}
}

// Replace puts the token where it is told to.
func TestReplace(t *testing.T) {
	x, token, masked := []float32{1, 2, 3, 4, 5, 6}, []float32{8, 9}, []bool{true, false, true}
	p := trained(t, Sequences(3))
	if y := Replace(p.Of(x, 3, 2), p.Of(token, 2), masked).Float32s(); !slices.Equal(y, []float32{8, 9, 3, 4, 8, 9}) {
		t.Errorf("have %v", y)
	}
	linear(t, p.Rows, x, []int{3, 2}, func(p *Pass, x *tensor.Tensor) *tensor.Tensor { return Replace(x, p.Of(token, 2), masked) })
	linear(t, p.Rows, token, []int{1, 1, 2}, func(p *Pass, token *tensor.Tensor) *tensor.Tensor { return Replace(p.Of(x, 3, 2), token, masked) })
	if err := fault(func() { Replace(p.Of(x, 3, 2), p.Of(token, 2), masked[:2]) }); err == nil {
		t.Error("two marks for three rows are no fault")
	}
}

// PixelShuffle moves channel c·s² + i·s + j of place (y, x) to channel c of pixel
// (y·s + i, x·s + j), and the opposite brings everything back.
func TestPixelShuffle(t *testing.T) {
	const c, s = 2, 3
	b := Pictures(pictures...)
	x := make([]float32, b.Rows()*c*s*s)
	for i := range x {
		x[i] = float32(i)
	}
	p := trained(t, b)
	in := p.Input(x, b.Rows(), c*s*s)
	y := PixelShuffle(in, pictures, s)
	first := 0
	for i, g := range pictures {
		for row := range g.Height * s {
			for col := range g.Width * s {
				for k := range c {
					want := x[(b.Off[i]+row/s*g.Width+col/s)*c*s*s+k*s*s+row%s*s+col%s]
					if have := y.Row(first + row*g.Width*s + col)[k]; have != want {
						t.Fatalf("picture %d, pixel (%d, %d), channel %d: have %v, want %v", i, row, col, k, have, want)
					}
				}
			}
		}
		first += g.Height * g.Width * s * s
	}
	// With itself as the cotangent the gradient is the input: nothing is lost.
	y.Mul(p.Of(y.Float32s(), y.Shape()...)).Sum().Backward()
	if !slices.Equal(in.Grad().Float32s(), x) {
		t.Error("the adjoint does not bring the numbers back")
	}
	if err := fault(func() { PixelShuffle(p.Zeros(3, 8), []Grid{{1, 3}}, 3) }); err == nil {
		t.Error("8 numbers make no 3×3 pixels")
	}
}

// bicubic is place (y, x) of a table resized from one grid to another, in the
// plain form of torch's interpolate with align_corners=False and a = −0.75.
func bicubic(table []float64, from, to Grid, y, x int) float64 {
	kernel := func(d float64) float64 {
		const a = -0.75
		switch d = math.Abs(d); {
		case d <= 1:
			return (a+2)*d*d*d - (a+3)*d*d + 1
		case d < 2:
			return a*d*d*d - 5*a*d*d + 8*a*d - 4*a
		}
		return 0
	}
	sy := (float64(y)+0.5)*float64(from.Height)/float64(to.Height) - 0.5
	sx := (float64(x)+0.5)*float64(from.Width)/float64(to.Width) - 0.5
	sum := 0.0
	for j := int(math.Floor(sy)) - 1; j <= int(math.Floor(sy))+2; j++ {
		for i := int(math.Floor(sx)) - 1; i <= int(math.Floor(sx))+2; i++ {
			row, col := min(max(j, 0), from.Height-1), min(max(i, 0), from.Width-1)
			sum += kernel(sy-float64(j)) * kernel(sx-float64(i)) * table[row*from.Width+col]
		}
	}
	return sum
}

// AtGrids is the table itself for pictures of its grid, and bicubic
// interpolation for others where it is allowed.
func TestAtGrids(t *testing.T) {
	grid := Grid{4, 5}
	r := random()
	table := whole(r, 1+grid.Height*grid.Width) // of width one
	exact := make([]float64, len(table)-1)
	for i, v := range table[1:] {
		exact[i] = float64(v)
	}
	same := trained(t, Pictures(grid, grid))
	y := AtGrids(same, same.Of(table, 1, len(table), 1), grid, false).Float32s()
	if !slices.Equal(y, append(slices.Clone(table), table...)) {
		t.Errorf("have %v, want the table twice", y)
	}
	sizes := []Grid{{8, 10}, grid, {2, 3}, {7, 5}, {1, 1}}
	other := trained(t, Pictures(sizes...))
	y = AtGrids(other, other.Of(table, 1, len(table), 1), grid, true).Float32s()
	for i, g := range sizes {
		if y[0] != table[0] {
			t.Errorf("the class token of picture %d has %v", i, y[0])
		}
		for place, have := range y[1 : 1+g.Height*g.Width] {
			want := bicubic(exact, grid, g, place/g.Width, place%g.Width)
			if math.Abs(float64(have)-want) > 1e-5 { // 16 products of numbers up to 8 with weights of 24 bits
				t.Errorf("picture %d, place %d: have %v, want %v", i, place, have, want)
			}
		}
		y = y[1+g.Height*g.Width:]
	}
	if len(y) != 0 {
		t.Errorf("%d rows too many", len(y))
	}
	if err := fault(func() { AtGrids(other, other.Of(table, 1, len(table), 1), grid, false) }); err == nil {
		t.Error("a picture of another size is no fault")
	}
	linear(t, same.Rows, table, []int{1, len(table), 1}, func(p *Pass, x *tensor.Tensor) *tensor.Tensor { return AtGrids(p, x, grid, true) })
	// Doubling both sides has weights that are multiples of 2⁻¹⁴: exact too.
	linear(t, Pictures(Grid{8, 10}), table, []int{1, len(table), 1}, func(p *Pass, x *tensor.Tensor) *tensor.Tensor {
		return AtGrids(p, x, grid, true)
	})
}

// MaskedL1 is SimMIM's loss, written out plainly, and its gradient the slope.
func TestMaskedL1(t *testing.T) {
	const c, h, w = 3, 2, 3
	grids := []Grid{{4, 6}, {2, 9}}
	masked := []bool{true, false, false, true, false, true, true}
	r := random()
	y, want := make([]float32, (24+18)*c), make([]float32, (24+18)*c)
	for i := range y {
		y[i], want[i] = r.Float32(), 2+r.Float32()*float32(1-2*r.IntN(2))*4 // never near each other
	}
	plain := func(y []float64) float64 {
		sum, count := 0.0, 0
		pixel, patch := 0, 0
		for _, g := range grids {
			for row := range g.Height {
				for col := range g.Width {
					if masked[patch+row/h*(g.Width/w)+col/w] {
						count++
						for k := range c {
							sum += math.Abs(y[pixel*c+k] - float64(want[pixel*c+k]))
						}
					}
					pixel++
				}
			}
			patch += g.Height / h * (g.Width / w)
		}
		return sum / (float64(count) + 1e-5) / c
	}
	exact := make([]float64, len(y))
	for i, v := range y {
		exact[i] = float64(v)
	}
	p := trained(t, Pictures(grids...))
	in := p.Input(y, 24+18, c)
	loss := MaskedL1(in, want, grids, masked, h, w)
	if have := float64(loss.Scalar()); math.Abs(have-plain(exact)) > 1e-6 {
		t.Errorf("have %v, want %v", have, plain(exact))
	}
	loss.Backward()
	for i, have := range in.Grad().Float32s() {
		const step = 1e-3
		up, down := slices.Clone(exact), slices.Clone(exact)
		up[i], down[i] = up[i]+step, down[i]-step
		if slope := (plain(up) - plain(down)) / (2 * step); math.Abs(float64(have)-slope) > 1e-8 {
			t.Errorf("gradient of element %d: have %v, want %v", i, have, slope)
		}
	}
	q := trained(t, Pictures(grids...))
	in = q.Input(y, 24+18, c)
	none := MaskedL1(in, want, grids, make([]bool, len(masked)), h, w)
	none.Backward()
	if none.Scalar() != 0 || slices.ContainsFunc(in.Grad().Float32s(), func(v float32) bool { return v != 0 }) {
		t.Errorf("without a masked patch the loss is %v", none.Scalar())
	}
	for name, f := range map[string]func(){
		"too few pixels":  func() { MaskedL1(in, want[:9], grids, masked, h, w) },
		"too few patches": func() { MaskedL1(in, want, grids, masked[:6], h, w) },
		"cut patches":     func() { MaskedL1(in, want, grids, masked, 3, w) },
	} {
		if fault(f) == nil {
			t.Errorf("%s are no fault", name)
		}
	}
}
