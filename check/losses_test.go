package check

import (
	"slices"
	"testing"

	"github.com/qkvgo/qkv/device/cpu"
	"github.com/qkvgo/qkv/tensor"
)

func TestClassesLast(t *testing.T) {
	s := tensor.NewScope(cpu.Default(), nil)
	defer s.Close()
	x := s.Of([]float32{0, 1, 2, 10, 11, 12, 20, 21, 22, 30, 31, 32}, 2, 2, 3) // [n, classes, places]
	want := []float32{0, 10, 1, 11, 2, 12, 20, 30, 21, 31, 22, 32}
	if have := classesLast(x); !slices.Equal(have.Float32s(), want) || have.Width() != 2 {
		t.Errorf("have %v of width %d, want %v", have.Float32s(), have.Width(), want)
	}
}
