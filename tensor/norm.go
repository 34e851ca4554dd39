package tensor

// LayerNorm: y = (x − μ)/√(σ² + ε) ⊙ γ + β along each row (Ba et al. 2016);
// γ and β are [width] or nil. Adjoint, with x̂ the normalized row and
// h = ȳ ⊙ γ: x̄ = (h − mean h − x̂·mean(h ⊙ x̂))/√(σ² + ε), γ̄ = Σ ȳ ⊙ x̂,
// β̄ = Σ ȳ, rows ascending.
func (x *Tensor) LayerNorm(gamma, beta *Tensor, eps float32) *Tensor {
	checkNorm("LayerNorm", x, gamma, beta)
	s, k := x.scope, x.scope.Kernels()
	y, stats := x.like(), s.New(2, max(x.rows, 1)).Exact()
	s.Compute(true, func() {
		g, b := rowOf(gamma), rowOf(beta)
		mean, rstd := stats.Row(0), stats.Row(1)
		x.eachRow(6, func(lo, hi int) {
			for i := lo; i < hi; i++ {
				mean[i], rstd[i] = k.LayerNorm(y.Row(i), x.Row(i), g, b, eps)
			}
		})
	}, []*Tensor{y}, x, gamma, beta, stats)
	return s.Record("LayerNorm", y, []*Tensor{x, gamma, beta}, []*Tensor{x, gamma, stats}, func(dy *Tensor) []*Tensor {
		return normBack(x, dy, gamma, beta, stats.Row(0), stats.Row(1), func(dx, g, row []float32, i int) {
			k.LayerNormBack(dx, g, row, rowOf(gamma), stats.Row(0)[i], stats.Row(1)[i])
		})
	})
}

// RMSNorm: y = x/√(mean x² + ε) ⊙ γ along each row (Zhang & Sennrich 2019,
// eq. 4); γ is [width] or nil.
func (x *Tensor) RMSNorm(gamma *Tensor, eps float32) *Tensor {
	checkNorm("RMSNorm", x, gamma, nil)
	s, k := x.scope, x.scope.Kernels()
	y, stats := x.like(), s.New(max(x.rows, 1)).Exact()
	s.Compute(true, func() {
		g, rstd := rowOf(gamma), stats.Row(0)
		x.eachRow(5, func(lo, hi int) {
			for i := lo; i < hi; i++ {
				rstd[i] = k.RMSNorm(y.Row(i), x.Row(i), g, eps)
			}
		})
	}, []*Tensor{y}, x, gamma, stats)
	return s.Record("RMSNorm", y, []*Tensor{x, gamma}, []*Tensor{x, gamma, stats}, func(dy *Tensor) []*Tensor {
		return normBack(x, dy, gamma, nil, nil, stats.Row(0), func(dx, g, row []float32, i int) {
			k.RMSNormBack(dx, g, row, rowOf(gamma), stats.Row(0)[i])
		})[:2]
	})
}

// normBack is the adjoint shared by the norms: back for each row of x, then the
// sums over rows for γ and β, split over columns. mean nil stands for zero.
func normBack(x, dy, gamma, beta *Tensor, mean, rstd []float32, back func(dx, g, row []float32, i int)) []*Tensor {
	var dx, dgamma, dbeta *Tensor
	if x.needs {
		dx = x.like()
		x.eachRow(8, func(lo, hi int) {
			for i := lo; i < hi; i++ {
				back(dx.Row(i), dy.Row(i), x.Row(i), i)
			}
		})
	}
	if gamma.Needs() || beta.Needs() {
		var dg, db []float32
		if gamma.Needs() {
			dgamma = x.scope.Zeros(gamma.shape...)
			dg = dgamma.Row(0)
		}
		if beta.Needs() {
			dbeta = x.scope.Zeros(beta.shape...)
			db = dbeta.Row(0)
		}
		grad := x.scope.Kernels().NormGrad
		x.scope.Device.Parallel(x.width, 256, func(lo, hi int, _ *workspace) {
			part := func(v []float32) []float32 {
				if v == nil {
					return nil
				}
				return v[lo:hi]
			}
			for i := range x.rows {
				m := float32(0)
				if mean != nil {
					m = mean[i]
				}
				grad(part(dg), part(db), dy.Row(i)[lo:hi], x.Row(i)[lo:hi], m, rstd[i])
			}
		})
	}
	return []*Tensor{dx, dgamma, dbeta}
}

func checkNorm(op string, x, gamma, beta *Tensor) {
	for _, w := range []*Tensor{gamma, beta} {
		if w != nil && (w.rows != 1 || w.width != x.width) {
			panic(fault(op, "the scale or shift is not as wide as the rows", x, w))
		}
	}
}

// rowOf is the only row of a vector, or nil.
func rowOf(x *Tensor) []float32 {
	if x == nil {
		return nil
	}
	return x.Row(0)
}
