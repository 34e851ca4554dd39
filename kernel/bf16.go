package kernel

import (
	"math"
	"unsafe"
)

// Products of bfloat16. Weights lie in pairs, two numbers of 16 bits along k side
// by side, and meet float32 in two ways:
//
//   - GemmPairs widens them: its bits are those of Gemm over the same values.
//   - GemmBF16, the named fast mode, rounds the rows of A to bfloat16 too. An
//     element of C is then one chain over k ascending, from zero,
//
//     acc = flush(FMA(zero(a), zero(b), acc))
//
//     where k is filled up with zeros to an even number, zero(x) is ±0 for a
//     denormal x, and flush(x) is ±0 where the exact sum, rounded to 24 bits,
//     is smaller than 2⁻¹²⁶.
//
// That is the arithmetic of VDPBF16PS (Intel, Architecture Instruction Set
// Extensions Programming Reference, AVX512_BF16): two fused multiply–adds, each
// rounded to nearest even, first the upper halves of the words, then the lower
// ones, denormals taken for zero and flushed to zero whatever MXCSR says. So the
// earlier number of a pair is the upper half of its word, and the sums ascend.
// Elsewhere the float32 tile does the same with MXCSR's DAZ and FTZ set.

// bf16Tiling is how a set multiplies bfloat16, by panels of B as wide as those of
// the set's float32 tiles.
type bf16Tiling struct {
	// dots computes m rows of C, whole panels wide, from words of A, lda apart,
	// and of B; a nil bias adds nothing. nil: rows of A are float32, and plain
	// multiplies them.
	dots func(m, panels, steps int, a []uint32, lda int, b []uint32, panel int, bias, c []float32, ldc int, accumulate bool)
	rows int // that dots holds in registers, of one panel

	// pair rounds x to bfloat16 and writes two numbers a word, (len(x)+1)/2 of them.
	pair func(dst []uint32, x []float32)
	// widen writes the rows of a panel: row 2p from the upper halves of step p,
	// row 2p+1 from the lower.
	widen func(dst []float32, panel []uint32, width int)
	// thin is one row of C, whole panels wide, in float32: k must be even.
	thin func(panels, steps int, a []float32, b []uint32, panel int, c []float32)
	// flush is the set's float32 tile where denormals count as zero, and is zero.
	flush tileFunc
	// saturate computes as fast as the core can and gives the multiply–adds.
	saturate func(steps int) (multiplyAdds int)
}

// withFlush is s with tiles that take denormals for zero.
func (s *Set) withFlush() *Set {
	flushed := *s
	flushed.tiles = &tiling{rows: s.tiles.rows, width: s.tiles.width, tile: s.bf16.flush, pack: s.tiles.pack}
	return &flushed
}

// smallestNormal is the smallest float32 that is not denormal, 2⁻¹²⁶.
const smallestNormal = 0x1p-126

// zeroBF16 gives ±0 for a denormal x, and x for any other.
func zeroBF16(x float32) float32 {
	if b := math.Float32bits(x); b&infinite == 0 {
		return math.Float32frombits(b & signBit)
	}
	return x
}

// roundBF16 rounds x to the nearest bfloat16, ties to even; denormals become ±0.
func roundBF16(x float32) uint16 {
	var half [1]uint16
	f32ToBF16Go(half[:], []float32{zeroBF16(x)})
	return half[0]
}

// FlushedFMA is a step of GemmBF16's chain, for a, b and acc that are not
// denormal: FMA(a, b, acc), or ±0 where that, rounded to 24 bits whatever its
// exponent, is smaller than 2⁻¹²⁶.
func FlushedFMA(a, b, acc float32) float32 {
	v := FMA(a, b, acc)
	if v > smallestNormal || v < -smallestNormal || v != v {
		return v
	}
	// Near zero the sum of doubles needs care: the product is exact, and a tie
	// with 2⁻¹²⁶ lies at 2⁻¹²⁶(1-2⁻²⁵).
	p, w := float64(a)*float64(b), float64(acc)
	sum := p + w
	ws := sum - p
	rest := (p - (sum - ws)) + (w - ws)
	const tie = smallestNormal - 0x1p-151
	if s := math.Abs(sum); s < tie || s == tie && rest != 0 && (rest > 0) != (sum > 0) {
		return float32(math.Copysign(0, sum))
	}
	return v
}

