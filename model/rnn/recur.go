package rnn

import (
	"cmp"
	"slices"

	"github.com/qkvgo/qkv/kernel"
	"github.com/qkvgo/qkv/nn"
	"github.com/qkvgo/qkv/tensor"
)

// walk is the order in which rows are read: step t of all sequences that have one,
// the longest first, so that those still alive are always the first ones.
type walk struct {
	sequences []int // by length, longest first
	at        []int // step t has places at[t]:at[t+1]
	rows      []int // the row of each place
}

func newWalk(b nn.Batch, reverse bool) *walk {
	w := &walk{at: []int{0}}
	length := func(i int) int { return b.Off[i+1] - b.Off[i] }
	for i := range b.Len() {
		w.sequences = append(w.sequences, i)
	}
	slices.SortStableFunc(w.sequences, func(i, j int) int { return cmp.Compare(length(j), length(i)) })
	for t := 0; len(w.rows) < b.Rows(); t++ {
		for _, i := range w.sequences {
			switch {
			case length(i) <= t:
			case reverse:
				w.rows = append(w.rows, b.Off[i+1]-1-t)
			default:
				w.rows = append(w.rows, b.Off[i]+t)
			}
		}
		w.at = append(w.at, len(w.rows))
	}
	return w
}

// steps is the length of the longest sequence.
func (w *walk) steps() int { return len(w.at) - 1 }

// alive is how many sequences have a step t.
func (w *walk) alive(t int) int {
	if t >= w.steps() {
		return 0
	}
	return w.at[t+1] - w.at[t]
}

// recur is the recurrence over u, [rows, gates·hidden], what the input says: the
// state after each row, [rows, hidden], with the LSTM's cells beside it,
// [rows, 2·hidden]. It is one op, whose adjoint goes back through time.
func (d *Direction) recur(p *nn.Pass, u *tensor.Tensor, first State) *tensor.Tensor {
	c, n := d.cell.must(), d.hidden
	weight, bias := p.Use(d.WeightHH), p.Use(d.BiasHH)
	width := n
	if c.cells {
		width = 2 * n
	}
	r := &recurrence{cell: c, n: n, walk: newWalk(p.Rows, d.reverse), weight: weight, first: first,
		states: p.New(p.Rows.Rows(), width), last: p.New(p.Rows.Rows(), n)}
	if c.inPlace {
		r.saved = u.Overwritten()
	} else {
		r.saved = p.New(p.Rows.Rows(), max(c.saved*n, 1))
	}
	r.forward(p.Scope, u, bias)
	return p.Record("recur", r.states, []*tensor.Tensor{u, weight, bias, first.H, first.C},
		[]*tensor.Tensor{r.states, r.last, r.saved, weight, first.C}, func(g *tensor.Tensor) []*tensor.Tensor {
			return r.backward(p.Scope, g, u, bias)
		})
}

// recurrence is one run over a batch.
type recurrence struct {
	cell   cell
	n      int // width of a state
	walk   *walk
	weight *tensor.Tensor // [gates·n, n]
	first  State
	states *tensor.Tensor // [rows, n or 2n], in the order of rows
	last   *tensor.Tensor // [rows, n], the hidden state before each place, in the order of the walk
	saved  *tensor.Tensor // what the cell keeps of each row
}

// products is a scope for the product of each step, and the weight in it.
func (r *recurrence) products(s *tensor.Scope) (*tensor.Scope, *tensor.Tensor) {
	steps := tensor.NewScope(s.Device, nil)
	if !r.weight.Needs() {
		return steps, r.weight
	}
	return steps, steps.Weight(r.weight.Data(), new(tensor.Panels), false, r.weight.Shape()...)
}

// before is what the cell is told of the last state at step t of the walk's sequence
// j: its cells where it has some.
func (r *recurrence) before(t, j int, zeros []float32) []float32 {
	switch {
	case !r.cell.cells:
		return r.last.Row(r.walk.at[t] + j)
	case t > 0:
		return r.states.Row(r.walk.rows[r.walk.at[t-1]+j])[r.n:]
	case r.first.C != nil:
		return r.first.C.Row(r.walk.sequences[j])
	}
	return zeros
}

