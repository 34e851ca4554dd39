package tensor

import "fmt"

// Tape records ops so that Backward can run their adjoints in reverse.
type Tape struct {
	// Recompute keeps of each layer its output alone: what else adjoints read is
	// computed again when they do, to the same bits.
	Recompute bool
	// BF16 rounds what adjoints read of a layer to bfloat16 at the layer's end,
	// which halves its memory and changes gradients by about a part in 500.
	BF16 bool
	// LossGrad is the gradient that Backward will bring to a loss that computes its
	// own gradient ahead; 0: 1. It saves work and changes no bit.
	LossGrad float32

	entries []entry
	running bool // Backward is under way: what adjoints compute is not recorded
}

type entry struct {
	op     string
	out    *Tensor
	inputs []*Tensor
	saved  []*Tensor
	back   func(g *Tensor) []*Tensor
}

// Record puts an op on the scope's tape. back maps the gradient of out to the
// gradients of inputs, in order; nil stands for none. A gradient that back
// returns may be g itself. saved are the tensors that back will read: their
// memory stays until then. Where nothing needs a gradient, nothing is recorded.
//
// Record gives out, so that an op can end with it.
func (s *Scope) Record(op string, out *Tensor, inputs, saved []*Tensor, back func(g *Tensor) []*Tensor) *Tensor {
	if s.Tape == nil || s.Tape.running {
		return out
	}
	for _, x := range inputs {
		if x != nil && x.needs {
			out.needs = true
		}
	}
	if !out.needs {
		return out
	}
	for _, x := range saved {
		if x != nil && x.buf != nil {
			x.buf.saved = true
		}
	}
	s.Tape.entries = append(s.Tape.entries, entry{op, out, inputs, saved, back})
	return out
}

// only is x where an adjoint will read it, for Record's saved.
func only(reads bool, x *Tensor) *Tensor {
	if reads {
		return x
	}
	return nil
}

// Needs says whether a gradient of x is wanted, so that an adjoint can leave
// out the work for it.
func (x *Tensor) Needs() bool { return x != nil && x.needs }

// Grad is the gradient of a parameter or input after Backward, of x's shape and
// in memory of its own, so that it may be changed in place; nil where the result
// did not depend on x.
func (x *Tensor) Grad() *Tensor { return x.grad }

// Backward runs the adjoints from x, a scalar, to the leaves. Memory of values
// and gradients goes back as soon as nothing earlier needs it, except x and what
// Keep was called on. A tape runs backward once.
func (x *Tensor) Backward() {
	if x.rows*x.width != 1 {
		panic(fault("Backward", "starts from a single number", x))
	}
	s := x.scope
	if s.Tape == nil {
		panic(fault("Backward", "the pass has no tape", x))
	}
	s.Tape.running = true
	defer func() { s.Tape.running = false }()
	x.Keep()
	if x.needs {
		one := s.New(x.shape...)
		one.data[0] = 1
		x.accumulate(one)
	}
	entries := s.Tape.entries
	for i := len(entries) - 1; i >= 0; i-- {
		e := &entries[i]
		g := e.out.grad
		if g == nil && e.out.base != nil {
			g = e.out.gradOfView()
		}
		if g != nil {
			for _, x := range e.saved {
				x.restore()
			}
			grads := e.back(g)
			if len(grads) != len(e.inputs) {
				panic(fmt.Sprintf("tensor: adjoint of %s gives %d gradients for %d inputs", e.op, len(grads), len(e.inputs)))
			}
			for k, in := range e.inputs {
				if in != nil && in.needs && grads[k] != nil {
					in.accumulate(grads[k])
				}
			}
			e.out.grad = nil
			drop(g)
		}
		s.afterAdjoint(i, e.op)
		*e = entry{}
	}
	s.Tape.entries = entries[:0]
}

