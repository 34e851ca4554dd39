package tensor_test

import (
	"slices"
	"testing"

	"github.com/qkvgo/qkv/device/cpu"
	"github.com/qkvgo/qkv/tensor"
)

// compositions are ops put together in the ways that a tape can get wrong:
// operands used twice, views beside their wholes, gradients that are parts of
// other gradients.
var compositions = []op{
	compose("x + x", func(x, _ *tensor.Tensor) *tensor.Tensor { return x.Add(x) },
		func(x, _ mat) mat { return x.each(func(v float64) float64 { return 2 * v }) }),
	compose("x − x", func(x, _ *tensor.Tensor) *tensor.Tensor { return x.Sub(x) },
		func(x, _ mat) mat { return x.each(func(float64) float64 { return 0 }) }),
	compose("x ⊙ x", func(x, _ *tensor.Tensor) *tensor.Tensor { return x.Mul(x) },
		func(x, _ mat) mat { return x.each(func(v float64) float64 { return v * v }) }),
	compose("x·xᵀ", func(x, _ *tensor.Tensor) *tensor.Tensor { return x.MatMulT(x) },
		func(x, _ mat) mat { return x.times(x.transposed()) }),
	compose("x + z + x ⊙ z + x", func(x, z *tensor.Tensor) *tensor.Tensor { return x.Add(z).Add(x.Mul(z)).Add(x) },
		func(x, z mat) mat { return x.with(z, func(x, z float64) float64 { return 2*x + z + x*z }) }),
	compose("a view after its whole", func(x, z *tensor.Tensor) *tensor.Tensor {
		y := x.Mul(z)
		return tensor.Concat(y, y.Cols(1, 3), y.Cols(2, 4))
	}, func(x, z mat) mat {
		y := x.with(z, product)
		return beside(y, y.window(0, y.rows, 1, 3), y.window(0, y.rows, 2, 4))
	}),
	compose("a view before its whole", func(x, z *tensor.Tensor) *tensor.Tensor {
		y := x.Mul(z)
		return tensor.Concat(y.Cols(0, 2), y)
	}, func(x, z mat) mat {
		y := x.with(z, product)
		return beside(y.window(0, y.rows, 0, 2), y)
	}),
	compose("a view of a view", func(x, z *tensor.Tensor) *tensor.Tensor {
		return x.Slice(1, 4).Cols(1, 4).Mul(z.Cols(2, 5).Slice(0, 3)).Add(x.Cols(1, 4).Slice(1, 4))
	}, func(x, z mat) mat {
		part := x.window(1, 4, 1, 4)
		return part.with(z.window(0, 3, 2, 5), product).with(part, sum)
	}),
	compose("a reshaped value and itself", func(x, z *tensor.Tensor) *tensor.Tensor {
		y := x.Add(z)
		return y.Reshape(10, 2).Scale(3).Reshape(4, 5).Add(y)
	}, func(x, z mat) mat { return x.with(z, sum).each(func(v float64) float64 { return 4 * v }) }),
	compose("a stack within a concat", func(x, z *tensor.Tensor) *tensor.Tensor {
		return tensor.Concat(tensor.Stack(x, z), tensor.Stack(z, z))
	}, func(x, z mat) mat { return beside(below([]mat{x, z}), below([]mat{z, z})) }),
	compose("a concat within a reshape", func(x, z *tensor.Tensor) *tensor.Tensor {
		return tensor.Concat(x, z).Reshape(10, 4).GELU().Slice(1, 8)
	}, func(x, z mat) mat {
		return mat{10, 4, beside(x, z).v}.each(gelu).window(1, 8, 0, 4)
	}),
	compose("columns of a gradient, then more", func(x, z *tensor.Tensor) *tensor.Tensor {
		y := x.Mul(x)
		return tensor.Concat(y, z).Cols(0, 5).Add(y.Mul(z)).Add(y.Reshape(2, 10).Reshape(4, 5))
	}, func(x, z mat) mat {
		y := x.with(x, product)
		return y.with(y.with(z, product), sum).with(y, sum)
	}),
	compose("a view of what was set beside a constant", func(x, z *tensor.Tensor) *tensor.Tensor {
		y := x.Mul(z)
		part := y.Slice(1, 4).GELU()
		return tensor.Concat(tensor.Concat(y, y.Scope().Zeros(4, 3)).Slice(1, 4), part)
	}, func(x, z mat) mat {
		y := x.with(z, product).window(1, 4, 0, 5)
		return beside(y, newMat(3, 3), y.each(gelu))
	}),
	compose("layers", func(x, z *tensor.Tensor) *tensor.Tensor {
		for range 3 {
			n := x.LayerNorm(z.Slice(0, 1), z.Slice(1, 2), 0.1)
			x = x.Add(n.Linear(tensor.Stack(z, z.Slice(2, 3)), z.Slice(3, 4), tensor.GELU).Scale(0.5))
		}
		return x
	}, func(x, z mat) mat {
		w := below([]mat{z, z.window(2, 3, 0, 5)}).transposed()
		for range 3 {
			n := normalized(x, true, float64(float32(0.1))).with(z.window(0, 1, 0, 5), product).with(z.window(1, 2, 0, 5), sum)
			y := n.times(w).with(z.window(3, 4, 0, 5), sum).each(gelu)
			x = x.with(y, func(x, y float64) float64 { return x + y/2 })
		}
		return x
	}),
}

