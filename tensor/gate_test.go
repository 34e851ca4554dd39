package tensor_test

import (
	"slices"
	"testing"

	"github.com/qkvgo/qkv/device/cpu"
	"github.com/qkvgo/qkv/tensor"
)

// A gate has the bits of an activation and a product, and so have its gradients,
// for activations with and without a loop of their own.
func TestGateIsTwoOps(t *testing.T) {
	dev := cpu.New(cpu.Options{Threads: 2})
	defer dev.Close()
	d := newDraw(8, true)
	x, z, w := d.normal(40, 70).float32s(), d.normal(40, 70).float32s(), d.normal(40, 70).float32s()
	run := func(f func(x, z *tensor.Tensor) *tensor.Tensor) [][]float32 {
		s := tensor.NewScope(dev, new(tensor.Tape))
		defer s.Close()
		a, b := s.Input(x, 40, 70), s.Input(z, 40, 70)
		y := f(a, b)
		out := y.Float32s()
		y.Mul(s.Of(w, 40, 70)).Sum().Backward()
		return [][]float32{out, a.Grad().Float32s(), b.Grad().Float32s()}
	}
	for _, act := range []tensor.Activation{tensor.SiLU, tensor.GELU, tensor.GELUNew, tensor.QuickGELU, tensor.ReLU, tensor.Tanh, tensor.Mish} {
		one := run(func(x, z *tensor.Tensor) *tensor.Tensor { return x.Gate(z, act) })
		two := run(func(x, z *tensor.Tensor) *tensor.Tensor { return act.Apply(x).Mul(z) })
		for i := range one {
			if !slices.Equal(one[i], two[i]) {
				t.Errorf("%s: result %d differs", act, i)
			}
		}
	}
}
