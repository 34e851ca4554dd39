package kernel

import (
	"math"
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
	panels []float32 // of B
}

// tiling is how a set multiplies: by tiles of up to rows × width elements of C
// held in registers, from panels of B that are width columns wide.
type tiling struct {
	rows, width int
	tile        tileFunc
	pack        func(dst []float32, width, k, n int, b View)
	turn        func(dst []float32, stride, n, width int, x View)
}

// tileFunc computes m rows and n columns of C, at most a panel's width, each
// element by the chain acc = FMA(a, b, acc) over k ascending, from zero or from C:
//
//	c[i*ldc+j] = Σ_p a[i*ar+p*ac] · b[p*bs+j]
//
// b may be read up to a whole width. next is memory that the call after this one
// will read, worth fetching early.
type tileFunc func(m, n, k int, a []float32, ar, ac int, b []float32, bs int, c []float32, ldc int, accumulate bool, next []float32)

func tileGo(m, n, k int, a []float32, ar, ac int, b []float32, bs int, c []float32, ldc int, accumulate bool, _ []float32) {
	for i := range m {
		row := c[i*ldc:][:n]
		if !accumulate {
			clear(row)
		}
		for p := range k {
			v := a[i*ar+p*ac]
			wide := float64(v)
			for j, w := range b[p*bs:][:n] {
				// FMA by hand, since most of the time goes here.
				sum := wide*float64(w) + float64(row[j])
				if bits := math.Float64bits(sum); bits&(1<<29-1) != 1<<28 && bits<<1 >= normal<<1 {
					row[j] = float32(sum)
				} else {
					row[j] = fmaOdd(v, w, row[j])
				}
			}
		}
	}
}

// operand is B as the tiles read it: row p of the panel that starts at column
// j is at data[j*colStep+p*rowStep].
type operand struct {
	k                int
	data             []float32
	colStep, rowStep int
}

// from returns the operand whose column 0 is column j of b.
func (b operand) from(j int) operand {
	if b.k > 0 {
		b.data = b.data[j*b.colStep:]
	}
	return b
}

// after is what the tiles read after depth rows of the panel at row p and column
// j, where a block has cols columns: the next panel, or the first one at the next
// rows, or the next block; nothing where B is not in panels.
func (b operand) after(p, j, depth, cols, width int) []float32 {
	if b.rowStep != width {
		return nil
	}
	at := (j+width)*b.colStep + p*width
	if j+width >= cols {
		at = (p + depth) * width
		if p+depth >= b.k {
			at = cols * b.colStep
		}
	}
	at = min(at, len(b.data))
	return b.data[at:min(at+depth*width, len(b.data))]
}

// blocks are the lengths in which a product walks through its operands.
type blocks struct {
	k    int // a panel of so many rows stays in L1
	m    int // so many rows of A, k columns wide, stay in L2
	n    int // columns of C that are finished together
	pack int // floats of B packed at a time
}

func (t *tiling) blocks(c cpu.Caches) blocks {
	k := max(64, c.L1*2/3/4/t.width)
	return blocks{
		k:    k,
		m:    max(t.rows, c.L2/4/4/k/t.rows*t.rows),
		n:    8 * t.width,
		pack: max(1<<16, 2*c.L2/4),
	}
}

// even cuts n into the fewest pieces of at most size, as equal as can be, and
// calls f for each.
func even(n, size int, f func(from, length int)) {
	pieces := (n + size - 1) / size
	for i := range pieces {
		from := i * n / pieces
		f(from, (i+1)*n/pieces-from)
	}
}

