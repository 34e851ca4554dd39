package kernel

import "math"

// FMA returns x*y + z, rounded once.
//
// The product of two float32 is exact in float64, so only the sum rounds. Its
// second rounding, to float32, can go wrong in two cases: the first rounding
// ended halfway between two float32, or the result is denormal. Then fmaOdd
// repeats the sum rounding to odd.
func FMA(x, y, z float32) float32 {
	sum := float64(x)*float64(y) + float64(z)
	if math.Float64bits(sum)&(1<<29-1) != 1<<28 && math.Abs(sum) >= 0x1p-126 {
		return float32(sum)
	}
	return fmaOdd(float64(x)*float64(y), float64(z), sum)
}

// fmaOdd rounds p+z, of which sum is the rounded value, to float32 by way of
// round to odd: an inexact sum takes the neighbour whose last bit is set, which
// 29 bits further up leads to the right side of every tie (Boldo and Melquiond
// 2008, "Emulation of FMA and correctly rounded sums").
func fmaOdd(p, z, sum float64) float32 {
	// The error of the sum (Knuth, The Art of Computer Programming 2, §4.2.2).
	zs := sum - p
	rest := (p - (sum - zs)) + (z - zs)
	bits := math.Float64bits(sum)
	if rest != 0 && bits&1 == 0 && !math.IsInf(sum, 0) && !math.IsNaN(sum) {
		if (rest > 0) == (sum > 0) {
			bits++
		} else {
			bits--
		}
	}
	return float32(math.Float64frombits(bits))
}
