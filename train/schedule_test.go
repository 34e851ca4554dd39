package train

import (
	"math"
	"testing"
)

func TestSchedules(t *testing.T) {
	for _, c := range []struct {
		name  string
		s     Schedule
		steps []int
		want  []float64
	}{
		{"constant", Constant(4), []int{0, 1, 4, 99}, []float64{0, 0.25, 1, 1}},
		{"no warm-up", Constant(0), []int{0}, []float64{1}},
		{"linear", Linear(2, 12, 0), []int{0, 1, 2, 7, 12, 40}, []float64{0, 0.5, 1, 0.5, 0, 0}},
		{"linear to a tenth", Linear(2, 12, 0.1), []int{2, 7, 12, 40}, []float64{1, 0.55, 0.1, 0.1}},
		{"cosine", Cosine(10, 90, 0), []int{0, 5, 10, 50, 90, 91}, []float64{0, 0.5, 1, 0.5, 0, 0}},
		{"cosine to a tenth", Cosine(0, 80, 0.1), []int{0, 40, 80}, []float64{1, 0.55, 0.1}},
		{"waves", Waves(0, 80, 1), []int{0, 20, 40, 60, 80, 100}, []float64{1, 0.5, 0, 0.5, 1, 0.5}},
		{"restarts", Restarts(10, 90, 2), []int{5, 10, 30, 49, 50, 70, 90}, []float64{0.5, 1, 0.5, 0.5 * (1 + math.Cos(math.Pi*0.975)), 1, 0.5, 0}},
		{"polynomial", Polynomial(10, 30, 0.2, 2), []int{0, 10, 20, 30, 31}, []float64{0, 1, 0.4, 0.2, 0.2}},
		{"inverse root", InverseSqrt(4, 0), []int{2, 4, 16}, []float64{0.5, 1, 0.5}},
		{"noam", Noam(4, 16), []int{0, 15, 63}, []float64{1. / 128, 1. / 8, 1. / 16}},
		{"triangle", SlantedTriangle(100, 0.1, 32), []int{0, 5, 10, 55, 100}, []float64{1. / 32, 16.5 / 32, 1, 16.5 / 32, 1. / 32}},
		{"one cycle", OneCycle(100, OneCycleOptions{Rise: 0.5}), []int{0, 49, 99}, []float64{0.04, 1, 4e-6}},
		{"one cycle of lines", OneCycle(100, OneCycleOptions{Rise: 0.25, Linear: true, ThreePhase: true}), []int{0, 12, 24, 36, 48, 99}, []float64{0.04, 0.52, 1, 0.52, 0.04, 4e-6}},
		{"plateau", Plateau(4, 10, 8, 0.2), []int{2, 4, 13, 14, 18, 22, 99}, []float64{0.5, 1, 1, 1, 0.6, 0.2, 0.2}},
		{"steps", Steps(3, 0.5), []int{0, 2, 3, 8, 9}, []float64{1, 1, 0.5, 0.25, 0.125}},
		{"no steps", Cosine(3, 3, 0), []int{2, 3}, []float64{2. / 3, 1}},
	} {
		for i, step := range c.steps {
			if have := c.s(step); math.Abs(have-c.want[i]) > 1e-15 {
				t.Errorf("%s: factor %v at step %d, want %v", c.name, have, step, c.want[i])
			}
		}
	}
}

func TestCosPi(t *testing.T) {
	for i := range 1001 {
		x := float64(i) / 1000
		if have, want := cosPi(x), math.Cos(math.Pi*x); math.Abs(have-want) > 4e-16 {
			t.Errorf("cos(π·%v): have %v, want %v", x, have, want)
		}
	}
}
