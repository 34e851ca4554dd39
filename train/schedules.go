package train

import "math"

// A schedule's warm-up is linear, from 0 to 1 over the first warmup steps.

// warmed is after, behind a warm-up; after counts steps from its end.
func warmed(warmup int, after func(step int) float64) Schedule {
	return func(step int) float64 {
		if step < warmup {
			return float64(step) / float64(warmup)
		}
		return after(step - warmup)
	}
}

// progress is how much of the steps from warmup to total is done.
func progress(step, warmup, total int) float64 {
	return float64(step) / float64(max(1, total-warmup))
}

// Waves follows a cosine through any number of cycles, half a one from 1 to 0,
// by step total, and goes on with it afterwards: what Hugging Face's
// get_cosine_schedule_with_warmup does with num_cycles.
func Waves(warmup, total int, cycles float64) Schedule {
	return warmed(warmup, func(step int) float64 {
		return max(0, 0.5*(1+cosPiOf(2*cycles*progress(step, warmup, total))))
	})
}

// Restarts falls along half a cosine to 0 and starts again at 1, cycles times by
// step total (Loshchilov & Hutter 2017, §3), as Hugging Face's
// get_cosine_with_hard_restarts_schedule_with_warmup.
func Restarts(warmup, total, cycles int) Schedule {
	return warmed(warmup, func(step int) float64 {
		done := progress(step, warmup, total)
		if done >= 1 {
			return 0
		}
		return max(0, 0.5*(1+cosPiOf(math.Mod(float64(cycles)*done, 1))))
	})
}

// Polynomial falls as the power of what is left, to least at step total, as
// Hugging Face's get_polynomial_decay_schedule_with_warmup.
func Polynomial(warmup, total int, least, power float64) Schedule {
	return warmed(warmup, func(step int) float64 {
		if step > total-warmup {
			return least
		}
		left := math.Pow(1-progress(step, warmup, total), power)
		return float64((1-least)*left) + least
	})
}

// InverseSqrt falls as 1/√step, slower the longer timescale is, as Hugging
// Face's get_inverse_sqrt_schedule. Timescale 0 is warmup's, or 10,000 without.
func InverseSqrt(warmup, timescale int) Schedule {
	if timescale == 0 {
		timescale = warmup
	}
	if timescale == 0 {
		timescale = 10000
	}
	return warmed(warmup, func(step int) float64 {
		return 1 / math.Sqrt(float64(step+timescale)/float64(timescale))
	})
}

// Noam is the rate itself, not a factor of one near 1, of Vaswani et al. 2017,
// eq. 3: width^(−1/2)·min(step^(−1/2), step·warmup^(−3/2)), steps counted from 1.
func Noam(width, warmup int) Schedule {
	return func(step int) float64 {
		n, w := float64(step+1), float64(max(warmup, 1))
		return min(1/math.Sqrt(n), n/(w*math.Sqrt(w))) / math.Sqrt(float64(width))
	}
}

// SlantedTriangle rises over the share cut of the steps and falls over the
// others, from 1/ratio to 1 and back (Howard & Ruder 2018, eq. 3). The paper has
// cut 0.1 and ratio 32.
func SlantedTriangle(total int, cut, ratio float64) Schedule {
	top := math.Floor(float64(total) * cut)
	return func(step int) float64 {
		t, p := float64(min(step, total)), 1.0
		if t < top {
			p = t / top
		} else if top > 0 {
			p = 1 - (t-top)/(top*(1/cut-1))
		}
		return (1 + float64(max(p, 0)*(ratio-1))) / ratio
	}
}

// OneCycleOptions are the numbers of OneCycle; zeros stand for PyTorch's.
type OneCycleOptions struct {
	Rise       float64 // share of the steps that rise; 0: 0.3
	Start      float64 // what the first factor is 1 divided by; 0: 25
	End        float64 // what the last factor is the first divided by; 0: 1e4
	Linear     bool    // lines rather than half cosines
	ThreePhase bool    // fall as long as it rose, back to the start, then on to the end
}

// OneCycle rises to 1 and falls far below where it came from (Smith & Topin
// 2018), as PyTorch's OneCycleLR.
func OneCycle(total int, o OneCycleOptions) Schedule {
	rise, start := or(o.Rise, 0.3), 1/or(o.Start, 25)
	end := start / or(o.End, 1e4)
	top, last := float64(rise*float64(total))-1, float64(total-1)
	steps, factors := []float64{0, top, last}, []float64{start, 1, end}
	if o.ThreePhase {
		steps, factors = []float64{0, top, float64(2*rise*float64(total)) - 2, last}, []float64{start, 1, start, end}
	}
	return func(step int) float64 {
		t, i := min(float64(step), last), 0
		for i+2 < len(steps) && t > steps[i+1] {
			i++
		}
		done := (t - steps[i]) / (steps[i+1] - steps[i])
		from, to := factors[i], factors[i+1]
		if o.Linear {
			return float64((to-from)*done) + from
		}
		return to + float64((from-to)/2*(cosPiOf(done)+1))
	}
}

// Plateau stays at 1 for the steps of stable after the warm-up, falls along half
// a cosine over those of fall, and stays at least: Hugging Face's
// get_wsd_schedule.
func Plateau(warmup, stable, fall int, least float64) Schedule {
	return warmed(warmup, func(step int) float64 {
		return decay(0, fall, least, func(done float64) float64 { return 0.5 * (1 + cosPi(done)) })(max(0, step-stable))
	})
}

// Steps multiplies by factor after every size steps, as PyTorch's StepLR.
func Steps(size int, factor float64) Schedule {
	return func(step int) float64 {
		f := 1.0
		for range step / max(size, 1) {
			f *= factor
		}
		return f
	}
}

// cosPiOf is cos(πx) for any x.
func cosPiOf(x float64) float64 {
	x = math.Mod(math.Abs(x), 2)
	return cosPi(min(x, 2-x))
}
