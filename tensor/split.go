package tensor

import "github.com/qkvgo/qkv/kernel"

// A grid cuts the outputs [m, n] of a product into rows × cols pieces, as equal as
// panels of width columns allow. Pieces meet at the edge of a panel or of a row, so
// two of them write to one cache line at most where they touch.
type grid struct {
	m, n, width int
	rows, cols  int // pieces
}

// piece gives the rows r0 to r1 and columns n0 to n1 of piece i. Neighbours in
// number share columns: threads at work at the same time read the same part of B.
func (g grid) piece(i int) (r0, r1, n0, n1 int) {
	row, col, panels := i%g.rows, i/g.rows, (g.n+g.width-1)/g.width
	return row * g.m / g.rows, (row + 1) * g.m / g.rows,
		col * panels / g.cols * g.width, min((col+1)*panels/g.cols*g.width, g.n)
}

// largest gives the rows and columns of the largest piece.
func (g grid) largest() (rows, cols int) {
	panels := (g.n + g.width - 1) / g.width
	return (g.m + g.rows - 1) / g.rows, (panels + g.cols - 1) / g.cols * g.width
}

// What a piece costs besides its products, in products of the same length.
const (
	packCost  = 6       // to pack a column of B
	readCost  = 4       // to read a row of A or a column of B
	waitCost  = 8       // to wait for a column of B, for rows too few to hide it
	hidden    = 48      // rows that do
	otherCost = 48      // to read a row of A that another core wrote
	near      = 1 << 18 // numbers of B that every core's L2 can hold
	pieceCost = 1 << 17 // to begin, divided by the length
)

// fewProducts are too few to hand over: their time is that of a fork and join.
const fewProducts = 1 << 16

// gridFor finds the cut of a product of length k for so many threads that ends
// first, by counting products, and of those about equal the one with more pieces,
// up to four a thread, since threads may be held up. pack says that each piece
// packs its columns of B.
func gridFor(m, k, n, width, threads int, pack bool) grid {
	best := grid{m, n, width, 1, 1}
	if threads == 1 || m*n*k < fewProducts {
		return best
	}
	const lowest = 8 // rows that keep a tile busy
	high, wide := max(1, m/lowest), (n+width-1)/width
	// Few rows wait for memory, and unevenly.
	each := min(max(1, max(m, 64)*n*k/threads>>27), 4)
	least, chosen := 0, 0
	for count := threads; count <= each*threads; count += threads {
		for rows := 1; rows <= min(count, high); rows++ {
			g := grid{m, n, width, rows, min(count/rows, wide)}
			r, c := g.largest()
			cost := r*c + readCost*(r+c) + pieceCost/k
			if r < hidden {
				cost += waitCost * c
			}
			// What comes before and after is cut by rows: a piece of all columns finds
			// its rows of A where they were made, but reads all of B.
			if k*n <= near {
				cost += otherCost * r * (g.cols - 1) / g.cols
			}
			if pack {
				cost += packCost * c
			}
			cost *= (g.rows*g.cols + threads - 1) / threads
			pieces := g.rows * g.cols
			if least == 0 || cost < least-least/64 || cost <= least+least/64 && pieces > best.rows*best.cols || cost < chosen && pieces == best.rows*best.cols {
				best, chosen = g, cost
			}
			if least == 0 || cost < least {
				least = cost
			}
		}
	}
	return best
}

// split hands out a product of [m, k] and [k, n] in pieces of whole panels.
func (s *Scope) split(m, k, n, width int, f func(r0, r1, n0, n1 int, ws *workspace)) {
	s.hand(gridFor(m, k, n, width, s.Device.Threads(), false), f)
}

// hand runs f over the pieces of g.
func (s *Scope) hand(g grid, f func(r0, r1, n0, n1 int, ws *workspace)) {
	s.Device.Parallel(g.rows*g.cols, 1, func(lo, hi int, ws *workspace) {
		for i := lo; i < hi; i++ {
			r0, r1, n0, n1 := g.piece(i)
			f(r0, r1, n0, n1, ws)
		}
	})
}

// gemm computes c[m, n] = a[m, k]·b[k, n] and the epilogue, split over outputs.
func (s *Scope) gemm(m, n, k int, a, b kernel.View, c *Tensor, e *kernel.Epilogue) {
	s.gemmWith(m, n, k, a, b, c, false, e)
}

// gemmOnto is gemm that goes on from what is in c where onto says so.
func (s *Scope) gemmOnto(m, n, k int, a, b kernel.View, c *Tensor, onto bool) {
	s.gemmWith(m, n, k, a, b, c, onto, nil)
}

func (s *Scope) gemmWith(m, n, k int, a, b kernel.View, c *Tensor, onto bool, e *kernel.Epilogue) {
	set, width := s.Kernels(), s.Kernels().PackedLen(1, 1)
	g := gridFor(m, k, n, width, s.Device.Threads(), true)
	if rows, _ := g.largest(); g.rows > 1 && rows < 16*packCost {
		// Pieces have too few rows to pack B for themselves.
		memory := s.Device.Alloc(set.PackedLen(k, n))
		defer s.Device.Free(memory)
		p := set.NewPacked(memory, k, n)
		s.Device.Parallel(n, width, func(lo, hi int, _ *workspace) { set.PackColumns(p, lo, hi, b) })
		s.gemmPackedWith(m, a, p, c, onto, e)
		return
	}
	s.hand(g, func(r0, r1, n0, n1 int, ws *workspace) {
		set.Gemm(r1-r0, n1-n0, k, rowsFrom(a, r0), columnsFrom(b, n0), c.data[r0*c.stride+n0:], c.stride, onto, cut(e, r0, n0, n1), ws)
	})
}

// gemmPacked is gemm with prepared weights.
func (s *Scope) gemmPacked(m int, a kernel.View, b *kernel.Packed, c *Tensor, e *kernel.Epilogue) {
	s.gemmPackedWith(m, a, b, c, false, e)
}

func (s *Scope) gemmPackedWith(m int, a kernel.View, b *kernel.Packed, c *Tensor, onto bool, e *kernel.Epilogue) {
	set := s.Kernels()
	s.split(m, b.K, b.N, b.Width(), func(r0, r1, n0, n1 int, ws *workspace) {
		set.GemmPacked(r1-r0, rowsFrom(a, r0), b, n0, n1, c.data[r0*c.stride:], c.stride, onto, cut(e, r0, 0, b.N), ws)
	})
}

// rowsFrom is a from row i on, columnsFrom from column j on.
func rowsFrom(a kernel.View, i int) kernel.View {
	a.Data = a.Data[min(i*a.RowStride, len(a.Data)):]
	return a
}

func columnsFrom(b kernel.View, j int) kernel.View { return rowsFrom(b.T(), j).T() }

// cut is the part of an epilogue for the rows from r on and the columns lo to hi.
func cut(e *kernel.Epilogue, r, lo, hi int) *kernel.Epilogue {
	if e == nil {
		return nil
	}
	part := *e
	if e.Bias != nil {
		part.Bias = e.Bias[lo:hi]
	}
	if e.Residual != nil {
		part.Residual = e.Residual[r*e.ResidualStride+lo:]
	}
	return &part
}

// pieces is how many of n outputs one piece takes: a multiple of unit, about one
// piece a thread, and everything in one where the work (cost per output) is too
// little to hand over.
func pieces(n, threads, unit, cost int) int {
	if n*cost < fewProducts/2 {
		return max(n, 1)
	}
	return max(unit, (n+threads*unit-1)/(threads*unit)*unit)
}
