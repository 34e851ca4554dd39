package tensor

import "github.com/qkvgo/qkv/kernel"

// Softmax: y_j = exp(x_j)/Σ exp(x_k) along each row. Adjoint:
// x̄ = y ⊙ (ȳ − Σ_j ȳ_j y_j).
func (x *Tensor) Softmax() *Tensor {
	k := x.scope.Kernels()
	return x.unary("Softmax", k.Softmax, k.SoftmaxBack, true)
}

// LogSoftmax: y_j = x_j − ln Σ exp(x_k) along each row. Adjoint:
// x̄ = ȳ − exp(y)·Σ ȳ.
func (x *Tensor) LogSoftmax() *Tensor {
	k := x.scope.Kernels()
	return x.unary("LogSoftmax", func(y, x []float32) {
		k.AddConst(y, x, -k.LogSumExp(x))
	}, func(dx, g, y []float32) {
		k.Exp(dx, y)
		k.Scale(dx, dx, -k.Sum(g))
		k.Add(dx, dx, g)
	}, true)
}

// Ignore is the target that cross-entropy leaves out.
const Ignore = -100

// CrossEntropy is the mean over rows of −ln softmax(x)_target, a scalar, with
// rows whose target is Ignore left out; targets is [rows] of class ids. Where all
// are left out it is NaN, as the reference has it.
//
// Adjoint: x̄ = (softmax(x) − onehot(target))·ȳ/count.
func (x *Tensor) CrossEntropy(targets []int32) *Tensor {
	s, k := x.scope, x.scope.Kernels()
	count := checkTargets("CrossEntropy", x.rows, x.width, targets, x)
	lse := s.New(max(x.rows, 1)).Exact()
	loss, log, own := s.New(), lse.Row(0), make([]float32, x.rows)
	x.eachRow(6, func(lo, hi int) {
		for i := lo; i < hi; i++ {
			if targets[i] != Ignore {
				log[i], own[i] = k.LogSumExp(x.Row(i)), x.Row(i)[targets[i]]
			}
		}
	})
	loss.data[0] = meanLoss(targets, log, own, count)
	return s.Record("CrossEntropy", loss, []*Tensor{x}, []*Tensor{x, lse}, func(g *Tensor) []*Tensor {
		dx, log := x.like(), lse.Row(0)
		c := g.data[0] / float32(count)
		x.eachRow(6, func(lo, hi int) {
			for i := lo; i < hi; i++ {
				crossEntropyBack(k, dx.Row(i), x.Row(i), targets[i], log[i], c)
			}
		})
		return []*Tensor{dx}
	})
}

// checkTargets counts the targets that are not left out.
func checkTargets(op string, rows, classes int, targets []int32, x *Tensor) (count int) {
	if len(targets) != rows {
		panic(&Fault{Op: op, Shapes: [][]int{x.shape, {len(targets)}}, Msg: "there must be one target a row"})
	}
	for i, t := range targets {
		if t == Ignore {
			continue
		}
		if t < 0 || int(t) >= classes {
			panic(fault(op, "target "+itoa(int(t))+" of row "+itoa(i)+" is not a class", x))
		}
		count++
	}
	return count
}

// meanLoss is the mean of lse − own over count rows, ascending, in float64, in which
// the sum over a large batch keeps its digits.
func meanLoss(targets []int32, lse, own []float32, count int) float32 {
	sum := 0.0
	for i, t := range targets {
		if t != Ignore {
			sum += float64(lse[i]) - float64(own[i])
		}
	}
	return float32(sum / float64(count))
}

// crossEntropyBack is a row of CrossEntropy's adjoint, dx = (e^(x−lse) − onehot(t))·c.
func crossEntropyBack(k *kernel.Set, dx, x []float32, t int32, lse, c float32) {
	if t == Ignore {
		clear(dx)
		return
	}
	k.AddConst(dx, x, -lse)
	k.Exp(dx, dx)
	dx[t] -= 1
	k.Scale(dx, dx, c)
}
