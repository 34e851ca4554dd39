package kernel

import "math"

// roundMagic added to a float32 of magnitude below 2²² rounds it to an integer,
// which then stands in the low bits of the sum.
const roundMagic = 0x1.8p23

const (
	log2e = 0x1.715476p+0
	ln2Hi = 0x1.62e430p-1 // ln 2 = ln2Hi + ln2Lo to 2⁻⁵⁴
	ln2Lo = -0x1.05c610p-29

	expHigh = 89   // exp is +Inf from here
	expLow  = -105 // exp is 0 from here
)

// exp(r) = 1 + r + r²(exp2 + exp3·r + …), |r| ≤ ln(2)/2, to 2⁻²⁸.
const (
	exp2 = 0x1.fffffcp-2
	exp3 = 0x1.555492p-3
	exp4 = 0x1.5558aap-5
	exp5 = 0x1.12397ep-7
	exp6 = 0x1.6a53d6p-10
)

// exp is eˣ within 1 ulp: x = n·ln 2 + r, a polynomial in r, then two exact
// scalings by powers of two, of which only the last may round to a denormal.
func exp(x float32) float32 {
	if expHigh < x {
		x = expHigh
	}
	if expLow > x {
		x = expLow
	}
	t := FMA(x, log2e, roundMagic)
	n := t - roundMagic
	r := FMA(n, -ln2Hi, x)
	r = FMA(n, -ln2Lo, r)
	p := FMA(exp6, r, exp5)
	p = FMA(p, r, exp4)
	p = FMA(p, r, exp3)
	p = FMA(p, r, exp2)
	p = FMA(p, r, 1)
	p = FMA(p, r, 1)
	k := int32(math.Float32bits(t)) - int32(math.Float32bits(roundMagic))
	return p * powerOfTwo(k>>1) * powerOfTwo(k-k>>1)
}

// powerOfTwo is 2ᵏ for -126 ≤ k ≤ 127.
func powerOfTwo(k int32) float32 { return math.Float32frombits(uint32(k+127) << 23) }

// ln(1+f) = f - f²/2 + f³(log3 + log4·f + …), √½ ≤ 1+f ≤ √2, to 2⁻³⁰.
const (
	log3  = 0x1.555548p-2
	log4  = -0x1.000008p-2
	log5  = 0x1.99a47ap-3
	log6  = -0x1.555b94p-3
	log7  = 0x1.233ac2p-3
	log8  = -0x1.fc3c4cp-4
	log9  = 0x1.e6de8ap-4
	log10 = -0x1.dda798p-4
	log11 = 0x1.13cd5ep-4

	sqrtHalf    = 0x3f3504f3 // bits of √½
	minNormal   = 0x1p-126
	maxFinite   = 0x1.fffffep127
	denormalExp = 23 // a denormal times 2²³ is normal
)

// log is ln x within 1 ulp: x = 2ᵏ(1+f), then k·ln 2 + ln(1+f).
func log(x float32) float32 {
	y, n := x, float32(0)
	if x < minNormal {
		y, n = x*(1<<denormalExp), -denormalExp
	}
	k := (int32(math.Float32bits(y)) - sqrtHalf) >> 23
	f := math.Float32frombits(uint32(int32(math.Float32bits(y))-k<<23)) - 1
	n += float32(k)
	p := FMA(log11, f, log10)
	p = FMA(p, f, log9)
	p = FMA(p, f, log8)
	p = FMA(p, f, log7)
	p = FMA(p, f, log6)
	p = FMA(p, f, log5)
	p = FMA(p, f, log4)
	p = FMA(p, f, log3)
	z := f * f
	p = FMA(-0.5, z, f*z*p)
	p = FMA(n, ln2Lo, p)
	r := FMA(n, ln2Hi, p+f)
	switch {
	case x > maxFinite:
		return x
	case x == 0:
		return float32(math.Inf(-1))
	case !(x >= 0):
		return float32(math.NaN())
	}
	return r
}
