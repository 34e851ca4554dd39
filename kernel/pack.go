package kernel

import (
	"fmt"
	"sync"

	"github.com/qkvgo/qkv/internal/cpu"
)

// caches are this processor's.
var caches = sync.OnceValue(func() cpu.Caches {
	_, c := cpu.Read()
	return c
})

// Packed is a matrix B [K, N] in the order in which a set's product reads it:
// panels of some columns, row by row, the last one filled up with zeros. It
// belongs to the set that packed it, and is immutable.
type Packed struct {
	K, N  int
	width int
	data  []float32
}

// Width returns the number of columns of a panel.
func (p *Packed) Width() int { return p.width }

// Bytes returns the memory that p holds.
func (p *Packed) Bytes() int { return 4 * len(p.data) }

// View16 is a View of 16-bit floats.
type View16 struct {
	Data                 []uint16
	RowStride, ColStride int
}

// PackedLen returns the number of floats that a packed [k, n] matrix takes.
func (s *Set) PackedLen(k, n int) int { return packedLen(k, n, s.tiles.width) }

func packedLen(k, n, width int) int { return (n + width - 1) / width * width * k }

// Pack prepares B [k, n] for GemmPacked.
func (s *Set) Pack(k, n int, b View) *Packed {
	return s.PackInto(alignedFloats(s.PackedLen(k, n)), k, n, b)
}

// PackInto is Pack into the caller's memory, at least PackedLen(k, n) floats;
// it should start a cache line.
func (s *Set) PackInto(memory []float32, k, n int, b View) *Packed {
	b.check("B", k, n)
	p := s.packedIn(memory, k, n)
	s.tiles.pack(p.data, p.width, k, n, b)
	return p
}

// PackBF16 is PackInto for bfloat16; nil memory is allocated.
func (s *Set) PackBF16(memory []float32, k, n int, b View16) *Packed {
	return s.packWiden(memory, k, n, b, s.BF16ToF32)
}

// PackF16 is PackInto for IEEE half precision; nil memory is allocated.
func (s *Set) PackF16(memory []float32, k, n int, b View16) *Packed {
	return s.packWiden(memory, k, n, b, s.F16ToF32)
}

// NewPacked lays out a matrix [k, n] in memory as PackInto does; PackColumns fills
// it.
func (s *Set) NewPacked(memory []float32, k, n int) *Packed { return s.packedIn(memory, k, n) }

// PackColumns packs the columns lo to hi of B [K, N] into p; lo must be a multiple
// of Width, and hi too, or N. Calls for other columns may run at the same time.
func (s *Set) PackColumns(p *Packed, lo, hi int, b View) {
	b.check("B", p.K, p.N)
	if lo%p.width != 0 || hi > p.N || (hi%p.width != 0 && hi != p.N) || p.width != s.tiles.width {
		panic("kernel: PackColumns: columns not at a panel's edge, or panels of another set")
	}
	if p.K > 0 && lo < hi {
		s.tiles.pack(p.data[lo*p.K:], p.width, p.K, hi-lo, b.at(0, lo))
	}
}

func (s *Set) packedIn(memory []float32, k, n int) *Packed {
	size := s.PackedLen(k, n)
	if memory == nil {
		memory = alignedFloats(size)
	}
	if len(memory) < size {
		panic(fmt.Sprintf("kernel: Pack [%d, %d]: have memory for %d floats, want %d", k, n, len(memory), size))
	}
	return &Packed{K: k, N: n, width: s.tiles.width, data: memory[:size:size]}
}

// packWiden widens one panel after another and packs it.
func (s *Set) packWiden(memory []float32, k, n int, b View16, widen func(dst []float32, src []uint16)) *Packed {
	p := s.packedIn(memory, k, n)
	wide := make([]float32, k*p.width)
	for j := 0; j < n && k > 0; j += p.width {
		cols := min(p.width, n-j)
		from := b.Data[j*b.ColStride:]
		v := View{wide, cols, 1}
		switch {
		case b.ColStride == 1:
			for i := range k {
				widen(wide[i*cols:][:cols], from[i*b.RowStride:])
			}
		case b.RowStride == 1:
			v = View{wide, 1, k}
			for i := range cols {
				widen(wide[i*k:][:k], from[i*b.ColStride:])
			}
		default:
			for i := range k {
				for c := range cols {
					at := i*b.RowStride + c*b.ColStride
					widen(wide[i*cols+c:][:1], from[at:at+1])
				}
			}
		}
		s.tiles.pack(p.data[j*k:], p.width, k, cols, v)
	}
	return p
}

// packGo writes B [k, n] as panels of width columns: element (i, j) goes to
// dst[(j/width·k + i)·width + j%width].
func packGo(dst []float32, width, k, n int, b View) {
	for j := 0; j < n; j += width {
		cols := min(width, n-j)
		for i := range k {
			row := dst[j*k+i*width:][:width]
			at := i*b.RowStride + j*b.ColStride
			for c := range cols {
				row[c] = b.Data[at+c*b.ColStride]
			}
			clear(row[cols:])
		}
	}
}
