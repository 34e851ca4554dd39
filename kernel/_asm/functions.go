package main

// The functions below are those of package kernel, operation by operation.

// poly runs Horner's rule: fma(p, x, c) for each named constant.
func (b *body) poly(p, x *value, names ...string) *value {
	for _, name := range names {
		p = b.fma(p, x, b.named(name))
	}
	return p
}

const signBit = 1 << 31

func (b *body) abs(x *value) *value      { return b.and(x, b.bits(signBit-1)) }
func (b *body) minusAbs(x *value) *value { return b.or(x, b.bits(signBit)) }
func (b *body) negate(x *value) *value   { return b.xor(x, b.bits(signBit)) }
func (b *body) copySign(x, s *value) *value {
	return b.or(x, b.and(s, b.bits(signBit)))
}

func (b *body) exp(x *value) *value {
	x = b.least(b.named("expHigh"), x)
	x = b.largest(b.named("expLow"), x)
	t := b.fma(x, b.named("log2e"), b.named("roundMagic"))
	n := b.minus(t, b.named("roundMagic"))
	r := b.fma(n, b.negated("ln2Hi"), x)
	r = b.fma(n, b.negated("ln2Lo"), r)
	p := b.poly(b.named("exp6"), r, "exp5", "exp4", "exp3", "exp2")
	p = b.fma(p, r, b.c(1))
	p = b.fma(p, r, b.c(1))
	if b.m == avx512 { // the two exact scalings in one
		return b.vec("VSCALEFPS", p, n)
	}
	k := b.iminus(t, b.named("roundMagic"))
	half := b.shift("VPSRAD", 1, k)
	return b.times(b.times(p, b.powerOfTwo(half)), b.powerOfTwo(b.iminus(k, half)))
}

func (b *body) powerOfTwo(k *value) *value { return b.shift("VPSLLD", 23, b.iplus(k, b.bits(127))) }

func (b *body) log(x *value) *value {
	tiny := b.compare(less, x, b.named("minNormal"))
	y := b.choose(tiny, b.times(x, b.c(1<<23)), x)
	n := b.choose(tiny, b.c(-23), b.c(0))
	k := b.shift("VPSRAD", 23, b.iminus(y, b.integer("sqrtHalf")))
	f := b.minus(b.iminus(y, b.shift("VPSLLD", 23, k)), b.c(1))
	n = b.plus(n, b.float(k))
	p := b.poly(b.named("log11"), f, "log10", "log9", "log8", "log7", "log6", "log5", "log4", "log3")
	z := b.times(f, f)
	p = b.fma(z, b.c(-0.5), b.times(b.times(f, z), p))
	p = b.fma(n, b.named("ln2Lo"), p)
	r := b.fma(n, b.named("ln2Hi"), b.plus(p, f))
	r = b.choose(b.compare(equal, x, b.c(0)), b.bits(0xff800000), r)
	r = b.choose(b.compare(notGreaterEqual, x, b.c(0)), b.bits(0x7fc00000), r)
	return b.choose(b.compare(greater, x, b.named("maxFinite")), x, r)
}

func (b *body) tanh(x *value) *value {
	t := b.abs(x)
	s := b.times(t, t)
	p := b.poly(b.named("tanh11"), s, "tanh9", "tanh7", "tanh5", "tanh3")
	small := b.fma(b.times(p, s), t, t)
	large := b.minus(b.c(1), b.over(b.c(2), b.plus(b.exp(b.plus(t, t)), b.c(1))))
	return b.copySign(b.choose(b.compare(notLess, t, b.named("tanhSmall")), large, small), x)
}

// sigmoidParts returns 1/(1+e) and e/(1+e) for e = exp(-|x|), and where x ≥ 0.
func (b *body) sigmoidParts(x *value) (inv, other, positive *value) {
	e := b.exp(b.minusAbs(x))
	d := b.plus(e, b.c(1))
	lost := b.minus(e, b.minus(d, b.c(1)))
	inv = b.over(b.c(1), d)
	inv = b.fma(inv, b.fnma(inv, lost, b.fnma(inv, d, b.c(1))), inv)
	return inv, b.times(e, inv), b.compare(greaterOrEqual, x, b.c(0))
}

func (b *body) sigmoids(x *value) (s, rest *value) {
	inv, other, positive := b.sigmoidParts(x)
	return b.choose(positive, inv, other), b.choose(positive, other, inv)
}