func tileFlushGo(m, n, k int, a []float32, ar, ac int, b []float32, bs int, from []float32, ldf int, to []float32, ldt int, _ ahead) {
	for i := range m {
		row := to[i*ldt:][:n]
		if from == nil {
			clear(row)
		} else {
			copy(row, from[i*ldf:])
		}
		for p := range k {
			v := zeroBF16(a[i*ar+p*ac])
			for j, w := range b[p*bs:][:n] {
				row[j] = FlushedFMA(v, zeroBF16(w), row[j])
			}
		}
	}
}

func roundBF16Go(dst, x []float32) {
	for i := range dst {
		dst[i] = math.Float32frombits(uint32(roundBF16(x[i])) << 16)
	}
}

func pairGo(dst []uint32, x []float32) {
	for i := range dst {
		w := uint32(roundBF16(x[2*i])) << 16
		if 2*i+1 < len(x) {
			w |= uint32(roundBF16(x[2*i+1]))
		}
		dst[i] = w
	}
}

func widenGo(dst []float32, panel []uint32, width int) {
	for p := 0; p*width < len(panel); p++ {
		for j, w := range panel[p*width:][:width] {
			dst[2*p*width+j] = math.Float32frombits(w &^ 0xffff)
			dst[(2*p+1)*width+j] = math.Float32frombits(w << 16)
		}
	}
}

// A Pairs is a matrix B [K, N] of bfloat16 in the order in which a set's products
// read it: panels of some columns, the pairs of k one after the other, the last
// panel filled up with zeros. It belongs to the set that packed it.
type Pairs struct {
	K, N  int
	width int
	steps int // pairs along k
	data  []uint32
}

// Width returns the number of columns of a panel.
func (p *Pairs) Width() int { return p.width }

// Bytes returns the memory that p holds.
func (p *Pairs) Bytes() int { return 4 * len(p.data) }

// PairsBytes returns the memory that Pairs of [k, n] take.
func (s *Set) PairsBytes(k, n int) int { return 4 * s.PackedLen((k+1)/2, n) }

// NewPairs makes room for a matrix [k, n]; Set.PackPairs fills it.
func (s *Set) NewPairs(k, n int) *Pairs {
	steps := (k + 1) / 2
	return &Pairs{K: k, N: n, width: s.tiles.width, steps: steps, data: wordsOf(alignedFloats(s.PackedLen(steps, n)))}
}

// wordsOf is x as words.
func wordsOf(x []float32) []uint32 {
	return unsafe.Slice((*uint32)(unsafe.Pointer(unsafe.SliceData(x))), len(x))
}

// floatsOf is x as floats, for what only moves bits.
func floatsOf(x []uint32) []float32 {
	return unsafe.Slice((*float32)(unsafe.Pointer(unsafe.SliceData(x))), len(x))
}

// PackPairs rounds the columns lo to hi of B [K, N] into p; lo must be a multiple
// of Width, and hi too, or N. Calls for other columns may run at the same time.
func (s *Set) PackPairs(p *Pairs, lo, hi int, b View) {
	b.check("B", p.K, p.N)
	words := make([]uint32, p.steps*p.width)
	across := make([]float32, 2*p.width)
	s.eachPanel(p, lo, hi, words, func(j, cols int) {
		if b.RowStride == 1 {
			for c := range cols {
				s.bf16.pair(words[c*p.steps:][:p.steps], b.Data[(j+c)*b.ColStride:][:p.K])
			}
			return
		}
		for i := range p.steps {
			clear(across)
			for c := range cols {
				for r := 2 * i; r < min(2*i+2, p.K); r++ {
					across[2*c+r-2*i] = b.Data[r*b.RowStride+(j+c)*b.ColStride]
				}
			}
			s.bf16.pair(words[i*cols:][:cols], across[:2*cols])
		}
	}, b.RowStride == 1)
}

