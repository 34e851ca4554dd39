package generate

import "math"

// The functions here use only operations whose float64 result is the same on every machine, which
// package math does not promise; errors are below 2 ulp.

const (
	ln2Hi = 6.93147180369123816490e-01 // ln 2 to 33 bits, so that its small multiples are exact
	ln2Lo = 1.90821492927058770002e-10 // the rest of ln 2
)

// exp is e^x; 0 below −708, +Inf above 709.
func exp(x float64) float64 {
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

// log is the natural logarithm of a finite x > 0.
func log(x float64) float64 {
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

// power is n^p for n ≥ 1, exact while p is whole and the result fits.
func power(n int, p float64) float64 {
	whole := math.Trunc(p)
	if math.Abs(whole) > 64 {
		return exp(p * log(float64(n)))
	}
	y := 1.0
	for range int(math.Abs(whole)) {
		y *= float64(n)
	}
	if whole < 0 {
		y = 1 / y
	}
	if frac := p - whole; frac != 0 {
		y *= exp(frac * log(float64(n)))
	}
	return y
}

// highest is the greatest of row; −Inf if row holds only −Inf and NaN.
func highest(row []float32) float32 {
	best := float32(math.Inf(-1))
	for _, x := range row {
		if x > best {
			best = x
		}
	}
	return best
}

// expSum is Σ exp(x − top) over row, in the order of the ids; NaN counts as −Inf.
func expSum(row []float32, top float32) float64 {
	var sum float64
	for _, x := range row {
		if x >= -math.MaxFloat32 {
			sum += exp(float64(x) - float64(top))
		}
	}
	return sum
}

// logSoftmax turns scores into log-probabilities in place. A row without a finite score stays.
func logSoftmax(row []float32) {
	top := highest(row)
	if math.IsInf(float64(top), 0) {
		return
	}
	norm := float64(top) + log(expSum(row, top))
	for i, x := range row {
		row[i] = float32(float64(x) - norm)
	}
}

// entropy is −Σ p ln p in nats, for p = exp(x − top)/sum over row.
func entropy(row []float32, top float32, sum float64) float64 {
	var weighted float64
	for _, x := range row {
		if x >= -math.MaxFloat32 {
			below := float64(top) - float64(x)
			weighted += float64(exp(-below) * below)
		}
	}
	return log(sum) + weighted/sum
}
