package tensor

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/qkvgo/qkv/device/cpu"
)

// Scored in blocks, a loss and its gradients have the bits of scores that lie in
// memory whole, also where the gradient that reaches the loss is another than was
// expected, and less memory is needed.
func TestScoredBits(t *testing.T) {
	defer func(least, atOnce int) { leastScored, scoredAtOnce = least, atOnce }(leastScored, scoredAtOnce)
	leastScored, scoredAtOnce = 5, 1
	const rows, width, classes = 61, 24, 700
	r := rand.New(rand.NewPCG(1, 2))
	numbers := func(n int) []float32 {
		x := make([]float32, n)
		for i := range x {
			x[i] = r.Float32() - 0.5
		}
		return x
	}
	x, w, b, targets := numbers(rows*width), numbers(classes*width), numbers(classes), make([]int32, rows)
	for i := range targets {
		if targets[i] = r.Int32N(classes); i%7 == 3 {
			targets[i] = Ignore
		}
	}
	dev := cpu.New(cpu.Options{Threads: 3})
	defer dev.Close()
	step := func(expected, scale float32, biased bool, f func(x, w, b *Tensor) *Tensor) (out [][]float32, peak int64) {
		s := NewScope(dev, &Tape{LossGrad: expected})
		defer s.Close()
		dev.ResetPeak()
		in, weight, bias := s.Input(x, rows, width), s.Weight(w, nil, true, classes, width), s.Weight(b, nil, true, classes)
		if !biased {
			bias = nil
		}
		loss := f(in, weight, bias).Keep()
		loss.Scale(scale).Backward()
		out = [][]float32{loss.Float32s(), in.Grad().Float32s(), weight.Grad().Float32s()}
		if biased {
			out = append(out, bias.Grad().Float32s())
		}
		return out, dev.Memory().Peak
	}
	for _, biased := range []bool{false, true} {
		want, whole := step(0, 0.25, biased, func(x, w, b *Tensor) *Tensor { return x.Linear(w, b, Identity).CrossEntropy(targets) })
		for _, expected := range []float32{0, 0.25} {
			have, peak := step(expected, 0.25, biased, func(x, w, b *Tensor) *Tensor { return x.ScoredCrossEntropy(w, b, targets) })
			for i := range want {
				if !slices.Equal(have[i], want[i]) {
					t.Errorf("bias %v, expecting %v: result %d differs", biased, expected, i)
				}
			}
			if peak > whole/2 {
				t.Errorf("%d bytes at most, with whole scores %d", peak, whole)
			}
		}
	}
}