// PackPairs16 is PackPairs for a matrix that is bfloat16 already: every bit of it
// is kept.
func (s *Set) PackPairs16(p *Pairs, lo, hi int, b View16) {
	words := make([]uint32, p.steps*p.width)
	s.eachPanel(p, lo, hi, words, func(j, cols int) {
		if b.RowStride == 1 {
			for c := range cols {
				pairs(words[c*p.steps:][:p.steps], b.Data[(j+c)*b.ColStride:][:p.K])
			}
			return
		}
		for i := range p.steps {
			for c := range cols {
				at := 2*i*b.RowStride + (j+c)*b.ColStride
				w := uint32(b.Data[at]) << 16
				if 2*i+1 < p.K {
					w |= uint32(b.Data[at+b.RowStride])
				}
				words[i*cols+c] = w
			}
		}
	}, b.RowStride == 1)
}

// pairs writes two numbers a word, the earlier one in its upper half.
func pairs(dst []uint32, x []uint16) {
	whole := len(x) / 2
	for i := range dst[:whole] {
		dst[i] = uint32(x[2*i])<<16 | uint32(x[2*i+1])
	}
	if whole < len(dst) {
		dst[whole] = uint32(x[2*whole]) << 16
	}
}

// eachPanel calls fill for the panels of columns lo to hi: it writes the words of
// cols columns from j on, one column after the other or step by step, which then
// are packed.
func (s *Set) eachPanel(p *Pairs, lo, hi int, words []uint32, fill func(j, cols int), byColumn bool) {
	if lo%p.width != 0 || hi > p.N || (hi%p.width != 0 && hi != p.N) || p.width != s.tiles.width {
		panic("kernel: PackPairs: columns not at a panel's edge, or panels of another set")
	}
	for j := lo; j < hi; j += p.width {
		cols := min(p.width, hi-j)
		if p.steps > 0 {
			fill(j, cols)
		}
		from := View{floatsOf(words), cols, 1}
		if byColumn {
			from = View{floatsOf(words), 1, p.steps}
		}
		s.tiles.pack(floatsOf(p.data[j*p.steps:]), p.width, p.steps, cols, from)
	}
}

// BF16Rows is the rows of a matrix A [Rows, K] rounded to bfloat16, as a set's
// product reads them.
type BF16Rows struct {
	Rows, K int
	stride  int       // from row to row, in words
	words   []uint32  // two numbers each, or
	wide    []float32 // a number each
}

// rowStride is how many words, or floats, a row of k numbers takes: whole cache
// lines, and never so that many rows fall on the same few sets of a cache.
func (t *bf16Tiling) rowStride(k int) int {
	n := (k + 1) / 2
	if t.dots == nil {
		n *= 2
	}
	n = (n + lineFloats - 1) / lineFloats * lineFloats
	if n%(8*lineFloats) == 0 {
		n += lineFloats
	}
	return n
}

// BF16RowsLen is the number of floats of memory that rounded [rows, k] takes.
func (s *Set) BF16RowsLen(rows, k int) int { return rows * s.bf16.rowStride(k) }

// NewBF16Rows lays out room for [rows, k] in memory, BF16RowsLen floats; nil is
// allocated. Set.RoundRows fills it.
func (s *Set) NewBF16Rows(memory []float32, rows, k int) *BF16Rows {
	if memory == nil {
		memory = alignedFloats(s.BF16RowsLen(rows, k))
	}
	r := &BF16Rows{Rows: rows, K: k, stride: s.bf16.rowStride(k)}
	if s.bf16.dots != nil {
		r.words = wordsOf(memory)
	} else {
		r.wide = memory
	}
	return r
}

// RoundRows fills rows lo to hi of r from those of A; columns of A must be 1
// apart.
func (s *Set) RoundRows(r *BF16Rows, lo, hi int, a View) {
	a.check("A", r.Rows, r.K)
	if a.ColStride != 1 && r.K > 1 {
		panic("kernel: RoundRows: A's columns are not side by side")
	}
	steps := (r.K + 1) / 2
	for i := lo; i < hi && r.K > 0; i++ {
		x := a.Data[i*a.RowStride:][:r.K]
		if r.words != nil {
			s.bf16.pair(r.words[i*r.stride:][:steps], x)
			continue
		}
		row := r.wide[i*r.stride:][:2*steps]
		clear(row[r.K:])
		s.RoundBF16(row[:r.K], x)
	}
}

