package train

import (
	"math"
	"testing"

	"github.com/qkvgo/qkv/device/cpu"
	"github.com/qkvgo/qkv/tensor"
)

func TestDistillation(t *testing.T) {
	s := tensor.NewScope(cpu.Default(), new(tensor.Tape))
	defer s.Close()
	student := s.Input([]float32{0, 0, 2, 0}, 2, 2)
	loss := Distillation(student, s.Of([]float32{0, 0, 0, 2}, 2, 2), 2)
	// Row 0 agrees. In row 1 the odds are e to 1 and 1 to e: KL = p − (1−p).
	p := 1 / (1 + math.Exp(-1))
	if want := 4 * (2*p - 1) / 2; math.Abs(float64(loss.Scalar())-want) > 1e-6 {
		t.Errorf("have %v, want %v", loss.Scalar(), want)
	}
	loss.Backward()
	for i, want := range []float64{0, 0, 2*p - 1, 1 - 2*p} {
		if have := float64(student.Grad().Float32s()[i]); math.Abs(have-want) > 1e-6 {
			t.Errorf("gradient %d: have %v, want %v", i, have, want)
		}
	}
}

func TestInfoNCE(t *testing.T) {
	s := tensor.NewScope(cpu.Default(), nil)
	defer s.Close()
	x, z := s.Of([]float32{3, 0, 0, 5}, 2, 2), s.Of([]float32{2, 0, 0, 7}, 2, 2)
	have, want := float64(InfoNCE(x, z, 0.5).Scalar()), math.Log(1+math.Exp(-2))
	if math.Abs(have-want) > 1e-6 {
		t.Errorf("have %v, want %v", have, want)
	}
}
