// Package portable is functions of package math whose float64 result is the same
// on every processor, which package math does not promise: some processors have
// assembly of their own for them, and others fuse what is written as two
// operations. Errors are below 2 ulp.
package portable

import "math"

const (
	ln2Hi = 6.93147180369123816490e-01 // ln 2 to 33 bits, so that its small multiples are exact
	ln2Lo = 1.90821492927058770002e-10 // the rest of ln 2
)

// Exp is e^x; 0 below −708, +Inf above 709.
func Exp(x float64) float64 {
	switch {
	case x < -708:
		return 0
	case x > 709:
		return math.Inf(1)
	}
	n := math.RoundToEven(x * math.Log2E)
	r := math.FMA(-n, ln2Lo, math.FMA(-n, ln2Hi, x)) // |r| ≤ ln(2)/2
	p := 1.0 / 6227020800                            // Taylor to r¹³/13!, whose successor is below 2⁻⁵⁷
	p = math.FMA(p, r, 1.0/479001600)
	p = math.FMA(p, r, 1.0/39916800)
	p = math.FMA(p, r, 1.0/3628800)
	p = math.FMA(p, r, 1.0/362880)
	p = math.FMA(p, r, 1.0/40320)
	p = math.FMA(p, r, 1.0/5040)
	p = math.FMA(p, r, 1.0/720)
	p = math.FMA(p, r, 1.0/120)
	p = math.FMA(p, r, 1.0/24)
	p = math.FMA(p, r, 1.0/6)
	p = math.FMA(p, r, 0.5)
	p = math.FMA(p, r, 1)
	p = math.FMA(p, r, 1)
	return float64(p * math.Float64frombits(uint64(1023+int64(n))<<52)) // never fused into a sum
}

// Log is the natural logarithm of a finite x > 0.
func Log(x float64) float64 {
	m, e := math.Frexp(x)
	if m < math.Sqrt2/2 {
		m, e = 2*m, e-1
	}
	// ln m = 2 atanh(s) = 2s + 2s³/3 + …, |s| ≤ 0.172
	s := (m - 1) / (m + 1)
	z := s * s
	p := 0.0
	for k := 21; k >= 3; k -= 2 {
		p = math.FMA(p, z, 1/float64(k))
	}
	lnM := math.FMA(2*s*z, p, 2*s)
	return math.FMA(float64(e), ln2Hi, math.FMA(float64(e), ln2Lo, lnM))
}

// Pow is x^y for x > 0, as e^(y·ln x): its relative error grows with |y·ln x|
// and is below 1e-14 up to 40.
func Pow(x, y float64) float64 { return Exp(float64(y * Log(x))) }
