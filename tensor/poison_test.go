//go:build invariants

package tensor_test

import (
	"math"
	"testing"

	"github.com/qkvgo/qkv/device/cpu"
	"github.com/qkvgo/qkv/tensor"
)

// Memory is NaN before it is set and after it went back.
func TestPoison(t *testing.T) {
	dev := cpu.New(cpu.Options{Threads: 1})
	defer dev.Close()
	s := tensor.NewScope(dev, nil)
	defer s.Close()
	data := s.New(3, 5).Data()
	check := func(when string) {
		for i, v := range data {
			if !math.IsNaN(float64(v)) {
				t.Errorf("%s: element %d is %v", when, i, v)
			}
		}
	}
	check("not set")
	clear(data)
	s.Mark("the end of layer 0")
	check("gone back")
}
