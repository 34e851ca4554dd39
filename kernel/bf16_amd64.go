package kernel

import "unsafe"

// bf16AVX512 is the tiling that needs nothing but AVX-512.
func bf16AVX512() *bf16Tiling {
	return &bf16Tiling{pair: pairGo, widen: widenOver(widenAVX512), thin: thinRows, flush: strip(12, tileFlushedAVX512)}
}

// withDots adds what AVX-512 BF16 can do.
func (t *bf16Tiling) withDots() {
	t.dots, t.rows, t.pair = dotTiles, 12, pairs32
	t.saturate = func(steps int) int { saturateBF16AVX512(steps); return steps * 24 * 32 }
}

func widenOver(f func(dst *float32, panel *uint32, steps int)) func(dst []float32, panel []uint32, width int) {
	return func(dst []float32, panel []uint32, width int) {
		_ = dst[:2*len(panel)]
		f(unsafe.SliceData(dst), unsafe.SliceData(panel), len(panel)/width)
	}
}

func thinRows(panels, steps int, a []float32, b []uint32, panel int, c []float32) {
	const width = 32
	_, _, _ = a[2*steps-1], b[(panels-1)*panel+steps*width-1], c[panels*width-1]
	thinAVX512(panels, steps, &a[0], &b[0], 4*panel, &c[0])
}

func dotTiles(m, panels, steps int, a []uint32, lda int, b []uint32, panel int, bias, c []float32, ldc int, accumulate bool) {
	const width = 32
	_, _, _ = a[(m-1)*lda+steps-1], b[(panels-1)*panel+steps*width-1], c[(m-1)*ldc+panels*width-1]
	if bias != nil {
		_ = bias[panels*width-1]
	}
	dotsAVX512(m, panels, steps, &a[0], 4*lda, &b[0], 4*panel, unsafe.SliceData(bias), &c[0], 4*ldc, accumulate)
}

func pairs32(dst []uint32, x []float32) {
	dst = dst[:(len(x)+1)/2]
	whole := len(x) / 32 * 32
	if whole > 0 {
		pairAVX512(&dst[:whole/2][0], &x[0], whole)
	}
	pairGo(dst[whole/2:], x[whole:])
}
