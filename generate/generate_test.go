package generate

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
)

// A walk that can be followed by hand: 0 → 1 → 2 → 3 (eos).
var walk = [][]float64{
	{0.1, 0.6, 0.2, 0.1},
	{0.2, 0.1, 0.5, 0.2},
	{0.1, 0.3, 0.1, 0.5},
	{0.25, 0.25, 0.25, 0.25},
}

func TestGreedyFollowsTheBestIDs(t *testing.T) {
	out := generate(t, markov(t, walk), [][]int32{{0}, {2}}, Options{EOS: IDs{3}})
	same(t, "walk", out, []Sequence{
		{IDs: []int32{1, 2, 3}, Finish: FinishEOS},
		{IDs: []int32{3}, Finish: FinishEOS},
	})
	out = generate(t, markov(t, walk), [][]int32{{0}}, Options{EOS: IDs{3}, MaxNewTokens: 2})
	same(t, "two at most", out, []Sequence{{IDs: []int32{1, 2}, Finish: FinishLength}})
	out = generate(t, markov(t, walk), [][]int32{{0, 0}}, Options{EOS: IDs{3}, MaxLength: 3})
	same(t, "three with the prompt", out, []Sequence{{IDs: []int32{1}, Finish: FinishLength}})
	out = generate(t, markov(t, walk), [][]int32{{0}}, Options{EOS: IDs{3}, MinNewTokens: 3})
	// After 0 → 1 → 2 the eos may not come: 2 → 1, and from there on it may.
	same(t, "three at least", out, []Sequence{{IDs: []int32{1, 2, 1, 2, 3}, Finish: FinishEOS}})
	if out := generate(t, markov(t, walk), [][]int32{{0}}, Options{}); len(out[0].IDs) != 20 {
		t.Errorf("have %d new tokens by default, want 20", len(out[0].IDs))
	}
	if out := generate(t, markov(t, walk), nil, Options{}); len(out) != 0 {
		t.Errorf("no prompts give %v", out)
	}
	bos := int32(2)
	out = generate(t, markov(t, walk), [][]int32{{}}, Options{EOS: IDs{3, 77}, BOS: &bos})
	same(t, "bos for nothing", out, []Sequence{{IDs: []int32{3}, Finish: FinishEOS}})
}

// Every way of decoding, over prompts of several lengths, gives a prompt in a batch what it gives alone.
func TestBatchGivesWhatSinglesGive(t *testing.T) {
	prompts := [][]int32{{1}, {2, 3, 4, 5, 6, 7}, {8, 9}, {1}, {3, 2, 1, 0, 3, 2}}
	for name, o := range ways() {
		t.Run(name, func(t *testing.T) {
			together := generate(t, hashed(t, 23, 2, 5), prompts, o)
			n := o.returns()
			for i, p := range prompts {
				alone := generate(t, hashed(t, 23, 2, 5), [][]int32{p}, o)
				same(t, fmt.Sprint("prompt ", i), together[i*n:(i+1)*n], alone)
			}
			again := generate(t, hashed(t, 23, 2, 5), prompts, o)
			same(t, "again", again, together)
		})
	}
}

