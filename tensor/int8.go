package tensor

import "github.com/qkvgo/qkv/kernel"

type packedInt8 struct {
	set    *kernel.Set
	panels *kernel.PackedInt8
}

// InInt8 says that products read w, a weight with panels, as whole numbers of 8
// bits with a scale for each output, and round each row that they multiply it
// with in the same way. Scopes with a tape pay no heed to it.
func (w *Tensor) InInt8() *Tensor {
	w.rounded = true
	return w
}

// inInt8 says whether a product over k numbers may read w so.
func (w *Tensor) inInt8(k int) bool {
	return w.rounded && w.packable != nil && !w.needs && k <= kernel.MaxInt8K
}

// panelBytes is what the panels of w as [k, n] take.
func (w *Tensor) panelBytes(k, n int) int64 {
	set := w.scope.Kernels()
	if w.inInt8(k) {
		return int64(set.PackedInt8Bytes(k, n))
	}
	return 4 * int64(set.PackedLen(k, n))
}

// ofInt8 is of for whole numbers.
func (p *Panels) ofInt8(set *kernel.Set, w *Tensor, transposed bool) *kernel.PackedInt8 {
	i := 0
	if transposed {
		i = 1
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.int8[i].set != set {
		p.int8[i] = packedInt8{set, w.packInt8(set, transposed)}
	}
	return p.int8[i].panels
}

// packInt8 prepares w, or wᵀ, for products of whole numbers.
func (w *Tensor) packInt8(set *kernel.Set, transposed bool) *kernel.PackedInt8 {
	k, n := w.rows, w.width
	v := kernel.View{Data: w.data, RowStride: w.stride, ColStride: 1}
	if w.half != nil {
		v = kernel.View{Data: make([]float32, w.rows*w.width), RowStride: w.width, ColStride: 1}
		for i := range w.rows {
			w.copyRow(v.Data[i*w.width:][:w.width], i)
		}
	}
	if transposed {
		k, n, v = n, k, v.T()
	}
	return set.PackInt8(k, n, v)
}

// gemmInt8 is c = x·b and the epilogue in whole numbers: first the rows of x are
// rounded, each by itself, then outputs are split.
func (s *Scope) gemmInt8(x *Tensor, b *kernel.PackedInt8, c *Tensor, e *kernel.Epilogue) {
	set, threads, m := s.Kernels(), s.Device.Threads(), x.rows
	memory := s.Device.Alloc(kernel.QuantizedLen(m, b.K))
	defer s.Device.Free(memory)
	q, a := kernel.NewQuantized(memory, m, b.K), x.View()
	s.Device.Parallel(m, pieces(m, threads, 1, b.K), func(lo, hi int, _ *workspace) { set.Quantize(q, lo, hi, a) })
	if m >= 16*threads*rowUnit {
		s.Device.Parallel(m, pieces(m, threads, rowUnit, b.N*b.K), func(lo, hi int, _ *workspace) {
			set.GemmInt8(q, lo, hi, b, 0, b.N, c.data, c.stride, e)
		})
		return
	}
	s.Device.Parallel(b.N, pieces(b.N, threads, b.Width(), m*b.K), func(lo, hi int, _ *workspace) {
		set.GemmInt8(q, 0, m, b, lo, hi, c.data, c.stride, e)
	})
}
