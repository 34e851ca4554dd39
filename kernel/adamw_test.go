package kernel

import (
	"math"
	"testing"
)

// TestAdamW follows one weight for five steps in float64.
func TestAdamW(t *testing.T) {
	const rate, b1, b2, eps, decay = 1e-2, 0.9, 0.99, 1e-8, 0.1
	w, m, v := []float32{0.7}, []float32{0}, []float32{0}
	w64, m64, v64 := 0.7, 0.0, 0.0
	for step := 1; step <= 5; step++ {
		g := float32(step) - 2.5
		Best().AdamW(w, []float32{g}, m, v, NewAdamWArgs(rate, b1, b2, eps, decay, step))
		w64 *= 1 - rate*decay
		m64 = b1*m64 + (1-b1)*float64(g)
		v64 = b2*v64 + (1-b2)*float64(g)*float64(g)
		t64 := float64(step)
		w64 -= rate / (1 - math.Pow(b1, t64)) * m64 / (math.Sqrt(v64/(1-math.Pow(b2, t64))) + eps)
		if math.Abs(float64(w[0])-w64) > 1e-6 {
			t.Errorf("step %d: have %v, want %v", step, w[0], w64)
		}
	}
}
