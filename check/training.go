package check

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/qkvgo/qkv/checkpoint"
	"github.com/qkvgo/qkv/nn"
	"github.com/qkvgo/qkv/safetensors"
	"github.com/qkvgo/qkv/tensor"
	"github.com/qkvgo/qkv/train"
)

// training compares the gradient of every parameter and the parameters after
// the AdamW steps.
func (r *report) training(ctx context.Context, c *testCase, k *call, o Options) error {
	params := map[string]*nn.Param{}
	for name, w := range nn.Params(c.model.Model) {
		params[name] = w
		w.Own()
	}
	steps := 1
	var adam *train.AdamW
	if c.after != nil {
		a := c.meta.Adam
		steps = a.Steps
		adam = train.NewAdamW(nn.Params(c.model.Model), train.AdamWOptions{Rate: a.Rate, Beta1: a.Betas[0], Beta2: a.Betas[1], Eps: a.Eps, Decay: a.Decay})
	}
	for step := range steps {
		if err := r.step(ctx, c, k, params, adam, step, o); err != nil {
			return err
		}
	}
	if c.after == nil {
		return nil
	}
	for t := range c.after.All() {
		w, ok := parameter(params, t.Name)
		if !ok {
			r.fail("after3.safetensors has " + t.Name + ", the model has no such parameter")
			continue
		}
		want, err := floats(t)
		if err != nil {
			return err
		}
		r.compare("after3 "+t.Name, w.Float32(), want, nil, 2*(10*c.meta.After[t.Name][0]+1e-6))
	}
	return nil
}

// step is one pass forward and backward, and an optimizer's step if there is one.
func (r *report) step(ctx context.Context, c *testCase, k *call, params map[string]*nn.Param, adam *train.AdamW, step int, o Options) (err error) {
	defer tensor.Guard(&err)
	p := nn.NewPass(ctx, k.rows, nn.Options{Device: o.Device, Tape: true})
	defer p.Close()
	out := c.model.Run(p, k.in)
	if out[0].Name != "loss" {
		return &checkpoint.Unsupported{What: "gradients without a loss"}
	}
	loss := out[0].Value.Keep()
	loss.Backward()
	if step < len(c.meta.Losses) && c.meta.Losses != nil {
		n := c.meta.Noise["loss"]
		want := []float32{float32(c.meta.Losses[step])}
		r.compare(fmt.Sprintf("loss before step %d", step+1), loss.Float32s(), want, nil, 2*(10*n[0]+2e-6*n[1]))
	}
	if step == 0 && c.grads != nil {
		if err := r.gradients(c, p, params); err != nil {
			return err
		}
	}
	if adam != nil {
		adam.Step(p)
	}
	return nil
}

// gradients compares each parameter's gradient.
func (r *report) gradients(c *testCase, p *nn.Pass, params map[string]*nn.Param) error {
	largest := 0.0
	for t := range c.grads.All() {
		v, err := floats(t)
		if err != nil {
			return err
		}
		for _, x := range v {
			largest = max(largest, math.Abs(float64(x)))
		}
	}
	for t := range c.grads.All() {
		w, ok := parameter(params, t.Name)
		if !ok {
			r.fail("grads.safetensors has " + t.Name + ", the model has no such parameter")
			continue
		}
		want, err := floats(t)
		if err != nil {
			return err
		}
		got := make([]float32, len(want))
		if g := p.Grad(w); g != nil {
			got = g.Float32s()
		}
		r.compare("gradient of "+t.Name, got, want, nil, 2*(20*c.meta.Grads[t.Name][0]+1e-5*largest))
	}
	for name, w := range params {
		if _, ok := gradOf(c.grads, name); ok || p.Grad(w) == nil || slices.ContainsFunc(c.meta.NoGrad, func(n string) bool { return sameName(n, name) }) {
			continue
		}
		r.fail("the reference has no gradient of " + name)
	}
	return nil
}

// parameter finds a parameter by the reference's name: with or without the
// network's prefix.
func parameter(params map[string]*nn.Param, name string) (*nn.Param, bool) {
	if w, ok := params[name]; ok {
		return w, true
	}
	for own, w := range params {
		if sameName(own, name) {
			return w, true
		}
	}
	return nil, false
}

func gradOf(f *safetensors.File, name string) (safetensors.Tensor, bool) {
	for t := range f.All() {
		if sameName(t.Name, name) {
			return t, true
		}
	}
	return safetensors.Tensor{}, false
}

// sameName says whether two names differ by a prefix at most.
func sameName(a, b string) bool {
	return a == b || strings.HasSuffix(a, "."+b) || strings.HasSuffix(b, "."+a)
}
