package generate

import (
	"cmp"
	"math"
	"slices"
	"testing"
)

// ended is one way a sequence can end, with its log-probability and its score.
type ended struct {
	ids   []int32
	score float64
}

// everyEnd lists all continuations of a prompt that end with eos or at the limit, best first.
func everyEnd(f *fake, prompt []int32, eos int32, limit int, penalty float64) []ended {
	var all []ended
	var grow func(past []int32, sum float64)
	grow = func(past []int32, sum float64) {
		n := len(past) - len(prompt)
		if n > 0 && past[len(past)-1] == eos || n == limit {
			all = append(all, ended{slices.Clone(past[len(prompt):]), sum / math.Pow(float64(n), penalty)})
			return
		}
		row := make([]float32, f.vocab)
		f.logits(past, row)
		logSoftmax(row)
		for id, lp := range row {
			grow(append(slices.Clone(past), int32(id)), sum+float64(lp))
		}
	}
	grow(prompt, 0)
	slices.SortFunc(all, func(a, b ended) int { return cmp.Compare(b.score, a.score) })
	return all
}

// As wide as there are continuations, a beam search that stops only when nothing better can come
// leaves nothing out.
func TestWideBeamsFindTheBestOfAll(t *testing.T) {
	const vocab, limit = 4, 4
	for seed := range uint64(12) {
		for _, penalty := range []float64{0, 1, 2} {
			f := hashed(t, vocab, 3, seed)
			want := everyEnd(f, []int32{1, 2}, 3, limit, penalty)
			have := generate(t, f, [][]int32{{1, 2}}, Options{
				EOS: IDs{3}, MaxNewTokens: limit, NumBeams: 256, NumReturnSequences: 5,
				LengthPenalty: new(penalty), EarlyStopping: StopNever,
			})
			for i, s := range have {
				if !slices.Equal(s.IDs, want[i].ids) || math.Abs(float64(s.Score)-want[i].score) > 1e-5 {
					t.Fatalf("seed %d, penalty %v, rank %d: have %v, want %v", seed, penalty, i, s, want[i])
				}
			}
		}
	}
}

// Two beams on a chain whose best path starts with its second-best step.
func TestBeamsByHand(t *testing.T) {
	f := markov(t, [][]float64{
		{0.01, 0.55, 0.43, 0.01}, // 0: greedy goes to 1
		{0.30, 0.30, 0.20, 0.20}, // 1: nothing is likely from there
		{0.05, 0.03, 0.02, 0.90}, // 2: ends
		{0.25, 0.25, 0.25, 0.25},
	})
	have := generate(t, f, [][]int32{{0}}, Options{EOS: IDs{3}, NumBeams: 2, MaxNewTokens: 2, NumReturnSequences: 2})
	if !slices.Equal(have[0].IDs, []int32{2, 3}) || have[0].Finish != FinishEOS {
		t.Errorf("best is %v, want 2 3", have[0])
	}
	if want := (math.Log(0.43) + math.Log(0.9)) / 2; math.Abs(float64(have[0].Score)-want) > 1e-6 {
		t.Errorf("score is %v, want %v", have[0].Score, want)
	}
	// 1 0 and 1 1 tie at ln(0.55·0.3): the lower id is chosen first, the limit ends it.
	if !slices.Equal(have[1].IDs, []int32{1, 0}) || have[1].Finish != FinishLength {
		t.Errorf("second is %v, want 1 0", have[1])
	}
}

// When a search with enough hypotheses ends is what early_stopping says.
func TestEarlyStoppingDecidesWhenToEnd(t *testing.T) {
	// Ends are likely at once, and one long path is nearly certain.
	f := markov(t, [][]float64{
		{0.001, 0.30, 0.299, 0.40}, // 3 is eos
		{0.001, 0.997, 0.001, 0.001},
		{0.001, 0.001, 0.001, 0.997},
		{0.25, 0.25, 0.25, 0.25},
	})
	steps := func(e EarlyStopping, penalty float64) int {
		f.steps = 0
		generate(t, f, [][]int32{{0}}, Options{EOS: IDs{3}, NumBeams: 2, MaxNewTokens: 30, EarlyStopping: e, LengthPenalty: &penalty})
		return f.steps
	}
	first, unlikely, never := steps(StopFirst, 1), steps(StopUnlikely, 1), steps(StopNever, 1)
	if !(first <= unlikely && unlikely <= never) || never != 29 || first != 1 {
		t.Errorf("steps: true %d, false %d, never %d; want 1, between, 29", first, unlikely, never)
	}
	// With no reward for length the sum alone counts, and it only falls: never needs no more than false.
	if a, b := steps(StopUnlikely, 0), steps(StopNever, 0); a != b || a > 10 {
		t.Errorf("without length penalty: false %d, never %d steps; want equal and few", a, b)
	}
}

// Scores are what a pass over the ids gives, and fall with rank.
func TestBeamScoresAreLogProbabilities(t *testing.T) {
	for seed := range uint64(10) {
		for _, o := range []Options{
			{EOS: IDs{5, 7}, NumBeams: 4, NumReturnSequences: 4, LengthPenalty: new(0.7)},
			{EOS: IDs{5}, NumBeams: 4, NumReturnSequences: 4, DoSample: true, Seed: seed, TopK: new(0)},
			{EOS: IDs{5}, NumBeams: 6, NumBeamGroups: 3, NumReturnSequences: 6},
		} {
			f := hashed(t, 19, 2, seed)
			last := math.Inf(1)
			for _, s := range generate(t, f, [][]int32{{2, 3}}, o) {
				past, sum, row := []int32{2, 3}, 0.0, make([]float32, f.vocab)
				for _, id := range s.IDs {
					f.logits(past, row)
					logSoftmax(row)
					sum += float64(row[id])
					past = append(past, id)
				}
				want := sum / math.Pow(float64(len(s.IDs)), o.lengthPenalty())
				// An eos is written as the first of the list, whichever ended the sequence.
				if s.Finish == FinishEOS && len(o.EOS) > 1 {
					continue
				}
				if math.Abs(float64(s.Score)-want) > 1e-5 {
					t.Errorf("seed %d: %v scores %v over its ids", seed, s, want)
				}
				if float64(s.Score) > last {
					t.Errorf("seed %d: score %v follows %v", seed, s.Score, last)
				}
				last = float64(s.Score)
			}
		}
	}
}

// Groups without penalty are searches side by side; with a large one their first ids all differ.
func TestBeamGroups(t *testing.T) {
	f := hashed(t, 19, 2, 8)
	small := generate(t, f, [][]int32{{1}}, Options{NumBeams: 2, NumReturnSequences: 2})
	// (Equal groups need a diversity penalty of zero, which is the default.)
	alike := generate(t, f, [][]int32{{1}}, Options{NumBeams: 6, NumBeamGroups: 3, NumReturnSequences: 6})
	for i, s := range alike {
		if !slices.Equal(s.IDs, small[i/3].IDs) {
			t.Errorf("sequence %d is %v, want %v", i, s.IDs, small[i/3].IDs)
		}
	}
	first := map[int32]bool{}
	for _, s := range generate(t, f, [][]int32{{1}}, Options{NumBeams: 3, NumBeamGroups: 3, DiversityPenalty: 1000, NumReturnSequences: 3}) {
		first[s.IDs[0]] = true
	}
	if len(first) != 3 {
		t.Errorf("three groups begin with %d ids", len(first))
	}
}
