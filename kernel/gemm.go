package kernel

import "unsafe"

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
	s.multiply(m, n, a, operand{k: k, view: b}, 0, c, ldc, accumulate, e, ws)
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
	s.multiply(m, n1-n0, a, operand{k: b.K, panels: b.data[n0*b.K:]}, n0, c, ldc, accumulate, e, ws)
}

func checkC(m, n int, c []float32, ldc int) {
	if m > 0 && n > 0 && (len(c) < (m-1)*ldc+n || m > 1 && ldc < n) {
		panic("kernel: Gemm: C is shorter than its shape and stride say")
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
