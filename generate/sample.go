package generate

import (
	"github.com/qkvgo/qkv/internal/portable"
	"math"

	"github.com/qkvgo/qkv/internal/philox"
)

// site sets the draws of this package apart from others under the same seed ("gene" in ASCII).
const site = 0x67656e65

// uniform is the k-th draw in [0, 1) of return sequence j at step t.
func uniform(seed uint64, j, t, k int) float64 {
	return philox.Uniform(seed, [4]uint32{uint32(j), uint32(t), uint32(k), site})
}

// sample draws an id with probability proportional to exp(score), u in [0, 1) deciding: the first id
// at which the running sum exceeds u times the whole sum. It is −1 if no score is finite.
func (s *scratch) sample(row []float32, u float64) int32 {
	top := highest(row)
	if math.IsInf(float64(top), 0) {
		return -1
	}
	w := s.weights()
	var sum float64
	for i, x := range row {
		w[i] = 0
		if x >= -math.MaxFloat32 {
			w[i] = portable.Exp(float64(x) - float64(top))
			sum += w[i]
		}
	}
	return int32(pick(w, sum, u))
}

// pick is the first index at which the running sum of w exceeds u·sum; the last of weight above 0
// if rounding lets none exceed it; −1 if there is none.
func pick(w []float64, sum, u float64) int {
	goal, last := u*sum, -1
	var run float64
	for i, x := range w {
		if x == 0 {
			continue
		}
		last = i
		if run += x; run > goal {
			return i
		}
	}
	return last
}
