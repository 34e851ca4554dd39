package tensor

import "github.com/qkvgo/qkv/kernel"

// MSE is the mean of (x − target)², a scalar; target has as many elements.
// Adjoint: x̄ = 2(x − target)·ȳ/n.
func (x *Tensor) MSE(target []float32) *Tensor {
	k := x.scope.Kernels()
	return x.pointwiseLoss("MSE", target, func(y, x, t []float32) {
		k.Sub(y, x, t)
		k.Mul(y, y, y)
	}, func(dx, x, t []float32) {
		k.Sub(dx, x, t)
		k.Scale(dx, dx, 2)
	})
}

// L1 is the mean of |x − target|, a scalar. Adjoint: x̄ = sign(x − target)·ȳ/n.
func (x *Tensor) L1(target []float32) *Tensor {
	return x.pointwiseLoss("L1", target, func(y, x, t []float32) {
		for j := range y {
			y[j] = max(x[j]-t[j], t[j]-x[j])
		}
	}, func(dx, x, t []float32) {
		for j := range dx {
			switch {
			case x[j] > t[j]:
				dx[j] = 1
			case x[j] < t[j]:
				dx[j] = -1
			default:
				dx[j] = 0
			}
		}
	})
}

// BCEWithLogits is the mean of the binary cross-entropy of σ(x) and the targets
// in [0, 1], a scalar: of max(x, 0) − x·target + ln(1 + exp(−|x|)), which no x
// overflows. Adjoint: x̄ = (σ(x) − target)·ȳ/n.
func (x *Tensor) BCEWithLogits(target []float32) *Tensor {
	k := x.scope.Kernels()
	return x.pointwiseLoss("BCEWithLogits", target, func(y, x, t []float32) {
		softening(k, y, x)
		for j, e := range y {
			y[j] = max(x[j], 0) - float32(x[j]*t[j]) + e
		}
	}, func(dx, x, t []float32) {
		k.Sigmoid(dx, x)
		k.Sub(dx, dx, t)
	})
}

// softening is y = ln(1 + exp(−|x|)), what the logistic function's logarithm has
// beside a kink.
func softening(k *kernel.Set, y, x []float32) {
	for j, v := range x {
		y[j] = min(v, -v)
	}
	k.Exp(y, y)
	// ln(1+e) by ln(w)·e/(w−1) with w the rounded 1+e: the error of w
	// cancels (Goldberg 1991, theorem 4).
	log := make([]float32, len(y))
	k.AddConst(log, y, 1)
	k.Log(log, log)
	for j, e := range y {
		if w := 1 + e; w > 1 {
			y[j] = float32(log[j] * (e / (w - 1)))
		}
	}
}

// pointwiseLoss is the mean of f over elements and their targets, added up in
// float64 in their order; slope is f's derivative by x. Both work on rows.
func (x *Tensor) pointwiseLoss(op string, target []float32, f, slope func(y, x, t []float32)) *Tensor {
	n := x.rows * x.width
	if len(target) != n {
		panic(&Fault{Op: op, Shapes: [][]int{x.shape, {len(target)}}, Msg: "there must be one target an element"})
	}
	of := func(i int) []float32 { return target[i*x.width : (i+1)*x.width] }
	loss, each, sum := x.scope.New(), x.like(), 0.0
	x.eachRow(4, func(lo, hi int) {
		for i := lo; i < hi; i++ {
			f(each.Row(i), x.Row(i), of(i))
		}
	})
	for _, v := range each.data {
		sum += float64(v)
	}
	loss.data[0] = float32(sum / float64(n))
	return x.scope.Record(op, loss, []*Tensor{x}, []*Tensor{x}, func(g *Tensor) []*Tensor {
		dx, c := x.like(), g.data[0]/float32(n)
		scale := x.scope.Kernels().Scale
		x.eachRow(4, func(lo, hi int) {
			for i := lo; i < hi; i++ {
				slope(dx.Row(i), x.Row(i), of(i))
				scale(dx.Row(i), dx.Row(i), c)
			}
		})
		return []*Tensor{dx}
	})
}
