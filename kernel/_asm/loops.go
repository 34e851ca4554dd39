package main

// function1 is the loop dst = f(x).
func function1(name string, f func(b *body, x *value) *value) *loop {
	return &loop{name: name, doc: "dst = " + name + "(x).", slices: []string{"dst", "x"},
		body: func(b *body) { b.store("dst", f(b, b.load("x"))) }}
}

// adjoint is the loop dx = grad·slope(x).
func adjoint(name string, f func(b *body, x *value) *value) *loop {
	return &loop{name: name, doc: "dx = grad·" + name + "(x).", slices: []string{"dx", "grad", "x"},
		body: func(b *body) {
			slope := f(b, b.load("x"))
			b.store("dx", b.times(b.load("grad"), slope))
		}}
}

// arithmetic is a loop of two inputs.
func arithmetic(name, doc string, f func(b *body, x, y *value) *value) *loop {
	return &loop{name: name, doc: doc, slices: []string{"dst", "x", "y"},
		body: func(b *body) { b.store("dst", f(b, b.load("x"), b.load("y"))) }}
}

// withScalar is a loop of one input and a scalar.
func withScalar(name, doc string, f func(b *body, x, s *value) *value) *loop {
	return &loop{name: name, doc: doc, slices: []string{"dst", "x"}, scalars: []string{"s"},
		body: func(b *body) { b.store("dst", f(b, b.load("x"), b.scalar("s"))) }}
}

// normed is (x-mean)·rstd.
func (b *body) normed() *value {
	return b.times(b.minus(b.load("x"), b.scalar("mean")), b.scalar("rstd"))
}

// normSums adds h and h·normed to the two sums.
func (b *body) normSums(h *value) {
	y := b.normed()
	b.update(0, b.plus(h, b.sum(0)))
	b.update(1, b.fma(h, y, b.sum(1)))
}

func (b *body) normBack(h *value) {
	r := b.fnma(b.scalar("b"), b.normed(), b.minus(h, b.scalar("a")))
	b.store("dx", b.times(r, b.scalar("rstd")))
}

var normScalars = []string{"mean", "rstd"}
var normBackScalars = []string{"mean", "rstd", "a", "b"}

