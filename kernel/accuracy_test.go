package kernel

import (
	"math"
	"testing"
)

// TestAccuracy holds the functions to their stated error, in units in the last
// place of the exact result, over a dense sample of all float32. The set "go"
// stands for all.
func TestAccuracy(t *testing.T) {
	s := Sets()[len(Sets())-1]
	cases := []struct {
		name  string
		f     func(dst, x []float32)
		exact func(x float64) float64
		ulp   float64
		limit float64 // largest |x| tried
	}{
		{"Exp", s.Exp, math.Exp, 1, math.Inf(1)},
		{"Log", s.Log, math.Log, 1, math.Inf(1)},
		{"Tanh", s.Tanh, math.Tanh, 2, math.Inf(1)},
		{"Erf", s.Erf, math.Erf, 2, math.Inf(1)},
		{"Sigmoid", s.Sigmoid, func(x float64) float64 { return 1 / (1 + math.Exp(-x)) }, 2, math.Inf(1)},
		{"Sin", s.Sin, math.Sin, 2, math.Inf(1)},
		{"Cos", s.Cos, math.Cos, 2, math.Inf(1)},
		{"Sqrt", s.Sqrt, math.Sqrt, 0.5, math.Inf(1)},
		{"Rsqrt", s.Rsqrt, func(x float64) float64 { return 1 / math.Sqrt(x) }, 1.5, math.Inf(1)},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			worst, where := 0.0, float32(0)
			x, y := make([]float32, 1), make([]float32, 1)
			for b := uint64(0); b < 1<<32; b += 5003 {
				x[0] = math.Float32frombits(uint32(b))
				c.f(y, x)
				if e := ulps(y[0], c.exact(float64(x[0]))); e > worst {
					worst, where = e, x[0]
				}
			}
			t.Logf("%.3f ulp at %v", worst, where)
			if worst > c.ulp {
				t.Errorf("error %.3f ulp at %v (%08x), stated: %v", worst, where, math.Float32bits(where), c.ulp)
			}
		})
	}
}

// TestGELUAccuracy: the forms of GELU and their slopes cancel for negative x,
// as the reference's do; there the error is small on the scale of 1.
func TestGELUAccuracy(t *testing.T) {
	s := Sets()[len(Sets())-1]
	phi := func(x float64) float64 { return 0.5 * math.Erfc(-x*math.Sqrt2/2) }
	sigmoid := func(x float64) float64 { return 1 / (1 + math.Exp(-x)) }
	inner := func(x float64) float64 { return math.Sqrt(2/math.Pi) * (x + 0.044715*x*x*x) }
	ones := []float32{1}
	back := func(f func(dx, g, x []float32)) func(y, x []float32) {
		return func(y, x []float32) { f(y, ones, x) }
	}
	cases := []struct {
		name  string
		f     func(dst, x []float32)
		exact func(x float64) float64
	}{
		{"GELU", s.GELU, func(x float64) float64 { return x * phi(x) }},
		{"GELUTanh", s.GELUTanh, func(x float64) float64 { return 0.5 * x * (1 + math.Tanh(inner(x))) }},
		{"GELUQuick", s.GELUQuick, func(x float64) float64 { return x * sigmoid(1.702*x) }},
		{"SiLU", s.SiLU, func(x float64) float64 { return x * sigmoid(x) }},
		{"GELUBack", back(s.GELUBack), func(x float64) float64 {
			return phi(x) + x*math.Exp(-x*x/2)/math.Sqrt(2*math.Pi)
		}},
		{"GELUTanhBack", back(s.GELUTanhBack), func(x float64) float64 {
			u := math.Tanh(inner(x))
			return 0.5*(1+u) + 0.5*x*(1-u*u)*math.Sqrt(2/math.Pi)*(1+3*0.044715*x*x)
		}},
		{"GELUQuickBack", back(s.GELUQuickBack), func(x float64) float64 {
			p := sigmoid(1.702 * x)
			return p * (1 + 1.702*x*(1-p))
		}},
		{"SiLUBack", back(s.SiLUBack), func(x float64) float64 {
			p := sigmoid(x)
			return p * (1 + x*(1-p))
		}},
	}
	for _, c := range cases {
		x, y := make([]float32, 1), make([]float32, 1)
		for i := -20000; i <= 20000; i++ {
			x[0] = float32(i) / 1000
			c.f(y, x)
			want := c.exact(float64(x[0]))
			if diff := math.Abs(float64(y[0]) - want); diff > 3e-7*math.Max(1, math.Abs(want)) {
				t.Errorf("%s(%v): have %v, want %v, difference %.2g", c.name, x[0], y[0], want, diff)
				break
			}
		}
	}
}

// TestFunctionsAtSpecialValues checks what approximations tend to miss.
func TestFunctionsAtSpecialValues(t *testing.T) {
	inf := float32(math.Inf(1))
	nan := float32(math.NaN())
	negZero := float32(math.Copysign(0, -1))
	cases := []struct {
		name    string
		f       func(float32) float32
		x, want float32
	}{
		{"exp", exp, 0, 1}, {"exp", exp, negZero, 1}, {"exp", exp, inf, inf}, {"exp", exp, -inf, 0}, {"exp", exp, nan, nan},
		{"exp", exp, 88.72284, inf}, {"exp", exp, -103.97209, 0}, {"exp", exp, -103.5, math.SmallestNonzeroFloat32},
		{"log", log, 1, 0}, {"log", log, 0, -inf}, {"log", log, negZero, -inf}, {"log", log, inf, inf}, {"log", log, -1, nan}, {"log", log, nan, nan}, {"log", log, -inf, nan},
		{"tanh", tanh, negZero, negZero}, {"tanh", tanh, inf, 1}, {"tanh", tanh, -inf, -1}, {"tanh", tanh, nan, nan}, {"tanh", tanh, 0x1p-149, 0x1p-149},
		{"erf", erf, negZero, negZero}, {"erf", erf, inf, 1}, {"erf", erf, -inf, -1}, {"erf", erf, nan, nan},
		{"sigmoid", sigmoid, 0, 0.5}, {"sigmoid", sigmoid, inf, 1}, {"sigmoid", sigmoid, -inf, 0}, {"sigmoid", sigmoid, nan, nan},
		{"sin", sin, negZero, negZero}, {"sin", sin, 0, 0}, {"sin", sin, inf, nan}, {"sin", sin, nan, nan}, {"sin", sin, 0x1p-149, 0x1p-149},
		{"cos", cos, 0, 1}, {"cos", cos, -inf, nan}, {"cos", cos, nan, nan},
	}
	for _, c := range cases {
		if err := sameBits([]float32{c.f(c.x)}, []float32{c.want}); err != nil {
			t.Errorf("%s(%v) %v", c.name, c.x, err)
		}
	}
}

// ulps is the distance of y from the exact value, in units in the last place
// of a float32 of its magnitude; infinite if one is special and the other not.
func ulps(y float32, exact float64) float64 {
	rounded := float32(exact)
	switch {
	case y != y && exact != exact, y == rounded:
		if y-y != 0 || y == 0 {
			return 0
		}
	case y-y != 0 || rounded-rounded != 0:
		if math.Abs(exact) < math.MaxFloat32 && !(math.Abs(exact) > 0x1.fffffcp127) {
			return math.Inf(1)
		}
		if y-y != 0 && y == y && math.Abs(exact) > 0x1.fffffcp127 {
			return 0.5 // overflow within an ulp of the largest number
		}
		return math.Inf(1)
	}
	_, e := math.Frexp(exact)
	unit := math.Ldexp(1, max(e-24, -149))
	return math.Abs(float64(y)-exact) / unit
}
