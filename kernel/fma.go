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
	if bits := math.Float64bits(sum); bits&(1<<29-1) != 1<<28 && bits<<1 >= normal<<1 {
		return float32(sum)
	}
	return fmaOdd(x, y, z)
}

// normal is 2⁻¹²⁶, the smallest normal float32, in the bits of a float64.
const normal = (1023 - 126) << 52

// fmaOdd rounds x*y + z to float32 by way of round to odd: an inexact sum takes
// the neighbour whose last bit is set, which 29 bits further up leads to the
// right side of every tie (Boldo and Melquiond 2008, "Emulation of FMA and
// correctly rounded sums").
func fmaOdd(x, y, z float32) float32 {
	p, w := float64(x)*float64(y), float64(z)
	sum := p + w
	// The error of the sum (Knuth, The Art of Computer Programming 2, §4.2.2).
	ws := sum - p
	rest := (p - (sum - ws)) + (w - ws)
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
