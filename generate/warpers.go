package generate

import (
	"math"

	"github.com/qkvgo/qkv/internal/portable"
)

// temperature divides scores: below 1 the distribution sharpens, above 1 it flattens.
func temperature(t float32) Warper {
	return func(logits []float32, _ []int32) {
		for i := range logits {
			logits[i] /= t
		}
	}
}

// topK keeps the k best ids and those that tie with the last of them (Fan et al. 2018, section 5).
func topK(k int, s *scratch) Warper {
	return func(logits []float32, _ []int32) {
		if k >= len(logits) {
			return
		}
		least := s.kthBest(logits, k)
		for i, x := range logits {
			if x < least {
				logits[i] = never
			}
		}
	}
}

// topP keeps the best ids until they hold the mass p, and keep of them at least (nucleus sampling,
// Holtzman et al. 2020, section 3.1).
func topP(p float64, keep int, s *scratch) Warper {
	return func(logits []float32, _ []int32) {
		top := highest(logits)
		mass := p * expSum(logits, top)
		r := &s.order
		r.reset()
		for i, x := range logits {
			if x > never {
				r.add(int32(i), -float64(x))
			}
		}
		r.build()
		var held float64
		for n := 0; r.len() > 0 && (n < keep || held < mass); n++ {
			_, key := r.pop()
			held += portable.Exp(-key - float64(top))
		}
		forbid(logits, r.ids) // what was not popped
	}
}

// minP keeps ids of at least the fraction p of the best probability (Nguyen et al. 2024).
func minP(p float64, keep int, s *scratch) Warper {
	return func(logits []float32, _ []int32) {
		top := highest(logits)
		s.dropBelow(logits, top, p, keep)
	}
}

// epsilonCutoff keeps ids of at least the probability p (Hewitt et al. 2022, section 4).
func epsilonCutoff(p float64, keep int, s *scratch) Warper {
	return func(logits []float32, _ []int32) {
		top := highest(logits)
		s.dropBelow(logits, top, p*expSum(logits, top), keep)
	}
}

// etaCutoff keeps ids of at least the probability min(p, √p·exp(−entropy)) (Hewitt et al. 2022,
// section 4; the reference's form).
func etaCutoff(p float64, keep int, s *scratch) Warper {
	return func(logits []float32, _ []int32) {
		top := highest(logits)
		sum := expSum(logits, top)
		eta := min(p, math.Sqrt(p)*portable.Exp(-entropy(logits, top, sum)))
		s.dropBelow(logits, top, eta*sum, keep)
	}
}

// typical keeps the ids whose surprise −ln p is closest to the entropy, until they hold the mass,
// and keep of them at least (Meister et al. 2023, section 3).
func typical(mass float64, keep int, s *scratch) Warper {
	return func(logits []float32, _ []int32) {
		top := highest(logits)
		sum := expSum(logits, top)
		norm, h := float64(top)+portable.Log(sum), entropy(logits, top, sum)
		r := &s.order
		r.reset()
		for i, x := range logits {
			if x > never {
				r.add(int32(i), math.Abs(norm-float64(x)-h))
			}
		}
		r.build()
		var held, last float64
		for n := 0; r.len() > 0; n++ {
			if n >= keep && held >= mass*sum && r.least() > last {
				break
			}
			id, key := r.pop()
			if n < keep || held < mass*sum {
				last = key
			}
			held += portable.Exp(float64(logits[id]) - float64(top))
		}
		forbid(logits, r.ids) // what was not popped
	}
}
