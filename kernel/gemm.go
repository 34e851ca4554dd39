package kernel

import (
	"unsafe"

	"github.com/qkvgo/qkv/internal/cpu"
)

// View is a strided matrix: element (i, j) is Data[i*RowStride+j*ColStride].
// Transposing swaps the strides.
type View struct {
	Data                 []float32
	RowStride, ColStride int
}

// T returns the transposed view.
func (v View) T() View { return View{v.Data, v.ColStride, v.RowStride} }

// at returns the view whose element (0, 0) is (i, j) of v.
func (v View) at(i, j int) View {
	return View{v.Data[i*v.RowStride+j*v.ColStride:], v.RowStride, v.ColStride}
}

// check panics unless v holds rows × cols elements.
func (v View) check(name string, rows, cols int) {
	if rows == 0 || cols == 0 {
		return
	}
	if v.RowStride < 0 || v.ColStride < 0 || len(v.Data) <= (rows-1)*v.RowStride+(cols-1)*v.ColStride {
		panic("kernel: Gemm: " + name + " is shorter than its shape and strides say")
	}
}

// Epilogue is what follows a product: C = Act(C + Bias) + Residual. Its slices
// belong to the whole of C, also when a call computes only some columns.
type Epilogue struct {
	Bias           []float32 // nil or [n]
	Act            Activation
	Residual       []float32 // nil or [m, n]
	ResidualStride int       // from row to row
}

// Workspace is scratch memory of the products. The zero value is ready; it
// grows as needed and may serve one call after another, not two at once.
type Workspace struct {
	panels []float32
	narrow []float32
}

// tiling is how a set multiplies: by tiles of up to rows × width elements of C
// held in registers, from panels of B that are width columns wide.
type tiling struct {
	rows, width int
	tile        tileFunc
	pack        func(dst []float32, width, k, n int, b View)
}

// tileFunc computes m rows and n columns of C, at most a panel's width, each
// element by the chain acc = FMA(a, b, acc) over k ascending, from zero or from C:
//
//	c[i*ldc+j] = Σ_p a[i*ar+p*ac] · b[p*bs+j]
//
// b may be read up to a whole width.
type tileFunc func(m, n, k int, a []float32, ar, ac int, b []float32, bs int, c []float32, ldc int, accumulate bool)

func tileGo(m, n, k int, a []float32, ar, ac int, b []float32, bs int, c []float32, ldc int, accumulate bool) {
	for i := range m {
		row := c[i*ldc:][:n]
		if !accumulate {
			clear(row)
		}
		for p := range k {
			v := a[i*ar+p*ac]
			for j, w := range b[p*bs:][:n] {
				row[j] = FMA(v, w, row[j])
			}
		}
	}
}

// blocks are the lengths in which a product walks through its operands.
type blocks struct {
	k    int // a panel of so many rows stays in L1
	m    int // so many rows of A, k columns wide, stay in L2
	pack int // floats of B packed at a time
}

func (t *tiling) blocks(c cpu.Caches) blocks {
	k := max(64, c.L1*2/3/4/t.width)
	return blocks{
		k:    k,
		m:    max(t.rows, c.L2/2/4/k/t.rows*t.rows),
		pack: max(1<<16, min(c.L3/4, 8<<20)/4),
	}
}

// even cuts n into the fewest pieces of at most size, as equal as can be, and
// returns the length of piece number i.
func even(n, size int) (pieces int, length func(i int) int) {
	pieces = (n + size - 1) / size
	return pieces, func(i int) int {
		return (i+1)*n/pieces - i*n/pieces
	}
}

// Gemm computes C = A·B, or C += A·B if accumulate, then the epilogue (nil:
// nothing). A is [m, k], B is [k, n], C [m, n] with stride ldc from row to row.
// Every element is one chain acc = FMA(a, b, acc) over k ascending, from zero
// or from C, whatever the other rows and columns. ws may be nil.
func (s *Set) Gemm(m, n, k int, a, b View, c []float32, ldc int, accumulate bool, e *Epilogue, ws *Workspace) {
	b.check("B", k, n)
	if ws == nil {
		ws = new(Workspace)
	}
	t := s.tiles
	size := t.blocks(caches())
	step := max(1, size.pack/max(1, k)/t.width) * t.width
	for j := 0; j < n; j += step {
		cols := min(step, n-j)
		ws.panels = grow(ws.panels, packedLen(k, cols, t.width))
		var block View
		if k > 0 {
			block = b.at(0, j)
		}
		t.pack(ws.panels, t.width, k, cols, block)
		p := Packed{K: k, N: cols, width: t.width, data: ws.panels}
		s.multiply(m, a, &p, j, 0, cols, c, ldc, accumulate, e)
	}
}

