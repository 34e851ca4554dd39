package kernel

import "github.com/qkvgo/qkv/internal/philox"

// Philox is the counter-based generator Philox4x32-10 (Salmon et al. 2011,
// "Parallel random numbers: as easy as 1, 2, 3"): the same key and counter
// give the same four words, in any order of asking. The low half of a word of
// 64 bits comes first.
func Philox(key uint64, counter [2]uint64) [4]uint32 {
	return philox.Block(key, [4]uint32{uint32(counter[0]), uint32(counter[0] >> 32), uint32(counter[1]), uint32(counter[1] >> 32)})
}

// Uniform fills dst with numbers in [0, 1), multiples of 2⁻²⁴: element i is
// number offset+i of the sequence that key (a seed) and site (the place in the
// model and the step) name, so that parts of a sequence can be drawn anywhere.
func Uniform(dst []float32, key, site, offset uint64) {
	for len(dst) > 0 {
		words := Philox(key, [2]uint64{offset / 4, site})
		skip := int(offset % 4)
		n := min(len(dst), 4-skip)
		for i, w := range words[skip : skip+n] {
			dst[i] = float32(w>>8) * 0x1p-24
		}
		dst, offset = dst[n:], offset+uint64(n)
	}
}

// Dropout writes x scaled by 1/(1-rate) where Uniform(key, site, offset) is at
// least rate, and zero elsewhere (Srivastava et al. 2014). With the same
// arguments it is its own adjoint.
func Dropout(dst, x []float32, rate float32, key, site, offset uint64) {
	x = x[:len(dst)]
	scale := 1 / (1 - rate)
	var u [64]float32
	for len(dst) > 0 {
		n := min(len(dst), len(u))
		Uniform(u[:n], key, site, offset)
		for i, v := range x[:n] {
			v *= scale
			if !(u[i] >= rate) {
				v = 0
			}
			dst[i] = v
		}
		dst, x, offset = dst[n:], x[n:], offset+uint64(n)
	}
}
