package kernel

// int8AVX2 is the tiling for whole numbers that needs nothing but AVX2. Products
// are sums of words in 32 bits: VPMADDUBSW would be shorter, and saturates.
func int8AVX2() *int8Tiling {
	return &int8Tiling{rows: 2, width: 16, anyRows: true, tile: int8Tile(int8TileAVX2),
		rangeOf: rangeIn(8, rangeOfAVX2), quantize: quantizeOver(8, quantizeAVX2),
		saturate: func(steps int) int { saturateInt8AVX2(steps); return steps * 8 * 16 }}
}

// int8AVXVNNI is the tiling on VPDPBUSD in AVX2's registers.
func int8AVXVNNI() *int8Tiling {
	t := int8AVX2()
	t.rows, t.tile = 6, int8Tile(int8TileAVXVNNI)
	t.saturate = func(steps int) int { saturateInt8AVXVNNI(steps); return steps * 12 * 32 }
	return t
}

// int8VNNI is the tiling on VPDPBUSD.
func int8VNNI() *int8Tiling {
	return &int8Tiling{rows: 12, width: 32, anyRows: true, tile: int8Tile(int8TileAVX512),
		rangeOf: rangeIn(16, rangeOfAVX512), quantize: quantizeOver(16, quantizeAVX512),
		saturate: func(steps int) int { saturateInt8AVX512(steps); return steps * 24 * 64 }}
}

// rangeIn wraps an assembly loop over whole vectors.
func rangeIn(lanes int, f func(x *float32, n int) (lo, hi float32, top uint32)) func(x []float32) (lo, hi float32, top uint32) {
	return func(x []float32) (lo, hi float32, top uint32) {
		whole := len(x) / lanes * lanes
		if whole > 0 {
			lo, hi, top = f(&x[0], whole)
		}
		if whole == len(x) {
			return lo, hi, top
		}
		least, most, bits := rangeOfGo(x[whole:])
		return min(lo, least), max(hi, most), max(top, bits)
	}
}
