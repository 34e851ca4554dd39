package train

import "math"

// Schedule gives the factor on the learning rate at a step, counted from 0.
type Schedule func(step int) float64

// Constant is 1, after a linear rise over warmup steps from 0, as
// get_constant_schedule_with_warmup of Hugging Face.
func Constant(warmup int) Schedule {
	return func(step int) float64 {
		if step < warmup {
			return float64(step) / float64(warmup)
		}
		return 1
	}
}

// Linear rises from 0 over warmup steps and falls to least at step total, as
// get_linear_schedule_with_warmup where least is 0.
func Linear(warmup, total int, least float64) Schedule {
	return decay(warmup, total, least, func(done float64) float64 { return 1 - done })
}

// Cosine rises from 0 over warmup steps and falls along half a cosine to least
// at step total, as get_cosine_schedule_with_warmup where least is 0
// (Loshchilov & Hutter 2017, eq. 5, without restarts).
func Cosine(warmup, total int, least float64) Schedule {
	return decay(warmup, total, least, func(done float64) float64 { return 0.5 * (1 + cosPi(done)) })
}

// decay is a warm-up and then shape, which maps [0, 1] to factors from 1 to 0,
// lifted so that it ends at least.
func decay(warmup, total int, least float64, shape func(done float64) float64) Schedule {
	return func(step int) float64 {
		if step < warmup {
			return float64(step) / float64(warmup)
		}
		done := min(float64(step-warmup)/float64(max(1, total-warmup)), 1)
		return float64(max(shape(done), 0)*(1-least)) + least
	}
}

// cosPi is cos(πx) for x in [0, 1], by Taylor's series to within 2e-16. It is
// written out, without a product and a sum that a compiler might fuse, because
// math.Cos has other last bits on other processors, and a training run has none
// to spare.
func cosPi(x float64) float64 {
	if x > 0.5 {
		return -cosPi(1 - x)
	}
	square := float64(math.Pi * x)
	square = float64(square * square)
	sum := 1.0
	for k := 22; k > 0; k -= 2 { // Horner's scheme: 1 - s/(1·2)·(1 - s/(3·4)·(…))
		sum = 1 - float64(square*sum)/float64(k*(k-1))
	}
	return sum
}