func (r *recurrence) forward(s *tensor.Scope, u, bias *tensor.Tensor) {
	for j := range r.walk.alive(0) {
		start(r.last.Row(j), r.first.H, r.walk.sequences[j])
	}
	k, zeros := s.Kernels(), make([]float32, r.n)
	steps, weight := r.products(s)
	defer steps.Close()
	for t := range r.walk.steps() {
		at, alive := r.walk.at[t], r.walk.alive(t)
		v := in(steps, r.last, at, alive).Linear(weight, bias, tensor.Identity) // [alive, gates·n]
		s.EachRow(alive, 16*v.Width(), func(j int) {
			row := r.walk.rows[at+j]
			r.cell.step(k, r.states.Row(row), r.before(t, j, zeros), r.saved.Row(row), u.Row(row), v.Row(j))
			if j < r.walk.alive(t+1) {
				copy(r.last.Row(r.walk.at[t+1]+j), r.states.Row(row))
			}
		})
		steps.Mark("a step")
	}
}

// in is n rows of x from row at on, in another scope. They have no gaps.
func in(s *tensor.Scope, x *tensor.Tensor, at, n int) *tensor.Tensor {
	return s.Of(x.Slice(at, at+n).Data(), n, x.Width())
}

// start is row i of first, or zeros.
func start(dst []float32, first *tensor.Tensor, i int) {
	if first == nil {
		clear(dst)
		return
	}
	copy(dst, first.Row(i))
}

// backward is the adjoint of the whole recurrence: of u, the weight, the bias and
// the first state.
func (r *recurrence) backward(s *tensor.Scope, g, u, bias *tensor.Tensor) []*tensor.Tensor {
	rows, gates, k, zeros := u.Rows(), u.Width(), s.Kernels(), make([]float32, r.n)
	du, dv := r.saved, s.New(rows, gates) // dv in the order of the walk
	if !r.cell.inPlace {
		du = s.New(rows, gates)
	}
	carry := s.Zeros(max(r.walk.alive(0), 1), r.states.Width())
	steps, weight := r.products(s)
	defer steps.Close()
	var through *tensor.Tensor // what the step after says through the product, [alive then, n]
	take := func(j int) {
		if through != nil && j < through.Rows() {
			k.Add(carry.Row(j)[:r.n], carry.Row(j)[:r.n], through.Row(j))
		}
	}
	for t := r.walk.steps() - 1; t >= 0; t-- {
		at, alive := r.walk.at[t], r.walk.alive(t)
		s.EachRow(alive, 16*gates, func(j int) {
			row, grad := r.walk.rows[at+j], carry.Row(j)
			take(j)
			k.Add(grad, grad, g.Row(row))
			r.cell.back(k, grad, r.states.Row(row), r.before(t, j, zeros), r.saved.Row(row), du.Row(row), dv.Row(at+j))
		})
		through = in(steps, dv, at, alive).MatMul(weight)
		steps.Mark("a step", through)
	}
	for j := range r.walk.alive(0) {
		take(j)
	}
	grads := []*tensor.Tensor{du, nil, nil, r.startGrad(s, carry, r.first.H, 0), r.startGrad(s, carry, r.first.C, r.n)}
	if r.weight.Needs() {
		grads[1] = s.New(gates, r.n)
		s.Multiply(gates, r.n, rows, dv.Transposed(), r.last.View(), grads[1])
	}
	if bias.Needs() {
		grads[2] = s.Zeros(bias.Shape()...)
		sum := grads[2].Row(0)
		s.Device.Parallel(gates, 256, func(lo, hi int, _ *kernel.Workspace) {
			for i := range rows {
				k.Add(sum[lo:hi], sum[lo:hi], dv.Row(i)[lo:hi])
			}
		})
	}
	return grads
}

// startGrad is the gradient of a part of the first state, zeros for sequences
// without rows.
func (r *recurrence) startGrad(s *tensor.Scope, carry, first *tensor.Tensor, at int) *tensor.Tensor {
	if !first.Needs() {
		return nil
	}
	grad := s.Zeros(first.Shape()...)
	for j := range r.walk.alive(0) {
		copy(grad.Row(r.walk.sequences[j]), carry.Row(j)[at:at+r.n])
	}
	return grad
}
