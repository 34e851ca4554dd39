package kernel

// Workspace is scratch memory of the products. The zero value is ready; it
// grows as needed and may serve one call after another, not two at once.
type Workspace struct {
	panels []float32 // of a block of B
	sums   []float32 // of a block of C
}

// operand is B from its first column on: in panels, or in panels of pairs of
// bfloat16 that are widened on the way, or as it is stored, to be packed on the way.
type operand struct {
	k      int
	panels []float32 // row p of the panel at column j starts at j*k + p*width
	words  []uint32  // rows p and p+1 of the panel at column j start at j*steps + p/2*width
	steps  int
	widen  func(dst []float32, panel []uint32, width int)
	view   View
}

// walk is a product on its way.
type walk struct {
	*tiling
	size       blocks
	m, n       int
	a          View
	b          operand
	inPlace    bool // tiles read b.view itself
	c          []float32
	ldc        int
	accumulate bool
	ws         *Workspace
}

// multiply computes the n columns of C from column shift on, block by block.
func (s *Set) multiply(m, n int, a View, b operand, shift int, c []float32, ldc int, accumulate bool, e *Epilogue, ws *Workspace) {
	if m == 0 || n == 0 {
		return
	}
	if ws == nil {
		ws = new(Workspace)
	}
	w := &walk{s.tiles, s.tiles.blocks(caches()), m, n, a, b, false, c[shift:], ldc, accumulate, ws}
	w.run(func(i, rows, j, cols int) { s.finish(i, rows, shift+j, shift+j+cols, c, ldc, e) })
}

// run calls finish for each block of C that is done.
func (w *walk) run(finish func(i, rows, j, cols int)) {
	rows := w.size.m
	if w.b.panels == nil {
		// A block of B should serve many rows once it is packed; too few do not make
		// up for packing.
		rows *= 8
		w.inPlace = w.b.words == nil && w.b.view.ColStride == 1 && w.m <= 2*w.rows
	}
	if w.m <= w.rows && (w.b.panels != nil || w.inPlace) {
		// No other rows will read a panel again: let it run on, as far as A stays in L1.
		w.size.k = max(w.size.k, caches().L1/2/4/w.m)
	}
	for j := 0; j < w.n; j += w.size.n { // columns first: B comes from memory once
		cols := min(w.size.n, w.n-j)
		even(w.m, rows, 1, func(i, rows int) {
			var left View
			if w.b.k > 0 {
				left = w.a.at(i, 0)
			}
			w.block(left, i, rows, j, cols)
			finish(i, rows, j, cols)
		})
	}
}

// block computes one block of C, a block of k after the other.
func (w *walk) block(left View, i, rows, j, cols int) {
	c := w.c[i*w.ldc+j:]
	if w.b.k == 0 {
		for r := 0; r < rows && !w.accumulate; r++ {
			clear(c[r*w.ldc:][:cols])
		}
		return
	}
	// Where rows of C would crowd each other out of the caches, sums wait elsewhere
	// from one block of k to the next.
	apart := crowded(w.ldc) && rows > 1 && w.b.k > w.size.k
	if apart {
		w.ws.sums = grow(w.ws.sums, rows*(w.size.n+lineFloats))
	}
	even(w.b.k, w.size.k, lineFloats, func(p, depth int) {
		even(rows, w.size.m, 1, func(r, some int) {
			if apart && p == 0 && w.accumulate {
				for r, end := r, r+some; r < end; r++ {
					copy(w.ws.sums[r*(w.size.n+lineFloats):], c[r*w.ldc:][:cols])
				}
			}
			for jj := 0; jj < cols; jj += w.width {
				to, ldt := c[r*w.ldc+jj:], w.ldc
				from, ldf := to, ldt
				if apart {
					to, ldt = w.ws.sums[r*(w.size.n+lineFloats)+jj:], w.size.n+lineFloats
					from, ldf = to, ldt
				}
				if p == 0 && !w.accumulate {
					from = nil
				}
				panel, stride := w.panel(p, depth, j, jj, cols, r == 0, some == rows)
				next := w.after(p, depth, j, jj, cols, r == 0, r+some == rows)
				w.tile(some, min(w.width, cols-jj), depth, left.Data[r*left.RowStride+p*left.ColStride:], left.RowStride, left.ColStride,
					panel, stride, from, ldf, to, ldt, next)
			}
			if apart && p+depth == w.b.k {
				for r, end := r, r+some; r < end; r++ {
					copy(c[r*w.ldc:][:cols], w.ws.sums[r*(w.size.n+lineFloats):])
				}
			}
		})
	})
}

// panel gives rows p to p+depth of the panel at column j+jj and their distance,
// packed now if they are fresh.
func (w *walk) panel(p, depth, j, jj, cols int, fresh, once bool) ([]float32, int) {
	if w.b.panels != nil {
		return w.b.panels[(j+jj)*w.b.k+p*w.width:], w.width
	}
	if w.inPlace && jj+w.width <= cols { // the last panel's rows may not be whole
		from := w.b.view.at(p, j+jj)
		return from.Data, from.RowStride
	}
	wide := min(w.width, cols-jj)
	column := j + jj
	if once { // it stays in L1
		jj = 0
	}
	room := (depth + 1) / 2 * 2 * w.width // pairs are whole
	w.ws.panels = grow(w.ws.panels, (cols+w.width-1)/w.width*room)
	panel := w.ws.panels[jj/w.width*room:][:room]
	switch {
	case !fresh:
	case w.b.words != nil:
		w.b.widen(panel, w.b.words[column*w.b.steps+p/2*w.width:][:room/2], w.width)
	default:
		w.pack(panel, w.width, depth, wide, w.b.view.at(p, column))
	}
	return panel, w.width
}

// after is what will be read after the panel at column j+jj of the block of C at
// column j: its neighbour, or the first one at the next rows, or of the next
// block. first and last tell whether these are the first and the last rows of A
// to meet it.
func (w *walk) after(p, depth, j, jj, cols int, first, last bool) ahead {
	next := jj + w.width
	switch {
	case w.inPlace:
		return ahead{}
	case next < cols:
		if !first && w.b.panels == nil { // it is packed
			return ahead{}
		}
	case !last:
		return ahead{}
	case p+depth < w.b.k:
		p, next = p+depth, 0
	default:
		p, j, next = 0, j+cols, 0
	}
	if j += next; j >= w.n {
		return ahead{}
	}
	if w.b.panels != nil {
		return ahead{w.b.panels[j*w.b.k+p*w.width:], depth, w.width, w.width}
	}
	if w.b.words != nil {
		return ahead{floatsOf(w.b.words[j*w.b.steps+p/2*w.width:]), depth / 2, w.width, w.width}
	}
	depth, cols = min(depth, w.b.k-p), min(w.width, w.n-j)
	from := w.b.view.at(p, j)
	if from.ColStride == 1 {
		return ahead{from.Data, depth, cols, from.RowStride}
	}
	return ahead{from.Data, cols, depth, from.ColStride}
}

// crowded says that rows of such a distance fall into the same few sets of the
// caches.
func crowded(stride int) bool { return stride%1024 == 0 }
