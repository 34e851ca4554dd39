package scratch_test

import (
	"slices"
	"testing"

	"github.com/qkvgo/qkv/data"
	"github.com/qkvgo/qkv/model"
	"github.com/qkvgo/qkv/nn"
	"github.com/qkvgo/qkv/scratch"
	"github.com/qkvgo/qkv/train"
	"github.com/qkvgo/qkv/zoo"
)

// A model pretrained on texts without labels gives its body to a classifier: only
// the head is new, and everything else has the pretrained values: talk A20, A25.
func TestTransfer(t *testing.T) {
	for _, c := range []struct {
		pretrained scratch.Options
		fresh      []string
	}{
		{scratch.Options{Kind: "transformer", Task: "masked-lm"}, []string{"bert.pooler.dense.bias", "bert.pooler.dense.weight", "classifier.bias", "classifier.weight"}},
		{scratch.Options{Kind: "transformer", Task: "masked-lm", Norm: "pre"}, []string{"classifier.bias", "classifier.weight"}},
		{scratch.Options{Kind: "transformer", Task: "causal-lm"}, []string{"score.weight"}},
		{scratch.Options{Kind: "transformer", Task: "causal-lm", Positions: "rotary", Norm: "pre-rmsnorm", FFN: "swiglu"}, []string{"score.weight"}},
		{scratch.Options{Kind: "lstm", Task: "causal-lm", Layers: 2}, []string{"classifier.bias", "classifier.weight"}},
	} {
		o := c.pretrained
		o.Width, o.Heads, o.Length, o.Seed = 16, 2, 32, 3
		texts, _ := corpus()
		m, err := scratch.New(o, slices.Values(texts), nil)
		if err != nil {
			t.Fatal(err)
		}
		pretrain(t, m, texts)
		dir := t.TempDir()
		if err := m.Save(dir); err != nil {
			t.Fatal(err)
		}
		o.Decoder = o.Task == "causal-lm"
		o.Task, o.Seed = "classification", 9
		next, err := o.With(m.Tokenizer, slices.Values(texts), labels)
		if err != nil {
			t.Fatal(err)
		}
		body, fresh, err := zoo.OpenBody(dir, next.Config)
		if err != nil {
			t.Fatal(err)
		}
		if slices.Sort(fresh); !slices.Equal(fresh, c.fresh) {
			t.Errorf("%s: new are %q, want %q", next.Architecture, fresh, c.fresh)
		}
		old := map[string]*nn.Param{}
		for name, w := range nn.Params(m.Model) {
			old[name] = w
		}
		taken := 0
		for name, w := range nn.Params(body.Model) {
			if slices.Contains(fresh, name) {
				continue
			}
			if taken++; old[name] == nil || !slices.Equal(w.Float32(), old[name].Float32()) {
				t.Errorf("%s: %s has not the pretrained values", next.Architecture, name)
			}
		}
		if taken < 5 {
			t.Errorf("%s: only %d parameters came over", next.Architecture, taken)
		}
		body.Close()
	}
}

// pretrain takes some steps on texts without labels, after which the loss is lower.
func pretrain(t *testing.T, m *scratch.Model, texts []string) {
	t.Helper()
	loss, rows := train.Own(m.Model), m.Documents(slices.Values(texts))
	source := data.Set[[]int32]{Items: rows, Rows: 20, Make: func(texts [][]int32, _ uint64) (data.Batch, error) {
		in, lengths := &model.Input{}, []int{}
		for _, ids := range texts {
			in.IDs, lengths = append(in.IDs, ids...), append(lengths, len(ids))
		}
		in.Labels = in.IDs
		return data.Batch{Rows: nn.Sequences(lengths...), Input: in}, nil
	}}
	if f, ok := m.Model.(model.Filler); ok {
		loss, source.Make = train.MaskedToken(f), m.Masking().Batch
	}
	var losses []float64
	run := train.Trainer{Loss: loss, Optimizer: train.NewAdamW(nn.Params(m.Model), train.AdamWOptions{Rate: 1e-2, Device: alone}),
		Options: train.Options{Steps: 30, Clip: 1, Device: alone, Stepped: func(s train.Step) error { losses = append(losses, s.Loss); return nil }}}
	if err := run.Run(t.Context(), source); err != nil {
		t.Fatal(err)
	}
	if first, last := losses[0], losses[len(losses)-1]; last > 0.9*first {
		t.Errorf("%s: loss from %v to %v", m.Architecture, first, last)
	}
}

// The masked loss of chosen rows is the model's own over all rows; what it learns is
// perplexity e^loss of these.
func TestMaskedToken(t *testing.T) {
	texts, _ := corpus()
	m, err := scratch.New(scratch.Options{Kind: "transformer", Task: "masked-lm", Width: 16, Heads: 2}, slices.Values(texts), nil)
	if err != nil {
		t.Fatal(err)
	}
	b, err := m.Masking().Batch(m.Documents(slices.Values(texts[:9])), 4)
	if err != nil {
		t.Fatal(err)
	}
	of := func(loss train.Loss) float32 {
		p := nn.NewPass(t.Context(), b.Rows, nn.Options{Device: alone})
		defer p.Close()
		return loss(p, b.Input).Scalar()
	}
	if have, want := of(train.MaskedToken(m.Model.(model.Filler))), of(train.Own(m.Model)); have != want {
		t.Errorf("loss of the chosen rows %v, of all %v", have, want)
	}
}

// A text that is pretrained on stands between the tokens that its model knows as its
// ends, and is cut into parts that fit, none of which loses a token.
func TestDocuments(t *testing.T) {
	for task, ends := range map[string][2]string{"masked-lm": {"[CLS]", "[SEP]"}, "causal-lm": {"<|endoftext|>", "<|endoftext|>"}} {
		texts, _ := corpus()
		m, err := scratch.New(scratch.Options{Kind: "transformer", Task: task, Tokens: "words", Width: 8, Heads: 2, Length: 6}, slices.Values(texts), nil)
		if err != nil {
			t.Fatal(err)
		}
		parts := m.Documents(slices.Values(texts[4:5]))
		var whole []int32
		for _, ids := range parts {
			first, _ := m.Tokenizer.IDToToken(ids[0])
			last, _ := m.Tokenizer.IDToToken(ids[len(ids)-1])
			if len(ids) > 6 || first != ends[0] || last != ends[1] {
				t.Errorf("%s: a part of %d tokens from %s to %s", task, len(ids), first, last)
			}
			whole = append(whole, ids[1:len(ids)-1]...)
		}
		if want := m.Tokenizer.AppendIDs(nil, texts[4]); len(parts) < 2 || !slices.Equal(whole, want) {
			t.Errorf("%s: %d parts hold %v, want %v", task, len(parts), whole, want)
		}
	}
}
