package kernel

// int8AVX2 is the tiling for whole numbers that needs nothing but AVX2. Products
// are sums of words in 32 bits: VPMADDUBSW would be shorter, and saturates.
func int8AVX2() *int8Tiling {
	return &int8Tiling{rows: 2, width: 16, tile: int8Tile(int8TileAVX2),
		rangeOf: rangeOver(8, rangeOfAVX2), quantize: quantizeOver(8, quantizeAVX2),
		saturate: func(steps int) int { saturateInt8AVX2(steps); return steps * 8 * 16 }}
}

// int8VNNI is the tiling on VPDPBUSD.
func int8VNNI() *int8Tiling {
	return &int8Tiling{rows: 12, width: 32, tile: int8Tile(int8TileAVX512),
		rangeOf: rangeOver(16, rangeOfAVX512), quantize: quantizeOver(16, quantizeAVX512),
		saturate: func(steps int) int { saturateInt8AVX512(steps); return steps * 24 * 64 }}
}