// GemmBF16 computes rows r0 to r1 and columns n0 to n1 of C = A·B as the fast mode
// defines it, then the epilogue (nil: nothing); n0 must be a multiple of B's
// Width. C and the epilogue's slices are those of the whole product, so that calls
// for different parts may run at the same time. ws may be nil.
func (s *Set) GemmBF16(a *BF16Rows, r0, r1 int, b *Pairs, n0, n1 int, c []float32, ldc int, e *Epilogue, ws *Workspace) {
	if b.width != s.tiles.width || (a.words != nil) != (s.bf16.dots != nil) {
		panic("kernel: GemmBF16: an operand was prepared for another set")
	}
	if a.K != b.K || r0 < 0 || r1 > a.Rows || r0 > r1 || n0 < 0 || n1 > b.N || n0 > n1 || n0%b.width != 0 {
		panic("kernel: GemmBF16: rows or columns outside the operands or not at a panel's edge")
	}
	checkC(r1, n1, c, ldc)
	switch {
	case r0 == r1 || n0 == n1:
	case a.words == nil:
		from := View{a.wide[r0*a.stride:], a.stride, 1}
		s.withFlush().multiplyWidened(r1-r0, 2*b.steps, from, b, n0, n1, c[r0*ldc:], ldc, e.from(r0), ws)
	default:
		s.dots(a, r0, r1, b, n0, n1, c, ldc, e)
	}
}

// from is the epilogue for the rows from r on.
func (e *Epilogue) from(r int) *Epilogue {
	if e == nil || e.Residual == nil {
		return e
	}
	part := *e
	part.Residual = e.Residual[r*e.ResidualStride:]
	return &part
}

// GemmPairs computes columns n0 to n1 of C = A·B, A [m, K] and all arithmetic in
// float32, then the epilogue: the bits of GemmPacked over the same values. n0 must
// be a multiple of B's Width; C and the epilogue's slices are those of the whole
// product. ws may be nil.
func (s *Set) GemmPairs(m int, a View, b *Pairs, n0, n1 int, c []float32, ldc int, e *Epilogue, ws *Workspace) {
	if b.width != s.tiles.width || n0 < 0 || n1 > b.N || n0 > n1 || n0%b.width != 0 {
		panic("kernel: GemmPairs: B was packed for another set, or columns are outside it or not at a panel's edge")
	}
	a.check("A", m, b.K)
	checkC(m, n1, c, ldc)
	if m == 0 || n0 == n1 {
		return
	}
	const few = 4 // rows that are not worth widening B for
	if s.bf16.thin == nil || m > few || b.K%2 != 0 || b.K == 0 || a.ColStride != 1 {
		s.multiplyWidened(m, b.K, a, b, n0, n1, c, ldc, e, ws)
		return
	}
	for j := n0; j < n1; j += thinPanels * b.width {
		end := min(j+thinPanels*b.width, n1)
		for i := range m {
			s.thinRow(a.Data[i*a.RowStride:][:b.K], b, j, end, c[i*ldc:])
		}
		s.finish(0, m, j, end, c, ldc, e)
	}
}

// thinPanels are the panels that one row reads side by side, and thinWidth bounds
// their columns.
const (
	thinPanels = 4
	thinWidth  = thinPanels * 32
)

// thinRow computes columns j to end of one row of C.
func (s *Set) thinRow(a []float32, b *Pairs, j, end int, c []float32) {
	panels := (end - j + b.width - 1) / b.width
	whole := c[j:]
	var spare [thinWidth]float32
	partial := panels*b.width != end-j
	if partial {
		whole = spare[:]
	}
	s.bf16.thin(panels, b.steps, a, b.data[j*b.steps:], b.steps*b.width, whole)
	if partial {
		copy(c[j:end], spare[:])
	}
}

// multiplyWidened computes the columns n0 to n1 of C over k rows of B, which are
// widened a block at a time.
func (s *Set) multiplyWidened(m, k int, a View, b *Pairs, n0, n1 int, c []float32, ldc int, e *Epilogue, ws *Workspace) {
	s.multiply(m, n1-n0, a, operand{k: k, words: b.data[n0*b.steps:], steps: b.steps, widen: s.bf16.widen}, n0, c, ldc, false, e, ws)
}

