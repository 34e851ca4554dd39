package portable

import "math"

const (
	quarterHi = 1.57079632673412561417e+00 // π/2 to 33 bits, so that its multiples up to 2²⁰ are exact
	quarterLo = 6.07710050650619224932e-11 // the rest of π/2
)

// Sincos is the sine and the cosine of x, |x| ≤ 2²⁰; absolute errors are below
// 4e-16.
func Sincos(x float64) (sin, cos float64) {
	n := math.RoundToEven(x * (2 / math.Pi))
	r := math.FMA(-n, quarterLo, math.FMA(-n, quarterHi, x)) // |r| ≤ π/4
	z := r * r
	// Taylor, nested: sin r = r(1 − z/(2·3)·(1 − z/(4·5)·(…))), and cos r likewise
	// with 1·2, 3·4, …; what is left out is below 2⁻⁷⁰.
	s, c := 1.0, 1.0
	for k := 18.0; k >= 2; k -= 2 {
		s = math.FMA(-z/float64(k*(k+1)), s, 1)
		c = math.FMA(-z/float64(k*(k-1)), c, 1)
	}
	s = float64(s * r)
	switch int(n) & 3 {
	case 1: // sin(r + π/2) = cos r
		return c, -s
	case 2:
		return -s, -c
	case 3:
		return -c, s
	}
	return s, c
}