// afterAdjoint frees what entry i was the last to need: whatever its op, later
// ops and adjoints wrote, unless a gradient that is still to be used holds it.
// Buffers are taken in the order in which they are made.
func (s *Scope) afterAdjoint(i int, op string) {
	first := len(s.taken)
	for first > 0 && s.taken[first-1].made > i {
		first--
	}
	left := s.taken[:first]
	for _, b := range s.taken[first:] {
		if b.keep || b.refs > 0 {
			left = append(left, b)
		} else {
			s.release(b, "the adjoint of "+op)
		}
	}
	clear(s.taken[len(left):])
	s.taken = left
}

// accumulate adds g to x's gradient, or to the part of the whole's gradient that
// x views.
func (x *Tensor) accumulate(g *Tensor) {
	same("accumulate a gradient", x, g)
	whole := x
	if x.base != nil {
		whole = x.base
	}
	switch {
	case whole.grad != nil || x.rows*x.width < whole.rows*whole.width:
		addInto(x.gradToAddTo(), g)
	case whole.leaf() && !(g.base == nil && g.buf.refs == 0 && g.scratch()) || x != whole && !g.contiguous():
		whole.grad = hold(whole.like())
		copyInto(whole.gradAt(x), g)
	default:
		whole.grad = hold(g.shaped(whole))
	}
}

// gradToAddTo is x's gradient so far, zeros where there is none yet, for an
// adjoint that adds to a few places of it.
func (x *Tensor) gradToAddTo() *Tensor {
	whole := x
	if x.base != nil {
		whole = x.base
	}
	if whole.grad == nil {
		whole.grad = hold(whole.scope.Zeros(whole.shape...))
	} else {
		whole.ownGrad()
	}
	return whole.gradAt(x)
}

// ownGrad makes x's gradient one that may be written into, also through x's views.
func (x *Tensor) ownGrad() {
	old := x.grad
	if old.buf.refs == 1 && old.scratch() && old.contiguous() {
		return
	}
	x.grad = hold(x.like())
	copyInto(x.grad, old)
	drop(old)
}

// gradAt is the part of x's gradient for view, which may be x itself.
func (x *Tensor) gradAt(view *Tensor) *Tensor {
	if view == x {
		return x.grad
	}
	return x.grad.view(view.shape, view.baseOff, view.rows, view.width, view.stride)
}

// leaf says whether no op made x.
func (x *Tensor) leaf() bool { return x.buf.alien }

// scratch says whether g lies in memory that an adjoint took, rather than in a
// value's.
func (g *Tensor) scratch() bool { return g.buf.grad }

// shaped is g, whose rows have no gaps or are x's, in the shape of x.
func (g *Tensor) shaped(x *Tensor) *Tensor {
	y := *g
	y.shape = x.shape
	if g.rows != x.rows || g.width != x.width {
		y.rows, y.width, y.stride = x.rows, x.width, x.width
	}
	return &y
}

// gradOfView is the gradient that reached a view through its whole.
func (x *Tensor) gradOfView() *Tensor {
	if x.base.grad == nil {
		return nil
	}
	x.base.ownGrad()
	return x.base.gradAt(x)
}

// hold says that a gradient holds g's memory.
func hold(g *Tensor) *Tensor {
	g.buf.refs++
	return g
}

// drop says that a gradient no longer holds g's memory.
func drop(g *Tensor) {
	if g.buf.refs > 0 {
		g.buf.refs--
	}
}

func copyInto(dst, x *Tensor) {
	x.eachRow(1, func(lo, hi int) {
		for i := lo; i < hi; i++ {
			copy(dst.Row(i), x.Row(i))
		}
	})
}

func addInto(dst, x *Tensor) {
	k := dst.scope.Kernels()
	dst.eachRow(1, func(lo, hi int) {
		for i := lo; i < hi; i++ {
			k.Add(dst.Row(i), dst.Row(i), x.Row(i))
		}
	})
}

func (t *Tape) reset() {
	clear(t.entries)
	t.entries = t.entries[:0]
}
