package check

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/qkvgo/qkv/checkpoint"
	"github.com/qkvgo/qkv/device"
	"github.com/qkvgo/qkv/nn"
	"github.com/qkvgo/qkv/train"
)

func sortedNames[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

// optimizer gives the parameters after every step.
func (c *part) optimizer(d device.Device) (map[string][]float32, error) {
	var names []string
	var params []*nn.Param
	for _, key := range sortedNames(c.in) {
		name, ok := strings.CutPrefix(key, "param.")
		if !ok {
			continue
		}
		data, err := floats(c.in[key])
		if err != nil {
			return nil, err
		}
		w := nn.NewParam(c.in[key].Shape...)
		w.Set(data)
		names, params = append(names, name), append(params, w)
	}
	o, clip, clipValue, err := c.descent(func(yield func(string, *nn.Param) bool) {
		for i, w := range params {
			if !yield(names[i], w) {
				return
			}
		}
	}, d)
	if err != nil {
		return nil, err
	}
	all := map[string][]float32{}
	for step := range c.meta.Steps {
		grads := o.Gradients()
		grads.Reset()
		for i, name := range names {
			t, ok := c.in[fmt.Sprintf("grad%d.%s", step+1, name)]
			if !ok {
				continue
			}
			g, err := floats(t)
			if err != nil {
				return nil, err
			}
			grads.Set(i, g)
		}
		if clip > 0 {
			grads.Clip(clip)
		}
		if clipValue > 0 {
			grads.ClipValue(clipValue)
		}
		o.Update(o.Rate())
		for i, name := range names {
			all[fmt.Sprintf("step%d.%s", step+1, name)] = slices.Clone(params[i].Float32())
		}
	}
	return all, nil
}

// descent is the optimizer that the class and the arguments say.
func (c *part) descent(params func(func(string, *nn.Param) bool), d device.Device) (o train.Optimizer, clip, clipValue float64, err error) {
	var rate *float64
	var betas []float64
	var amsgrad bool
	shared := train.OptimizerOptions{Device: d}
	known := map[string]any{"lr": &rate, "weight_decay": &shared.Decay, "clip_grad_norm": &clip, "clip_grad_value": &clipValue,
		"foreach": nil, "fused": nil, "capturable": nil, "differentiable": nil}
	class := c.meta.Class[strings.LastIndex(c.meta.Class, ".")+1:]
	standard := 1e-3
	var b train.Betas
	adam := func() {
		known["betas"], known["eps"] = &betas, &b.Eps
	}
	var build func() train.Rule
	if c.meta.Class == "transformers.AdamW" { // adds eps before the bias is corrected
		class = c.meta.Class
	}
	switch class {
	case "SGD":
		r := &train.SGD{}
		known["momentum"], known["dampening"], known["nesterov"] = &r.Momentum, &r.Dampening, &r.Nesterov
		build = func() train.Rule { return *r }
	case "RMSprop":
		r := &train.RMSProp{}
		known["alpha"], known["eps"], known["momentum"], known["centered"] = &r.Alpha, &r.Eps, &r.Momentum, &r.Centered
		standard, build = 1e-2, func() train.Rule { return *r }
	case "Adam", "AdamW":
		adam()
		known["amsgrad"] = &amsgrad
		if class == "AdamW" {
			shared.Decay = 0.01
		}
		build = func() train.Rule { return train.Adam{Betas: b, AMSGrad: amsgrad, Decoupled: class == "AdamW"} }
	case "NAdam":
		adam()
		r := &train.NAdam{Twice: true}
		known["momentum_decay"] = &r.MomentumDecay
		standard, build = 2e-3, func() train.Rule { r.Betas = b; return *r }
	case "RAdam":
		adam()
		build = func() train.Rule { return train.RAdam{Betas: b} }
	case "Lion":
		known["betas"], standard = &betas, 1e-4
		build = func() train.Rule { return train.Lion{Beta1: b.Beta1, Beta2: b.Beta2} }
	case "Adafactor":
		r := &train.Adafactor{Relative: true, ScaleParameter: true}
		var eps []float64
		known["eps"], known["clip_threshold"], known["decay_rate"], known["beta1"] = &eps, &r.Clip, &r.DecayRate, &r.Beta1
		known["scale_parameter"], known["relative_step"], known["warmup_init"] = &r.ScaleParameter, &r.Relative, &r.WarmUp
		standard, build = 1, func() train.Rule {
			if len(eps) == 2 {
				r.Eps1, r.Eps2 = eps[0], eps[1]
			}
			return *r
		}
	default:
		return nil, 0, 0, &checkpoint.Unsupported{What: "the optimizer " + c.meta.Class}
	}
	args := map[string]json.RawMessage{}
	for name, raw := range c.meta.Args {
		if name != "maximize" || string(raw) != "false" {
			args[name] = raw
		}
	}
	if err := readArgs(args, known); err != nil {
		return nil, 0, 0, err
	}
	if len(betas) == 2 {
		b.Beta1, b.Beta2 = betas[0], betas[1]
	}
	shared.Rate = *cmp.Or(rate, &standard)
	if class == "AdamW" && !amsgrad {
		o = train.NewAdamW(params, train.AdamWOptions{Rate: shared.Rate, Beta1: b.Beta1, Beta2: b.Beta2, Eps: b.Eps, Decay: shared.Decay, Device: d})
	} else {
		o = train.NewOptimizer(params, build(), shared)
	}
	return o, clip, clipValue, nil
}
