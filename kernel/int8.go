package kernel

import (
	"fmt"
	"math"
	"unsafe"
)

// Products of whole numbers of 8 bits. A row of A becomes unsigned numbers with
// a scale and a zero point of its own, a column of B signed numbers with a scale
// of its own:
//
//	a[i,p] ≈ scaleA[i]·(q[i,p] − zero[i]),   0 ≤ q ≤ 255
//	b[p,j] ≈ scaleB[j]·w[p,j],            −127 ≤ w ≤ 127
//
// and an element of C is, with sums of whole numbers, which no order changes,
//
//	s      = Σ_p q[i,p]·w[p,j] − zero[i]·Σ_p w[p,j]
//	c[i,j] = FMA(float32(s), float32(scaleA[i]·scaleB[j]), bias[j])
//
// with a bias of 0 where there is none; activation and residual follow.

// MaxInt8K is the longest sum of products that cannot overflow.
const MaxInt8K = math.MaxInt32 / (255 * 127)

// quad is how many numbers along k lie together, in A's rows and B's panels.
const quad = 4

// tiniest is the range below which a row or a column counts as zeros: the
// reciprocal of its step would be infinite.
const tiniest = 0x1p-110

// int8Tiling is how a set multiplies whole numbers: by tiles of up to rows ×
// width elements of C, from panels of B that are width columns wide.
type int8Tiling struct {
	rows, width int
	anyRows     bool // tile takes more rows than it holds, too
	tile        int8TileFunc

	// rangeOf gives min(0, x…), max(0, x…), and the greatest bits of a |x[i]|;
	// the first two hold no news where the third says that x is not finite.
	rangeOf func(x []float32) (lo, hi float32, top uint32)
	// quantize: dst[i] = clamp(roundToEven(x[i]·inv) + zero, 0, 255).
	quantize func(dst []uint8, x []float32, inv float32, zero int32)
	// saturate computes as fast as the core can and gives the multiply–adds.
	saturate func(steps int) (multiplyAdds int)
}

// int8Panel is a panel of B with what belongs to its columns.
type int8Panel struct {
	data  []int8 // quad q of column j starts at 4·(q·width + j)
	scale []float32
	sum   []int32
	bias  []float32
}

// int8TileFunc computes rows of C, a whole panel wide, as defined above; a holds
// as many rows, steps quads each, lda bytes apart.
type int8TileFunc func(rows, steps int, a []uint8, lda int, b int8Panel, scale []float32, zero []int32, c []float32, ldc int)

// int8TileGo returns the definition for panels of the given width.
func int8TileGo(width int) int8TileFunc {
	return func(rows, steps int, a []uint8, lda int, b int8Panel, scale []float32, zero []int32, c []float32, ldc int) {
		sums := make([]int32, width)
		for i := range rows {
			clear(sums)
			for p, q := range a[i*lda:][:quad*steps] {
				panel := b.data[p/quad*quad*width+p%quad:]
				for j := range sums {
					sums[j] += int32(q) * int32(panel[quad*j])
				}
			}
			for j, s := range sums {
				c[i*ldc+j] = FMA(float32(s-zero[i]*b.sum[j]), float32(scale[i]*b.scale[j]), b.bias[j])
			}
		}
	}
}

func rangeOfGo(x []float32) (lo, hi float32, top uint32) {
	for _, v := range x {
		if v < lo {
			lo = v
		}
		if v > hi {
			hi = v
		}
		top = max(top, math.Float32bits(v)&^signBit)
	}
	return lo, hi, top
}

func quantizeGo(dst []uint8, x []float32, inv float32, zero int32) {
	for i, v := range x[:len(dst)] {
		dst[i] = uint8(min(max(int32(math.RoundToEven(float64(float32(v*inv))))+zero, 0), 255))
	}
}

// signBit is the sign of a float32, and infinite the bits of its infinity.
const (
	signBit  = 1 << 31
	infinite = 0x7f800000
)

// stepOf gives the step from one whole number to the next for numbers of the
// given range, and its reciprocal; both are 0 where all are taken for zeros. A
// range that is not finite makes the step NaN, so that it shows in the result.
func stepOf(extent, levels float32, top uint32) (scale, inv float32) {
	switch {
	case top >= infinite || extent > math.MaxFloat32:
		return float32(math.NaN()), 0
	case extent < tiniest:
		return 0, 0
	}
	return extent / levels, levels / extent
}

// Quantized is the rows of a matrix A [Rows, K] as whole numbers, each row with
// its own scale and zero point, so that a row never depends on its neighbours.
type Quantized struct {
	Rows, K int
	stride  int // bytes from row to row
	data    []uint8
	scale   []float32
	zero    []int32
}

// QuantizedLen is the number of floats of memory that quantized [rows, k] takes.
func QuantizedLen(rows, k int) int { return rows * (quadsApart(k) + 2) }

