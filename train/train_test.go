package train

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/qkvgo/qkv/data"
	"github.com/qkvgo/qkv/device"
	"github.com/qkvgo/qkv/device/cpu"
	"github.com/qkvgo/qkv/kernel"
	"github.com/qkvgo/qkv/model"
	"github.com/qkvgo/qkv/nn"
	"github.com/qkvgo/qkv/tensor"
)

// bigram is the smallest language model with all kinds of parameters: it says
// the next token from the last one.
type bigram struct {
	Embed *nn.Embedding `ckpt:"embed"`
	Norm  *nn.LayerNorm `ckpt:"norm"`
	Up    *nn.Linear    `ckpt:"up"`
	Down  *nn.Linear    `ckpt:"down_proj"`
	Spare *nn.Linear    `ckpt:"spare"` // nothing depends on it
}

func newBigram(vocabulary, width int) *bigram {
	return &bigram{nn.NewEmbedding(vocabulary, width), nn.NewLayerNorm(width, 1e-5), nn.NewLinear(width, 3*width, true),
		nn.NewLinear(3*width, width, true), nn.NewLinear(2, 3, true)}
}

func (m *bigram) Hidden(p *nn.Pass, ids []int32) *tensor.Tensor {
	h := p.Drop(0.1, p.Use(m.Embed.Weight).Gather(ids))
	h = h.Add(p.Drop(0.1, m.Down.Forward(p, m.Up.Activate(p, m.Norm.Forward(p, h), tensor.GELU))))
	return p.Layer(0, h)
}

func (m *bigram) Unembed(p *nn.Pass, x *tensor.Tensor) *tensor.Tensor { return m.Embed.Unembed(p, x) }

func (m *bigram) Vocabulary() int { return m.Embed.Weight.Shape[0] }

func (m *bigram) Run(p *nn.Pass, in *model.Input) []model.Output {
	logits := m.Unembed(p, m.Hidden(p, in.IDs))
	return []model.Output{{Name: "loss", Value: model.NextTokenLoss(p, logits, in.Labels), Axis: model.PerCall}}
}

// counting is a text in which every token but a few follows from the one before.
func counting(vocabulary, n int) []int32 {
	ids := make([]int32, n)
	for i := 1; i < n; i++ {
		ids[i] = (ids[i-1]*5 + 3) % int32(vocabulary)
		if i%11 == 0 {
			ids[i] = int32(i/11) % int32(vocabulary)
		}
	}
	return ids
}

// start makes a run of some steps over the counting text.
func start(steps, accumulate int, dev device.Device) (*Trainer, *bigram, data.Source) {
	const vocabulary, width = 61, 24
	m := newBigram(vocabulary, width)
	Initial(m, 7, 0.3, 1)
	t := &Trainer{
		Loss:      NextToken(m),
		Optimizer: NewAdamW(nn.Params(m), AdamWOptions{Rate: 1e-2, Decay: 0.1, MatricesOnly: true, Device: dev}),
		Options:   Options{Steps: steps, Accumulate: accumulate, Schedule: Cosine(2, steps, 0.1), Clip: 0.5, Seed: 3, Device: dev},
	}
	return t, m, data.Windows{Tokens: counting(vocabulary, 3000), Length: 32, Batch: 8 / max(accumulate, 1), Seed: 5}
}

// values are all parameters of a model, one behind the other.
func values(m any) (all []float32) {
	for _, w := range nn.Params(m) {
		all = append(all, w.Float32()...)
	}
	return all
}

func equalBits(a, b []float32) bool {
	return slices.EqualFunc(a, b, func(x, y float32) bool { return math.Float32bits(x) == math.Float32bits(y) })
}

