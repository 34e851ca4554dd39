package kernel

import (
	"math"
	"math/bits"
)

const (
	twoOverPi = 0x1.45f306p-1
	// π/2 = halfPi1 + halfPi2 + halfPi3 to 2⁻⁷⁵.
	halfPi1 = 0x1.921fb6p+0
	halfPi2 = -0x1.777a5cp-25
	halfPi3 = -0x1.ee59dap-50

	// sinNear bounds the arguments that three FMAs reduce accurately.
	sinNear = 1e5
)

// sin(r) = r + r³(sin3 + …) to 2⁻²⁷, cos(r) = 1 - r²/2 + r⁴(cos4 + …) to 2⁻³³,
// |r| ≤ π/4.
const (
	sin3 = -0x1.555546p-3
	sin5 = 0x1.11077cp-7
	sin7 = -0x1.99558ap-13

	cos4 = 0x1.55554ap-5
	cos6 = -0x1.6c0c2cp-10
	cos8 = 0x1.99e9d4p-16
)

func sin(x float32) float32 {
	r, quarter := reduce(abs(x))
	y := sinQuarter(r, quarter)
	return math.Float32frombits(math.Float32bits(y) ^ math.Float32bits(x)&(1<<31))
}

func cos(x float32) float32 {
	r, quarter := reduce(abs(x))
	return sinQuarter(r, quarter+1)
}

// reduce returns r and k with t = r + k·π/2, |r| ≤ π/4 (Cody and Waite 1980).
func reduce(t float32) (r float32, k uint32) {
	if !(t <= sinNear) {
		return reduceFar(t)
	}
	j := FMA(t, twoOverPi, roundMagic)
	n := j - roundMagic
	r = FMA(n, -halfPi1, t) // exact
	r = FMA(n, -halfPi2, r)
	r = FMA(n, -halfPi3, r)
	return r, math.Float32bits(j) - math.Float32bits(roundMagic)
}

// sinQuarter is sin(r + quarter·π/2).
func sinQuarter(r float32, quarter uint32) float32 {
	s := r * r
	p := FMA(sin7, s, sin5)
	p = FMA(p, s, sin3)
	y := FMA(p*s, r, r)
	if quarter&1 != 0 {
		q := FMA(cos8, s, cos6)
		q = FMA(q, s, cos4)
		q = FMA(q, s, -0.5)
		y = FMA(q, s, 1)
	}
	return math.Float32frombits(math.Float32bits(y) ^ quarter>>1<<31)
}

// twoOverPiBits are the binary digits of 2/π after 64 zeros.
var twoOverPiBits = [...]uint64{
	0, 0xa2f9836e4e441529, 0xfc2757d1f534ddc0, 0xdb6295993c439041, 0xfe5163abdebbc561,
}

// reduceFar is reduce for any t > 1: it multiplies t = m·2ᵉ by the 128 digits
// of 2/π that decide t·2/π modulo 4 (Payne and Hanek 1983).
func reduceFar(t float32) (r float32, k uint32) {
	if !(t <= maxFinite) {
		return float32(math.NaN()), 0
	}
	b := math.Float32bits(t)
	m := uint64(b&(1<<23-1) | 1<<23)
	start := uint(64 + int(b>>23) - 127 - 23 - 2) // the digit of weight 2 after scaling by 2ᵉ
	word, shift := start/64, start%64
	hi := twoOverPiBits[word]<<shift | twoOverPiBits[word+1]>>(64-shift)
	lo := twoOverPiBits[word+1]<<shift | twoOverPiBits[word+2]>>(64-shift)
	carry, low := bits.Mul64(m, lo)
	high := m*hi + carry // the two digits before the point, then the fraction
	fraction := int64(high<<2 | low>>62)
	k = uint32(high >> 62)
	if fraction < 0 { // nearer to the next quarter
		k++
	}
	return float32(float64(fraction) * (math.Pi / 2 / (1 << 64))), k & 3
}