// compose is a composition of two operands of 4 rows of 5.
func compose(name string, f func(x, z *tensor.Tensor) *tensor.Tensor, ref func(x, z mat) mat) op {
	return op{name: name, relative: 16, absolute: 64, slope: 1024, draw: func(d draw) call {
		return call{[]mat{d.normal(4, 5), d.normal(4, 5)}, func(x []*tensor.Tensor) *tensor.Tensor { return f(x[0], x[1]) },
			func(x []mat) mat { return ref(x[0], x[1]) }}
	}}
}

func product(x, z float64) float64 { return x * z }

func sum(x, z float64) float64 { return x + z }

func beside(x ...mat) mat {
	t := make([]mat, len(x))
	for i := range x {
		t[i] = x[i].transposed()
	}
	return below(t).transposed()
}

// Gradients add up over uses, views and layers.
func TestCompositions(t *testing.T) {
	dev := cpu.New(cpu.Options{Threads: 2})
	defer dev.Close()
	for n, o := range compositions {
		t.Run(o.name, func(t *testing.T) {
			for trial := range uint64(8) {
				d := newDraw(uint64(n)<<32|trial, false)
				c := o.draw(d)
				s := tensor.NewScope(dev, &tensor.Tape{Recompute: trial%4 == 1})
				x, values := make([]operand, 2), make([]*tensor.Tensor, 2)
				for i, m := range c.in {
					if trial%2 == 0 { // leaves as they are
						values[i] = s.Input(m.float32s(), m.rows, m.width)
						x[i] = operand{values[i], values[i], true, func(i, j int) int { return i*m.width + j }}
					} else { // values of this tape
						x[i] = lay(d, s, m, true)
						values[i] = x[i].view.Scale(1)
					}
				}
				y := c.op(values)
				want := c.ref(c.in)
				for i, have := range y.Float32s() {
					if !within(float64(have), want.v[i], unit*(o.relative*want.v[i]*want.v[i]+o.absolute)) {
						t.Fatalf("element %d: have %v, want %v", i, have, want.v[i])
					}
				}
				if trial%4 < 2 {
					s.Mark("the end of the layer", y)
				}
				cotangent := d.normal(want.rows, want.width)
				y.Mul(s.Of(cotangent.float32s(), y.Shape()...)).Sum().Backward()
				for k := range x {
					x[k].check(t, d, o, c, k, cotangent)
				}
				s.Close()
			}
		})
	}
}

// The gradients of two leaves that were added are two pieces of memory: a
// trainer may scale each in place.
func TestLeavesOwnTheirGradients(t *testing.T) {
	dev := cpu.New(cpu.Options{Threads: 1})
	defer dev.Close()
	s := tensor.NewScope(dev, new(tensor.Tape))
	defer s.Close()
	a, b := s.Input([]float32{1, 2, 3, 4}, 1, 2, 2), s.Input([]float32{5, 6, 7, 8}, 2, 2)
	loss := a.Add(b).Sum()
	loss.Backward()
	a.Grad().Data()[0] = 9
	if g := b.Grad().Data()[0]; g != 1 {
		t.Errorf("have %v, want 1", g)
	}
	if n := len(a.Grad().Shape()); n != 3 {
		t.Errorf("gradient has %d axes, want 3", n)
	}
	if loss.Scalar() != 36 {
		t.Errorf("loss is %v after Backward, want 36", loss.Scalar())
	}
}

// An adjoint may use ops on values that want gradients themselves; they are
// not recorded.
func TestAdjointsAreNotRecorded(t *testing.T) {
	dev := cpu.New(cpu.Options{Threads: 1})
	defer dev.Close()
	s := tensor.NewScope(dev, new(tensor.Tape))
	defer s.Close()
	x := s.Input([]float32{1, 2, 3}, 3)
	cube := s.Record("cube", s.Of([]float32{1, 8, 27}, 3), []*tensor.Tensor{x}, nil, func(g *tensor.Tensor) []*tensor.Tensor {
		slope := x.Mul(x).Scale(3)
		if slope.Needs() {
			t.Error("the adjoint was recorded")
		}
		return []*tensor.Tensor{slope.Mul(g)}
	})
	cube.Sum().Backward()
	if g := x.Grad().Float32s(); !slices.Equal(g, []float32{3, 12, 27}) {
		t.Errorf("have %v, want 3x²", g)
	}
}

// A result without leaves that want a gradient leaves no gradients.
func TestBackwardFromConstant(t *testing.T) {
	dev := cpu.New(cpu.Options{Threads: 1})
	defer dev.Close()
	s := tensor.NewScope(dev, new(tensor.Tape))
	defer s.Close()
	x := s.Of([]float32{1, 2}, 2)
	y := x.Sum()
	y.Backward()
	if x.Grad() != nil || y.Grad() != nil {
		t.Error("a constant has a gradient")
	}
}
