package tensor

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
	if len(targets) != x.rows {
		panic(&Fault{Op: "CrossEntropy", Shapes: [][]int{x.shape, {len(targets)}}, Msg: "there must be one target a row"})
	}
	s, k := x.scope, x.scope.Kernels()
	lse := s.New(max(x.rows, 1)).Exact()
	loss, count := s.New(), 0
	for i, t := range targets {
		if t == Ignore {
			continue
		}
		if t < 0 || int(t) >= x.width {
			panic(fault("CrossEntropy", "target "+itoa(int(t))+" of row "+itoa(i)+" is not a class", x))
		}
		count++
	}
	log := lse.Row(0)
	x.eachRow(6, func(lo, hi int) {
		for i := lo; i < hi; i++ {
			if targets[i] != Ignore {
				log[i] = k.LogSumExp(x.Row(i))
			}
		}
	})
	sum := 0.0 // float64: the sum over a large batch keeps its digits; rows ascending
	for i, t := range targets {
		if t != Ignore {
			sum += float64(log[i]) - float64(x.Row(i)[t])
		}
	}
	loss.data[0] = float32(sum / float64(count))
	return s.Record("CrossEntropy", loss, []*Tensor{x}, []*Tensor{x, lse}, func(g *Tensor) []*Tensor {
		dx, log := x.like(), lse.Row(0)
		c := g.data[0] / float32(count)
		x.eachRow(6, func(lo, hi int) {
			for i := lo; i < hi; i++ {
				row := dx.Row(i)
				if targets[i] == Ignore {
					clear(row)
					continue
				}
				k.AddConst(row, x.Row(i), -log[i])
				k.Exp(row, row)
				row[targets[i]] -= 1
				k.Scale(row, row, c)
			}
		})
		return []*Tensor{dx}
	})
}
