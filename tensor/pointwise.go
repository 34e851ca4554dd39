package tensor

import "github.com/qkvgo/qkv/kernel"

// PointLoss is a loss of single numbers and their targets.
type PointLoss struct {
	name         string
	value, slope func(k *kernel.Set, y, x, t []float32) // of rows; slope by x
}

// Pointwise is the loss of each element of x and its target, [rows, width];
// target has as many elements. Adjoint: x̄ = ȳ ⊙ the loss's slope.
func (x *Tensor) Pointwise(l PointLoss, target []float32) *Tensor {
	if len(target) != x.rows*x.width {
		panic(&Fault{Op: l.name, Shapes: [][]int{x.shape, {len(target)}}, Msg: "there must be one target an element"})
	}
	k := x.scope.Kernels()
	of := func(i int) []float32 { return target[i*x.width : (i+1)*x.width] }
	y := x.like()
	x.eachRow(4, func(lo, hi int) {
		for i := lo; i < hi; i++ {
			l.value(k, y.Row(i), x.Row(i), of(i))
		}
	})
	return x.scope.Record(l.name, y, []*Tensor{x}, []*Tensor{x}, func(g *Tensor) []*Tensor {
		dx := x.like()
		x.eachRow(4, func(lo, hi int) {
			for i := lo; i < hi; i++ {
				l.slope(k, dx.Row(i), x.Row(i), of(i))
				k.Mul(dx.Row(i), dx.Row(i), g.Row(i))
			}
		})
		return []*Tensor{dx}
	})
}

// each is a loss by plain functions of one number.
func each(name string, value, slope func(x, t float32) float32) PointLoss {
	loop := func(f func(x, t float32) float32) func(*kernel.Set, []float32, []float32, []float32) {
		return func(_ *kernel.Set, y, x, t []float32) {
			for j := range y {
				y[j] = f(x[j], t[j])
			}
		}
	}
	return PointLoss{name, loop(value), loop(slope)}
}

func abs(x float32) float32 { return max(x, -x) }

// SquaredError is (x − t)².
func SquaredError() PointLoss {
	return each("SquaredError", func(x, t float32) float32 { return (x - t) * (x - t) },
		func(x, t float32) float32 { return 2 * (x - t) })
}

// AbsoluteError is |x − t|, with slope 0 where they are equal.
func AbsoluteError() PointLoss {
	return each("AbsoluteError", func(x, t float32) float32 { return abs(x - t) }, func(x, t float32) float32 {
		switch {
		case x > t:
			return 1
		case x < t:
			return -1
		}
		return 0
	})
}

// SmoothL1 is (x − t)²/2β where |x − t| < β, and |x − t| − β/2 elsewhere (Girshick
// 2015, eq. 3).
func SmoothL1(beta float32) PointLoss {
	if beta == 0 {
		return AbsoluteError()
	}
	l := Huber(beta)
	return PointLoss{"SmoothL1", func(k *kernel.Set, y, x, t []float32) {
		l.value(k, y, x, t)
		k.Scale(y, y, 1/beta)
	}, func(k *kernel.Set, y, x, t []float32) {
		l.slope(k, y, x, t)
		k.Scale(y, y, 1/beta)
	}}
}

// Huber is (x − t)²/2 where |x − t| < δ, and δ(|x − t| − δ/2) elsewhere (Huber
// 1964, §1).
func Huber(delta float32) PointLoss {
	return each("Huber", func(x, t float32) float32 {
		d := abs(x - t)
		if d < delta {
			return 0.5 * d * d
		}
		return delta * (d - float32(0.5*delta))
	}, func(x, t float32) float32 { return min(max(x-t, -delta), delta) })
}

// Logistic is the binary cross-entropy of σ(x) and t in [0, 1]; positive, [width]
// or nil, is how often a t of 1 counts.
func Logistic(positive []float32) PointLoss {
	weight := func(j int, t float32) float32 {
		if positive == nil {
			return 1
		}
		return 1 + float32((positive[j]-1)*t)
	}
	return PointLoss{"Logistic", func(k *kernel.Set, y, x, t []float32) {
		softening(k, y, x)
		for j, e := range y {
			y[j] = float32((1-t[j])*x[j]) + float32(weight(j, t[j])*(e+max(-x[j], 0)))
		}
	}, func(k *kernel.Set, y, x, t []float32) {
		k.Scale(y, x, -1)
		k.Sigmoid(y, y)
		for j, s := range y {
			y[j] = 1 - t[j] - float32(weight(j, t[j])*s)
		}
	}}
}

