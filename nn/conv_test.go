package nn

import (
	"math"
	"slices"
	"testing"

	"github.com/qkvgo/qkv/tensor"
)

// slides are windows of many kinds.
var slides = []Window{
	{Size: Grid{1, 1}},
	{Size: Grid{3, 3}, Pad: Grid{1, 1}},
	{Size: Grid{3, 2}, Stride: Grid{2, 1}},
	{Size: Grid{2, 3}, Stride: Grid{2, 3}, Pad: Grid{1, 0}},
	{Size: Grid{3, 3}, Stride: Grid{2, 2}, Same: true},
	{Size: Grid{1, 1}, Stride: Grid{2, 2}, Same: true},
	{Size: Grid{4, 2}, Stride: Grid{1, 2}, Dilation: Grid{1, 3}, Same: true},
	{Size: Grid{2, 2}, Dilation: Grid{2, 1}, Pad: Grid{2, 2}},
}

// placesOf counts a window's places over a line of n by trying them all.
func placesOf(n, k, stride, dilation, pad int, same bool) (places, before int) {
	stride, dilation = max(stride, 1), max(dilation, 1)
	if same {
		for places*stride < n {
			places++
		}
		for need := (places-1)*stride + (k-1)*dilation + 1 - n; places > 0 && need > 1; need -= 2 {
			before++
		}
		return places, before
	}
	for places*stride+(k-1)*dilation < n+2*pad {
		places++
	}
	return places, pad
}

// under is the value of channel c of picture i under each tap of each place, or
// outside, in the order of places and taps.
func under(b Batch, i int, w Window, x []float32, width, c int, outside float32) (out Grid, taps [][]float32) {
	g := b.Grids[i]
	var top, left int
	out.Height, top = placesOf(g.Height, w.Size.Height, w.Stride.Height, w.Dilation.Height, w.Pad.Height, w.Same)
	out.Width, left = placesOf(g.Width, w.Size.Width, w.Stride.Width, w.Dilation.Width, w.Pad.Width, w.Same)
	for py := range out.Height {
		for px := range out.Width {
			var v []float32
			for ky := range w.Size.Height {
				for kx := range w.Size.Width {
					y := py*max(w.Stride.Height, 1) + ky*max(w.Dilation.Height, 1) - top
					x0 := px*max(w.Stride.Width, 1) + kx*max(w.Dilation.Width, 1) - left
					if y < 0 || x0 < 0 || y >= g.Height || x0 >= g.Width {
						v = append(v, outside)
						continue
					}
					v = append(v, x[(b.Off[i]+y*g.Width+x0)*width+c])
				}
			}
			taps = append(taps, v)
		}
	}
	return out, taps
}

// A convolution is the sum of its definition, over pictures of different sizes,
// with groups, strides, dilation and both kinds of padding.
func TestConv2d(t *testing.T) {
	const c = 4
	b := Pictures(pictures...)
	for _, w := range slides {
		for groups, d := range map[int]int{1: 6, 2: 6, 4: 4} {
			r := random()
			l := NewConv2d(c, d, w, groups, groups != 2)
			weight, bias, x := whole(r, l.Weight.Len()), make([]float32, d), whole(r, b.Rows()*c)
			l.Weight.Set(weight)
			if l.Bias != nil {
				bias = whole(r, d)
				l.Bias.Set(bias)
			}
			var want []float32
			var grids []Grid
			for i := range b.Grids {
				var channels [c][][]float32
				var out Grid
				for k := range c {
					out, channels[k] = under(b, i, w, x, c, k, 0)
				}
				grids = append(grids, out)
				for place := range out.Height * out.Width {
					for o := range d {
						sum := bias[o]
						for k := range c / groups {
							for tap, v := range channels[o/(d/groups)*(c/groups)+k][place] {
								sum += weight[(o*c/groups+k)*w.taps()+tap] * v
							}
						}
						want = append(want, sum)
					}
				}
			}
			p := trained(t, b)
			y := l.Forward(p, p.Of(x, b.Rows(), c))
			if !slices.Equal(y.Float32s(), want) || !slices.Equal(p.Rows.Grids, grids) {
				t.Errorf("%+v in %d groups: have %v %v, want %v %v", w, groups, p.Rows.Grids, y.Float32s(), grids, want)
			}
			linear(t, b, x, []int{b.Rows(), c}, l.Forward)
			linear(t, b, weight, l.Weight.Shape, func(p *Pass, w *tensor.Tensor) *tensor.Tensor {
				return l.With(p, p.Of(x, b.Rows(), c), w)
			})
		}
	}
}