// ways is every kind of decoding with most options in use somewhere.
func ways() map[string]Options {
	eos := IDs{11, 17}
	return map[string]Options{
		"greedy":        {EOS: eos, MaxNewTokens: 12},
		"greedy length": {EOS: eos, MaxLength: 15},
		"penalties":     {EOS: eos, RepetitionPenalty: 1.4, PresencePenalty: 0.5, FrequencyPenalty: 0.3},
		"n-grams":       {EOS: eos, NoRepeatNGramSize: 2, MinLength: 9, BadWords: [][]int32{{4}, {5, 6}}},
		"forced":        {EOS: eos, ForcedBOS: new(int32(3)), ForcedEOS: IDs{11}, ExponentialDecay: &Decay{2, 1.3}},
		"suppressed":    {EOS: eos, SuppressTokens: []int32{1, 2, 3}, BeginSuppressTokens: []int32{11, 17}},
		"sample":        {EOS: eos, DoSample: true, Seed: 9},
		"sample all":    {EOS: eos, DoSample: true, TopK: new(0), Temperature: 2},
		"sample narrow": {EOS: eos, DoSample: true, TopK: new(9), TopP: 0.9, MinP: 0.05, TypicalP: 0.9, NumReturnSequences: 3},
		"cut-offs":      {EOS: eos, DoSample: true, EpsilonCutoff: 0.02, EtaCutoff: 0.03, RenormalizeLogits: true},
		"beams":         {EOS: eos, NumBeams: 3, NumReturnSequences: 2},
		"beams early":   {EOS: eos, NumBeams: 4, EarlyStopping: StopFirst, LengthPenalty: new(2.0)},
		"beams never":   {EOS: eos, NumBeams: 4, EarlyStopping: StopNever, LengthPenalty: new(-0.5)},
		"beams sampled": {EOS: eos, NumBeams: 3, DoSample: true, Seed: 4, TopP: 0.9, NumReturnSequences: 3},
		"beams in groups": {EOS: eos, NumBeams: 6, NumBeamGroups: 3, DiversityPenalty: 1, NumReturnSequences: 4,
			Pad: new(int32(0))},
	}
}

func TestGreedyIsOneBeamIsTopOne(t *testing.T) {
	prompts := [][]int32{{1}, {2, 3, 4}, {0, 0}}
	for seed := range uint64(20) {
		f := hashed(t, 17, 2, seed)
		greedy := generate(t, f, prompts, Options{EOS: IDs{5}, MaxNewTokens: 15})
		same(t, "one beam", generate(t, f, prompts, Options{EOS: IDs{5}, MaxNewTokens: 15, NumBeams: 1}), greedy)
		same(t, "top one", generate(t, f, prompts, Options{EOS: IDs{5}, MaxNewTokens: 15, DoSample: true, TopK: new(1)}), greedy)
		same(t, "top nothing", generate(t, f, prompts, Options{EOS: IDs{5}, MaxNewTokens: 15, DoSample: true, TopP: 1e-9}), greedy)
	}
}

func TestDefaultsChangeNothing(t *testing.T) {
	f := hashed(t, 40, 2, 3)
	prompts := [][]int32{{1, 2}}
	plain := generate(t, f, prompts, Options{DoSample: true})
	same(t, "spelt out", generate(t, f, prompts, Options{DoSample: true, Temperature: 1, TopK: new(50), TopP: 1, TypicalP: 1,
		RepetitionPenalty: 1, NumBeams: 1, NumReturnSequences: 1, MaxNewTokens: 20}), plain)
	same(t, "whole vocabulary", generate(t, f, prompts, Options{DoSample: true, TopK: new(0)}), plain)
	other := generate(t, f, prompts, Options{DoSample: true, Seed: 1})
	if slices.Equal(other[0].IDs, plain[0].IDs) {
		t.Error("two seeds give the same 20 ids of 40")
	}
}

// A return sequence does not depend on how many there are.
func TestReturnSequencesAreStreamsOfTheirOwn(t *testing.T) {
	f := hashed(t, 40, 2, 3)
	three := generate(t, f, [][]int32{{1}}, Options{DoSample: true, NumReturnSequences: 3})
	same(t, "first of three", three[:1], generate(t, f, [][]int32{{1}}, Options{DoSample: true}))
	if slices.Equal(three[0].IDs, three[1].IDs) || slices.Equal(three[1].IDs, three[2].IDs) {
		t.Error("return sequences are alike")
	}
}