func TestTrainingLearns(t *testing.T) {
	tr, m, src := start(60, 1, cpu.Default())
	spare := slices.Clone(m.Spare.Weight.Float32())
	var losses []float64
	tr.Options.Stepped = func(s Step) error {
		losses = append(losses, s.Loss)
		if s.Number != len(losses) || s.Rows != 8*32 || s.Norm <= 0 {
			t.Errorf("step %d reports %+v", len(losses), s)
		}
		return nil
	}
	if err := tr.Run(t.Context(), src); err != nil {
		t.Fatal(err)
	}
	if len(losses) != 60 || losses[0] < 3.5 || losses[59] > 0.6*losses[0] {
		t.Errorf("losses %v", losses)
	}
	if !equalBits(spare, m.Spare.Weight.Float32()) {
		t.Error("a parameter without gradient changed")
	}
	score, err := Evaluate(t.Context(), NextToken(m), data.Windows{Tokens: counting(61, 500), Length: 32, Batch: 4}.InOrder(0), nil)
	if err != nil || score.Labels != 499 || score.Loss > losses[0]*0.7 {
		t.Errorf("evaluated to %+v, %v", score, err)
	}
}

// The same run gives the same bits on any number of threads and with any
// kernels.
func TestSameBitsEverywhere(t *testing.T) {
	for _, accumulate := range []int{1, 4} {
		var want []float32
		for _, set := range kernel.Sets() {
			for _, threads := range []int{1, 2, 3} {
				dev := cpu.New(cpu.Options{Threads: threads, Kernels: set})
				tr, m, src := start(6, accumulate, dev)
				if err := tr.Run(t.Context(), src); err != nil {
					t.Fatal(err)
				}
				have := values(m)
				if want == nil {
					want = have
				} else if !equalBits(have, want) {
					t.Errorf("accumulate %d: %s with %d threads gives other weights", accumulate, set.Name, threads)
				}
				if err := dev.Close(); err != nil {
					t.Error(err)
				}
			}
		}
	}
}

// Steps take no more memory than the first ones took.
func TestMemoryDoesNotGrow(t *testing.T) {
	dev := cpu.New(cpu.Options{Threads: 2})
	defer dev.Close()
	tr, _, src := start(20, 2, dev)
	var mapped int64
	tr.Options.Stepped = func(s Step) error {
		if s.Number == 2 {
			mapped = dev.Memory().Mapped
		}
		if m := dev.Memory(); m.InUse != 0 || (s.Number > 2 && m.Mapped != mapped) {
			t.Errorf("after step %d: %+v, %d bytes mapped after the second", s.Number, m, mapped)
		}
		return nil
	}
	if err := tr.Run(t.Context(), src); err != nil {
		t.Fatal(err)
	}
}

// A run stopped in the middle and taken up again ends with the bits of one that
// was not.
func TestResume(t *testing.T) {
	for _, accumulate := range []int{1, 2} {
		whole, m, src := start(10, accumulate, nil)
		if err := whole.Run(t.Context(), src); err != nil {
			t.Fatal(err)
		}
		want := values(m)

		dir, run := t.TempDir(), []byte(`{"seed":3}`)
		for _, stop := range []int{5, 8} {
			part, m, src := start(10, accumulate, nil)
			found, err := part.Resume(dir, m, run)
			if err != nil || found != (stop > 5) {
				t.Fatalf("resumed %v, %v", found, err)
			}
			ctx, cancel := context.WithCancelCause(t.Context())
			enough := errors.New("enough")
			part.Options.Stepped = func(s Step) error {
				if s.Number == stop {
					cancel(enough)
				}
				return nil
			}
			if err := part.Run(ctx, src); !errors.Is(err, enough) || part.Done != stop {
				t.Fatalf("stopped after %d steps with %v", part.Done, err)
			}
			if err := part.Save(dir, Kept{Model: m, Config: []byte("{}"), Run: run}); err != nil {
				t.Fatal(err)
			}
		}
		entries, _ := os.ReadDir(dir)
		if len(entries) != 1 || entries[0].Name() != "checkpoint-8" {
			t.Errorf("the folder holds %v", entries)
		}

		rest, m, src := start(10, accumulate, nil)
		if found, err := rest.Resume(dir, m, run); !found || err != nil {
			t.Fatal(found, err)
		}
		if err := rest.Run(t.Context(), src); err != nil {
			t.Fatal(err)
		}
		if !equalBits(values(m), want) {
			t.Errorf("accumulate %d: a run taken up twice gives other weights", accumulate)
		}
	}
}

