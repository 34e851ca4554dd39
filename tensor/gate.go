package tensor

import "github.com/qkvgo/qkv/kernel"

// Gate: y = act(x) ⊙ z, the heart of a gated MLP (Shazeer 2020, eq. 5), row by row
// in one pass over memory. Adjoint, in one pass too: x̄ = (ȳ ⊙ z) ⊙ act'(x),
// z̄ = ȳ ⊙ act(x). The bits are those of the two ops one after the other.
func (x *Tensor) Gate(z *Tensor, act Activation) *Tensor {
	same("Gate", x, z)
	s, k, f := x.scope, x.scope.Kernels(), act.must()
	slope := slopeFrom(k, f.fused)
	if slope == nil {
		return f.apply(x).Mul(z)
	}
	y := x.like()
	s.Compute(x.needs && z.needs, func() {
		x.eachRow(9, func(lo, hi int) {
			for i := lo; i < hi; i++ {
				k.Activate(f.fused, y.Row(i), x.Row(i))
				k.Mul(y.Row(i), y.Row(i), z.Row(i))
			}
		})
	}, []*Tensor{y}, x, z)
	return s.Record("Gate", y, []*Tensor{x, z}, []*Tensor{x, only(x.needs, z)}, func(g *Tensor) []*Tensor {
		var dx, dz *Tensor
		if x.needs {
			dx = g.like()
		}
		if z.needs {
			dz = g.like()
		}
		g.eachRow(18, func(lo, hi int) {
			for i := lo; i < hi; i++ {
				if dz != nil {
					k.Activate(f.fused, dz.Row(i), x.Row(i))
					k.Mul(dz.Row(i), g.Row(i), dz.Row(i))
				}
				if dx != nil {
					k.Mul(dx.Row(i), g.Row(i), z.Row(i))
					slope(dx.Row(i), dx.Row(i), x.Row(i))
				}
			}
		})
		return []*Tensor{dx, dz}
	})
}

// slopeFrom is the adjoint of an activation, dx = g·f'(x), nil where that is not
// read off x.
func slopeFrom(k *kernel.Set, a kernel.Activation) func(dx, g, x []float32) {
	switch a {
	case kernel.ReLU:
		return k.ReLUBack
	case kernel.GELU:
		return k.GELUBack
	case kernel.GELUTanh:
		return k.GELUTanhBack
	case kernel.GELUQuick:
		return k.GELUQuickBack
	case kernel.SiLU:
		return k.SiLUBack
	}
	return nil
}