// GemmPacked is Gemm with B packed by the same set, for the columns n0 to n1
// of C alone; n0 must be a multiple of Width. C and the epilogue's slices are
// those of the whole product, so that calls for different columns may run at
// the same time.
func (s *Set) GemmPacked(m int, a View, b *Packed, n0, n1 int, c []float32, ldc int, accumulate bool, e *Epilogue, ws *Workspace) {
	if b.width != s.tiles.width {
		panic("kernel: GemmPacked: B was packed for another set")
	}
	if n0 < 0 || n1 > b.N || n0 > n1 || n0%b.width != 0 {
		panic("kernel: GemmPacked: columns outside B or not at a panel's edge")
	}
	s.multiply(m, a, b, 0, n0, n1, c, ldc, accumulate, e)
}

// multiply computes columns n0 to n1 of A·B into C, whose columns begin at
// shift: column j of B is column shift+j of C.
func (s *Set) multiply(m int, a View, b *Packed, shift, n0, n1 int, c []float32, ldc int, accumulate bool, e *Epilogue) {
	if m == 0 || n0 == n1 {
		return
	}
	a.check("A", m, b.K)
	if len(c) < (m-1)*ldc+shift+n1 || m > 1 && ldc < shift+n1 {
		panic("kernel: Gemm: C is shorter than its shape and stride say")
	}
	t := s.tiles
	size := t.blocks(caches())
	rowBlocks, rows := even(m, size.m)
	i := 0
	for block := range rowBlocks {
		mb := rows(block)
		s.multiplyRows(t, size.k, i, mb, a, b, shift, n0, n1, c, ldc, accumulate)
		s.finish(i, mb, shift+n0, shift+n1, c, ldc, e)
		i += mb
	}
}

// multiplyRows computes mb rows from i on.
func (s *Set) multiplyRows(t *tiling, kSize, i, mb int, a View, b *Packed, shift, n0, n1 int, c []float32, ldc int, accumulate bool) {
	if b.K == 0 {
		if !accumulate {
			for r := range mb {
				clear(c[(i+r)*ldc+shift+n0 : (i+r)*ldc+shift+n1])
			}
		}
		return
	}
	kBlocks, depth := even(b.K, kSize)
	p := 0
	for kb := range kBlocks {
		kLen := depth(kb)
		for j := n0; j < n1; j += t.width {
			panel := b.data[(j*b.K + p*t.width):]
			t.tile(mb, min(t.width, n1-j), kLen, a.Data[i*a.RowStride+p*a.ColStride:], a.RowStride, a.ColStride,
				panel, t.width, c[i*ldc+shift+j:], ldc, accumulate || kb > 0)
		}
		p += kLen
	}
}

// finish applies the epilogue to columns n0 to n1 of rows i to i+rows.
func (s *Set) finish(i, rows, n0, n1 int, c []float32, ldc int, e *Epilogue) {
	if e == nil {
		return
	}
	for r := i; r < i+rows; r++ {
		row := c[r*ldc+n0 : r*ldc+n1]
		if e.Bias != nil {
			s.Add(row, row, e.Bias[n0:n1])
		}
		if e.Act != None {
			s.Activate(e.Act, row, row)
		}
		if e.Residual != nil {
			s.Add(row, row, e.Residual[r*e.ResidualStride+n0:][:n1-n0])
		}
	}
}

// grow returns a slice of n floats that starts a cache line, s itself if it is
// long enough.
func grow(s []float32, n int) []float32 {
	if cap(s) >= n {
		return s[:n]
	}
	return alignedFloats(n)
}

// lineFloats is a cache line in floats.
const lineFloats = 16

// alignedFloats allocates n floats that start a cache line.
func alignedFloats(n int) []float32 {
	s := make([]float32, n+lineFloats-1)
	skip := -int(uintptr(unsafe.Pointer(unsafe.SliceData(s)))/4) & (lineFloats - 1)
	return s[skip : skip+n : skip+n]
}
