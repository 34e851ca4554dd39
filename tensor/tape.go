package tensor

import "fmt"

// Tape records ops so that Backward can run their adjoints in reverse.
type Tape struct {
	entries []entry
}

type entry struct {
	op     string
	out    *Tensor
	inputs []*Tensor
	back   func(g *Tensor) []*Tensor
}

// Record puts an op on the scope's tape. back maps the gradient of out to the
// gradients of inputs, in order; nil stands for none. A gradient that back
// returns may be g itself. saved are the tensors that back will read: their
// memory stays until then. Where nothing needs a gradient, nothing is recorded.
//
// Record gives out, so that an op can end with it.
func (s *Scope) Record(op string, out *Tensor, inputs, saved []*Tensor, back func(g *Tensor) []*Tensor) *Tensor {
	if s.Tape == nil {
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
	s.Tape.entries = append(s.Tape.entries, entry{op, out, inputs, back})
	return out
}

// Needs says whether a gradient of x is wanted, so that an adjoint can leave
// out the work for it.
func (x *Tensor) Needs() bool { return x != nil && x.needs }

// Grad is the gradient of a parameter or input after Backward, of x's shape;
// nil where the result did not depend on x.
func (x *Tensor) Grad() *Tensor { return x.grad }

// Backward runs the adjoints from x, a scalar, to the leaves. Memory of values
// and gradients goes back as soon as nothing earlier needs it, except what Keep
// was called on. A tape runs backward once.
func (x *Tensor) Backward() {
	if x.rows*x.width != 1 {
		panic(&Fault{Op: "Backward", Shapes: [][]int{x.shape}, Msg: "starts from a single number"})
	}
	s := x.scope
	if s.Tape == nil {
		panic(&Fault{Op: "Backward", Shapes: [][]int{x.shape}, Msg: "the pass has no tape"})
	}
	one := s.New(x.shape...)
	one.data[0] = 1
	x.accumulate(one)
	entries := s.Tape.entries
	for i := len(entries) - 1; i >= 0; i-- {
		e := &entries[i]
		start := len(s.taken)
		g := e.out.grad
		if g == nil && e.out.base != nil {
			g = e.out.gradOfView()
		}
		if g != nil {
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
		s.afterAdjoint(start, i, e)
		*e = entry{}
	}
	s.Tape.entries = entries[:0]
}

// afterAdjoint frees what entry i was the last to need: scratch of its adjoint
// that no gradient holds, and the memory that the entry's op wrote.
func (s *Scope) afterAdjoint(start, i int, e *entry) {
	left := s.taken[:0]
	for k, b := range s.taken {
		switch {
		case b.keep || b.refs > 0:
		case k >= start, b.made == i+1:
			s.release(b, "the adjoint of "+e.op)
			continue
		}
		left = append(left, b)
	}
	clear(s.taken[len(left):])
	s.taken = left
}

// accumulate adds g to x's gradient. The first one is adopted as it is.
func (x *Tensor) accumulate(g *Tensor) {
	same("accumulate a gradient", x, g)
	if x.base != nil {
		x.accumulateView(g)
		return
	}
	if x.grad == nil {
		x.grad = g
		g.buf.refs++
		return
	}
	if x.grad.buf.refs > 1 || x.grad.base != nil || x.grad.buf.alien { // shared: do not write into it
		old := x.grad
		x.grad = x.scope.New(x.shape...)
		x.grad.buf.refs++
		copyInto(x.grad, old)
		drop(old)
	}
	addInto(x.grad, g)
}

// accumulateView adds g to the part of the whole's gradient that x views.
func (x *Tensor) accumulateView(g *Tensor) {
	whole := x.base
	if whole.grad == nil {
		whole.grad = whole.scope.Zeros(whole.shape...)
		whole.grad.buf.refs++
	} else if whole.grad.buf.refs > 1 || whole.grad.base != nil || whole.grad.buf.alien {
		old := whole.grad
		whole.grad = whole.scope.New(whole.shape...)
		whole.grad.buf.refs++
		copyInto(whole.grad, old)
		drop(old)
	}
	addInto(whole.grad.view(x.shape, x.baseOff, x.rows, x.width, x.stride), g)
}

// gradOfView is the gradient that reached a view through its whole.
func (x *Tensor) gradOfView() *Tensor {
	if x.base.grad == nil {
		return nil
	}
	return x.base.grad.view(x.shape, x.baseOff, x.rows, x.width, x.stride)
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
