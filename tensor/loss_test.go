package tensor_test

import (
	"math"
	"testing"

	"github.com/qkvgo/qkv/device/cpu"
	"github.com/qkvgo/qkv/tensor"
)

// A labelling that the frames are too few for is infinitely unlikely, and leaves
// the other sequences alone; zeroInfinity leaves it out.
func TestCTCImpossible(t *testing.T) {
	for _, zero := range []bool{false, true} {
		s := tensor.NewScope(cpu.Default(), new(tensor.Tape))
		x := s.Input([]float32{-1, -1, -1, -2, -3, -1, -1, -2, -3}, 3, 3)
		loss := x.CTC([]int{0, 2, 3, 3}, [][]int32{{1, 1}, {2}, {}}, 0, zero)
		want := []float32{float32(math.Inf(1)), 3, 0}
		if zero {
			want[0] = 0
		}
		for i, v := range loss.Float32s() {
			if v != want[i] {
				t.Errorf("sequence %d: loss %v, want %v", i, v, want[i])
			}
		}
		loss.Sum().Backward()
		g := x.Grad().Float32s()
		if impossible := math.IsNaN(float64(g[0])); impossible == zero || g[8] != -1 || g[6] != 0 {
			t.Errorf("gradient %v", g)
		}
		s.Close()
	}
}
