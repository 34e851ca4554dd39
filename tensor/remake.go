package tensor

import (
	"cmp"
	"slices"
	"unsafe"
)

// recipe is how an op's results are made again from its operands, by the same
// arithmetic, so to the same bits.
type recipe struct {
	run   func()
	outs  []*Tensor // whole, each in memory of its own
	reads []*Tensor
	cheap bool
}

// Compute runs an op's arithmetic, which writes outs from reads, and remembers it:
// with a tape the memory of outs may go back at the end of the layer, though an
// adjoint will read them, and run is called again when it does. That happens to
// ops that are cheap, about a pass over memory whose operands are kept anyway, and
// to all of them where the tape says Recompute.
//
// What else run reads must stay as it is until Backward.
func (s *Scope) Compute(cheap bool, run func(), outs []*Tensor, reads ...*Tensor) {
	run()
	s.Again(cheap, run, outs, reads...)
}

// Again is Compute for what has been computed already.
func (s *Scope) Again(cheap bool, run func(), outs []*Tensor, reads ...*Tensor) {
	if s.Tape == nil || s.Tape.running || !cheap && !s.Tape.Recompute {
		return
	}
	r := &recipe{run, outs, reads, cheap}
	for _, y := range outs {
		y.buf.recipe = r
	}
}

// lost tells whether something that r reads went back at an earlier mark, when
// nothing was to be made from it: r's results were kept for the layer after.
func (r *recipe) lost() bool {
	return slices.ContainsFunc(r.reads, func(x *Tensor) bool {
		return x != nil && x.buf != nil && x.buf.free != "" && !x.buf.dropped
	})
}

// settle decides whether b, which an adjoint or a recipe will read, is dropped at
// a mark or kept. What a dropped buffer is made from must be had in turn.
func (s *Scope) settle(b *buffer, staying func(*buffer) bool) {
	if b.settled || b.keep || b.alien || staying(b) {
		return
	}
	b.settled = true
	r := b.recipe
	if r == nil || s.Tape.Recompute && b.boundary || !s.Tape.Recompute && !r.cheap || r.lost() {
		return
	}
	b.dropped = true
	for _, x := range r.reads {
		if x != nil && x.buf != nil {
			x.buf.saved = true
			s.settle(x.buf, staying)
		}
	}
}

// restore gives x numbers again that were dropped or narrowed at a mark.
func (x *Tensor) restore() {
	if x == nil || x.buf == nil {
		return
	}
	switch b := x.buf; {
	case b.free == "" && !b.moved:
		return
	case b.narrow != nil:
		x.scope.widen(b)
	case b.free != "" && b.dropped:
		x.scope.remake(b.recipe)
	}
	if x.buf.moved {
		x.data = x.buf.mem[x.baseOff:][:len(x.data)]
	}
}

// remake runs a recipe again, after those of what it reads.
func (s *Scope) remake(r *recipe) {
	for _, x := range r.reads {
		x.restore()
	}
	for _, y := range r.outs {
		if b := y.buf; b.free != "" {
			s.refill(b, y.rows*y.width)
			y.data = b.mem
		}
	}
	r.run()
}

// refill gives b memory for n numbers again, in its place among what is taken.
func (s *Scope) refill(b *buffer, n int) {
	b.mem, b.free, b.moved = s.Device.Alloc(n), "", true
	poison(b.mem)
	if !slices.Contains(s.taken, b) {
		i, _ := slices.BinarySearchFunc(s.taken, b, func(x, y *buffer) int { return cmp.Compare(x.made, y.made) })
		s.taken = slices.Insert(s.taken, i, b)
	}
}

// Overwritten says that an op is about to put something else into x's memory, which
// nobody reads as x any more and nothing makes again; it gives x.
func (x *Tensor) Overwritten() *Tensor {
	x.buf.recipe = nil
	return x
}

// Exact says that x keeps its digits where a tape rounds what adjoints read; it
// gives x.
func (x *Tensor) Exact() *Tensor {
	x.buf.exact = true
	return x
}

// narrowed puts b's numbers, rounded to bfloat16, in half the memory.
func (s *Scope) narrowed(b *buffer, op string) {
	n := len(b.mem)
	half, from := s.Device.Alloc((n+1)/2), b.mem
	to := halves(half, n)
	s.Device.Parallel(n, 1<<15, func(lo, hi int, _ *workspace) { s.Kernels().F32ToBF16(to[lo:hi], from[lo:hi]) })
	s.release(b, op)
	b.narrow, b.count = half, n
}

// widen is narrowed's way back.
func (s *Scope) widen(b *buffer) {
	half, from := b.narrow, halves(b.narrow, b.count)
	b.narrow = nil
	s.refill(b, b.count)
	to := b.mem
	s.Device.Parallel(b.count, 1<<15, func(lo, hi int, _ *workspace) { s.Kernels().BF16ToF32(to[lo:hi], from[lo:hi]) })
	s.Device.Free(half)
}

// halves is x as n numbers of 16 bits.
func halves(x []float32, n int) []uint16 {
	return unsafe.Slice((*uint16)(unsafe.Pointer(unsafe.SliceData(x))), n)
}
