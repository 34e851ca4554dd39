package check

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"

	"github.com/qkvgo/qkv/checkpoint"
	"github.com/qkvgo/qkv/safetensors"
	"github.com/qkvgo/qkv/train"
)

// schedules compares factors, computed and recorded in float64.
func (r *report) schedules(c *part) error {
	for _, name := range sortedNames(c.want) {
		s, err := c.schedule(name)
		if err != nil {
			return err
		}
		want, err := doubles(c.want[name])
		if err != nil {
			return err
		}
		const bound = 1e-13 // of roundings of a float64
		worst := 0.0
		for i, w := range want {
			if d := math.Abs(s(i) - w); !(d <= worst) {
				worst = d
			}
		}
		r.note(name, worst, bound*r.scale)
	}
	return nil
}

// factors gives the factors of all schedules, rounded.
func (c *part) factors() (map[string][]float32, error) {
	all := map[string][]float32{}
	for name, t := range c.want {
		s, err := c.schedule(name)
		if err != nil {
			return nil, err
		}
		for i := range t.Len() {
			all[name] = append(all[name], float32(s(i)))
		}
	}
	return all, nil
}

// schedule is the one whose factors are recorded under name.
func (c *part) schedule(name string) (train.Schedule, error) {
	var f struct {
		Function string                     `json:"function"`
		Args     map[string]json.RawMessage `json:"args"`
	}
	raw, ok := c.meta.Args[name]
	if !ok {
		return nil, fmt.Errorf("%s has no arguments of %s", metaName, name)
	}
	if err := json.Unmarshal(raw, &f); err != nil {
		return nil, fmt.Errorf("%s: the arguments of %s: %w", metaName, name, err)
	}
	return schedule(f.Function, f.Args)
}

// schedule is the one that a function of Hugging Face or PyTorch gives.
func schedule(function string, args map[string]json.RawMessage) (train.Schedule, error) {
	var warmup, total, stable, fall, size, epochs, perEpoch int
	var timescale *int
	least, leastRate, power, cycles := 0.0, 0.0, 1.0, 0.5
	cycle := train.OneCycleOptions{}
	anneal := "cos"
	peak := 1.0
	known := map[string]any{"num_warmup_steps": &warmup, "num_training_steps": &total, "last_epoch": nil, "verbose": nil}
	var build func() train.Schedule
	switch function {
	case "get_constant_schedule", "get_constant_schedule_with_warmup":
		build = func() train.Schedule { return train.Constant(warmup) }
	case "get_linear_schedule_with_warmup":
		build = func() train.Schedule { return train.Linear(warmup, total, 0) }
	case "get_cosine_schedule_with_warmup":
		known["num_cycles"] = &cycles
		build = func() train.Schedule { return train.Waves(warmup, total, cycles) }
	case "get_cosine_with_hard_restarts_schedule_with_warmup":
		cycles = 1
		known["num_cycles"] = &cycles
		build = func() train.Schedule { return train.Restarts(warmup, total, int(cycles)) }
	case "get_polynomial_decay_schedule_with_warmup":
		least = 1e-7
		known["lr_end"], known["power"] = &least, &power
		build = func() train.Schedule { return train.Polynomial(warmup, total, least, power) }
	case "get_inverse_sqrt_schedule":
		known["timescale"] = &timescale
		build = func() train.Schedule {
			if timescale != nil {
				return train.InverseSqrt(warmup, *timescale)
			}
			return train.InverseSqrt(warmup, 0)
		}
	case "get_cosine_with_min_lr_schedule_with_warmup":
		known["min_lr"], known["min_lr_rate"] = &least, &leastRate
		build = func() train.Schedule { return train.Cosine(warmup, total, max(least, leastRate)) }
	case "get_wsd_schedule":
		known["num_stable_steps"], known["num_decay_steps"], known["min_lr_ratio"] = &stable, &fall, &least
		build = func() train.Schedule { return train.Plateau(warmup, stable, fall, least) }
	case "StepLR":
		power = 0.1
		known["step_size"], known["gamma"] = &size, &power
		build = func() train.Schedule { return train.Steps(size, power) }
	case "ExponentialLR":
		known["gamma"] = &power
		build = func() train.Schedule { return train.Steps(1, power) }
	case "CosineAnnealingLR":
		known["T_max"], known["eta_min"] = &total, &least
		build = func() train.Schedule {
			s := train.Waves(0, total, 0.5)
			return func(step int) float64 { return least + (1-least)*s(step) }
		}
	case "OneCycleLR":
		known["max_lr"], known["total_steps"], known["epochs"], known["steps_per_epoch"] = &peak, &total, &epochs, &perEpoch
		known["pct_start"], known["anneal_strategy"], known["three_phase"] = &cycle.Rise, &anneal, &cycle.ThreePhase
		known["div_factor"], known["final_div_factor"] = &cycle.Start, &cycle.End
		known["cycle_momentum"], known["base_momentum"], known["max_momentum"] = nil, nil, nil
		build = func() train.Schedule {
			cycle.Linear = anneal == "linear"
			if total == 0 {
				total = epochs * perEpoch
			}
			s := train.OneCycle(total, cycle)
			return func(step int) float64 { return peak * s(step) }
		}
	default:
		return nil, &checkpoint.Unsupported{What: "the schedule " + function}
	}
	if err := readArgs(args, known); err != nil {
		return nil, err
	}
	return build(), nil
}

// doubles reads a tensor of F64.
func doubles(t safetensors.Tensor) ([]float64, error) {
	if t.DType != safetensors.F64 {
		return nil, &checkpoint.Unsupported{What: fmt.Sprintf("factors stored as %v", t.DType)}
	}
	out := make([]float64, t.Len())
	for i := range out {
		out[i] = math.Float64frombits(binary.LittleEndian.Uint64(t.Data[8*i:]))
	}
	return out, nil
}
