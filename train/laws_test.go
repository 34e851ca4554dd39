package train

import (
	"math"
	"slices"
	"testing"

	"github.com/qkvgo/qkv/nn"
)

// After clipping at c the gradients together are no longer than c; what is shorter
// stays as it is: talk A06.
func TestClipIsABound(t *testing.T) {
	for _, c := range []float64{0.5, 5, 13, 100} {
		v, w := nn.NewParam(2), nn.NewParam(1)
		v.Set([]float32{0, 0})
		w.Set([]float32{0})
		d := NewOptimizer(named([]string{"v", "w"}, []*nn.Param{v, w}), SGD{}, OptimizerOptions{Rate: 1})
		d.Gradients().Reset()
		d.Gradients().Set(0, []float32{3, -4})
		d.Gradients().Set(1, []float32{12})
		if norm := d.Gradients().Clip(c); norm != 13 {
			t.Errorf("the norm is %v, want 13", norm)
		}
		d.Update(1)
		step := slices.Concat(v.Float32(), w.Float32())
		length := math.Sqrt(float64(step[0]*step[0] + step[1]*step[1] + step[2]*step[2]))
		if want := min(c, 13); length > want*(1+1e-6) || length < want*(1-1e-5) {
			t.Errorf("clipped at %v the step is %v long, want %v", c, length, want)
		}
	}
}

// Adam's first step is the rate times the gradient's sign, however large the gradient
// is: talk A18.
func TestFirstAdamStep(t *testing.T) {
	w := nn.NewParam(4)
	w.Set([]float32{0, 0, 0, 0})
	d := NewAdamW(named([]string{"w"}, []*nn.Param{w}), AdamWOptions{Rate: 0.25, Eps: 1e-20})
	d.Gradients().Reset()
	d.Gradients().Set(0, []float32{1e-6, -3, 1000, -1e-3})
	d.Update(0.25)
	for i, want := range []float64{-0.25, 0.25, -0.25, 0.25} {
		if have := float64(w.Float32()[i]); math.Abs(have-want) > 1e-6 {
			t.Errorf("weight %d moves to %v, want %v", i, have, want)
		}
	}
}

// The rate of the Transformer's paper is highest at the end of the warm-up, for both
// of its models: talk A28.
func TestNoamPeaks(t *testing.T) {
	for width, want := range map[int]float64{512: 6.988e-4, 1024: 4.941e-4} {
		rate := Noam(width, 4000)
		peak := rate(3999)
		if math.Abs(peak/want-1) > 1e-3 || rate(3998) >= peak || rate(4000) >= peak {
			t.Errorf("width %d: %v, %v, %v around step 4000, want a peak of %v", width, rate(3998), peak, rate(4000), want)
		}
	}
}