func TestCancelAndFailureCloseTheSession(t *testing.T) {
	for name, o := range map[string]Options{"greedy": {MaxNewTokens: 1000}, "beams": {MaxNewTokens: 1000, NumBeams: 3}} {
		t.Run(name, func(t *testing.T) {
			f := hashed(t, 9, 1, 1)
			ctx, cancel := context.WithCancel(t.Context())
			inner := f.logits
			f.logits = func(past []int32, into []float32) {
				if len(past) == 6 {
					cancel()
				}
				inner(past, into)
			}
			if _, err := Generate(ctx, f, [][]int32{{1}}, o); !errors.Is(err, context.Canceled) {
				t.Errorf("have error %v, want cancelled", err)
			}
			if f.open != 0 || f.steps > 6 {
				t.Errorf("%d sessions are open after %d steps", f.open, f.steps)
			}
			f = hashed(t, 9, 1, 1)
			f.failAt = 4
			if _, err := Generate(t.Context(), f, [][]int32{{1}}, o); !errors.Is(err, errBroken) || f.open != 0 {
				t.Errorf("have error %v and %d open sessions, want broken and none", err, f.open)
			}
		})
	}
}

func TestNoIDLeftIsAnError(t *testing.T) {
	for name, o := range map[string]Options{
		"greedy": {SuppressTokens: []int32{0, 1, 2, 3}},
		"sample": {SuppressTokens: []int32{0, 1, 2, 3}, DoSample: true},
		"beams":  {EOS: IDs{0, 1, 2, 3}, NumBeams: 2},
	} {
		_, err := Generate(t.Context(), markov(t, walk), [][]int32{{0}}, o)
		if err == nil || !strings.Contains(err.Error(), "step 0") {
			t.Errorf("%s: have error %v", name, err)
		}
	}
}

func TestPromptErrorsNameThePrompt(t *testing.T) {
	for want, c := range map[string]struct {
		prompts [][]int32
		o       Options
	}{
		"prompt 1: have no ids":             {[][]int32{{1}, {}}, Options{}},
		"prompt 0, id 1: have 4":            {[][]int32{{1, 4}}, Options{}},
		"prompt 0, id 0: have -1":           {[][]int32{{-1}}, Options{}},
		"prompt 0 has 2 ids: max_length":    {[][]int32{{1, 2}}, Options{MaxLength: 2}},
		"forced_bos_token_id: have 9":       {[][]int32{{1}}, Options{ForcedBOS: new(int32(9))}},
		"bad_words_ids[1]: have 4":          {[][]int32{{1}}, Options{BadWords: [][]int32{{1}, {2, 4}}}},
		"stop_strings: have no Detokenizer": {[][]int32{{1}}, Options{StopStrings: StopStrings{"."}}},
	} {
		if _, err := Generate(t.Context(), markov(t, walk), c.prompts, c.o); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("have error %v, want %q in it", err, want)
		}
	}
}

// still is a model that allocates nothing per step.
type still struct{ rows [][]float32 }

func (s *still) VocabSize() int                                    { return len(s.rows[0]) }
func (s *still) Start(context.Context, [][]int32) (Session, error) { return s, nil }
func (s *still) Logits() [][]float32                               { return s.rows }
func (s *still) Step(context.Context, []int32) error               { return nil }
func (s *still) Select([]int) error                                { return nil }
func (s *still) Close() error                                      { return nil }

func TestStepsAllocateNothing(t *testing.T) {
	m := &still{rows: [][]float32{make([]float32, 500)}}
	m.rows[0][7] = 1
	for name, o := range map[string]Options{
		"greedy":    {},
		"penalties": {RepetitionPenalty: 1.2, NoRepeatNGramSize: 70, FrequencyPenalty: 0.1},
		"sample":    {DoSample: true, TopP: 0.9, MinP: 0.01, TypicalP: 0.9},
	} {
		count := func(n int) float64 {
			o.MaxNewTokens = n
			return testing.AllocsPerRun(5, func() {
				if _, err := Generate(context.Background(), m, [][]int32{{1}}, o); err != nil {
					t.Fatal(err)
				}
			})
		}
		if few, many := count(60), count(400); many > few {
			t.Errorf("%s: 60 steps take %v allocations, 400 take %v", name, few, many)
		}
	}
}