// BCE is −t·ln x − (1−t)·ln(1−x) of a probability x, each logarithm -100 at
// least, as PyTorch has it.
func BCE() PointLoss {
	return PointLoss{"BCE", func(k *kernel.Set, y, x, t []float32) {
		rest := make([]float32, len(x))
		for j, v := range x {
			rest[j] = 1 - v
		}
		k.Log(y, x)
		k.Log(rest, rest)
		for j := range y {
			y[j] = -float32(t[j]*max(y[j], -100)) - float32((1-t[j])*max(rest[j], -100))
		}
	}, func(_ *kernel.Set, y, x, t []float32) {
		for j, v := range x {
			y[j] = (v - t[j]) / max((1-v)*v, 1e-12)
		}
	}}
}

// KL is t·(ln t − x) of a logarithm x of a probability and a probability t, 0 for
// a t of 0: summed over a row, how far x is from t (Kullback & Leibler 1951).
func KL() PointLoss {
	return PointLoss{"KL", func(k *kernel.Set, y, x, t []float32) {
		k.Log(y, t)
		for j, log := range y {
			if y[j] = t[j] * (log - x[j]); t[j] == 0 {
				y[j] = 0
			}
		}
	}, func(k *kernel.Set, y, _, t []float32) { k.Scale(y, t, -1) }}
}

// CrossEntropyRows is each row's loss, [rows, 1]: with p = softmax(x),
//
//	(1−ε)·w_t·(−ln p_t) + ε/width · Σ_c w_c·(−ln p_c)
//
// for the row's target t, a share ε of it spread over all classes (Szegedy et al.
// 2016, §7), and weights w of classes, [width], or nil for ones. It is 0 where
// the target is Ignore.
//
// Adjoint: x̄ = ȳ·((1−ε)·w_t·(p − onehot(t)) + ε/width·(p·Σ w − w)).
func (x *Tensor) CrossEntropyRows(targets []int32, smoothing float32, weights []float32) *Tensor {
	s, k := x.scope, x.scope.Kernels()
	if len(targets) != x.rows || weights != nil && len(weights) != x.width {
		panic(&Fault{Op: "CrossEntropyRows", Shapes: [][]int{x.shape, {len(targets)}, {len(weights)}}, Msg: "there must be one target a row and one weight a class"})
	}
	for i, t := range targets {
		if t != Ignore && (t < 0 || int(t) >= x.width) {
			panic(fault("CrossEntropyRows", "target "+itoa(int(t))+" of row "+itoa(i)+" is not a class", x))
		}
	}
	if weights == nil {
		weights = make([]float32, x.width)
		for j := range weights {
			weights[j] = 1
		}
	}
	total, share := k.Sum(weights), smoothing/float32(max(x.width, 1))
	loss, lse := s.New(x.rows, 1), s.New(max(x.rows, 1)).Exact()
	x.eachRow(8, func(lo, hi int) {
		for i := lo; i < hi; i++ {
			t := targets[i]
			if t == Ignore {
				loss.Row(i)[0] = 0
				continue
			}
			log := k.LogSumExp(x.Row(i))
			lse.data[i] = log
			own := float32((1 - smoothing) * weights[t] * (log - x.Row(i)[t]))
			if smoothing != 0 {
				own += float32(share * (float32(total*log) - k.Dot(weights, x.Row(i))))
			}
			loss.Row(i)[0] = own
		}
	})
	return s.Record("CrossEntropyRows", loss, []*Tensor{x}, []*Tensor{x, lse}, func(g *Tensor) []*Tensor {
		dx := x.like()
		x.eachRow(8, func(lo, hi int) {
			for i := lo; i < hi; i++ {
				row, t := dx.Row(i), targets[i]
				if t == Ignore {
					clear(row)
					continue
				}
				own := float32((1 - smoothing) * weights[t])
				k.AddConst(row, x.Row(i), -lse.data[i])
				k.Exp(row, row)
				k.Scale(row, row, own+float32(share*total))
				k.AddScaled(row, weights, -share)
				row[t] -= own
				k.Scale(row, row, g.Row(i)[0])
			}
		})
		return []*Tensor{dx}
	})
}