// Gemm computes C = A·B, or C += A·B if accumulate, then the epilogue (nil:
// nothing). A is [m, k], B is [k, n], C [m, n] with stride ldc from row to row.
// Every element is one chain acc = FMA(a, b, acc) over k ascending, from zero
// or from C, whatever the other rows and columns. C must not overlap A or B; ws
// may be nil.
func (s *Set) Gemm(m, n, k int, a, b View, c []float32, ldc int, accumulate bool, e *Epilogue, ws *Workspace) {
	a.check("A", m, k)
	b.check("B", k, n)
	checkC(m, n, c, ldc)
	if m == 0 || n == 0 {
		return
	}
	if ws == nil {
		ws = new(Workspace)
	}
	t := s.tiles
	size := t.blocks(caches())
	j := 0
	if b.ColStride == 1 && m <= 2*t.rows {
		// Too few rows to make up for packing: read B in place, but for the last
		// columns, where a panel would reach beyond it.
		j = n / t.width * t.width
		s.multiply(m, j, a, operand{k, b.Data, 1, b.RowStride}, 0, c, ldc, accumulate, e)
	}
	step := max(1, size.pack/max(1, k)/t.width) * t.width
	for ; j < n; j += step {
		cols := min(step, n-j)
		ws.panels = grow(ws.panels, packedLen(k, cols, t.width))
		if k > 0 {
			t.pack(ws.panels, t.width, k, cols, b.at(0, j))
		}
		s.multiply(m, cols, a, operand{k, ws.panels, k, t.width}, j, c, ldc, accumulate, e)
	}
}

// GemmPacked is Gemm with B packed by the same set, for the columns n0 to n1
// of C alone; n0 must be a multiple of Width. C and the epilogue's slices are
// those of the whole product, so that calls for different columns may run at
// the same time. ws may be nil.
func (s *Set) GemmPacked(m int, a View, b *Packed, n0, n1 int, c []float32, ldc int, accumulate bool, e *Epilogue, ws *Workspace) {
	if b.width != s.tiles.width {
		panic("kernel: GemmPacked: B was packed for another set")
	}
	if n0 < 0 || n1 > b.N || n0 > n1 || n0%b.width != 0 {
		panic("kernel: GemmPacked: columns outside B or not at a panel's edge")
	}
	a.check("A", m, b.K)
	checkC(m, n1, c, ldc)
	s.multiply(m, n1-n0, a, operand{b.K, b.data[n0*b.K:], b.K, b.width}, n0, c, ldc, accumulate, e)
}

func checkC(m, n int, c []float32, ldc int) {
	if m > 0 && n > 0 && (len(c) < (m-1)*ldc+n || m > 1 && ldc < n) {
		panic("kernel: Gemm: C is shorter than its shape and stride say")
	}
}

// multiply computes the n columns of C from column shift on, block by block.
func (s *Set) multiply(m, n int, a View, b operand, shift int, c []float32, ldc int, accumulate bool, e *Epilogue) {
	size := s.tiles.blocks(caches())
	even(m, size.m, func(i, rows int) {
		left := a
		if b.k > 0 {
			left = a.at(i, 0)
		}
		for j := 0; j < n; j += size.n {
			cols := min(size.n, n-j)
			s.multiplyBlock(size.k, rows, cols, left, b.from(j), c[i*ldc+shift+j:], ldc, accumulate)
			s.finish(i, rows, shift+j, shift+j+cols, c, ldc, e)
		}
	})
}

// multiplyBlock computes one block of C, which starts c, a block of k after the
// other.
func (s *Set) multiplyBlock(kSize, rows, cols int, a View, b operand, c []float32, ldc int, accumulate bool) {
	if b.k == 0 {
		for r := 0; r < rows && !accumulate; r++ {
			clear(c[r*ldc:][:cols])
		}
		return
	}
	t := s.tiles
	even(b.k, kSize, func(p, depth int) {
		left := a.at(0, p)
		for j := 0; j < cols; j += t.width {
			t.tile(rows, min(t.width, cols-j), depth, left.Data, a.RowStride, a.ColStride,
				b.data[j*b.colStep+p*b.rowStep:], b.rowStep, c[j:], ldc, accumulate || p > 0,
				b.after(p, j, depth, cols, t.width))
		}
	})
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
