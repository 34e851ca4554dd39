// Package philox draws random numbers from counters instead of from a moving state.
//
// Philox4x32-10 (Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3", section 4.3)
// maps a 64-bit key and a 128-bit counter to 128 random bits. A draw therefore depends only on
// where it is used, never on what was drawn before it, on which goroutine or on which machine.
package philox

import "math/bits"

// Multipliers of the two halves and the Weyl steps of the key, table 2 of the paper.
const (
	mul0  = 0xD2511F53
	mul1  = 0xCD9E8D57
	weyl0 = 0x9E3779B9
	weyl1 = 0xBB67AE85
)

// Block encrypts one counter under one key in ten rounds.
func Block(key uint64, counter [4]uint32) [4]uint32 {
	k0, k1 := uint32(key), uint32(key>>32)
	c := counter
	for range 10 {
		hi0, lo0 := bits.Mul32(mul0, c[0])
		hi1, lo1 := bits.Mul32(mul1, c[2])
		c = [4]uint32{hi1 ^ c[1] ^ k0, lo1, hi0 ^ c[3] ^ k1, lo0}
		k0, k1 = k0+weyl0, k1+weyl1
	}
	return c
}

// Uniform draws a number in [0, 1), a multiple of 2⁻⁵³, from the first 64 bits of a block.
func Uniform(key uint64, counter [4]uint32) float64 {
	c := Block(key, counter)
	return float64((uint64(c[1])<<32|uint64(c[0]))>>11) / (1 << 53)
}
