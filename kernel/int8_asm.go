//go:build amd64 || arm64

package kernel

func int8Tile(f func(rows, steps int, a *uint8, lda int, b *int8, columnScale *float32, columnSum *int32, bias, scale *float32, zero *int32, c *float32, ldc int)) int8TileFunc {
	return func(rows, steps int, a []uint8, lda int, b int8Panel, scale []float32, zero []int32, c []float32, ldc int) {
		width := len(b.scale)
		_, _ = scale[rows-1], c[(rows-1)*ldc+width-1]
		var left *uint8
		var right *int8
		if steps > 0 {
			_, _ = a[(rows-1)*lda+quad*steps-1], b.data[quad*steps*width-1]
			left, right = &a[0], &b.data[0]
		}
		f(rows, steps, left, lda, right, &b.scale[0], &b.sum[:width][0], &b.bias[:width][0], &scale[0], &zero[:rows][0], &c[0], 4*ldc)
	}
}

func quantizeOver(lanes int, f func(dst *uint8, x *float32, n int, inv float32, zero int32)) func(dst []uint8, x []float32, inv float32, zero int32) {
	return func(dst []uint8, x []float32, inv float32, zero int32) {
		whole := len(dst) / lanes * lanes
		if whole > 0 {
			f(&dst[0], &x[:whole][0], whole, inv, zero)
		}
		quantizeGo(dst[whole:], x[whole:], inv, zero)
	}
}
