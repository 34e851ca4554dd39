package generate

import (
	"context"
	"math"
	"slices"
	"testing"

	"github.com/qkvgo/qkv/internal/philox"
)

// fake is a language model given by a function from the whole sequence to its next-token logits. Its
// session keeps every sequence as a cache would and fails the test on misuse.
type fake struct {
	t      *testing.T
	vocab  int
	logits func(past []int32, into []float32)

	steps  int // over all sessions
	open   int // sessions not closed
	starts int
	failAt int // Step of this number fails, counted from 1
}

func (f *fake) VocabSize() int { return f.vocab }

func (f *fake) Start(ctx context.Context, prompts [][]int32) (Session, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	f.starts++
	f.open++
	s := &fakeSession{model: f}
	for _, p := range prompts {
		s.pasts = append(s.pasts, slices.Clone(p))
	}
	s.read()
	return s, nil
}

type fakeSession struct {
	model *fake
	pasts [][]int32
	rows  [][]float32
	stale bool // selected and not stepped
	over  bool
}

func (s *fakeSession) read() {
	for len(s.rows) < len(s.pasts) {
		s.rows = append(s.rows, make([]float32, s.model.vocab))
	}
	s.rows = s.rows[:len(s.pasts)]
	for i, p := range s.pasts {
		s.model.logits(p, s.rows[i])
	}
}

func (s *fakeSession) Logits() [][]float32 {
	if s.stale || s.over {
		s.model.t.Error("Logits asked after Select or Close")
	}
	return s.rows
}

func (s *fakeSession) Step(_ context.Context, ids []int32) error {
	s.model.steps++
	if s.model.steps == s.model.failAt {
		return errBroken
	}
	if len(ids) != len(s.pasts) || s.over {
		s.model.t.Errorf("Step with %d ids for %d sequences", len(ids), len(s.pasts))
	}
	for i, id := range ids {
		s.pasts[i] = append(s.pasts[i], id)
	}
	s.stale = false
	s.read()
	return nil
}

func (s *fakeSession) Select(rows []int) error {
	pasts := make([][]int32, len(rows))
	for i, r := range rows {
		pasts[i] = slices.Clone(s.pasts[r])
	}
	s.pasts, s.stale = pasts, true
	return nil
}

func (s *fakeSession) Close() error {
	s.over = true
	s.model.open--
	return nil
}

type broken struct{}

func (broken) Error() string { return "broken" }

var errBroken = broken{}

// hashed is a model whose logits are random, in about [−3, 3], and depend on the last n ids.
func hashed(t *testing.T, vocab, n int, seed uint64) *fake {
	return &fake{t: t, vocab: vocab, logits: func(past []int32, into []float32) {
		key := seed
		for _, id := range past[max(0, len(past)-n):] {
			c := philox.Block(key, [4]uint32{uint32(id)})
			key = uint64(c[0])<<32 | uint64(c[1])
		}
		for i := range into {
			into[i] = float32(float64(6*philox.Uniform(key, [4]uint32{uint32(i), 1})) - 3)
		}
	}}
}

// markov is a model whose next-token probabilities depend on the last id alone.
func markov(t *testing.T, probabilities [][]float64) *fake {
	return &fake{t: t, vocab: len(probabilities), logits: func(past []int32, into []float32) {
		for i, p := range probabilities[past[len(past)-1]] {
			into[i] = float32(math.Log(p))
		}
	}}
}

func generate(t *testing.T, f *fake, prompts [][]int32, o Options) []Sequence {
	t.Helper()
	out, err := Generate(t.Context(), f, prompts, o)
	if err != nil {
		t.Fatal(err)
	}
	if f.open != 0 {
		t.Fatalf("%d sessions are left open", f.open)
	}
	return out
}

func same(t *testing.T, what string, have, want []Sequence) {
	t.Helper()
	if len(have) != len(want) {
		t.Fatalf("%s: have %d sequences, want %d", what, len(have), len(want))
	}
	for i := range have {
		if !slices.Equal(have[i].IDs, want[i].IDs) || have[i].Finish != want[i].Finish || have[i].Score != want[i].Score {
			t.Fatalf("%s: sequence %d:\nhave %v\nwant %v", what, i, have[i], want[i])
		}
	}
}
