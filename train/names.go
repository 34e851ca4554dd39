package train

import (
	"fmt"
	"iter"
	"strings"

	"github.com/qkvgo/qkv/device"
	"github.com/qkvgo/qkv/nn"
)

// OptimizerNames are the rules that a plan can name. Those of Hugging Face's
// names that stand for the same arithmetic (adamw_torch, lion_32bit, …) are
// taken too.
const OptimizerNames = "sgd, rmsprop, adam, amsgrad, adamw, nadam, radam, lion, adafactor"

// rule is the rule that the plan names; nil: AdamW.
func (p Plan) rule() (Rule, error) {
	betas := Betas{p.Beta1, p.Beta2, p.Eps}
	name := strings.ToLower(p.Optimizer)
	for _, end := range []string{"_torch", "_torch_fused", "_hf", "_32bit"} {
		name = strings.TrimSuffix(name, end)
	}
	switch name {
	case "", "adamw":
		return nil, nil
	case "sgd":
		return SGD{Momentum: p.Momentum, Nesterov: p.Nesterov}, nil
	case "rmsprop":
		return RMSProp{Eps: p.Eps, Momentum: p.Momentum}, nil
	case "adam":
		return Adam{Betas: betas}, nil
	case "amsgrad":
		return Adam{Betas: betas, AMSGrad: true}, nil
	case "nadam":
		return NAdam{Betas: betas}, nil
	case "radam":
		return RAdam{betas}, nil
	case "lion":
		return Lion{p.Beta1, p.Beta2}, nil
	case "adafactor":
		return Adafactor{Beta1: p.Beta1}, nil
	}
	return nil, fmt.Errorf("optim %q: have %s", p.Optimizer, OptimizerNames)
}

// optimizer is the plan's optimizer of params.
func (p Plan) optimizer(params iter.Seq2[string, *nn.Param], dev device.Device) (Optimizer, error) {
	rule, err := p.rule()
	if err != nil {
		return nil, err
	}
	groups := p.groups(params)
	if p.HyperRate != 0 {
		if rule == nil {
			rule = Adam{Betas: Betas{p.Beta1, p.Beta2, p.Eps}, Decoupled: true}
		}
		return NewHD(params, rule, p.HyperRate, OptimizerOptions{Rate: p.rate(), Decay: p.Decay, MatricesOnly: !p.DecayAll, Groups: groups, Device: dev})
	}
	if rule == nil {
		return NewAdamW(params, AdamWOptions{Rate: p.rate(), Beta1: p.Beta1, Beta2: p.Beta2, Eps: p.Eps, Decay: p.Decay,
			MatricesOnly: !p.DecayAll, Groups: groups, Device: dev}), nil
	}
	return NewOptimizer(params, rule, OptimizerOptions{Rate: p.rate(), Decay: p.Decay, MatricesOnly: !p.DecayAll, Groups: groups, Device: dev}), nil
}

// groups is a group for each parameter that is not treated as the plan has it for
// all: the factors of its layer and of the plan's group that matches, and no decay
// where its name says bias, as in the reference.
func (p Plan) groups(params iter.Seq2[string, *nn.Param]) (groups []Group) {
	layers := map[string]float64{}
	if p.LayerRate != 0 && p.LayerRate != 1 {
		for _, g := range Layerwise(params, p.LayerRate) {
			layers[g.Pattern] = g.Rate
		}
	}
	for name := range params {
		own := Group{name, 1, 1}
		if rate, ok := layers[name]; ok {
			own.Rate = rate
		}
		if !p.DecayAll && strings.Contains(name, "bias") {
			own.Decay = 0
		}
		for _, g := range p.Groups {
			if matches(g.Pattern, name) {
				own.Rate, own.Decay = own.Rate*g.Rate, g.Decay
				break
			}
		}
		if own.Rate != 1 || own.Decay != 1 {
			groups = append(groups, own)
		}
	}
	return groups
}

// ScheduleNames are the schedules that a plan can name: Hugging Face's, and four
// more.
const ScheduleNames = "linear, cosine, cosine_with_restarts, cosine_with_min_lr, polynomial, constant, constant_with_warmup, " +
	"inverse_sqrt, warmup_stable_decay, slanted_triangular, one_cycle"

// schedule is the plan's factor on the rate in a run of so many steps.
func (p Plan) schedule(total int) (Schedule, error) {
	warmup := p.Warmup
	if warmup == 0 {
		warmup = int(ceil(float64(p.WarmupRatio * float64(total))))
	}
	least := p.LeastRate / p.rate()
	switch p.Schedule {
	case "", "linear":
		return Linear(warmup, total, least), nil
	case "cosine", "cosine_with_min_lr":
		if p.Cycles != 0 && p.Cycles != 0.5 {
			return Waves(warmup, total, p.Cycles), nil
		}
		return Cosine(warmup, total, least), nil
	case "cosine_with_restarts":
		return Restarts(warmup, total, max(1, int(p.Cycles))), nil
	case "polynomial":
		return Polynomial(warmup, total, or(least, 1e-7/p.rate()), or(p.Power, 1)), nil
	case "constant", "constant_with_warmup":
		return Constant(warmup), nil
	case "inverse_sqrt":
		return InverseSqrt(warmup, 0), nil
	case "warmup_stable_decay": // a fifth of the steps falls (Hu et al. 2024, §4.3, have a tenth)
		fall := total / 5
		return Plateau(warmup, max(0, total-warmup-fall), fall, least), nil
	case "slanted_triangular":
		return SlantedTriangle(total, 0.1, 32), nil
	case "one_cycle":
		return OneCycle(total, OneCycleOptions{}), nil
	}
	return nil, fmt.Errorf("lr_scheduler_type %q: have %s", p.Schedule, ScheduleNames)
}