var loops = []*loop{
	function1("exp", (*body).exp),
	function1("log", (*body).log),
	function1("tanh", (*body).tanh),
	function1("erf", (*body).erf),
	function1("sigmoid", (*body).sigmoid),
	function1("sin", (*body).sin),
	function1("cos", (*body).cos),
	function1("gelu", (*body).gelu),
	function1("geluTanh", (*body).geluTanh),
	function1("geluQuick", (*body).geluQuick),
	function1("silu", (*body).silu),
	function1("relu", func(b *body, x *value) *value {
		return b.choose(b.compare(lessOrEqual, x, b.c(0)), b.c(0), x)
	}),
	function1("sqrt", (*body).sqrt),
	function1("rsqrt", func(b *body, x *value) *value { return b.over(b.c(1), b.sqrt(x)) }),

	adjoint("geluSlope", (*body).geluSlope),
	adjoint("geluTanhSlope", (*body).geluTanhSlope),
	adjoint("geluQuickSlope", (*body).geluQuickSlope),
	adjoint("siluSlope", (*body).siluSlope),
	adjoint("tanhSlope", func(b *body, y *value) *value { return b.fnma(y, y, b.c(1)) }),
	adjoint("sigmoidSlope", func(b *body, y *value) *value { return b.times(y, b.minus(b.c(1), y)) }),
	{name: "reluBack", doc: "dx = grad, or 0 where x <= 0.", slices: []string{"dx", "grad", "x"},
		body: func(b *body) {
			m := b.compare(lessOrEqual, b.load("x"), b.c(0))
			b.store("dx", b.choose(m, b.c(0), b.load("grad")))
		}},

	arithmetic("add", "dst = x + y.", (*body).plus),
	arithmetic("sub", "dst = x - y.", (*body).minus),
	arithmetic("mul", "dst = x·y.", (*body).times),
	arithmetic("div", "dst = x/y.", (*body).over),
	arithmetic("max", "dst = x, or y where x <= y or y is NaN.", func(b *body, x, y *value) *value {
		r := b.choose(b.compare(lessOrEqual, x, y), y, x)
		return b.choose(b.compare(unordered, y, y), y, r)
	}),
	arithmetic("mulAdd", "dst = FMA(x, y, dst).", func(b *body, x, y *value) *value {
		return b.fma(x, y, b.load("dst"))
	}),
	withScalar("scale", "dst = x·s.", (*body).times),
	withScalar("addConst", "dst = x + s.", (*body).plus),
	withScalar("addScaled", "dst = FMA(s, x, dst).", func(b *body, x, s *value) *value {
		return b.fma(s, x, b.load("dst"))
	}),
	{name: "rotary", doc: "low = FMA(x, cos, -(y·sin)), high = FMA(y, cos, x·sin).",
		slices: []string{"low", "high", "x", "y", "cos", "sin"},
		body: func(b *body) {
			x, y, c, s := b.load("x"), b.load("y"), b.load("cos"), b.load("sin")
			b.store("low", b.fma(x, c, b.negate(b.times(y, s))))
			b.store("high", b.fma(y, c, b.times(x, s)))
		}},
	{name: "adamW", doc: "as in adamWGo.", slices: []string{"w", "grad", "m", "v"},
		scalars: []string{"keep", "mix", "beta2", "mix2", "root", "eps", "advance"},
		body: func(b *body) {
			g, m, v := b.load("grad"), b.load("m"), b.load("v")
			m = b.fma(b.scalar("mix"), b.minus(g, m), m)
			v = b.fma(b.times(b.scalar("mix2"), g), g, b.times(v, b.scalar("beta2")))
			b.store("m", m)
			b.store("v", v)
			denominator := b.plus(b.over(b.sqrt(v), b.scalar("root")), b.scalar("eps"))
			step := b.over(b.times(b.scalar("advance"), m), denominator)
			b.store("w", b.plus(b.times(b.load("w"), b.scalar("keep")), step))
		}},

	{name: "sum", doc: "sum += x.", slices: []string{"x"}, sums: []string{"sum"}, fold: "VADDPS",
		body: func(b *body) { b.update(0, b.plus(b.load("x"), b.sum(0))) }},
	{name: "dot", doc: "sum = FMA(x, y, sum).", slices: []string{"x", "y"}, sums: []string{"sum"}, fold: "VADDPS",
		body: func(b *body) { b.update(0, b.fma(b.load("x"), b.load("y"), b.sum(0))) }},
	{name: "maxOf", doc: "max = x where x > max.", slices: []string{"x"}, sums: []string{"max"}, fold: "VMAXPS",
		body: func(b *body) { b.update(0, b.largest(b.load("x"), b.sum(0))) }},
	{name: "largest", doc: "max = |x| where |x| > max.", slices: []string{"x"}, sums: []string{"max"}, fold: "VMAXPS",
		body: func(b *body) { b.update(0, b.largest(b.abs(b.load("x")), b.sum(0))) }},
	{name: "sumSquaresAbout", doc: "sum = FMA(x-c, x-c, sum).", slices: []string{"x"}, scalars: []string{"c"},
		sums: []string{"sum"}, fold: "VADDPS",
		body: func(b *body) {
			d := b.minus(b.load("x"), b.scalar("c"))
			b.update(0, b.fma(d, d, b.sum(0)))
		}},
	{name: "expSub", doc: "dst = exp(x-c), sum += dst.", slices: []string{"dst", "x"}, scalars: []string{"c"},
		sums: []string{"sum"}, fold: "VADDPS",
		body: func(b *body) {
			p := b.exp(b.minus(b.load("x"), b.scalar("c")))
			b.store("dst", p)
			b.update(0, b.plus(p, b.sum(0)))
		}},
	{name: "sumExpSub", doc: "sum += exp(x-c).", slices: []string{"x"}, scalars: []string{"c"},
		sums: []string{"sum"}, fold: "VADDPS",
		body: func(b *body) {
			b.update(0, b.plus(b.exp(b.minus(b.load("x"), b.scalar("c"))), b.sum(0)))
		}},
	{name: "subMul", doc: "dx = y·(grad-c).", slices: []string{"dx", "grad", "y"}, scalars: []string{"c"},
		body: func(b *body) {
			b.store("dx", b.times(b.load("y"), b.minus(b.load("grad"), b.scalar("c"))))
		}},

	{name: "scaleZero", doc: "dst = x·s + 0.", slices: []string{"dst", "x"}, scalars: []string{"s"},
		body: func(b *body) { b.store("dst", b.plus(b.times(b.load("x"), b.scalar("s")), b.c(0))) }},
	{name: "scaleMax", doc: "x = x·s, top = x where x > top.", matrix: true, slices: []string{"x"}, scalars: []string{"s"},
		sums: []string{"top"}, fold: "VMAXPS",
		body: func(b *body) {
			x := b.times(b.load("x"), b.scalar("s"))
			b.store("x", x)
			b.update(0, b.largest(x, b.sum(0)))
		}},
	{name: "scaleRows", doc: "x = x·by.", matrix: true, slices: []string{"x"}, rows: []string{"by"},
		body: func(b *body) { b.store("x", b.times(b.load("x"), b.scalar("by"))) }},
	{name: "tileStep", doc: "as in tileStepGo.", slices: []string{"m", "shift", "corr", "top"},
		body: func(b *body) {
			before := b.load("m")
			m := b.largest(b.load("top"), before)
			nobody := b.compare(equal, m, b.bits(0xff800000))
			b.store("m", m)
			b.store("shift", b.choose(nobody, b.c(0), m))
			b.store("corr", b.exp(b.choose(nobody, b.c(0), b.minus(before, m))))
		}},
	{name: "expSubRows", doc: "x = exp(x-shift), sum += x.", matrix: true, slices: []string{"x"}, rows: []string{"shift"},
		sums: []string{"sum"}, fold: "VADDPS",
		body: func(b *body) {
			p := b.exp(b.minus(b.load("x"), b.scalar("shift")))
			b.store("x", p)
			b.update(0, b.plus(p, b.sum(0)))
		}},
	{name: "weightsBack", doc: "x = exp(x·s-lse), dx = (dx-delta)·x.", matrix: true, slices: []string{"x", "dx"},
		rows: []string{"lse", "delta"}, scalars: []string{"s"},
		body: func(b *body) {
			p := b.exp(b.minus(b.times(b.load("x"), b.scalar("s")), b.scalar("lse")))
			b.store("x", p)
			b.store("dx", b.times(b.minus(b.load("dx"), b.scalar("delta")), p))
		}},

	{name: "normalize", doc: "dst = (x-mean)·rstd.", slices: []string{"dst", "x"}, scalars: normScalars,
		body: func(b *body) { b.store("dst", b.normed()) }},
	{name: "normalizeScale", doc: "dst = (x-mean)·rstd·gamma.", slices: []string{"dst", "x", "gamma"}, scalars: normScalars,
		body: func(b *body) { b.store("dst", b.times(b.normed(), b.load("gamma"))) }},
	{name: "normalizeAffine", doc: "dst = FMA((x-mean)·rstd, gamma, beta).", slices: []string{"dst", "x", "gamma", "beta"}, scalars: normScalars,
		body: func(b *body) { b.store("dst", b.fma(b.normed(), b.load("gamma"), b.load("beta"))) }},
	{name: "normSums", doc: "sum += grad, dot = FMA(grad, (x-mean)·rstd, dot).", slices: []string{"grad", "x"}, scalars: normScalars,
		sums: []string{"sum", "dot"}, fold: "VADDPS",
		body: func(b *body) { b.normSums(b.load("grad")) }},
	{name: "normSumsScale", doc: "sum += h, dot = FMA(h, (x-mean)·rstd, dot) with h = grad·gamma.", slices: []string{"grad", "x", "gamma"}, scalars: normScalars,
		sums: []string{"sum", "dot"}, fold: "VADDPS",
		body: func(b *body) { b.normSums(b.times(b.load("grad"), b.load("gamma"))) }},
	{name: "normBack", doc: "dx = FMA(-b, (x-mean)·rstd, grad-a)·rstd.", slices: []string{"dx", "grad", "x"}, scalars: normBackScalars,
		body: func(b *body) { b.normBack(b.load("grad")) }},
	{name: "normBackScale", doc: "dx = FMA(-b, (x-mean)·rstd, grad·gamma-a)·rstd.", slices: []string{"dx", "grad", "x", "gamma"}, scalars: normBackScalars,
		body: func(b *body) { b.normBack(b.times(b.load("grad"), b.load("gamma"))) }},
	{name: "normGrad", doc: "dgamma = FMA(grad, (x-mean)·rstd, dgamma).", slices: []string{"dgamma", "grad", "x"}, scalars: normScalars,
		body: func(b *body) {
			b.store("dgamma", b.fma(b.load("grad"), b.normed(), b.load("dgamma")))
		}},

	{name: "bf16ToF32", doc: "dst = src widened, n a multiple of 16.", slices: []string{"dst", "src:bf16"},
		body: func(b *body) { b.store("dst", b.load("src")) }},
	{name: "f16ToF32", doc: "dst = src widened, n a multiple of 16.", slices: []string{"dst", "src:f16"},
		body: func(b *body) { b.store("dst", b.load("src")) }},
	{name: "f32ToBF16", doc: "dst = src rounded, n a multiple of 16.", slices: []string{"dst:bf16", "src"},
		body: func(b *body) {
			x := b.load("src")
			top := b.shift("VPSRLD", 16, x)
			r := b.iplus(b.iplus(b.and(top, b.bits(1)), x), b.bits(0x7fff))
			r = b.shift("VPSRLD", 16, r)
			b.store("dst", b.choose(b.compare(unordered, x, x), b.or(top, b.bits(1<<6)), r))
		}},
	{name: "roundBF16", doc: "dst = x rounded to bfloat16, or 0 where it is denormal.", slices: []string{"dst", "x"},
		body: func(b *body) {
			x := b.load("x")
			r := b.iplus(b.iplus(b.and(b.shift("VPSRLD", 16, x), b.bits(1)), x), b.bits(0x7fff))
			r = b.and(r, b.bits(0xffff0000))
			r = b.choose(b.compare(less, b.abs(x), b.bits(0x00800000)), b.and(x, b.bits(signBit)), r)
			nan := b.or(b.and(x, b.bits(0xffff0000)), b.bits(1<<22))
			b.store("dst", b.choose(b.compare(unordered, x, x), nan, r))
		}},
	{name: "f32ToF16", doc: "dst = src rounded, n a multiple of 16.", slices: []string{"dst:f16", "src"},
		body: func(b *body) { b.store("dst", b.load("src")) }},
}

func writeLoops(a *assembly, g *declarations, m *machine, constants map[string]float64, table *constantTable) {
	for _, l := range loops {
		l.write(a, g, m, constants, table)
	}
}
