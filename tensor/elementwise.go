package tensor

import "github.com/qkvgo/qkv/kernel"

// Add: y = x + z. Adjoint: x̄ = ȳ, z̄ = ȳ.
func (x *Tensor) Add(z *Tensor) *Tensor {
	same("Add", x, z)
	y := x.like()
	x.scope.Compute(false, func() { x.zip(y, z, x.scope.Kernels().Add) }, []*Tensor{y}, x, z)
	return x.scope.Record("Add", y, []*Tensor{x, z}, nil, func(g *Tensor) []*Tensor { return []*Tensor{g, g} })
}

// Sub: y = x − z. Adjoint: x̄ = ȳ, z̄ = −ȳ.
func (x *Tensor) Sub(z *Tensor) *Tensor {
	same("Sub", x, z)
	y := x.like()
	x.scope.Compute(false, func() { x.zip(y, z, x.scope.Kernels().Sub) }, []*Tensor{y}, x, z)
	return x.scope.Record("Sub", y, []*Tensor{x, z}, nil, func(g *Tensor) []*Tensor {
		var dz *Tensor
		if z.needs {
			dz = g.scaled(-1)
		}
		return []*Tensor{g, dz}
	})
}

// Mul: y = x ⊙ z. Adjoint: x̄ = ȳ ⊙ z, z̄ = ȳ ⊙ x.
func (x *Tensor) Mul(z *Tensor) *Tensor {
	same("Mul", x, z)
	y := x.like()
	mul := x.scope.Kernels().Mul
	x.scope.Compute(x.needs && z.needs, func() { x.zip(y, z, mul) }, []*Tensor{y}, x, z)
	return x.scope.Record("Mul", y, []*Tensor{x, z}, []*Tensor{only(z.needs, x), only(x.needs, z)}, func(g *Tensor) []*Tensor {
		var dx, dz *Tensor
		if x.needs {
			dx = g.like()
			g.zip(dx, z, mul)
		}
		if z.needs {
			dz = g.like()
			g.zip(dz, x, mul)
		}
		return []*Tensor{dx, dz}
	})
}

// Scale: y = c·x. Adjoint: x̄ = c·ȳ.
func (x *Tensor) Scale(c float32) *Tensor {
	return x.scope.Record("Scale", x.scaled(c), []*Tensor{x}, nil, func(g *Tensor) []*Tensor { return []*Tensor{g.scaled(c)} })
}

func (x *Tensor) scaled(c float32) *Tensor {
	y := x.like()
	scale := x.scope.Kernels().Scale
	x.scope.Compute(false, func() {
		x.eachRow(1, func(lo, hi int) {
			for i := lo; i < hi; i++ {
				scale(y.Row(i), x.Row(i), c)
			}
		})
	}, []*Tensor{y}, x)
	return y
}

// AddRow: y_i = x_i + b for every row i; b is [width]. Adjoint: x̄ = ȳ,
// b̄ = Σ_i ȳ_i, rows ascending.
func (x *Tensor) AddRow(b *Tensor) *Tensor {
	if b.rows != 1 || b.width != x.width {
		panic(fault("AddRow", "the second must be one row as wide as the first", x, b))
	}
	y := x.like()
	add := x.scope.Kernels().Add
	x.scope.Compute(false, func() {
		row := b.Row(0)
		x.eachRow(1, func(lo, hi int) {
			for i := lo; i < hi; i++ {
				add(y.Row(i), x.Row(i), row)
			}
		})
	}, []*Tensor{y}, x, b)
	return x.scope.Record("AddRow", y, []*Tensor{x, b}, nil, func(g *Tensor) []*Tensor {
		return []*Tensor{g, g.columnSums(b)}
	})
}

// columnSums is Σ_i g_i in the shape of like, rows ascending, or nil where like
// wants no gradient.
func (g *Tensor) columnSums(like *Tensor) *Tensor {
	if !like.Needs() {
		return nil
	}
	sum := g.scope.Zeros(like.shape...)
	g.addColumns(sum)
	return sum
}

