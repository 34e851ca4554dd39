package tensor

import (
	"slices"

	"github.com/qkvgo/qkv/device"
	"github.com/qkvgo/qkv/kernel"
)

// Scope is where tensors live: a device, the memory taken from it, and a tape.
// It belongs to one goroutine.
type Scope struct {
	Device device.Device
	Tape   *Tape // nil: nothing is recorded

	taken []*buffer // taken from the device and not yet given back
}

// NewScope is a scope on dev; tape may be nil.
func NewScope(dev device.Device, tape *Tape) *Scope { return &Scope{Device: dev, Tape: tape} }

// Kernels is the device's kernel table.
func (s *Scope) Kernels() *kernel.Set { return s.Device.Kernels() }

// New is a tensor of the given shape whose elements are not set.
func (s *Scope) New(shape ...int) *Tensor {
	rows, width := fold(shape)
	b := s.take(rows * width)
	if s.Tape != nil {
		b.made, b.grad = len(s.Tape.entries)+1, s.Tape.running
	}
	return &Tensor{scope: s, buf: b, data: b.mem, shape: slices.Clone(shape), rows: rows, width: width, stride: width}
}

// take is memory for n floats that goes back with the layer's.
func (s *Scope) take(n int) *buffer {
	b := &buffer{mem: s.Device.Alloc(n)}
	poison(b.mem)
	s.taken = append(s.taken, b)
	return b
}

// Zeros is a tensor of the given shape full of zeros.
func (s *Scope) Zeros(shape ...int) *Tensor {
	x := s.New(shape...)
	s.Device.Parallel(len(x.data), 1<<16, func(lo, hi int, _ *workspace) { clear(x.data[lo:hi]) })
	return x
}

// Of is a tensor over data, which stays the caller's: no copy is made.
func (s *Scope) Of(data []float32, shape ...int) *Tensor {
	rows, width := fold(shape)
	if rows*width != len(data) {
		panic(&Fault{Op: "Of", Shapes: [][]int{{len(data)}, shape}, Msg: "the data do not fill the shape"})
	}
	return &Tensor{scope: s, buf: &buffer{mem: data, alien: true}, data: data, shape: slices.Clone(shape), rows: rows, width: width, stride: width}
}

// Ints is a vector of ids, [n], over data: no copy is made.
func (s *Scope) Ints(data []int32) *Tensor {
	return &Tensor{scope: s, ints: data, shape: []int{len(data)}, rows: len(data), width: 1, stride: 1}
}

// Input is Of with a gradient: after Backward, Grad gives it.
func (s *Scope) Input(data []float32, shape ...int) *Tensor {
	x := s.Of(data, shape...)
	x.needs = s.Tape != nil
	return x
}

// Weight is a parameter's value, over data; panels, if not nil, may hold it
// prepared for the kernels. trainable asks for its gradient.
func (s *Scope) Weight(data []float32, panels *Panels, trainable bool, shape ...int) *Tensor {
	x := s.Of(data, shape...)
	x.packable = panels
	x.needs = trainable && s.Tape != nil
	return x
}

// Mark ends a layer: memory taken since the last Mark goes back, except what
// tensors in keep use, what Keep was called on, and, with a tape, what an
// adjoint will read and nothing makes again (see Compute).
func (s *Scope) Mark(op string, keep ...*Tensor) {
	for _, x := range keep {
		x.live(op)
		x.buf.boundary = true
	}
	staying := func(b *buffer) bool { return slices.ContainsFunc(keep, func(x *Tensor) bool { return x.buf == b }) }
	for i := len(s.taken) - 1; i >= 0 && s.Tape != nil; i-- {
		if b := s.taken[i]; b.saved {
			s.settle(b, staying)
		}
	}
	left := s.taken[:0]
	for _, b := range s.taken {
		switch {
		case b.keep || staying(b) || b.narrow != nil:
		case !b.saved || b.dropped:
			s.release(b, op)
			continue
		case s.Tape.BF16 && !b.exact:
			s.narrowed(b, op)
		}
		left = append(left, b)
	}
	clear(s.taken[len(left):])
	s.taken = left
}

// release gives a buffer back at once.
func (s *Scope) release(b *buffer, op string) {
	if b.narrow != nil {
		s.Device.Free(b.narrow)
		b.narrow = nil
	}
	if b.alien || b.free != "" {
		return
	}
	b.free = op
	poison(b.mem)
	s.Device.Free(b.mem)
	b.mem = nil
}

// giveBack releases x, the newest or nearly so of what was taken, before its time.
func (s *Scope) giveBack(x *Tensor, op string) {
	if i := slices.Index(s.taken, x.buf); i >= 0 {
		s.release(x.buf, op)
		s.taken = slices.Delete(s.taken, i, i+1)
	}
}

// Close gives everything back. Tensors of the scope must not be used after it.
func (s *Scope) Close() {
	for _, b := range s.taken {
		s.release(b, "Close")
	}
	s.taken = nil
	if s.Tape != nil {
		s.Tape.reset()
	}
}

// like is an unset tensor of x's shape.
func (x *Tensor) like() *Tensor { return x.scope.New(x.shape...) }

// grain is how many rows of the given cost one piece of a parallel loop holds:
// enough work to be worth handing over.
func grain(cost int) int { return max(1, 16384/max(cost, 1)) }

// eachRow calls f over pieces of x's rows, in parallel; cost is per element.
func (x *Tensor) eachRow(cost int, f func(lo, hi int)) {
	x.scope.Device.Parallel(x.rows, grain(x.width*cost), func(lo, hi int, _ *kernel.Workspace) { f(lo, hi) })
}

// EachRow calls f for every row i of n, in parallel; cost is the work of a row
// in elements.
func (s *Scope) EachRow(n, cost int, f func(i int)) {
	s.Device.Parallel(n, grain(cost), func(lo, hi int, _ *kernel.Workspace) {
		for i := lo; i < hi; i++ {
			f(i)
		}
	})
}