// A convolution by channels gives the bits of a group for each channel.
func TestDepthwiseBits(t *testing.T) {
	const c = 35
	b := Pictures(Grid{9, 7}, Grid{4, 4})
	p := trained(t, b)
	l := NewConv2d(c, c, Window{Size: Square(3), Pad: Square(1)}, c, true)
	Name(l)
	InitNormal(l.Weight, 1, 1)
	InitNormal(l.Bias, 1, 1)
	x := NewParam(b.Rows(), c)
	x.Name = "x"
	InitNormal(x, 1, 2)
	y := l.Forward(p, p.Use(x))
	for k := range c {
		p.Rows = b
		one := NewConv2d(1, 1, l.Window, 1, true)
		one.Weight.Set(l.Weight.Float32()[k*9 : k*9+9])
		one.Bias.Set(l.Bias.Float32()[k : k+1])
		want := one.Forward(p, p.Use(x).Cols(k, k+1))
		if got := y.Cols(k, k+1); !slices.Equal(got.Float32s(), want.Float32s()) {
			t.Fatalf("channel %d: have %v, want %v", k, got.Float32s(), want.Float32s())
		}
	}
}

// Inputs that do not fit are faults that name the weight.
func TestConv2dFaults(t *testing.T) {
	l := NewConv2d(4, 6, Window{Size: Square(3)}, 2, false)
	InitZeros(l.Weight)
	for name, rows := range map[string]Batch{"channels": Pictures(Grid{2, 2}), "rows": Pictures(Grid{3, 2}), "no grids": Sequences(4)} {
		p := trained(t, rows)
		width := 4
		if name == "channels" {
			width = 2
		}
		if fault(func() { l.Forward(p, p.Zeros(4, width)) }) == nil {
			t.Errorf("%s: no fault", name)
		}
	}
}

// Pooling gives the largest under each place, counts what is outside as told,
// and sends the gradient to where the number came from.
func TestMaxPool(t *testing.T) {
	const c = 3
	b := Pictures(pictures...)
	for _, w := range slides {
		for _, outside := range []float32{0, float32(math.Inf(-1))} {
			r := random()
			x := make([]float32, b.Rows()*c) // a step of one changes no order, nor that to outside
			for i, n := range r.Perm(len(x)) {
				x[i] = float32(4*(n-len(x)*2/3) + 2)
			}
			var want []float32
			for i := range b.Grids {
				var channels [c][][]float32
				var out Grid
				for k := range c {
					out, channels[k] = under(b, i, w, x, c, k, outside)
				}
				for place := range out.Height * out.Width {
					for k := range c {
						want = append(want, slices.Max(channels[k][place]))
					}
				}
			}
			pool := func(p *Pass, x *tensor.Tensor) *tensor.Tensor { return MaxPool(p, x, w, outside) }
			p := trained(t, b)
			if y := pool(p, p.Of(x, b.Rows(), c)); !slices.Equal(y.Float32s(), want) {
				t.Errorf("%+v: have %v, want %v", w, y.Float32s(), want)
			}
			if !slices.ContainsFunc(want, func(v float32) bool { return math.IsInf(float64(v), 0) }) {
				linear(t, b, x, []int{b.Rows(), c}, pool)
			}
		}
	}
}

