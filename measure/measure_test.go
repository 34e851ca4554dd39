package measure

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/qkvgo/qkv/token"
)

// bench is a run of one timing each, with what it emitted.
func bench(t *testing.T) (*Bench, *[]Result) {
	var all []Result
	b, err := New(2, 1, func(r Result) error {
		all = append(all, r)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	})
	return b, &all
}

// Limits come first, and every timing is positive and beside its limit.
func TestModelAndTrain(t *testing.T) {
	b, all := bench(t)
	if len(*all) != 2 || b.Peak <= 0 || b.Read <= 0 {
		t.Fatalf("limits %+v", *all)
	}
	ctx := context.Background()
	if err := b.Model(ctx, "minilm-l6", 2, []int{3, 5}); err != nil {
		t.Fatal(err)
	}
	if err := b.Train(ctx, "minilm-l6", 1, []int{4}); err != nil {
		t.Fatal(err)
	}
	for _, r := range *all {
		if r.Min <= 0 || r.Median < r.Min || r.Share <= 0 || r.Threads != 2 {
			t.Errorf("%+v", r)
		}
	}
	// Six layers of four projections and two products of the MLP over eight rows,
	// and heads too small to matter.
	want := 8 * 6 * (4*384*384 + 2*384*1536) * 2.0
	if r := (*all)[2]; r.GFLOPS*r.Min*1e6 < want || r.GFLOPS*r.Min*1e6 > 1.02*want {
		t.Errorf("counted %g operations, want about %g", r.GFLOPS*r.Min*1e6, want)
	}
}

// What a model cannot take is an error that says so.
func TestRefusals(t *testing.T) {
	b, _ := bench(t)
	ctx := context.Background()
	if err := b.Model(ctx, "minilm-l6", 1, []int{513}); err == nil || !strings.Contains(err.Error(), "512") {
		t.Errorf("513 tokens: %v", err)
	}
	if err := b.Model(ctx, t.TempDir(), 1, []int{1}); err == nil {
		t.Error("an empty folder is no model")
	}
	canceled, cancel := context.WithCancel(ctx)
	cancel()
	if err := b.Attention(canceled); !errors.Is(err, context.Canceled) {
		t.Errorf("canceled: %v", err)
	}
}

func TestTokenize(t *testing.T) {
	b, all := bench(t)
	tok, err := token.TrainBPE(func(yield func(string) bool) { yield("a text to learn from") }, token.BPEOptions{VocabSize: 260})
	if err != nil {
		t.Fatal(err)
	}
	if err := b.Tokenize(context.Background(), tok, "a text", "to learn\nfrom a text"); err != nil {
		t.Fatal(err)
	}
	if r := (*all)[2]; r.Rate <= 0 || r.GBPS <= 0 {
		t.Errorf("%+v", r)
	}
}
