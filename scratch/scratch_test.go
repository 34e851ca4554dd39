package scratch_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/qkvgo/qkv/data"
	"github.com/qkvgo/qkv/model"
	"github.com/qkvgo/qkv/nn"
	"github.com/qkvgo/qkv/scratch"
	"github.com/qkvgo/qkv/task"
)

var texts = []string{"the cat sat on the mat", "a dog ran home", "the dog sat", "cats and dogs slept at home", "work to live", "live to work"}

var labels = data.Labels{"animal", "other"}

// made are options and the architecture that must come of them.
var made = []struct {
	options      scratch.Options
	architecture string
}{
	{scratch.Options{Kind: "bag"}, "QKVBagForSequenceClassification"},
	{scratch.Options{Kind: "ngrams", NGrams: 3}, "QKVBagForSequenceClassification"},
	{scratch.Options{Kind: "ngrams", Buckets: 64, Tokens: "bpe", Vocab: 300}, "QKVBagForSequenceClassification"},
	{scratch.Options{Kind: "tfidf"}, "QKVBagForSequenceClassification"},
	{scratch.Options{Kind: "average"}, "QKVAverageForSequenceClassification"},
	{scratch.Options{Kind: "cnn"}, "QKVCNNForSequenceClassification"},
	{scratch.Options{Kind: "rnn"}, "QKVRNNForSequenceClassification"},
	{scratch.Options{Kind: "lstm", Bidirectional: true, Layers: 2, Pooling: "concat"}, "QKVRNNForSequenceClassification"},
	{scratch.Options{Kind: "gru", Task: "causal-lm"}, "QKVRNNForCausalLM"},
	{scratch.Options{Kind: "transformer", Positions: "alibi"}, "QKVTransformerForSequenceClassification"},
	{scratch.Options{Kind: "transformer", Positions: "sinusoidal", Attention: "window", Norm: "pre", FFN: "geglu", Pooling: "mean"}, "QKVTransformerForSequenceClassification"},
	{scratch.Options{Kind: "transformer", Task: "masked-lm", Norm: "pre-rmsnorm"}, "QKVTransformerForMaskedLM"},
	{scratch.Options{Kind: "transformer", Task: "causal-lm", Positions: "none"}, "QKVTransformerForCausalLM"},
	{scratch.Options{Kind: "transformer"}, "BertForSequenceClassification"},
	{scratch.Options{Kind: "transformer", Task: "masked-lm", Positions: "relative", FFN: "relu"}, "BertForMaskedLM"},
	{scratch.Options{Kind: "transformer", Task: "causal-lm"}, "GPT2LMHeadModel"},
	{scratch.Options{Kind: "transformer", Decoder: true}, "GPT2ForSequenceClassification"},
	{scratch.Options{Kind: "transformer", Task: "causal-lm", Positions: "rotary", Norm: "pre-rmsnorm", FFN: "swiglu"}, "LlamaForCausalLM"},
	{scratch.Options{Kind: "transformer", Decoder: true, Positions: "rotary", Norm: "pre-rmsnorm", FFN: "swiglu", Tokens: "words"}, "LlamaForSequenceClassification"},
}

// Whatever is made is saved and opens again to the same numbers; the rungs of the
// ladder all go document → vector → scores.
func TestMadeSavedOpened(t *testing.T) {
	for _, c := range made {
		t.Run(c.architecture, func(t *testing.T) {
			c.options.Width, c.options.Heads, c.options.Length = 16, 2, 24
			m, err := scratch.New(c.options, slices.Values(texts), labels)
			if err != nil {
				t.Fatal(err)
			}
			if m.Architecture != c.architecture {
				t.Errorf("%+v makes %s, want %s", c.options, m.Architecture, c.architecture)
			}
			dir := t.TempDir()
			if err := m.Save(dir); err != nil {
				t.Fatal(err)
			}
			for name, w := range nn.Params(m.Model) {
				if w.Name != name {
					t.Errorf("%s is saved as %s", name, w.Name)
				}
			}
			d, ok := m.Model.(model.Documents)
			if !ok {
				return
			}
			o, err := task.OpenClassifier(dir)
			if err != nil {
				t.Fatal(err)
			}
			defer o.Close()
			scores, err := o.Texts(t.Context(), texts...)
			if err != nil {
				t.Fatal(err)
			}
			width := 0
			for i, text := range texts {
				ids, err := m.Encode(strings.Repeat(text+" ", i+1))
				if err != nil {
					t.Fatal(err)
				}
				p := nn.NewPass(t.Context(), nn.Sequences(len(ids)), nn.Options{Device: alone})
				x := d.Represent(p, &model.Input{IDs: ids})
				if width == 0 {
					width = x.Width()
				}
				if x.Width() != width || x.Rows() != 1 {
					t.Errorf("%d tokens become %v, want [1 %d]", len(ids), x.Shape(), width)
				}
				if have, want := d.Judge(p, x).Float32s(), d.Run(p, &model.Input{IDs: ids})[0].Value.Float32s(); !slices.Equal(have, want) {
					t.Errorf("vector and head give %v, the model %v", have, want)
				}
				p.Close()
				if len(scores[i]) != 2 {
					t.Errorf("%q has scores %v", text, scores[i])
				}
			}
		})
	}
}

// A document of one word, of ten and of a thousand becomes a vector of one width, and
// as many scores: talk A01.
func TestAnyLength(t *testing.T) {
	for _, c := range made {
		if c.options.Task != "" {
			continue
		}
		c.options.Width, c.options.Heads, c.options.Length = 16, 2, 24
		m, err := scratch.New(c.options, slices.Values(texts), labels)
		if err != nil {
			t.Fatal(err)
		}
		width := 0
		for _, n := range []int{1, 10, 1000} {
			ids, err := m.Encode(strings.Repeat("cat ", n))
			if err != nil {
				t.Fatal(err)
			}
			p := nn.NewPass(t.Context(), nn.Sequences(len(ids)), nn.Options{Device: alone})
			x := m.Model.(model.Documents).Represent(p, &model.Input{IDs: ids})
			if width == 0 {
				width = x.Width()
			}
			y := m.Run(p, &model.Input{IDs: ids})[0].Value
			if x.Rows() != 1 || x.Width() != width || y.Rows() != 1 || y.Width() != 2 {
				t.Errorf("%s: %d words become %v and %v", m.Architecture, n, x.Shape(), y.Shape())
			}
			p.Close()
		}
	}
}

// Names and sizes that no model has are errors that say what there is.
func TestErrors(t *testing.T) {
	for want, o := range map[string]scratch.Options{
		"have bag, ngrams":   {Kind: "perceptron"},
		"positions \"far\"":  {Kind: "transformer", Positions: "far"},
		"masked-lm with":     {Kind: "lstm", Task: "masked-lm"},
		"want a rate from 0": {Kind: "cnn", Dropout: 1},
		"norm \"batch\"":     {Kind: "transformer", Norm: "batch"},
	} {
		if _, err := scratch.New(o, slices.Values(texts), labels); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %v, want %s", o, err, want)
		}
	}
	if _, err := scratch.New(scratch.Options{Kind: "bag"}, slices.Values(texts), nil); err == nil {
		t.Error("no classes are no error")
	}
}