// The first of equals receives the gradient, and a NaN wins.
func TestMaxPoolTies(t *testing.T) {
	p := trained(t, Pictures(Grid{1, 4}))
	nan := float32(math.NaN())
	x := p.Input([]float32{2, 2, nan, 7}, 4, 1)
	y := MaxPool(p, x, Window{Size: Grid{1, 2}, Stride: Grid{1, 2}}, 0).Keep()
	y.Sum().Backward()
	if got := x.Grad().Float32s(); !slices.Equal(got, []float32{1, 0, 1, 0}) {
		t.Errorf("gradient %v", got)
	}
	if v := y.Float32s()[1]; v == v {
		t.Errorf("have %v, want NaN", v)
	}
}

// Frame puts zeros around every picture.
func TestFrame(t *testing.T) {
	p := trained(t, Pictures(Grid{1, 2}, Grid{0, 0}))
	y := Frame(p, p.Of([]float32{3, 4}, 2, 1), 1)
	want := []float32{0, 0, 0, 0, 0, 3, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0}
	if !slices.Equal(y.Float32s(), want) || p.Rows.Grids[0] != (Grid{3, 4}) || p.Rows.Grids[1] != (Grid{2, 2}) {
		t.Errorf("have %v of %v", y.Float32s(), p.Rows.Grids)
	}
}

// A group norm is its formula, and its adjoint the formula's slope.
func TestGroupNorm(t *testing.T) {
	const c, groups, eps = 6, 3, 1e-3
	b := Sequences(5, 0, 1, 7)
	r := random()
	l := NewGroupNorm(groups, c, eps)
	draw := func(n int) []float32 {
		v := make([]float32, n)
		for i := range v {
			v[i] = float32(r.NormFloat64())
		}
		return v
	}
	x, gamma, beta, cotangent := draw(b.Rows()*c), draw(c), draw(c), draw(b.Rows()*c)
	want := func(x, gamma, beta []float64) ([]float64, float64) {
		y, loss := make([]float64, len(x)), 0.0
		for i := range b.Len() {
			for g := range groups {
				var all []int
				for row := b.Off[i]; row < b.Off[i+1]; row++ {
					for k := range c / groups {
						all = append(all, row*c+g*(c/groups)+k)
					}
				}
				mean, square := 0.0, 0.0
				for _, at := range all {
					mean += x[at] / float64(len(all))
				}
				for _, at := range all {
					square += (x[at] - mean) * (x[at] - mean) / float64(len(all))
				}
				for _, at := range all {
					y[at] = (x[at]-mean)/math.Sqrt(square+eps)*gamma[at%c] + beta[at%c]
					loss += y[at] * float64(cotangent[at])
				}
			}
		}
		return y, loss
	}
	wide := func(v []float32) []float64 {
		w := make([]float64, len(v))
		for i := range v {
			w[i] = float64(v[i])
		}
		return w
	}
	l.Weight.Set(gamma)
	l.Bias.Set(beta)
	p := trained(t, b)
	in := p.Input(x, b.Rows(), c)
	y := l.Forward(p, in).Keep()
	y.Mul(p.Of(cotangent, y.Shape()...)).Sum().Backward()
	ref, _ := want(wide(x), wide(gamma), wide(beta))
	for i, v := range y.Float32s() {
		if math.Abs(float64(v)-ref[i]) > 2e-6 {
			t.Fatalf("element %d is %v, want %v", i, v, ref[i])
		}
	}
	operands := [][]float64{wide(x), wide(gamma), wide(beta)}
	for n, grad := range [][]float32{in.Grad().Float32s(), p.Grad(l.Weight).Float32s(), p.Grad(l.Bias).Float32s()} {
		for i, g := range grad {
			at, h := operands[n][i], 1e-5
			operands[n][i] = at + h
			_, up := want(operands[0], operands[1], operands[2])
			operands[n][i] = at - h
			_, down := want(operands[0], operands[1], operands[2])
			operands[n][i] = at
			if slope := (up - down) / (2 * h); math.Abs(slope-float64(g)) > 1e-4 {
				t.Errorf("gradient %d of operand %d is %v, want %v", i, n, g, slope)
			}
		}
	}
}
