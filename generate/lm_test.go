package generate_test

import (
	"errors"
	"slices"
	"testing"

	"github.com/qkvgo/qkv/generate"
	"github.com/qkvgo/qkv/model"
	"github.com/qkvgo/qkv/model/bert"
	"github.com/qkvgo/qkv/model/llama"
	"github.com/qkvgo/qkv/nn"
)

// lm is a tiny language model with drawn values.
func lm[M model.CausalLM](t *testing.T, m M, err error) M {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	nn.Name(m)
	for _, w := range nn.Params(m) {
		nn.InitNormal(w, 0.5, 1)
	}
	return m
}

// Prompts of different lengths decode together as each by itself, greedily and by
// beams.
func TestLMTogetherAndAlone(t *testing.T) {
	c := llama.Defaults()
	c.V, c.D, c.F, c.L, c.H, c.T = 17, 12, 20, 2, 2, 40
	built, err := llama.NewLM(c)
	m := generate.LM{Model: lm(t, built, err)}
	prompts := [][]int32{{1, 5, 3}, {2}, {7, 7, 7, 7, 9}}
	for _, o := range []generate.Options{{MaxNewTokens: 9}, {MaxNewTokens: 6, NumBeams: 3}} {
		together, err := generate.Generate(t.Context(), m, prompts, o)
		if err != nil {
			t.Fatal(err)
		}
		for i := range prompts {
			alone, err := generate.Generate(t.Context(), m, prompts[i:i+1], o)
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(alone[0].IDs, together[i].IDs) || alone[0].Score != together[i].Score {
				t.Errorf("prompt %d: %v alone, %v together", i, alone[0], together[i])
			}
		}
	}
}

// An encoder does not generate, and says so; the same as a decoder does.
func TestLMIsCausal(t *testing.T) {
	c := bert.Defaults()
	c.V, c.D, c.F, c.L, c.H, c.T = 17, 12, 20, 2, 2, 40
	for _, c.Decoder = range []bool{false, true} {
		m := generate.LM{Model: lm(t, bert.NewLM(c), nil)}
		_, err := generate.Generate(t.Context(), m, [][]int32{{1, 2}}, generate.Options{})
		if c.Decoder != (err == nil) || !c.Decoder && !errors.Is(err, errors.ErrUnsupported) {
			t.Errorf("as decoder %v: %v", c.Decoder, err)
		}
	}
}
