package generate

import (
	"math"
	"slices"
)

// hypotheses are the best ended sequences of one group, the reference's BeamHypotheses.
type hypotheses struct {
	size    int // kept at most
	prompt  int // ids at the front of every past
	limit   int // new ids at most
	penalty float64
	early   EarlyStopping
	eos     int32 // follows what an eos has ended
	found   []hypothesis
	worst   float64 // score of the worst found
}

// hypothesis is one of them: its new ids, and their score over their length to the penalty.
type hypothesis struct {
	ids    []int32
	score  float64
	finish Finish
}

func newHypotheses(size, prompt, limit int, o *Options) hypotheses {
	h := hypotheses{size: size, prompt: prompt, limit: limit, penalty: o.lengthPenalty(), early: o.EarlyStopping, worst: math.Inf(1)}
	if len(o.EOS) > 0 {
		h.eos = o.EOS[0] // the reference appends the first, whichever came
	}
	return h
}

// add offers a sequence of length new ids, an eos that ended it counted though past lacks it.
func (h *hypotheses) add(past []int32, sum float32, length int, finish Finish) {
	score := float64(sum) / power(length, h.penalty)
	if len(h.found) >= h.size && !(score > h.worst) {
		return
	}
	ids := slices.Clone(past[h.prompt:])
	if finish == FinishEOS {
		ids = append(ids, h.eos)
	}
	h.found = append(h.found, hypothesis{ids, score, finish})
	if len(h.found) > h.size {
		lowest := 0
		for i, f := range h.found {
			if f.score < h.found[lowest].score {
				lowest = i
			}
		}
		h.found = slices.Delete(h.found, lowest, lowest+1)
	}
	h.worst = math.Inf(1)
	for _, f := range h.found {
		h.worst = min(h.worst, f.score)
	}
}

// settled reports whether enough was found and, as early_stopping has it, nothing better can come:
// best is the highest sum of an open beam, length its new ids.
func (h *hypotheses) settled(best float32, length int) bool {
	if len(h.found) < h.size {
		return false
	}
	if h.early == StopFirst {
		return true
	}
	if h.early == StopNever && h.penalty > 0 {
		length = h.limit // sums are negative: the longest sequence divides by most
	}
	return h.worst >= float64(best)/power(length, h.penalty)
}
