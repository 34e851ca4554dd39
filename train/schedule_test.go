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
