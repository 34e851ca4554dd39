package tensor_test

import (
	"math"
	"testing"

	"github.com/qkvgo/qkv/device/cpu"
	"github.com/qkvgo/qkv/tensor"
)

// What the talk says of activations: a sigmoid's slope is a quarter at most, so that
// ten in a row let a millionth pass; a tanh's is one at most, a rectifier's zero or
// one; GELU and its form with tanh are never further apart than 4.74e-4: talk A17.
func TestActivationLaws(t *testing.T) {
	const n = 40001
	in := make([]float32, n)
	for i := range in {
		in[i] = float32(i-n/2) / 2000 // −10 … 10
	}
	slopes := func(a tensor.Activation) (y, slope []float32) {
		s := tensor.NewScope(cpu.Default(), new(tensor.Tape))
		defer s.Close()
		x := s.Input(in, 1, n)
		out := a.Apply(x)
		y = out.Float32s()
		out.Sum().Backward()
		return y, x.Grad().Float32s()
	}
	greatest := func(x []float32) (most float64) {
		for _, v := range x {
			most = max(most, math.Abs(float64(v)))
		}
		return most
	}
	_, sigmoid := slopes(tensor.Sigmoid)
	if most := greatest(sigmoid); most != 0.25 || math.Abs(math.Pow(most, 10)/9.5e-7-1) > 0.01 {
		t.Errorf("a sigmoid's slope is up to %v", most)
	}
	if _, slope := slopes(tensor.Tanh); greatest(slope) != 1 {
		t.Errorf("a tanh's slope is up to %v", greatest(slope))
	}
	_, relu := slopes(tensor.ReLU)
	for i, v := range relu {
		if v != 0 && v != 1 || (v == 1) != (in[i] > 0) {
			t.Errorf("a rectifier's slope at %v is %v", in[i], v)
		}
	}
	exact, _ := slopes(tensor.GELU)
	form, _ := slopes(tensor.GELUNew)
	apart := 0.0
	for i := range exact {
		apart = max(apart, math.Abs(float64(exact[i])-float64(form[i])))
	}
	if apart > 4.74e-4 || apart < 4.7e-4 {
		t.Errorf("GELU's two forms are up to %v apart", apart)
	}
}