// depthBF16 is how many steps a tile runs at most before its sums go to C: so
// long stays a panel's part in L2, and the rows' in L1.
const depthBF16 = 1024

// dots computes rows and columns of C with the set's tile of dot products.
func (s *Set) dots(a *BF16Rows, r0, r1 int, b *Pairs, n0, n1 int, c []float32, ldc int, e *Epilogue) {
	t, width := s.bf16, b.width
	after := Epilogue{}
	if e != nil {
		after = *e
	}
	bias := after.Bias
	after.Bias = nil // the tiles add it
	if b.steps == 0 {
		for i := r0; i < r1; i++ {
			clear(c[i*ldc+n0 : i*ldc+n1])
		}
		s.finish(r0, r1-r0, n0, n1, c, ldc, e)
		return
	}
	block := max(t.rows, caches().L2/2/4/a.stride/t.rows*t.rows)
	even(r1-r0, block, 1, func(from, rows int) {
		const panels = 8 // that are finished together
		for j := n0; j < n1; j += panels * width {
			end := min(j+panels*width, n1)
			even(b.steps, depthBF16, 1, func(p, depth int) {
				s.dotStrip(a, r0+from, rows, b, p, depth, j, end, bias, c, ldc)
			})
			s.finish(r0+from, rows, j, end, c, ldc, &after)
		}
	})
}

// abreast is how many panels a tile of so many rows reads side by side, so that
// enough sums are under way.
func abreast(rows int) int {
	switch {
	case rows <= 3:
		return 4
	case rows <= 6:
		return 2
	}
	return 1
}

// dotStrip adds steps p to p+depth to rows of the columns n0 to n1, at most 8
// panels.
func (s *Set) dotStrip(a *BF16Rows, from, rows int, b *Pairs, p, depth, n0, n1 int, bias, c []float32, ldc int) {
	width, last := b.width, p+depth == b.steps
	left := a.words[from*a.stride+p:]
	for j := n0; j < n1; {
		panels := abreast(rows)
		for j+panels*width > n1 && panels > 1 {
			panels /= 2
		}
		cols := min(panels*width, n1-j)
		right := b.data[j*b.steps+p*width:]
		var add []float32
		if last && bias != nil {
			add = bias[j:][:cols]
		}
		if cols == panels*width {
			s.bf16.dots(rows, panels, depth, left, a.stride, right, b.steps*width, add, c[from*ldc+j:], ldc, p > 0)
			j += cols
			continue
		}
		// A panel that is not full: C may end where its columns do.
		var whole [maxBF16Tile]float32
		var biases [maxBF16Width]float32
		if add != nil {
			copy(biases[:], add)
			add = biases[:width]
		}
		for i := 0; i < rows; i += s.bf16.rows {
			r := min(s.bf16.rows, rows-i)
			for k := range r {
				copy(whole[k*width:], c[(from+i+k)*ldc+j:][:cols])
			}
			s.bf16.dots(r, 1, depth, left[i*a.stride:], a.stride, right, 0, add, whole[:], width, p > 0)
			for k := range r {
				copy(c[(from+i+k)*ldc+j:][:cols], whole[k*width:])
			}
		}
		j += cols
	}
}

// maxBF16Width and maxBF16Tile bound the panels and tiles of all sets.
const (
	maxBF16Width = 32
	maxBF16Tile  = 12 * maxBF16Width
)

// SaturateBF16 is Saturate for the fast mode: steps of the instructions that its
// tile is made of, on registers alone.
func (s *Set) SaturateBF16(steps int) (multiplyAdds int) {
	if s.bf16.saturate != nil {
		return s.bf16.saturate(steps)
	}
	return s.Saturate(steps)
}

// DotsBF16 says whether the set has instructions for the fast mode, which is then
// faster than float32 and not only smaller.
func (s *Set) DotsBF16() bool { return s.bf16.dots != nil }

// ThinPairs says whether GemmPairs reads few rows' worth of B without widening it.
func (s *Set) ThinPairs() bool { return s.bf16.thin != nil }
