package kernel

import (
	"math"
	"math/big"
	"math/rand/v2"
	"testing"
)

// TestFMA compares with exact arithmetic, on arguments chosen so that sums end
// near ties, cancel, and become denormal.
func TestFMA(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	near := func(exponent int) float32 { // few bits set: ties are common
		m := float64(1 + r.IntN(1<<r.IntN(24)))
		if r.IntN(2) == 0 {
			m = -m
		}
		return float32(math.Ldexp(m, exponent-r.IntN(30)))
	}
	for i := range 300_000 {
		var x, y, z float32
		switch i % 4 {
		case 0:
			x, y, z = math.Float32frombits(r.Uint32()), math.Float32frombits(r.Uint32()), math.Float32frombits(r.Uint32())
		case 1:
			x, y, z = near(0), near(0), near(r.IntN(60)-30)
		case 2: // denormal results
			x, y, z = near(-60), near(-60), near(-130)
		case 3: // cancellation
			x, y = near(0), near(0)
			z = -float32(float64(x) * float64(y))
		}
		checkFMA(t, x, y, z)
	}
	for _, x := range specials {
		for _, y := range specials {
			for _, z := range specials {
				checkFMA(t, x, y, z)
			}
		}
	}
}

func checkFMA(t *testing.T, x, y, z float32) {
	t.Helper()
	have := FMA(x, y, z)
	// Specials and the signs of exact zeros follow from float64.
	want := float32(math.FMA(float64(x), float64(y), float64(z)))
	if finite := func(v float32) bool { return v-v == 0 }; finite(x) && finite(y) && finite(z) {
		exact := func(v float32) *big.Float { return new(big.Float).SetPrec(1000).SetFloat64(float64(v)) }
		sum := exact(x)
		sum.Mul(sum, exact(y)).Add(sum, exact(z))
		if sum.Sign() != 0 {
			want, _ = sum.Float32()
		}
	}
	if err := sameBits([]float32{have}, []float32{want}); err != nil {
		t.Fatalf("FMA(%x, %x, %x) %v", x, y, z, err)
	}
}
