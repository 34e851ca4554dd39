package tensor

import "github.com/qkvgo/qkv/kernel"

// lowering is how products read a weight, and the rows that meet it.
type lowering uint8

const (
	asStored lowering = iota // in float32, whatever the storage
	inInt8
	inBF16
)

// InInt8 says that products read w, a weight with panels, as whole numbers of 8
// bits with a scale for each output, and round each row that they multiply it
// with in the same way. Scopes with a tape pay no heed to it.
func (w *Tensor) InInt8() *Tensor {
	w.lowered = inInt8
	return w
}

// InBF16 says that products round w, a weight with panels, and each row that they
// multiply it with to bfloat16; sums are in float32. Scopes with a tape pay no
// heed to it.
func (w *Tensor) InBF16() *Tensor {
	w.lowered = inBF16
	return w
}

// lowering is how a product over k numbers may read w.
func (w *Tensor) lowering(k int) lowering {
	if w.packable == nil || w.needs || (w.lowered == inInt8 && k > kernel.MaxInt8K) {
		return asStored
	}
	return w.lowered
}

// inPairs says whether products in float32 read w from pairs of bfloat16: where it
// is stored so, and where few rows need not wait for it to be widened.
func (w *Tensor) inPairs(set *kernel.Set) bool {
	return w.half != nil && w.half.BF16 && set.ThinPairs()
}

// panelBytes is what the panels of w as [k, n] take.
func (w *Tensor) panelBytes(k, n int) int64 {
	set := w.scope.Kernels()
	switch l := w.lowering(k); {
	case l == inInt8:
		return int64(set.PackedInt8Bytes(k, n))
	case l == inBF16 || w.inPairs(set):
		return int64(set.PairsBytes(k, n))
	}
	return 4 * int64(set.PackedLen(k, n))
}

// prepared is panels of a kind for a kernel set.
type prepared[T any] struct {
	set    *kernel.Set
	panels T
}

// ofInt8 is of for whole numbers.
func (p *Panels) ofInt8(set *kernel.Set, w *Tensor, transposed bool) *kernel.PackedInt8 {
	return remember(p, &p.int8[index(transposed)], set, func() *kernel.PackedInt8 { return w.packInt8(set, transposed) })
}

// ofPairs is of for pairs of bfloat16.
func (p *Panels) ofPairs(set *kernel.Set, w *Tensor, transposed bool) *kernel.Pairs {
	return remember(p, &p.pairs[index(transposed)], set, func() *kernel.Pairs { return w.packPairs(set, transposed) })
}

// index is the place of the panels of w, or of wᵀ.
func index(transposed bool) int {
	if transposed {
		return 1
	}
	return 0
}

// remember gives the panels at a place, made at need.
func remember[T any](p *Panels, at *prepared[T], set *kernel.Set, pack func() T) T {
	p.mu.Lock()
	defer p.mu.Unlock()
	if at.set != set {
		*at = prepared[T]{set, pack()}
		if p.Prepared != nil {
			p.Prepared()
		}
	}
	return at.panels
}

// widened is w, or wᵀ, in float32, [k, n].
func (w *Tensor) widened(transposed bool) (k, n int, v kernel.View) {
	k, n = w.rows, w.width
	v = kernel.View{Data: w.data, RowStride: w.stride, ColStride: 1}
	if w.half != nil {
		v = kernel.View{Data: make([]float32, w.rows*w.width), RowStride: w.width, ColStride: 1}
		w.eachRow(1, func(lo, hi int) {
			for i := lo; i < hi; i++ {
				w.copyRow(v.Data[i*w.width:][:w.width], i)
			}
		})
	}
	if transposed {
		return n, k, v.T()
	}
	return k, n, v
}

// eachPanels calls f for runs of columns of n, whole panels each, in parallel.
func (s *Scope) eachPanels(k, n, width int, f func(lo, hi int)) {
	some := max(1, (1<<18)/max(k*width, 1)) * width
	s.Device.Parallel(n, some, func(lo, hi int, _ *workspace) { f(lo, hi) })
}

