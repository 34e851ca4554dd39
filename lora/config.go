package lora

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"regexp"
	"slices"
	"strings"

	"github.com/qkvgo/qkv/checkpoint"
)

// Config says which layers are adapted and how, under the names of PEFT's
// LoraConfig. A zero stands for its default.
type Config struct {
	Rank           int      `json:"r,omitempty"`               // 0: 8
	Alpha          float64  `json:"lora_alpha,omitempty"`      // 0: 8
	Dropout        float64  `json:"lora_dropout,omitempty"`    // of what enters an adapter
	RankStabilized bool     `json:"use_rslora,omitempty"`      // scale by alpha/√r (Kalajdzievski 2023, eq. 4), not alpha/r
	Targets        Targets  `json:"target_modules,omitzero"`   // zero: the queries and values of attention
	Save           []string `json:"modules_to_save,omitempty"` // modules that are trained whole, such as the head
}

// Targets names layers: by list, of whole names or of their ends behind a dot, or by
// a regular expression that must match the whole name. The pattern all-linear
// stands for all but the output layer.
type Targets struct {
	List    []string
	Pattern string
}

// MarshalJSON writes the list or the pattern.
func (t Targets) MarshalJSON() ([]byte, error) {
	if t.Pattern != "" {
		return json.Marshal(t.Pattern)
	}
	return json.Marshal(t.List)
}

// UnmarshalJSON reads a list or a pattern.
func (t *Targets) UnmarshalJSON(raw []byte) error {
	*t = Targets{}
	if len(raw) > 0 && raw[0] == '"' {
		return json.Unmarshal(raw, &t.Pattern)
	}
	return json.Unmarshal(raw, &t.List)
}

// usual are the layers that PEFT adapts in the models that are read here: BERT's
// and ViT's, Llama's and GPT-2's.
var usual = []string{"query", "value", "q_proj", "v_proj", "c_attn"}

// outputs are names of output layers, which all-linear leaves out.
var outputs = regexp.MustCompile(`^(.*\.)?(lm_head|classifier|score|qa_outputs)$|^cls\.`)

// matcher gives what says whether the layer of a name is adapted.
func (t Targets) matcher() (func(name string) bool, error) {
	switch {
	case t.Pattern == "all-linear":
		return func(name string) bool { return !outputs.MatchString(name) }, nil
	case t.Pattern != "":
		pattern, err := regexp.Compile(`^(?:` + t.Pattern + `)$`)
		if err != nil {
			return nil, fmt.Errorf("target_modules: %w", err)
		}
		return pattern.MatchString, nil
	case t.List == nil:
		return Targets{List: usual}.matcher()
	}
	return func(name string) bool { return within(name, t.List) }, nil
}

// within says whether a module's name is in a list, or ends in one behind a dot.
func within(name string, list []string) bool {
	return slices.ContainsFunc(list, func(end string) bool { return name == end || strings.HasSuffix(name, "."+end) })
}

// rank is the number of rows of each A.
func (c Config) rank() int {
	if c.Rank == 0 {
		return 8
	}
	return c.Rank
}

// Scale is what an adapter's product is multiplied by.
func (c Config) Scale() float64 {
	alpha, rank := c.Alpha, float64(c.rank())
	if alpha == 0 {
		alpha = 8
	}
	if c.RankStabilized {
		return alpha / math.Sqrt(rank)
	}
	return alpha / rank
}

// Check gives an error where the numbers make no adapter.
func (c Config) Check() error {
	if c.Rank < 0 || !(c.Alpha >= 0) || !(c.Dropout >= 0 && c.Dropout < 1) {
		return fmt.Errorf("r is %d, lora_alpha %v and lora_dropout %v: want r and lora_alpha above 0 and lora_dropout from 0 to below 1", c.Rank, c.Alpha, c.Dropout)
	}
	_, err := c.Targets.matcher()
	return err
}

// harmless are keys of adapter_config.json that change no number, and those that
// do but have the value that they have here.
var harmless = map[string]string{"peft_type": `"LORA"`, "bias": `"none"`, "base_model_name_or_path": "", "task_type": "", "revision": "",
	"inference_mode": "", "auto_mapping": "", "peft_version": "", "megatron_core": "", "runtime_config": "", "fan_in_fan_out": "",
	"layers_pattern": "", "qalora_group_size": "", "init_lora_weights": `true false "gaussian" null`}

// parse reads adapter_config.json. A key that would change the numbers and that
// nobody obeys is an error.
func parse(raw []byte) (c Config, base string, err error) {
	var all map[string]json.RawMessage
	if err := json.Unmarshal(raw, &all); err != nil {
		return c, "", err
	}
	if err := json.Unmarshal(raw, &c); err != nil {
		return c, "", err
	}
	for _, key := range slices.Sorted(maps.Keys(all)) {
		value := string(all[key])
		values, ok := harmless[key]
		switch {
		case ok && (values == "" || slices.Contains(strings.Fields(values), value)):
		case !ok && (slices.Contains(own, key) || slices.Contains([]string{"null", "false", "{}", "[]"}, value)):
		default:
			return c, "", &checkpoint.Unsupported{What: fmt.Sprintf("adapter with %s %s", key, value)}
		}
	}
	if string(all["base_model_name_or_path"]) != "" {
		var name *string
		if err := json.Unmarshal(all["base_model_name_or_path"], &name); err != nil {
			return c, "", fmt.Errorf("base_model_name_or_path: %w", err)
		}
		if name != nil {
			base = *name
		}
	}
	return c, base, c.Check()
}

// own are the keys that Config has.
var own = []string{"r", "lora_alpha", "lora_dropout", "use_rslora", "target_modules", "modules_to_save"}
