package attention

import (
	"math"
	"math/bits"

	"github.com/qkvgo/qkv/kernel"
)

var negInf = float32(math.Inf(-1))

func trailing(w uint64) int { return bits.TrailingZeros64(w) }

// product is c = a·b with a [m, k], b [k, n] and rows of c ldc apart; the rows
// of b must have no gaps between their elements.
func (w *work) product(m, n, k int, a, b kernel.View, c []float32, ldc int, ws *kernel.Workspace) {
	if inPlace(m, n) {
		for r := range m {
			clear(c[r*ldc : r*ldc+n])
		}
		w.addRows(m, n, k, a, b, c, ldc)
		return
	}
	w.set.Gemm(m, n, k, a, b, c, ldc, false, nil, ws)
}

// addProduct is c += a·b.
func (w *work) addProduct(m, n, k int, a, b kernel.View, c []float32, ldc int, ws *kernel.Workspace) {
	if inPlace(m, n) {
		w.addRows(m, n, k, a, b, c, ldc)
		return
	}
	w.set.Gemm(m, n, k, a, b, c, ldc, true, nil, ws)
}

// inPlace says whether a product had better read b row by row: for so few rows
// of a, packing b would cost more than the product, and Gemm packs the columns
// after its last full panel, which is 16 or 32 wide. The chains are the same.
func inPlace(m, n int) bool { return m <= 2 && n%32 != 0 }

func (w *work) addRows(m, n, k int, a, b kernel.View, c []float32, ldc int) {
	for p := range k {
		row := b.Data[p*b.RowStride:][:n]
		for r := range m {
			w.set.AddScaled(c[r*ldc:r*ldc+n], row, a.Data[r*a.RowStride+p*a.ColStride])
		}
	}
}
