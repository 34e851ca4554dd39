// Package cpu tells what the processor this program runs on can do: the
// vector instructions its operating system lets it use, and the sizes of its
// caches. It reads them once and never changes them.
package cpu

// Features are the instruction sets that the kernels know how to use.
type Features struct {
	AVX2   bool // AVX2, FMA and F16C, with the registers saved by the system
	AVX512 bool // AVX-512 F, BW, DQ and VL besides AVX2
	VNNI   bool // AVX-512 VNNI besides these
	BF16   bool // AVX-512 BF16 besides AVX-512
	Dot    bool // dot products of bytes on Arm (FEAT_DotProd)

	AVXVNNI bool // AVX-VNNI, the same for AVX2's registers, besides AVX2
}

// Caches are the sizes of the data caches that one core sees, in bytes.
type Caches struct {
	L1, L2, L3 int
}

// Default sizes for a processor that does not tell its own.
const (
	defaultL1 = 32 << 10
	defaultL2 = 512 << 10
	defaultL3 = 8 << 20
)

// withDefaults replaces the sizes that could not be read.
func (c Caches) withDefaults() Caches {
	if c.L1 <= 0 {
		c.L1 = defaultL1
	}
	if c.L2 <= 0 {
		c.L2 = defaultL2
	}
	if c.L3 <= 0 {
		c.L3 = defaultL3
	}
	return c
}
