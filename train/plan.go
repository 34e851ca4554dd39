package train

import (
	"fmt"
	"strings"

	"github.com/qkvgo/qkv/lora"
)

// Plan says how a model is trained, under the names of Hugging Face's
// TrainingArguments where it has one. A zero stands for the reference's default,
// and so does nil. Together with the model, the data and their order it decides
// the result, to the last bit.
type Plan struct {
	Epochs     float64 `json:"num_train_epochs,omitempty"`            // passes over the data; 0: 3, unless Steps says
	Steps      int     `json:"max_steps,omitempty"`                   // optimizer steps; 0: as Epochs says
	Accumulate int     `json:"gradient_accumulation_steps,omitempty"` // batches a step; 0: 1
	Seed       uint64  `json:"seed,omitempty"`                        // of dropout

	Optimizer string   `json:"optim,omitempty"`         // one of OptimizerNames; empty: adamw
	Rate      float64  `json:"learning_rate,omitempty"` // 0: 5e-5
	Beta1     float64  `json:"adam_beta1,omitempty"`    // of the rules that have one; 0: the rule's default
	Beta2     float64  `json:"adam_beta2,omitempty"`
	Eps       float64  `json:"adam_epsilon,omitempty"`
	HyperRate float64  `json:"hypergrad_lr,omitempty"` // by which the rate itself is learnt, with sgd and adam; 0: it is not
	Momentum  float64  `json:"momentum,omitempty"`     // of sgd and rmsprop
	Nesterov  bool     `json:"nesterov,omitempty"`     // of sgd
	Decay     float64  `json:"weight_decay,omitempty"`
	DecayAll  bool     `json:"decay_all,omitempty"`       // weight decay of biases and norms too, which the reference spares
	LayerRate float64  `json:"layer_decay,omitempty"`     // factor on the rate from each layer to the one below it; 0: 1
	Groups    []Group  `json:"param_groups,omitempty"`    // factors on the rate and the decay by name
	Clip      *float64 `json:"max_grad_norm,omitempty"`   // of all gradients together; nil: 1; 0: any
	ClipValue float64  `json:"clip_grad_value,omitempty"` // greatest magnitude of each gradient; 0: any
	Freeze    []string `json:"freeze,omitempty"`          // patterns of names that are not trained, as Freeze has them
	Unfreeze  float64  `json:"unfreeze_epochs,omitempty"` // epochs after which one more layer is trained, from the head down; 0: all at once
	Smoothing float64  `json:"label_smoothing_factor,omitempty"`
	Dropout   *float64 `json:"dropout,omitempty"`        // in place of all rates of dropout that the model has; nil: its own
	DropPath  float64  `json:"drop_path_rate,omitempty"` // stochastic depth: the rate of the last layer, as nn.Depth has it

	Temperature  float64  `json:"temperature,omitempty"`        // of distillation; 0: 2
	TeacherShare *float64 `json:"distillation_alpha,omitempty"` // of the loss, beside the labels; nil: 0.5

	// Memory for time, or for digits; nn.Options says more.
	Recompute       bool `json:"gradient_checkpointing,omitempty"` // keep of each layer its output alone: the same bits, unless the next is on too
	BF16Activations bool `json:"bf16_activations,omitempty"`       // keep what gradients read in 16 bits: other bits

	LoRA *lora.Config `json:"peft_config,omitempty"` // train adapters in place of the weights; nil: the weights

	Schedule    string  `json:"lr_scheduler_type,omitempty"` // one of ScheduleNames; empty: linear
	Warmup      int     `json:"warmup_steps,omitempty"`
	WarmupRatio float64 `json:"warmup_ratio,omitempty"` // share of the steps, where Warmup is 0
	LeastRate   float64 `json:"min_lr,omitempty"`       // where linear, cosine, polynomial and plateau end
	Cycles      float64 `json:"num_cycles,omitempty"`   // of cosine and cosine_with_restarts; 0: the reference's
	Power       float64 `json:"power,omitempty"`        // of polynomial; 0: 1

	Average      string  `json:"average,omitempty"`       // ema or swa; empty: the last weights count
	AverageDecay float64 `json:"ema_decay,omitempty"`     // 0: 0.999
	AverageStart float64 `json:"average_start,omitempty"` // share of the steps after which averaging begins
	AverageEvery int     `json:"average_steps,omitempty"` // steps between values that are averaged; 0: 1

	EvalEvery int     `json:"eval_steps,omitempty"`               // steps between evaluations; 0: at the end of each epoch
	Metric    string  `json:"metric_for_best_model,omitempty"`    // of the evaluation; empty: loss
	Greater   *bool   `json:"greater_is_better,omitempty"`        // nil: unless the metric's name ends in loss
	KeepBest  bool    `json:"load_best_model_at_end,omitempty"`   // the best weights are the result, not the last
	Patience  int     `json:"early_stopping_patience,omitempty"`  // evaluations without a better metric before the run ends; 0: any
	Threshold float64 `json:"early_stopping_threshold,omitempty"` // by how much better it must be
}

