package train

import (
	"math"
	"testing"

	"github.com/qkvgo/qkv/nn"
)

// Matrices are normal, those that end a residual branch narrower; norms start
// at 1 and biases at 0.
func TestInitial(t *testing.T) {
	m := newBigram(400, 64)
	Initial(m, 1, 0.1, 8)
	deviation := func(w *nn.Param) float64 {
		sum := 0.0
		for _, v := range w.Float32() {
			sum += float64(v) * float64(v)
		}
		return math.Sqrt(sum / float64(w.Len()))
	}
	// Six standard errors: the deviation of n numbers is off by 1/√(2n).
	for _, c := range []struct {
		w    *nn.Param
		want float64
	}{{m.Embed.Weight, 0.1}, {m.Up.Weight, 0.1}, {m.Down.Weight, 0.1 / 4}, {m.Norm.Weight, 1}, {m.Norm.Bias, 0}, {m.Up.Bias, 0}} {
		if have := deviation(c.w); math.Abs(have-c.want) > 6*c.want/math.Sqrt(2*float64(c.w.Len())) {
			t.Errorf("%s: deviation %v, want %v", c.w.Name, have, c.want)
		}
	}
	other := newBigram(400, 64)
	Initial(other, 2, 0.1, 8)
	if equalBits(m.Up.Weight.Float32(), other.Up.Weight.Float32()) {
		t.Error("another seed gives the same values")
	}
}