// quadsApart is how many quads lie from one row of k numbers to the next: never so
// many that many rows fall on the same few sets of a cache.
func quadsApart(k int) int {
	n := (k + quad - 1) / quad
	if n >= 16*lineFloats && n%(8*lineFloats) == 0 {
		n += lineFloats
	}
	return n
}

// NewQuantized lays out room for [rows, k] in memory, QuantizedLen floats; nil
// is allocated. Set.Quantize fills it.
func NewQuantized(memory []float32, rows, k int) *Quantized {
	if memory == nil {
		memory = alignedFloats(QuantizedLen(rows, k))
	}
	quads := quadsApart(k)
	q := &Quantized{Rows: rows, K: k, stride: quad * quads}
	ints := memory[rows*quads:][:rows:rows]
	q.scale = memory[rows*(quads+1):][:rows:rows]
	if rows > 0 {
		q.zero = unsafe.Slice((*int32)(unsafe.Pointer(&ints[0])), rows)
		if quads > 0 {
			q.data = unsafe.Slice((*uint8)(unsafe.Pointer(&memory[0])), rows*q.stride)
		}
	}
	return q
}

// Quantize fills rows lo to hi of q from those of A; columns of A must be 1
// apart.
func (s *Set) Quantize(q *Quantized, lo, hi int, a View) {
	a.check("A", q.Rows, q.K)
	if a.ColStride != 1 && q.K > 1 {
		panic("kernel: Quantize: A's columns are not side by side")
	}
	for i := lo; i < hi; i++ {
		row := q.data[i*q.stride:][:(q.K+quad-1)/quad*quad]
		var x []float32
		if q.K > 0 {
			x = a.Data[i*a.RowStride:][:q.K]
		}
		least, most, top := s.int8.rangeOf(x)
		scale, inv := stepOf(most-least, 255, top)
		q.scale[i], q.zero[i] = scale, 0
		if inv == 0 {
			clear(row)
			continue
		}
		q.zero[i] = int32(math.RoundToEven(float64(float32(-least * inv))))
		s.int8.quantize(row[:q.K], x, inv, q.zero[i])
		clear(row[q.K:])
	}
}

// PackedInt8 is a matrix B [K, N] as signed whole numbers of 8 bits with a scale
// a column, in the order in which a set's product reads it. It belongs to the
// set that packed it, and is immutable.
type PackedInt8 struct {
	K, N  int
	width int
	data  []int8
	scale []float32 // [N], in whole panels
	sum   []int32   // of a column's numbers
}

// Width returns the number of columns of a panel.
func (p *PackedInt8) Width() int { return p.width }

// Bytes returns the memory that p holds.
func (p *PackedInt8) Bytes() int { return len(p.data) + 8*len(p.scale) }

// PackedInt8Bytes returns the memory that a packed [k, n] matrix takes.
func (s *Set) PackedInt8Bytes(k, n int) int {
	width := s.int8.width
	return (n + width - 1) / width * width * ((k+quad-1)/quad*quad + 8)
}

// NewPackedInt8 makes room for a matrix [k, n]; Set.PackInt8 fills it. k may be at
// most MaxInt8K.
func (s *Set) NewPackedInt8(k, n int) *PackedInt8 {
	if k > MaxInt8K {
		panic(fmt.Sprintf("kernel: PackInt8 [%d, %d]: sums longer than %d may overflow", k, n, MaxInt8K))
	}
	width, quads := s.int8.width, (k+quad-1)/quad
	whole := (n + width - 1) / width * width
	return &PackedInt8{K: k, N: n, width: width, data: make([]int8, whole*quads*quad),
		scale: alignedFloats(whole), sum: make([]int32, whole)}
}

// PackInt8 rounds the columns lo to hi of B [K, N] to whole numbers, the largest
// of a column to ±127, into p; lo must be a multiple of Width, and hi too, or N.
// Calls for other columns may run at the same time.
func (s *Set) PackInt8(p *PackedInt8, lo, hi int, b View) {
	b.check("B", p.K, p.N)
	width, k, quads := s.int8.width, p.K, (p.K+quad-1)/quad
	if p.width != width || lo%width != 0 || hi > p.N || (hi%width != 0 && hi != p.N) {
		panic("kernel: PackInt8: columns not at a panel's edge, or panels of another set")
	}
	columns, bytes := make([]float32, width*k), make([]uint8, quads*quad)
	for j := lo; j < hi; j += width {
		count := min(width, hi-j)
		gather(columns, k, count, b, j)
		for c := range count {
			p.scale[j+c], p.sum[j+c] = s.packColumn(p.data[j*quads*quad:], c, columns[c*k:][:k], bytes)
		}
	}
}

// gather copies columns j to j+count of B, one after the other.
func gather(dst []float32, k, count int, b View, j int) {
	if b.RowStride == 1 {
		for c := 0; c < count && k > 0; c++ {
			copy(dst[c*k:][:k], b.Data[(j+c)*b.ColStride:])
		}
		return
	}
	for i := range k {
		for c := range count {
			dst[c*k+i] = b.Data[i*b.RowStride+(j+c)*b.ColStride]
		}
	}
}