// clip is the greatest norm of the gradients; 0: any.
func (p Plan) clip() float64 {
	if p.Clip == nil {
		return 1
	}
	return *p.Clip
}

// rate is the learning rate.
func (p Plan) rate() float64 { return or(p.Rate, 5e-5) }

// metric is the name of the metric that the best weights have.
func (p Plan) metric() string {
	if name := strings.TrimPrefix(p.Metric, "eval_"); name != "" {
		return name
	}
	return "loss"
}

// better says whether metric a is better than b by more than threshold.
func (p Plan) better(a, b, threshold float64) bool {
	greater := !strings.HasSuffix(p.metric(), "loss")
	if p.Greater != nil {
		greater = *p.Greater
	}
	if greater {
		return a > b+threshold
	}
	return a < b-threshold
}

// maxEpochs is more than any run has, and few enough to be counted.
const maxEpochs = 1_000_000

// Check gives an error where the plan contradicts itself or names what is not
// there.
func (p Plan) Check() error {
	for name, x := range map[string]float64{"num_train_epochs": p.Epochs, "max_steps": float64(p.Steps), "gradient_accumulation_steps": float64(p.Accumulate),
		"learning_rate": p.Rate, "weight_decay": p.Decay, "layer_decay": p.LayerRate, "max_grad_norm": p.clip(), "clip_grad_value": p.ClipValue,
		"unfreeze_epochs": p.Unfreeze, "warmup_steps": float64(p.Warmup), "eval_steps": float64(p.EvalEvery), "early_stopping_patience": float64(p.Patience)} {
		if !(x >= 0) {
			return fmt.Errorf("%s is %v: want 0 or more", name, x)
		}
	}
	if p.Epochs > maxEpochs {
		return fmt.Errorf("num_train_epochs is %v: want at most %d; max_steps says how long a run is without them", p.Epochs, maxEpochs)
	}
	for name, x := range map[string]float64{"label_smoothing_factor": p.Smoothing, "warmup_ratio": p.WarmupRatio, "drop_path_rate": p.DropPath, "average_start": p.AverageStart, "ema_decay": p.AverageDecay} {
		if !(x >= 0 && x <= 1) {
			return fmt.Errorf("%s is %v: want a number from 0 to 1", name, x)
		}
	}
	if p.Dropout != nil && *p.Dropout == 1 {
		return fmt.Errorf("dropout is 1: nothing would be left")
	}
	for name, x := range map[string]*float64{"dropout": p.Dropout, "distillation_alpha": p.TeacherShare} {
		if x != nil && !(*x >= 0 && *x <= 1) {
			return fmt.Errorf("%s is %v: want a number from 0 to 1", name, *x)
		}
	}
	if p.LoRA != nil {
		if err := p.LoRA.Check(); err != nil {
			return err
		}
	}
	if _, err := p.rule(); err != nil {
		return err
	}
	if _, err := p.schedule(1); err != nil {
		return err
	}
	switch p.Average {
	case "", "ema", "swa":
	default:
		return fmt.Errorf("average %q: have ema and swa", p.Average)
	}
	return nil
}