// addColumns adds the rows of g, ascending, to those of sum.
func (g *Tensor) addColumns(sum *Tensor) {
	add := g.scope.Kernels().Add
	out := sum.Data()
	const piece = 256 // columns: outputs are split, the sum is not
	g.scope.Device.Parallel(g.width, piece, func(lo, hi int, _ *workspace) {
		for i := range g.rows {
			add(out[lo:hi], out[lo:hi], g.Row(i)[lo:hi])
		}
	})
}

// A unary op and its adjoint, which reads x or y.
func (x *Tensor) unary(op string, f func(y, x []float32), back func(dx, g, at []float32), fromY bool) *Tensor {
	y := x.like()
	x.scope.Compute(!fromY, func() {
		x.eachRow(8, func(lo, hi int) {
			for i := lo; i < hi; i++ {
				f(y.Row(i), x.Row(i))
			}
		})
	}, []*Tensor{y}, x)
	at := x
	if fromY {
		at = y
	}
	return x.scope.Record(op, y, []*Tensor{x}, []*Tensor{at}, func(g *Tensor) []*Tensor {
		dx := g.like()
		g.eachRow(8, func(lo, hi int) {
			for i := lo; i < hi; i++ {
				back(dx.Row(i), g.Row(i), at.Row(i))
			}
		})
		return []*Tensor{dx}
	})
}

// ReLU: y = max(x, 0). Adjoint: x̄ = ȳ where x > 0.
func (x *Tensor) ReLU() *Tensor {
	k := x.scope.Kernels()
	return x.unary("ReLU", k.ReLU, k.ReLUBack, false)
}

// GELU: y = x·Φ(x), with the exact normal distribution (Hendrycks & Gimpel
// 2016, eq. 1). Adjoint: x̄ = ȳ·(Φ(x) + x·φ(x)).
func (x *Tensor) GELU() *Tensor {
	k := x.scope.Kernels()
	return x.unary("GELU", k.GELU, k.GELUBack, false)
}

// GELUTanh: GELU by its tanh approximation (the same, section 2), which GPT-2's
// checkpoints call gelu_new.
func (x *Tensor) GELUTanh() *Tensor {
	k := x.scope.Kernels()
	return x.unary("GELUTanh", k.GELUTanh, k.GELUTanhBack, false)
}

// GELUQuick: y = x·σ(1.702·x) (the same, section 2).
func (x *Tensor) GELUQuick() *Tensor {
	k := x.scope.Kernels()
	return x.unary("GELUQuick", k.GELUQuick, k.GELUQuickBack, false)
}

// SiLU: y = x·σ(x), also named swish.
func (x *Tensor) SiLU() *Tensor {
	k := x.scope.Kernels()
	return x.unary("SiLU", k.SiLU, k.SiLUBack, false)
}

// Tanh: y = tanh x. Adjoint: x̄ = ȳ·(1 − y²).
func (x *Tensor) Tanh() *Tensor {
	k := x.scope.Kernels()
	return x.unary("Tanh", k.Tanh, k.TanhBack, true)
}

// Sigmoid: y = 1/(1+exp(−x)). Adjoint: x̄ = ȳ·y·(1 − y).
func (x *Tensor) Sigmoid() *Tensor {
	k := x.scope.Kernels()
	return x.unary("Sigmoid", k.Sigmoid, k.SigmoidBack, true)
}

// LeakyReLU: y = x where x > 0, slope·x elsewhere (Maas et al. 2013). Adjoint:
// ȳ, by slope where x ≤ 0.
func (x *Tensor) LeakyReLU(slope float32) *Tensor {
	bend := func(y, v, at []float32) {
		for i := range y {
			y[i] = v[i]
			if at[i] <= 0 {
				y[i] *= slope
			}
		}
	}
	return x.unary("LeakyReLU", func(y, x []float32) { bend(y, x, x) }, bend, false)
}

