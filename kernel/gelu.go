package kernel

const (
	sqrtHalfF      = 0x1.6a09e6p-1 // √½
	invSqrt2Pi     = 0x1.988454p-2 // 1/√(2π)
	twoSqrt2OverPi = 0x1.988454p+0 // 2√(2/π)
	geluCubic      = 0.044715
	geluCubic3     = 3 * 0.044715
	geluQuick      = 1.702
)

// gelu is x·Φ(x), Φ the normal distribution (Hendrycks and Gimpel 2016, eq. 1).
func gelu(x float32) float32 { return 0.5 * x * (1 + erf(x*sqrtHalfF)) }

// geluSlope is its derivative Φ(x) + x·φ(x).
func geluSlope(x float32) float32 {
	density := exp(x*x*-0.5) * invSqrt2Pi
	return FMA(x, density, FMA(0.5, erf(x*sqrtHalfF), 0.5))
}

// geluTanh is the approximation by tanh (same paper, section 2), "gelu_new",
// with ½(1+tanh u) written sigmoid(2u), which does not cancel.
func geluTanh(x float32) float32 {
	return x * sigmoid(twoSqrt2OverPi*x*FMA(geluCubic, x*x, 1))
}

func geluTanhSlope(x float32) float32 {
	square := x * x
	s, rest := sigmoids(twoSqrt2OverPi * x * FMA(geluCubic, square, 1))
	return s * FMA(rest*x, twoSqrt2OverPi*FMA(geluCubic3, square, 1), 1)
}

// geluQuickly is x·sigmoid(1.702x), OpenAI CLIP's "quick_gelu".
func geluQuickly(x float32) float32 { return x * sigmoid(geluQuick*x) }

func geluQuickSlope(x float32) float32 {
	s, rest := sigmoids(geluQuick * x)
	return s * FMA(geluQuick*x, rest, 1)
}

// silu is x·sigmoid(x) (Elfwing et al. 2017).
func silu(x float32) float32 { return x * sigmoid(x) }

func siluSlope(x float32) float32 {
	s, rest := sigmoids(x)
	return s * FMA(x, rest, 1)
}
