package kernel

import (
	"unsafe"

	"github.com/qkvgo/qkv/internal/cpu"
)

// machineSets returns the tables of this processor, plainest first, with only
// the entries that are their own.
func machineSets() []*Set {
	var list []*Set
	f, _ := cpu.Read()
	if f.AVX2 {
		list = append(list, avx2Set())
	}
	if f.AVX512 {
		list = append(list, avx512Set())
	}
	return list
}

func avx2Set() *Set {
	return &Set{
		Name:  "avx2",
		tiles: &tiling{rows: 6, width: 16, tile: strip(tileAVX2), pack: packer(8, packRowsAVX2, packColumnsAVX2)},
	}
}

func avx512Set() *Set {
	return &Set{
		Name:  "avx512",
		tiles: &tiling{rows: 12, width: 32, tile: strip(tileAVX512), pack: packer(16, packRowsAVX512, packColumnsAVX512)},
	}
}

// strip wraps an assembly tile, which takes its distances in bytes.
func strip(f func(m, n, k int, a *float32, ar, ac int, b *float32, bs int, c *float32, ldc int, accumulate bool)) tileFunc {
	return func(m, n, k int, a []float32, ar, ac int, b []float32, bs int, c []float32, ldc int, accumulate bool) {
		f(m, n, k, unsafe.SliceData(a), 4*ar, 4*ac, unsafe.SliceData(b), 4*bs, unsafe.SliceData(c), 4*ldc, accumulate)
	}
}

// packer fills panels of two vectors of so many lanes, by the assembly that
// copies rows or the one that transposes squares, and the rest in Go.
func packer(
	lanes int,
	packRows func(dst, src *float32, stride, k, n int),
	packColumns func(dst, src *float32, stride, squares int),
) func(dst []float32, width, k, n int, b View) {
	return func(dst []float32, width, k, n int, b View) {
		if k == 0 {
			return
		}
		for j := 0; j < n; j += width {
			cols := min(width, n-j)
			panel := dst[j*k:][:width*k]
			from := b.at(0, j)
			if b.ColStride == 1 {
				packRows(&panel[0], &from.Data[0], 4*b.RowStride, k, cols)
				continue
			}
			done := 0 // columns, of which the first squares·lanes rows are packed
			squares := k / lanes
			if b.RowStride == 1 {
				for ; done+lanes <= cols; done += lanes {
					packColumns(&panel[done], &from.Data[done*b.ColStride], 4*b.ColStride, squares)
				}
			}
			for i := range k {
				row := panel[i*width:][:width]
				first := done
				if i >= squares*lanes {
					first = 0
				}
				at := i*b.RowStride + first*b.ColStride
				for c := first; c < cols; c++ {
					row[c] = from.Data[at]
					at += b.ColStride
				}
				clear(row[cols:])
			}
		}
	}
}