// Clamp: y = min(max(x, lo), hi). Adjoint: x̄ = ȳ where lo < x < hi.
func (x *Tensor) Clamp(lo, hi float32) *Tensor {
	return x.unary("Clamp", func(y, x []float32) {
		for i, v := range x {
			y[i] = min(max(v, lo), hi)
		}
	}, func(dx, g, x []float32) {
		for i, v := range x {
			dx[i] = 0
			if lo < v && v < hi {
				dx[i] = g[i]
			}
		}
	}, false)
}

// Mish: y = x·tanh(ln(1 + exp x)) (Misra 2019, eq. 1). With e = exp(−|x|) and n
// its sum 1 + 2e, or e² + 2e where x < 0, the tanh is n/(n + 2e²), or n/(n + 2):
// no power overflows and no digit cancels. Adjoint, with that t: x̄ = ȳ·(t +
// x·σ(x)·(1 − t²)).
func (x *Tensor) Mish() *Tensor {
	k := x.scope.Kernels()
	gate := func(t, x []float32) {
		for i, v := range x {
			t[i] = min(v, -v)
		}
		k.Exp(t, t)
		for i, e := range t {
			square := float32(e * e)
			if x[i] >= 0 {
				n := 1 + 2*e
				t[i] = n / (n + 2*square)
			} else {
				n := square + 2*e
				t[i] = n / (n + 2)
			}
		}
	}
	return x.unary("Mish", func(y, x []float32) {
		gate(y, x)
		k.Mul(y, y, x)
	}, func(dx, g, x []float32) {
		t, slope := make([]float32, len(x)), make([]float32, len(x))
		gate(t, x)
		k.Sigmoid(slope, x)
		k.Mul(slope, slope, x)
		for i, v := range t {
			dx[i] = float32(g[i] * kernel.FMA(slope[i], kernel.FMA(-v, v, 1), v))
		}
	}, false)
}

// Exp: y = exp x. Adjoint: x̄ = ȳ·y.
func (x *Tensor) Exp() *Tensor {
	k := x.scope.Kernels()
	return x.unary("Exp", k.Exp, k.Mul, true)
}

// Log: y = ln x. Adjoint: x̄ = ȳ/x.
func (x *Tensor) Log() *Tensor {
	k := x.scope.Kernels()
	return x.unary("Log", k.Log, k.Div, false)
}

// zip sets y = f(x, z), row by row.
func (x *Tensor) zip(y, z *Tensor, f func(y, x, z []float32)) {
	if x.contiguous() && y.contiguous() && z.contiguous() {
		a, b, c := x.Data(), z.Data(), y.Data()
		x.scope.Device.Parallel(len(a), 1<<14, func(lo, hi int, _ *workspace) { f(c[lo:hi], a[lo:hi], b[lo:hi]) })
		return
	}
	x.eachRow(1, func(lo, hi int) {
		for i := lo; i < hi; i++ {
			f(y.Row(i), x.Row(i), z.Row(i))
		}
	})
}

// Dropout sets each element to zero with probability rate and scales the others
// by 1/(1−rate). Which ones falls to seed, site and the element's index alone,
// so threads change nothing. Adjoint: the same for ȳ.
func (x *Tensor) Dropout(rate float32, seed, site uint64) *Tensor {
	if rate <= 0 {
		return x
	}
	return x.scope.Record("Dropout", x.dropped(rate, seed, site), []*Tensor{x}, nil, func(g *Tensor) []*Tensor {
		return []*Tensor{g.dropped(rate, seed, site)}
	})
}

func (x *Tensor) dropped(rate float32, seed, site uint64) *Tensor {
	y := x.like()
	drop := x.scope.Kernels().Dropout
	x.scope.Compute(false, func() {
		x.eachRow(16, func(lo, hi int) {
			for i := lo; i < hi; i++ {
				drop(y.Row(i), x.Row(i), rate, seed, site, uint64(i*x.width))
			}
		})
	}, []*Tensor{y}, x)
	return y
}
