package generate

import (
	"math"
	"slices"
)

// never is the score of an id that must not come.
var never = float32(math.Inf(-1))

// repetition makes ids of the past, prompt included, less likely (Keskar et al. 2019, section 4.1):
// a score above 0 is divided by the penalty, one below 0 multiplied with it.
func repetition(penalty float32, s *scratch) Warper {
	return func(logits []float32, past []int32) {
		seen := s.counts()
		for _, id := range past {
			if seen[id] > 0 {
				continue
			}
			seen[id] = 1
			if logits[id] < 0 {
				logits[id] *= penalty
			} else {
				logits[id] /= penalty
			}
		}
		for _, id := range past {
			seen[id] = 0
		}
	}
}

// presence takes presence + frequency·n off the score of an id that occurs n > 0 times among the
// new ids; the prompt does not count.
func presence(presence, frequency float64, prompt int, s *scratch) Warper {
	return func(logits []float32, past []int32) {
		times := s.counts()
		for _, id := range past[prompt:] {
			times[id]++
		}
		for _, id := range past[prompt:] {
			if n := times[id]; n > 0 {
				logits[id] -= float32(presence + float64(frequency*float64(n)))
				times[id] = 0
			}
		}
	}
}

// noRepeatNGram forbids every id that would complete an n-gram of the past a second time.
func noRepeatNGram(n int) Warper {
	return func(logits []float32, past []int32) {
		if len(past) < n-1 {
			return
		}
		last := past[len(past)-(n-1):]
		for i := range len(past) - (n - 1) {
			if slices.Equal(past[i:i+n-1], last) {
				logits[past[i+n-1]] = never
			}
		}
	}
}

// badWords forbids the last id of each word where its other ids have just come. A word that is one
// eos alone stays allowed, as in the reference.
func badWords(words [][]int32, eos []int32) Warper {
	return func(logits []float32, past []int32) {
		for _, word := range words {
			head, last := word[:len(word)-1], word[len(word)-1]
			if len(head) == 0 && slices.Contains(eos, last) {
				continue
			}
			// The reference asks for len(word), not len(head), ids of past.
			if len(head) > 0 && (len(past) < len(word) || !slices.Equal(past[len(past)-len(head):], head)) {
				continue
			}
			logits[last] = never
		}
	}
}

// minLength forbids eos while fewer than n ids, prompt included, have come.
func minLength(n int, eos []int32) Warper {
	return func(logits []float32, past []int32) {
		if len(past) < n {
			forbid(logits, eos)
		}
	}
}

// forced leaves only the given ids at the step before which n ids, prompt included, have come.
func forced(n int, ids ...int32) Warper {
	return func(logits []float32, past []int32) {
		if len(past) != n {
			return
		}
		for i := range logits {
			logits[i] = never
		}
		for _, id := range ids {
			logits[id] = 0
		}
	}
}

// removeInvalid replaces NaN by 0 and infinities by the greatest finite numbers.
func removeInvalid(logits []float32, _ []int32) {
	for i, x := range logits {
		switch {
		case x != x:
			logits[i] = 0
		case x > math.MaxFloat32:
			logits[i] = math.MaxFloat32
		case x < -math.MaxFloat32:
			logits[i] = -math.MaxFloat32
		}
	}
}

// exponentialDecay is Decay.
func exponentialDecay(d Decay, prompt int, eos []int32) Warper {
	return func(logits []float32, past []int32) {
		n := len(past) - (prompt + d.Start)
		if n <= 0 {
			return
		}
		// The factor is at least 0; raised in steps, so that it is exact for 0 and 1.
		factor := 1.0
		for range n {
			factor *= d.Factor
		}
		for _, id := range eos {
			gain := math.Abs(float64(logits[id])) * (factor - 1)
			logits[id] += float32(gain)
		}
	}
}

// suppress forbids ids at every step.
func suppress(ids []int32) Warper {
	return func(logits []float32, _ []int32) { forbid(logits, ids) }
}

// suppressAt forbids ids at the step before which n ids, prompt included, have come.
func suppressAt(n int, ids []int32) Warper {
	return func(logits []float32, past []int32) {
		if len(past) == n {
			forbid(logits, ids)
		}
	}
}

func forbid(logits []float32, ids []int32) {
	for _, id := range ids {
		logits[id] = never
	}
}