// packInt8 prepares w, or wᵀ, for products of whole numbers.
func (w *Tensor) packInt8(set *kernel.Set, transposed bool) *kernel.PackedInt8 {
	k, n, v := w.widened(transposed)
	p := set.NewPackedInt8(k, n)
	w.scope.eachPanels(k, n, p.Width(), func(lo, hi int) { set.PackInt8(p, lo, hi, v) })
	return p
}

// packPairs prepares w, or wᵀ, for products of bfloat16.
func (w *Tensor) packPairs(set *kernel.Set, transposed bool) *kernel.Pairs {
	if w.half == nil || !w.half.BF16 {
		k, n, v := w.widened(transposed)
		p := set.NewPairs(k, n)
		w.scope.eachPanels(k, n, p.Width(), func(lo, hi int) { set.PackPairs(p, lo, hi, v) })
		return p
	}
	k, n := w.rows, w.width
	v := kernel.View16{Data: w.half.Bits, RowStride: w.stride, ColStride: 1}
	if transposed {
		k, n, v.RowStride, v.ColStride = n, k, 1, w.stride
	}
	p := set.NewPairs(k, n)
	w.scope.eachPanels(k, n, p.Width(), func(lo, hi int) { set.PackPairs16(p, lo, hi, v) })
	return p
}

// lowRows is the rows of a tensor as a product of low precision reads them, made
// for the first such product and kept for the next: queries, keys and values are
// made of the same rows.
type lowRows struct {
	buf  *buffer
	set  *kernel.Set
	int8 *kernel.Quantized
	bf16 *kernel.BF16Rows
}

// inLow gives the rows of x rounded for l. They lie in memory of the scope that
// goes back with the layer's.
func (x *Tensor) inLow(l lowering) *lowRows {
	s, set := x.scope, x.scope.Kernels()
	if r := x.low[l]; r != nil && r.buf.free == "" && r.set == set {
		return r
	}
	a, r := x.View(), &lowRows{set: set}
	if l == inInt8 {
		r.buf = s.take(kernel.QuantizedLen(x.rows, x.width))
		r.int8 = kernel.NewQuantized(r.buf.mem, x.rows, x.width)
		s.Device.Parallel(x.rows, pieces(x.rows, s.Device.Threads(), 1, x.width), func(lo, hi int, _ *workspace) {
			set.Quantize(r.int8, lo, hi, a)
		})
	} else {
		r.buf = s.take(set.BF16RowsLen(x.rows, x.width))
		r.bf16 = set.NewBF16Rows(r.buf.mem, x.rows, x.width)
		s.Device.Parallel(x.rows, pieces(x.rows, s.Device.Threads(), 1, x.width), func(lo, hi int, _ *workspace) {
			set.RoundRows(r.bf16, lo, hi, a)
		})
	}
	x.low[l] = r
	return r
}

// gemmInt8 is c = x·b and the epilogue in whole numbers.
func (s *Scope) gemmInt8(x *Tensor, b *kernel.PackedInt8, c *Tensor, e *kernel.Epilogue) {
	set, q := s.Kernels(), x.inLow(inInt8).int8
	s.split(x.rows, b.K, b.N, b.Width(), func(r0, r1, n0, n1 int, _ *workspace) {
		set.GemmInt8(q, r0, r1, b, n0, n1, c.data, c.stride, e)
	})
}

// gemmBF16 is c = x·b and the epilogue, factors rounded to bfloat16.
func (s *Scope) gemmBF16(x *Tensor, b *kernel.Pairs, c *Tensor, e *kernel.Epilogue) {
	set, a := s.Kernels(), x.inLow(inBF16).bf16
	s.split(x.rows, b.K, b.N, b.Width(), func(r0, r1, n0, n1 int, ws *workspace) {
		set.GemmBF16(a, r0, r1, b, n0, n1, c.data, c.stride, e, ws)
	})
}

// gemmPairs is gemmPacked with weights in pairs.
func (s *Scope) gemmPairs(m int, a kernel.View, b *kernel.Pairs, c *Tensor, e *kernel.Epilogue) {
	set := s.Kernels()
	s.split(m, b.K, b.N, b.Width(), func(r0, r1, n0, n1 int, ws *workspace) {
		set.GemmPairs(r1-r0, rowsFrom(a, r0), b, n0, n1, c.data[r0*c.stride:], c.stride, cut(e, r0, 0, b.N), ws)
	})
}
