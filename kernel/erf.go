package kernel

// erf(t) = t + t(erf1 + erf3·t² + …), 0 ≤ t < erfSmall, to 2⁻³⁰.
const (
	erf1  = 0x1.06eba8p-3
	erf3  = -0x1.812742p-2
	erf5  = 0x1.ce2decp-4
	erf7  = -0x1.b80cdap-6
	erf9  = 0x1.54bb3ap-8
	erf11 = -0x1.a9e392p-11
	erf13 = 0x1.5bd58cp-14

	erfSmall = 0.925
)

// erf(t) = 1 - exp(-t - t(erfc0 + erfc1·t + …)), erfSmall ≤ t ≤ erfOne, to 2⁻³⁰.
const (
	erfc0 = 0x1.0778dep-3
	erfc1 = 0x1.45328cp-1
	erfc2 = 0x1.b32582p-4
	erfc3 = -0x1.85517ap-6
	erfc4 = 0x1.dd6cf0p-9
	erfc5 = -0x1.527bdcp-12
	erfc6 = 0x1.78d912p-17

	erfOne = 4 // erf is 1 from here
)

// erf is the error function within 2 ulp.
func erf(x float32) float32 {
	t := abs(x)
	s := t * t
	p := FMA(erf13, s, erf11)
	p = FMA(p, s, erf9)
	p = FMA(p, s, erf7)
	p = FMA(p, s, erf5)
	p = FMA(p, s, erf3)
	p = FMA(p, s, erf1)
	r := FMA(p, t, t)
	if !(t < erfSmall) {
		if erfOne < t {
			t = erfOne
		}
		q := FMA(erfc6, t, erfc5)
		q = FMA(q, t, erfc4)
		q = FMA(q, t, erfc3)
		q = FMA(q, t, erfc2)
		q = FMA(q, t, erfc1)
		q = FMA(q, t, erfc0)
		r = 1 - exp(-FMA(q, t, t))
	}
	return copySign(r, x)
}
