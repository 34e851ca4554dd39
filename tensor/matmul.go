package tensor

import (
	"sync"

	"github.com/qkvgo/qkv/device"
	"github.com/qkvgo/qkv/kernel"
)

type workspace = kernel.Workspace

// Panels keeps a weight's values as the kernels like to read them, prepared at
// first use and shared by all passes. Its owner drops them when the weight
// changes.
type Panels struct {
	// Prepared, if not nil, is called when panels have been made: from then on the
	// weights themselves are hardly read.
	Prepared func()

	mu    sync.Mutex
	pack  [2]prepared[*kernel.Packed]     // for x·W and x·Wᵀ
	int8  [2]prepared[*kernel.PackedInt8] // the same in whole numbers
	pairs [2]prepared[*kernel.Pairs]      // and in bfloat16
}

// panelsKey names one of the two that Panels may hold.
type panelsKey struct {
	of         *Panels
	transposed bool
}

// of gives the panels of w, or of wᵀ, for the kernel set, preparing them at need.
func (p *Panels) of(set *kernel.Set, w *Tensor, transposed bool) *kernel.Packed {
	return remember(p, &p.pack[index(transposed)], set, func() *kernel.Packed { return w.pack(set, transposed) })
}

// Drop forgets what was prepared.
func (p *Panels) Drop() {
	p.mu.Lock()
	p.pack, p.int8, p.pairs = [2]prepared[*kernel.Packed]{}, [2]prepared[*kernel.PackedInt8]{}, [2]prepared[*kernel.Pairs]{}
	p.mu.Unlock()
}

// Bytes is what the panels take.
func (p *Panels) Bytes() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := 0
	for _, e := range p.pack {
		if e.panels != nil {
			n += e.panels.Bytes()
		}
	}
	for _, e := range p.int8 {
		if e.panels != nil {
			n += e.panels.Bytes()
		}
	}
	for _, e := range p.pairs {
		if e.panels != nil {
			n += e.panels.Bytes()
		}
	}
	return n
}

// Linear: y = act(x·Wᵀ + b), with W [out, width of x] and b [out] or nil.
// Adjoint, with u the sum before act: ū = ȳ ⊙ act'(u), x̄ = ū·W, W̄ = ūᵀ·x,
// b̄ = Σ rows of ū.
func (x *Tensor) Linear(w, b *Tensor, act Activation) *Tensor {
	return x.project("Linear", w, b, act, true)
}

// Conv1D: y = act(x·W + b), with W [width of x, out]: a Linear that keeps its
// weight the other way round, as GPT-2's checkpoints do.
func (x *Tensor) Conv1D(w, b *Tensor, act Activation) *Tensor {
	return x.project("Conv1D", w, b, act, false)
}

// MatMul: y = x·Z, with Z [width of x, n].
func (x *Tensor) MatMul(z *Tensor) *Tensor { return x.project("MatMul", z, nil, Identity, false) }

// MatMulT: y = x·Zᵀ, with Z [n, width of x].
func (x *Tensor) MatMulT(z *Tensor) *Tensor { return x.project("MatMulT", z, nil, Identity, true) }

func (x *Tensor) project(op string, w, b *Tensor, act Activation, transposed bool) *Tensor {
	in, out := w.rows, w.width
	if transposed {
		in, out = out, in
	}
	if in != x.width || (b != nil && (b.rows != 1 || b.width != out)) {
		if in != x.width {
			panic(fault(op, "the inner sizes differ", x, w))
		}
		panic(fault(op, "the bias does not fit", x, w, b))
	}
	shape := append([]int{}, x.shape...)
	if len(shape) == 0 {
		shape = []int{1}
	}
	shape[len(shape)-1] = out
	recorded := x.scope.Tape != nil && (x.needs || w.needs || b.Needs())
	e, f := kernel.Epilogue{}, act.must()
	fused := !recorded && f.fused != kernel.None
	if fused {
		e.Act = f.fused
	}
	y := x.scope.New(shape...)
	x.scope.Compute(false, func() { x.multiply(w, b, y, transposed, recorded, e) }, []*Tensor{y}, x, w, b)
	if fused {
		return y
	}
	x.scope.Record(op, y, []*Tensor{x, w, b}, []*Tensor{only(w.needs, x), only(x.needs, w)}, func(g *Tensor) []*Tensor {
		s := g.scope
		var dx, dw *Tensor
		if x.needs {
			dx = s.New(x.shape...)
			s.gemm(x.rows, in, out, g.View(), w.seen(!transposed), dx, nil)
		}
		if w.needs {
			dw = s.New(w.shape...)
			if transposed {
				s.gemm(out, in, x.rows, g.Transposed(), x.View(), dw, nil)
			} else {
				s.gemm(in, out, x.rows, x.Transposed(), g.View(), dw, nil)
			}
		}
		return []*Tensor{dx, dw, g.columnSums(b)}
	})
	return f.apply(y)
}

// multiply is y = x·W or x·Wᵀ with the epilogue and a bias, or nil.
func (x *Tensor) multiply(w, b, y *Tensor, transposed, recorded bool, e kernel.Epilogue) {
	in, out, low := x.width, y.width, asStored
	if b != nil {
		e.Bias = b.Row(0)
	}
	if !recorded {
		low = w.lowering(in)
	}
	if c, ok := x.scope.Device.(device.Counter); ok {
		c.Count(int64(x.rows) * int64(in) * int64(out))
		if w.packable != nil && !w.needs {
			c.Prepare(panelsKey{w.packable, transposed}, w.panelBytes(in, out))
		}
		if low != asStored {
			x.inLow(low)
		}
	} else if low == inInt8 {
		x.scope.gemmInt8(x, w.packable.ofInt8(x.scope.Kernels(), w, transposed), y, &e)
	} else if low == inBF16 {
		x.scope.gemmBF16(x, w.packable.ofPairs(x.scope.Kernels(), w, transposed), y, &e)
	} else if w.inPairs(x.scope.Kernels()) {
		x.scope.gemmPairs(x.rows, x.View(), w.packable.ofPairs(x.scope.Kernels(), w, transposed), y, &e)
	} else if w.packable != nil && !w.needs {
		x.scope.gemmPacked(x.rows, x.View(), w.packable.of(x.scope.Kernels(), w, transposed), y, &e)
	} else {
		x.scope.gemm(x.rows, out, in, x.View(), w.seen(transposed), y, &e)
	}
}

// seen is w, or wᵀ, as the kernels read a matrix.
func (w *Tensor) seen(transposed bool) kernel.View {
	if transposed {
		return w.Transposed()
	}
	return w.View()
}

// Multiply is c = a·b, c [m, n] and k products an element, for ops of other
// packages and their adjoints: nothing is recorded.
func (s *Scope) Multiply(m, n, k int, a, b kernel.View, c *Tensor) { s.gemm(m, n, k, a, b, c, nil) }

// MultiplyOnto is c += a·b, each element going on from what is there.
func (s *Scope) MultiplyOnto(m, n, k int, a, b kernel.View, c *Tensor) {
	s.gemmOnto(m, n, k, a, b, c, true)
}