func TestResumeRefusesAnotherRun(t *testing.T) {
	tr, m, _ := start(10, 1, nil)
	dir := t.TempDir()
	if err := tr.Save(dir, Kept{Model: m, Config: []byte("{}"), Run: []byte(`{"seed": 3, "steps": 10}`)}); err != nil {
		t.Fatal(err)
	}
	_, err := tr.Resume(dir, m, []byte(`{"seed":3,"steps":20}`))
	if err == nil || lastLine(err.Error()) != "steps was 10, now 20" {
		t.Errorf("error %v", err)
	}
	if found, err := tr.Resume(dir, m, []byte(`{"steps":10,"seed":3}`)); !found || err != nil {
		t.Error(found, err)
	}
	if err := os.Truncate(filepath.Join(dir, "checkpoint-0", optimizerFile), 100); err != nil {
		t.Fatal(err)
	}
	if _, err := tr.Resume(dir, m, []byte(`{"steps":10,"seed":3}`)); err == nil {
		t.Error("resumed from a truncated file")
	}
	if found, err := tr.Resume(filepath.Join(dir, "none"), m, nil); found || err != nil {
		t.Error(found, err)
	}
}

func lastLine(s string) string {
	at := len(s)
	for at > 0 && s[at-1] != '\n' {
		at--
	}
	return s[at:]
}

// A loss that is no number ends the run before it spoils the weights.
func TestDivergence(t *testing.T) {
	tr, m, src := start(5, 1, nil)
	m.Down.Weight.Own()[0] = float32(math.Inf(1))
	m.Down.Weight.Changed()
	want := values(m)
	if err := tr.Run(t.Context(), src); err == nil || tr.Done != 0 {
		t.Errorf("went on to step %d with %v", tr.Done, err)
	}
	if !equalBits(values(m), want) {
		t.Error("the weights changed")
	}
}

// The data may end before the run, and faults of a model come out as errors.
func TestErrorsOfRun(t *testing.T) {
	tr, _, src := start(5, 1, nil)
	w := src.(data.Windows)
	w.Tokens = w.Tokens[:20]
	if err := tr.Run(t.Context(), w); err == nil {
		t.Error("trained on a text that is too short")
	}
	w = src.(data.Windows)
	w.Tokens = slices.Repeat([]int32{99}, 100)
	if err := tr.Run(t.Context(), w); err == nil {
		t.Error("trained on ids outside the vocabulary")
	}
	refused := errors.New("refused")
	tr.Options.Stepped = func(Step) error { return refused }
	if err := tr.Run(t.Context(), src); !errors.Is(err, refused) {
		t.Errorf("error %v", err)
	}
}

func ExampleTrainer() {
	m := newBigram(10, 8)
	Initial(m, 1, 0.3, 1)
	t := Trainer{
		Loss:      NextToken(m),
		Optimizer: NewAdamW(nn.Params(m), AdamWOptions{Rate: 3e-2}),
		Options:   Options{Steps: 100, Schedule: Cosine(10, 100, 0), Clip: 1},
	}
	text := slices.Repeat([]int32{1, 2, 3, 4}, 200)
	if err := t.Run(context.Background(), data.Windows{Tokens: text, Length: 16, Batch: 4}); err != nil {
		fmt.Println(err)
	}
	score, err := Evaluate(context.Background(), t.Loss, data.Windows{Tokens: text, Length: 16, Batch: 4}.InOrder(0), nil)
	fmt.Println(score.Perplexity() < 1.1, err)
	// Output: true <nil>
}
