package tensor

import "github.com/qkvgo/qkv/kernel"

// ScoredCrossEntropy is CrossEntropy of x·Wᵀ + b and the targets, [rows]; W is
// [classes, width], b [classes] or nil. The scores, [rows, classes], never lie in
// memory whole: each block of rows is multiplied, compared and, with a tape, turned
// into its part of the gradients at once, which Backward then finds made. That needs
// to know the gradient that will reach the loss: the tape's LossGrad. Where Backward
// brings another, the blocks are gone through once more. The bits are those of the
// ops one after the other, whatever the blocks.
func (x *Tensor) ScoredCrossEntropy(w, b *Tensor, targets []int32) *Tensor {
	if w.width != x.width || b != nil && (b.rows != 1 || b.width != w.rows) {
		panic(fault("ScoredCrossEntropy", "the output layer does not fit", x, w, b))
	}
	count := checkTargets("ScoredCrossEntropy", x.rows, w.rows, targets, x)
	s := x.scope
	j := &scoring{x: x, w: w, b: b, targets: targets, count: count, lse: s.New(max(x.rows, 1)).Exact(), own: s.New(max(x.rows, 1)).Exact()}
	j.recorded = s.Tape != nil && !s.Tape.running && (x.needs || w.needs || b.Needs())
	if j.recorded {
		j.grad = s.Tape.LossGrad
		if j.grad == 0 {
			j.grad = 1
		}
	}
	j.run()
	loss := s.New()
	loss.data[0] = meanLoss(targets, j.lse.Row(0), j.own.Row(0), count)
	return s.Record("ScoredCrossEntropy", loss, []*Tensor{x, w, b}, []*Tensor{x, w, b, j.lse, j.own, j.dx, j.dw, j.db}, func(g *Tensor) []*Tensor {
		if g.data[0] != j.grad {
			j.grad = g.data[0]
			j.run()
		}
		return []*Tensor{j.dx, j.dw, j.db}
	})
}

// scoring is one ScoredCrossEntropy at work.
type scoring struct {
	x, w, b    *Tensor
	targets    []int32
	count      int
	recorded   bool
	grad       float32 // of the loss
	lse, own   *Tensor // of each row: the log-sum-exp, and its target's score
	dx, dw, db *Tensor // nil: not wanted, or not yet made
}

// run goes through the blocks; with a tape it leaves the gradients too.
func (j *scoring) run() {
	s, k, classes := j.x.scope, j.x.scope.Kernels(), j.w.rows
	if j.recorded {
		j.make()
	}
	size := scoreRows(j.x.rows, classes)
	room := s.New(min(size, j.x.rows), classes)
	for at := 0; at < j.x.rows; at += size {
		n := min(size, j.x.rows-at)
		x, scores := j.x.Slice(at, at+n), room.Slice(0, n)
		x.multiply(j.w, j.b, scores, true, j.recorded, kernel.Epilogue{})
		lse, own, targets := j.lse.Row(0)[at:at+n], j.own.Row(0)[at:at+n], j.targets[at:at+n]
		scores.eachRow(6, func(lo, hi int) {
			for i := lo; i < hi; i++ {
				if targets[i] != Ignore {
					lse[i], own[i] = k.LogSumExp(scores.Row(i)), scores.Row(i)[targets[i]]
				}
				if j.recorded {
					crossEntropyBack(k, scores.Row(i), scores.Row(i), targets[i], lse[i], j.grad/float32(j.count))
				}
			}
		})
		if j.dx != nil {
			s.gemm(n, j.x.width, classes, scores.View(), j.w.View(), j.dx.Slice(at, at+n), nil)
		}
		if j.dw != nil {
			s.gemmOnto(classes, j.x.width, n, scores.Transposed(), x.View(), j.dw, at > 0)
		}
		if j.db != nil {
			scores.addColumns(j.db)
		}
	}
	s.giveBack(room, "ScoredCrossEntropy")
}

// make takes memory for the gradients that are wanted.
func (j *scoring) make() {
	s := j.x.scope
	grad := func(like *Tensor) *Tensor {
		g := s.New(like.shape...).Exact()
		g.buf.grad = true
		return g
	}
	if j.x.needs {
		j.dx = grad(j.x)
	}
	if j.w.needs {
		if j.dw = grad(j.w); j.x.rows == 0 {
			clear(j.dw.data)
		}
	}
	if j.b.Needs() {
		j.db = grad(j.b)
		clear(j.db.data)
	}
}

// scoreRows is how many rows are scored at a time: few, so that their scores are
// small beside the weights, and enough to make up for reading the weights again.
func scoreRows(rows, classes int) int {
	return max(leastScored, rows/8, scoredAtOnce/max(classes, 1))
}

// How many rows and scores are gone through at a time at least; tests take fewer.
var leastScored, scoredAtOnce = 256, 1 << 23
