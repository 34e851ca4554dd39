package portable

import (
	"math"
	"testing"
)

// The functions agree with package math within their bounds.
func TestAgainstMath(t *testing.T) {
	near := func(name string, x, got, want, bound float64) {
		if want == got || math.IsInf(want, 0) && math.IsInf(got, 0) {
			return
		}
		if e := math.Abs(got-want) / math.Abs(want); !(e <= bound) {
			t.Errorf("%s(%v) is %v, want %v: off by %g", name, x, got, want, e)
		}
	}
	for x := -700.0; x < 709; x += 0.371 {
		near("Exp", x, Exp(x), math.Exp(x), 5e-16)
	}
	for x := 1e-300; x < 1e300; x *= 1.7 {
		near("Log", x, Log(x), math.Log(x), 5e-16)
	}
	for x := 0.01; x < 1e6; x *= 1.31 {
		for y := -2.0; y <= 2; y += 0.0625 {
			near("Pow", x, Pow(x, y), math.Pow(x, y), 1e-14)
		}
	}
	if Exp(-1000) != 0 || !math.IsInf(Exp(1000), 1) || Exp(0) != 1 || Log(1) != 0 || Pow(10000, 0) != 1 {
		t.Error("the ends are not what they should be")
	}
}

// Sincos agrees with package math.
func TestSincos(t *testing.T) {
	for x := -1 << 20; x < 1<<20; x += 97 {
		for _, x := range []float64{float64(x) / 1.7, float64(x) * 1e-5} {
			sin, cos := Sincos(x)
			wantSin, wantCos := math.Sincos(x)
			if math.Abs(sin-wantSin) > 4e-16 || math.Abs(cos-wantCos) > 4e-16 {
				t.Fatalf("Sincos(%v) is %v, %v, want %v, %v", x, sin, cos, wantSin, wantCos)
			}
		}
	}
}
