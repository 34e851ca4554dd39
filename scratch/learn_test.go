package scratch_test

import (
	"context"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/qkvgo/qkv/data"
	"github.com/qkvgo/qkv/device"
	"github.com/qkvgo/qkv/device/cpu"
	"github.com/qkvgo/qkv/kernel"
	"github.com/qkvgo/qkv/model"
	"github.com/qkvgo/qkv/nn"
	"github.com/qkvgo/qkv/scratch"
	"github.com/qkvgo/qkv/train"
)

// rungs are the ladder, small.
var rungs = []scratch.Options{
	{Kind: "bag"}, {Kind: "ngrams"}, {Kind: "tfidf"}, {Kind: "average"}, {Kind: "cnn", Filters: 8, Widths: []int{2, 3}}, {Kind: "rnn"},
	{Kind: "lstm", Bidirectional: true}, {Kind: "gru", Pooling: "max"}, {Kind: "transformer"},
	{Kind: "transformer", Positions: "none", Pooling: "mean", Tokens: "words"},
	{Kind: "transformer", Positions: "sinusoidal", Norm: "pre-rmsnorm", FFN: "swiglu", Pooling: "mean", Tokens: "words"},
}

// alone computes on one thread: the models are small.
var alone = cpu.New(cpu.Options{Threads: 1})

// document is a labelled text as ids.
type document struct {
	ids   []int32
	label int32
}

// corpus are texts whose class the presence of a word tells.
func corpus() (texts []string, classes []int32) {
	fill := strings.Fields("the a of on home mat sat ran and then slowly again here there")
	for i := range 60 {
		words := []string{"cat", "train"}[i%2:][:1]
		for at := range 3 + i%5 {
			words = append(words, fill[(7*i+3*at)%len(fill)])
		}
		at := i % len(words)
		words[0], words[at] = words[at], words[0]
		texts, classes = append(texts, strings.Join(words, " ")), append(classes, int32(i%2))
	}
	return texts, classes
}

// trained is a model that has learnt the corpus on a device.
func trained(t *testing.T, o scratch.Options, steps int, dev device.Device) *scratch.Model {
	t.Helper()
	texts, classes := corpus()
	o.Width, o.Heads, o.Length, o.Seed = 16, 2, 32, 3
	m, err := scratch.New(o, slices.Values(texts), labels)
	if err != nil {
		t.Fatal(err)
	}
	var documents []document
	for i, text := range texts {
		ids, err := m.Encode(text)
		if err != nil {
			t.Fatal(err)
		}
		documents = append(documents, document{ids, classes[i]})
	}
	if d, ok := m.Model.(model.Direct); ok {
		ids := make([][]int32, len(documents))
		for i, d := range documents {
			ids[i] = d.ids
		}
		if _, err := d.Fit(t.Context(), ids, classes, model.FitOptions{Device: dev}); err != nil {
			t.Fatal(err)
		}
		return m
	}
	source := data.Set[document]{Items: documents, Rows: 12, Make: func(items []document, _ uint64) (data.Batch, error) {
		in, lengths := &model.Input{}, []int{}
		for _, d := range items {
			in.IDs, in.Labels, lengths = append(in.IDs, d.ids...), append(in.Labels, d.label), append(lengths, len(d.ids))
		}
		return data.Batch{Rows: nn.Sequences(lengths...), Input: in}, nil
	}}
	run := train.Trainer{Loss: train.Own(m.Model), Optimizer: train.NewAdamW(nn.Params(m.Model), train.AdamWOptions{Rate: 1e-2, Device: dev}),
		Options: train.Options{Steps: steps, Clip: 1, Device: dev}}
	if err := run.Run(t.Context(), source); err != nil {
		t.Fatal(err)
	}
	return m
}

// scores are what a model says of a text.
func scores(t *testing.T, m *scratch.Model, text string) []float32 {
	t.Helper()
	ids, err := m.Encode(text)
	if err != nil {
		t.Fatal(err)
	}
	p := nn.NewPass(context.Background(), nn.Sequences(len(ids)), nn.Options{Device: alone})
	defer p.Close()
	return m.Run(p, &model.Input{IDs: ids})[0].Value.Float32s()
}

// Every rung learns what a word tells, and says by how much order counts for it: not
// at all for bags and averages, next to nothing for a mean-pooled Transformer without
// positions, something for the others: talk A03.
func TestRungsLearn(t *testing.T) {
	for _, o := range rungs {
		t.Run(o.Kind+o.Positions, func(t *testing.T) {
			m := trained(t, o, 60, alone)
			texts, classes := corpus()
			right := 0
			for i, text := range texts {
				s := scores(t, m, text)
				if (s[1] > s[0]) == (classes[i] == 1) {
					right++
				}
			}
			if right < 58 {
				t.Errorf("%d of 60 right", right)
			}
			a, b := scores(t, m, "the cat sat on home"), scores(t, m, "home on sat cat the")
			change := math.Abs(float64(a[0]-a[1]) - float64(b[0]-b[1]))
			switch {
			case o.Kind == "bag" || o.Kind == "average":
				if change != 0 {
					t.Errorf("order changes the scores by %v", change)
				}
			case o.Positions == "none":
				if change > 1e-5*(1+math.Abs(float64(a[0]))) {
					t.Errorf("order changes the scores by %v", change)
				}
			case change < 1e-5:
				t.Errorf("order changes the scores by %v", change)
			}
		})
	}
}

// Threads and kernels change no bit of what is learnt.
func TestSameBits(t *testing.T) {
	sets := kernel.Sets()
	for _, o := range rungs {
		var want []float32
		for threads, set := range []*kernel.Set{sets[0], sets[len(sets)-1]} {
			dev := cpu.New(cpu.Options{Threads: 1 + 2*threads, Kernels: set})
			var have []float32
			for _, w := range nn.Params(trained(t, o, 1, dev).Model) {
				have = append(have, w.Float32()...)
			}
			dev.Close()
			if want == nil {
				want = have
			}
			if !slices.Equal(have, want) {
				t.Errorf("%s on %s learns other numbers", o.Kind, dev.Name())
			}
		}
	}
}
