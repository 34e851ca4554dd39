package finetune

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/qkvgo/qkv/batch"
	"github.com/qkvgo/qkv/model"
	"github.com/qkvgo/qkv/train"
)

// Training says how a model is fitted: train.Plan, and how batches are cut.
type Training struct {
	train.Plan
	Batch  int `json:"per_device_train_batch_size,omitempty"` // examples a batch; 0: 16, or any number where Tokens is given
	Tokens int `json:"batch_tokens,omitempty"`                // tokens a batch, at most; 0: any number
	Window int `json:"length_window,omitempty"`               // so many examples are sorted by length before they are cut, which makes steps of one cost; 0: none

	C float64 `json:"-"` // of models that find the lowest point of their loss themselves; 0: 1

	Teacher model.Model `json:"-"` // whose scores are learnt too; nil: none
	Base    string      `json:"-"` // what the model was opened from, for adapters
	Merge   bool        `json:"-"` // adapters are added to the weights in the end, and the whole model is saved

	Out       string            `json:"-"` // folder of the run and its result; empty: nothing is written
	Resume    bool              `json:"-"`
	SaveEvery int               `json:"-"` // steps between checkpoints; 0: only where the run stops
	About     []byte            `json:"-"` // of the run, which Resume compares
	Watch     func(train.Event) `json:"-"`
}

// filled has the defaults.
func (t Training) filled() Training {
	if t.Batch == 0 && t.Tokens == 0 {
		t.Batch = 16
	}
	return t
}

// Fit trains the model on examples. With some held aside it is judged on them
// after every epoch, or as the plan says, by the figures of a Report, and the
// plan's metric may be any of these under its name in small letters: accuracy,
// macro_f1, span_f1.
func (m *Model) Fit(ctx context.Context, learn, held Examples, t Training) (*train.Result, error) {
	t = t.filled()
	s, err := m.set(ctx, learn, false)
	if err != nil {
		return nil, err
	}
	if direct, ok := m.Model.(model.Direct); ok {
		return m.solve(ctx, direct, s, held, t)
	}
	run := train.Run{Plan: t.Plan, Model: m.Model, Data: s.Source(batch.Plan{Examples: t.Batch, Rows: t.Tokens, Window: t.Window, Seed: t.Seed}),
		Teacher: t.Teacher, Base: t.Base, Merge: t.Merge, Out: t.Out, Resume: t.Resume, SaveEvery: t.SaveEvery, Config: m.Config, Files: m.saveFiles, About: t.About, Device: m.Device, Watch: t.Watch}
	if held.Len() > 0 {
		judge, err := m.set(ctx, held, false)
		if err != nil {
			return nil, err
		}
		run.Judge = func(ctx context.Context) (map[string]float64, error) { return m.judge(ctx, judge) }
	}
	return run.Train(ctx)
}

// judge is the figures of the model on a set, by their keys, and the loss.
func (m *Model) judge(ctx context.Context, s *batch.Set) (map[string]float64, error) {
	p, err := m.predict(ctx, s, nil)
	if err != nil {
		return nil, err
	}
	r, err := newReport(s, p, 0)
	if err != nil {
		return nil, err
	}
	metrics := map[string]float64{"loss": r.Loss}
	for _, f := range r.Figures {
		metrics[f.Key()] = f.Value
	}
	return metrics, nil
}

// Key is the figure's name as metrics are called in plans and logs.
func (f Figure) Key() string {
	return strings.ReplaceAll(strings.ToLower(strings.NewReplacer("(", "", ")", "").Replace(f.Name)), " ", "_")
}

// Metric is the key of the figure that models of a kind are compared by.
func Metric(k batch.Kind) string {
	switch k {
	case batch.Labels:
		return "micro_f1"
	case batch.Regression:
		return "pearson"
	case batch.Tags:
		return "span_f1"
	}
	return "accuracy"
}

// solve fits a model that finds the lowest point of its loss by itself.
func (m *Model) solve(ctx context.Context, d model.Direct, s *batch.Set, held Examples, t Training) (*train.Result, error) {
	if m.Kind != batch.Classes {
		return nil, fmt.Errorf("%s finds one class of several, not %s", m.Architecture, m.Kind)
	}
	if t.Out != "" {
		if err := train.Vacant(t.Out); err != nil {
			return nil, err
		}
	}
	documents := make([][]int32, s.Len())
	labels := make([]int32, s.Len())
	for i, c := range s.Classes() {
		b, err := s.Batch(i)
		if err != nil {
			return nil, err
		}
		documents[i], labels[i] = b.Input.IDs, int32(c)
	}
	o := model.FitOptions{C: t.C, Device: m.Device}
	if t.Watch != nil {
		o.Watch = func(iteration int, objective float64) {
			t.Watch(train.Event{Record: &train.Record{Step: iteration, Loss: objective / float64(s.Len())}})
		}
	}
	start := time.Now()
	fitted, err := d.Fit(ctx, documents, labels, o)
	if err != nil {
		return nil, err
	}
	result := &train.Result{Steps: fitted.Iterations, Loss: fitted.Objective / float64(s.Len()), Elapsed: time.Since(start)}
	if !fitted.Converged {
		return nil, fmt.Errorf("no lowest point after %d iterations: the gradient is still %.3g", fitted.Iterations, fitted.Gradient)
	}
	if held.Len() > 0 {
		judge, err := m.set(ctx, held, false)
		if err != nil {
			return nil, err
		}
		if result.Metrics, err = m.judge(ctx, judge); err != nil {
			return nil, err
		}
	}
	if t.Out != "" {
		err = m.Save(t.Out)
	}
	return result, errors.Join(err)
}