func (b *body) sigmoid(x *value) *value {
	inv, other, positive := b.sigmoidParts(x)
	return b.choose(positive, inv, other)
}

func (b *body) erf(x *value) *value {
	t := b.abs(x)
	s := b.times(t, t)
	p := b.poly(b.named("erf13"), s, "erf11", "erf9", "erf7", "erf5", "erf3", "erf1")
	small := b.fma(p, t, t)
	isLarge := b.compare(notLess, t, b.named("erfSmall"))
	t = b.least(b.named("erfOne"), t)
	q := b.poly(b.named("erfc6"), t, "erfc5", "erfc4", "erfc3", "erfc2", "erfc1", "erfc0")
	large := b.minus(b.c(1), b.exp(b.negate(b.fma(q, t, t))))
	return b.copySign(b.choose(isLarge, large, small), x)
}

// reduce is the reduction of near arguments; the caller sees to the far ones.
func (b *body) reduce(t *value) (r, quarter *value) {
	j := b.fma(t, b.named("twoOverPi"), b.named("roundMagic"))
	n := b.minus(j, b.named("roundMagic"))
	r = b.fma(n, b.negated("halfPi1"), t)
	r = b.fma(n, b.negated("halfPi2"), r)
	r = b.fma(n, b.negated("halfPi3"), r)
	return r, b.iminus(j, b.named("roundMagic"))
}

func (b *body) sinQuarter(r, quarter *value) *value {
	s := b.times(r, r)
	p := b.poly(b.named("sin7"), s, "sin5", "sin3")
	even := b.fma(b.times(p, s), r, r)
	q := b.poly(b.named("cos8"), s, "cos6", "cos4")
	q = b.fma(q, s, b.c(-0.5))
	odd := b.fma(q, s, b.c(1))
	y := b.choose(b.signs(b.shift("VPSLLD", 31, quarter)), odd, even)
	return b.xor(y, b.shift("VPSLLD", 31, b.shift("VPSRLD", 1, quarter)))
}

func (b *body) sin(x *value) *value {
	r, quarter := b.reduce(b.abs(x))
	return b.xor(b.sinQuarter(r, quarter), b.and(x, b.bits(signBit)))
}

func (b *body) cos(x *value) *value {
	r, quarter := b.reduce(b.abs(x))
	return b.sinQuarter(r, b.iplus(quarter, b.bits(1)))
}

func (b *body) gelu(x *value) *value {
	e := b.erf(b.times(x, b.named("sqrtHalfF")))
	return b.times(b.times(x, b.c(0.5)), b.plus(e, b.c(1)))
}

func (b *body) geluSlope(x *value) *value {
	density := b.times(b.exp(b.times(b.times(x, x), b.c(-0.5))), b.named("invSqrt2Pi"))
	e := b.erf(b.times(x, b.named("sqrtHalfF")))
	return b.fma(x, density, b.fma(e, b.c(0.5), b.c(0.5)))
}

func (b *body) geluTanh(x *value) *value {
	inner := b.fma(b.times(x, x), b.named("geluCubic"), b.c(1))
	return b.times(x, b.sigmoid(b.times(b.times(x, b.named("twoSqrt2OverPi")), inner)))
}

func (b *body) geluTanhSlope(x *value) *value {
	square := b.times(x, x)
	inner := b.fma(square, b.named("geluCubic"), b.c(1))
	s, rest := b.sigmoids(b.times(b.times(x, b.named("twoSqrt2OverPi")), inner))
	slope := b.times(b.fma(square, b.named("geluCubic3"), b.c(1)), b.named("twoSqrt2OverPi"))
	return b.times(s, b.fma(b.times(rest, x), slope, b.c(1)))
}

func (b *body) geluQuick(x *value) *value {
	return b.times(x, b.sigmoid(b.times(x, b.named("geluQuick"))))
}

func (b *body) geluQuickSlope(x *value) *value {
	z := b.times(x, b.named("geluQuick"))
	s, rest := b.sigmoids(z)
	return b.times(s, b.fma(z, rest, b.c(1)))
}

func (b *body) silu(x *value) *value { return b.times(x, b.sigmoid(x)) }

func (b *body) siluSlope(x *value) *value {
	s, rest := b.sigmoids(x)
	return b.times(s, b.fma(x, rest, b.c(1)))
}
