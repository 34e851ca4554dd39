package kernel

import "math"

func bf16ToF32Go(dst []float32, src []uint16) {
	src = src[:len(dst)]
	for i, v := range src {
		dst[i] = math.Float32frombits(uint32(v) << 16)
	}
}

func f32ToBF16Go(dst []uint16, src []float32) {
	src = src[:len(dst)]
	for i, v := range src {
		b := math.Float32bits(v)
		if v != v {
			dst[i] = uint16(b>>16) | 1<<6 // quiet, so that it stays a NaN
			continue
		}
		dst[i] = uint16((b + 0x7fff + b>>16&1) >> 16)
	}
}

func f16ToF32Go(dst []float32, src []uint16) {
	src = src[:len(dst)]
	for i, v := range src {
		dst[i] = f16ToF32(v)
	}
}

func f32ToF16Go(dst []uint16, src []float32) {
	src = src[:len(dst)]
	for i, v := range src {
		dst[i] = f32ToF16(v)
	}
}

// f16ToF32 moves the exponent by a multiplication, which denormals need too.
func f16ToF32(h uint16) float32 {
	sign, rest := uint32(h&0x8000)<<16, uint32(h&0x7fff)<<13
	switch {
	case h&0x7fff > 0x7c00: // NaN
		return math.Float32frombits(sign | 0x7fc00000 | rest)
	case h&0x7fff == 0x7c00:
		return math.Float32frombits(sign | 0x7f800000)
	}
	v := math.Float32frombits(rest) * 0x1p112
	return math.Float32frombits(sign | math.Float32bits(v))
}

// f32ToF16 rounds to nearest, ties to even.
func f32ToF16(x float32) uint16 {
	b := math.Float32bits(x)
	sign, mag := uint16(b>>16&0x8000), b&0x7fffffff
	switch {
	case mag > 0x7f800000: // NaN
		return sign | 0x7e00 | uint16(mag>>13&0x3ff)
	case mag >= 0x477ff000: // rounds to 2¹⁶ or more
		return sign | 0x7c00
	case mag < 0x38800000: // denormal: adding ½ leaves the multiples of 2⁻²⁴ in the low bits
		v := math.Float32frombits(mag) + 0.5
		return sign | uint16(math.Float32bits(v)-math.Float32bits(0.5))
	}
	return sign | uint16((mag+0xfff+mag>>13&1)>>13-(127-15)<<10)
}