// packColumn writes column c of a panel and gives its scale and the sum of its
// numbers. bytes is scratch, a whole column long, that ends in zeros.
func (s *Set) packColumn(panel []int8, c int, x []float32, bytes []uint8) (scale float32, sum int32) {
	const middle = 128 // makes signed numbers unsigned
	least, most, top := s.int8.rangeOf(x)
	scale, inv := stepOf(max(most, -least), 127, top)
	if inv == 0 {
		return scale, 0
	}
	s.int8.quantize(bytes[:len(x)], x, inv, middle)
	for i, q := range bytes[:len(x)] {
		w := int8(int(q) - middle)
		panel[(i/quad*s.int8.width+c)*quad+i%quad] = w
		sum += int32(w)
	}
	return scale, sum
}

// GemmInt8 computes rows r0 to r1 and columns n0 to n1 of C = A·B, then the
// epilogue (nil: nothing); n0 must be a multiple of B's Width. C and the
// epilogue's slices are those of the whole product, so that calls for different
// parts may run at the same time.
func (s *Set) GemmInt8(a *Quantized, r0, r1 int, b *PackedInt8, n0, n1 int, c []float32, ldc int, e *Epilogue) {
	t := s.int8
	if b.width != t.width {
		panic("kernel: GemmInt8: B was packed for another set")
	}
	if a.K != b.K || r0 < 0 || r1 > a.Rows || r0 > r1 || n0 < 0 || n1 > b.N || n0 > n1 || n0%b.width != 0 {
		panic("kernel: GemmInt8: rows or columns outside the operands or not at a panel's edge")
	}
	checkC(r1, n1, c, ldc)
	if r0 == r1 || n0 == n1 {
		return
	}
	after := Epilogue{}
	if e != nil {
		after = *e
	}
	bias := after.Bias
	after.Bias = nil // the tiles add it
	block := max(t.rows, caches().L2/4/max(a.stride, 1)/t.rows*t.rows)
	even(r1-r0, block, 1, func(from, rows int) {
		const panels = 8 // that are finished together
		for j := n0; j < n1; j += panels * t.width {
			end := min(j+panels*t.width, n1)
			for n := j; n < end; n += t.width {
				t.strip(a, r0+from, rows, b, n, min(t.width, end-n), bias, c, ldc)
			}
			s.finish(r0+from, rows, j, end, c, ldc, &after)
		}
	})
}

// maxInt8Width and maxInt8Tile bound the panels and tiles of all sets.
const (
	maxInt8Width = 32
	maxInt8Tile  = 12 * maxInt8Width
)

// strip computes rows of C, cols columns from n on, within one panel.
func (t *int8Tiling) strip(a *Quantized, from, rows int, b *PackedInt8, n, cols int, bias, c []float32, ldc int) {
	var biases [maxInt8Width]float32
	if bias != nil {
		copy(biases[:], bias[n:][:cols])
	}
	steps := (a.K + quad - 1) / quad
	panel := int8Panel{b.data[n*steps*quad:], b.scale[n:][:t.width], b.sum[n:][:t.width], biases[:]}
	if cols == t.width && t.anyRows {
		t.tile(rows, steps, a.data[from*a.stride:], a.stride, panel, a.scale[from:][:rows], a.zero[from:][:rows], c[from*ldc+n:], ldc)
		return
	}
	tiles := (rows + t.rows - 1) / t.rows
	for i := range tiles {
		r, next := from+i*rows/tiles, from+(i+1)*rows/tiles
		left, scale, zero := a.data[r*a.stride:], a.scale[r:next], a.zero[r:next]
		if cols == t.width {
			t.tile(next-r, steps, left, a.stride, panel, scale, zero, c[r*ldc+n:], ldc)
			continue
		}
		// A panel that is not full: C may end where its columns do.
		var whole [maxInt8Tile]float32
		t.tile(next-r, steps, left, a.stride, panel, scale, zero, whole[:], t.width)
		for k := r; k < next; k++ {
			copy(c[k*ldc+n:][:cols], whole[(k-r)*t.width:])
		}
	}
}

// SaturateInt8 is Saturate for products of whole numbers: steps of the
// instructions that a tile is made of, on registers alone.
func (s *Set) SaturateInt8(steps int) (multiplyAdds int) { return s.int8.saturate(steps) }

// saturateInt8Go multiplies a tile as plain Go does.
func saturateInt8Go(steps int) (multiplyAdds int) {
	const width = 16
	b := int8Panel{make([]int8, quad*width), make([]float32, width), make([]int32, width), make([]float32, width)}
	a, c, tile := make([]uint8, quad), make([]float32, width), int8TileGo(width)
	for range steps {
		tile(1, 1, a, quad, b, []float32{1}, []int32{0}, c, width)
	}
	return steps * quad * width
}
