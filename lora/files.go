package lora

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/qkvgo/qkv/internal/atomicfile"
	"github.com/qkvgo/qkv/nn"
	"github.com/qkvgo/qkv/safetensors"
)

// PEFT's files.
const (
	ConfigName  = "adapter_config.json"
	WeightsName = "adapter_model.safetensors"
)

// Save writes adapter_config.json and adapter_model.safetensors into the folder
// dir, which it makes if need be, each whole or not at all. base is the folder or
// the hub name of the model that is adapted, and task its PEFT task type, such as
// SEQ_CLS; either may be empty.
func (a *Adapters) Save(dir, base, task string) error {
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return err
	}
	var tensors []safetensors.Tensor
	for name, w := range a.Named() {
		t, raw := w.Raw()
		dtype, ok := safetensors.ParseDType(t.String())
		if !ok {
			return fmt.Errorf("%s: cannot write %s", name, t)
		}
		tensors = append(tensors, safetensors.Tensor{Name: name, DType: dtype, Shape: w.Shape, Data: raw})
	}
	if err := safetensors.Write(filepath.Join(dir, WeightsName), tensors, map[string]string{"format": "pt"}); err != nil {
		return err
	}
	raw, err := json.MarshalIndent(a.config(base, task), "", "  ")
	if err != nil {
		return err
	}
	return atomicfile.Write(filepath.Join(dir, ConfigName), func(w io.Writer) error {
		_, err := w.Write(append(raw, '\n'))
		return err
	})
}

// config is what PEFT writes of a LoraConfig, as far as it matters here.
func (a *Adapters) config(base, task string) map[string]any {
	alpha := a.Config.Alpha
	if alpha == 0 {
		alpha = 8
	}
	targets := a.Config.Targets
	if targets.Pattern == "" && targets.List == nil {
		targets.List = a.targets()
	}
	return map[string]any{
		"alpha_pattern": map[string]any{}, "auto_mapping": nil, "base_model_name_or_path": orNull(base), "bias": "none",
		"fan_in_fan_out": a.transposed(), "inference_mode": true, "init_lora_weights": true, "layer_replication": nil,
		"layers_pattern": nil, "layers_to_transform": nil, "lora_alpha": alpha, "lora_dropout": a.Config.Dropout,
		"modules_to_save": a.Config.Save, "peft_type": "LORA", "r": a.Config.rank(), "rank_pattern": map[string]any{}, "revision": nil,
		"target_modules": targets, "task_type": orNull(task), "use_dora": false, "use_rslora": a.Config.RankStabilized,
	}
}

// targets are those of the usual layers that the model has.
func (a *Adapters) targets() (list []string) {
	for _, end := range usual {
		if slices.ContainsFunc(a.layers, func(l layer) bool { return within(l.name, []string{end}) }) {
			list = append(list, end)
		}
	}
	return list
}

// transposed says whether the adapted layers store their weights the other way
// round.
func (a *Adapters) transposed() bool {
	return slices.ContainsFunc(a.layers, func(l layer) bool { return l.transposed })
}

func orNull(s string) any {
	if s == "" {
		return nil
	}
	return s
}

// Base is the model that the adapters in a folder were made for: a folder or a hub
// name, as adapter_config.json has it; empty where it does not say.
func Base(dir string) (string, error) {
	_, base, err := readConfig(dir)
	return base, err
}

func readConfig(dir string) (c Config, base string, err error) {
	path := filepath.Join(dir, ConfigName)
	raw, err := os.ReadFile(path)
	if err != nil {
		return c, "", err
	}
	if c, base, err = parse(raw); err != nil {
		err = fmt.Errorf("%s: %w", path, err)
	}
	return c, base, err
}

// Open attaches the adapters in the folder dir to the model m that they were made
// for. All that is missing, left over or misshapen is named in one error, and the
// model is as it was then.
func Open(dir string, m any) (*Adapters, error) {
	c, _, err := readConfig(dir)
	if err != nil {
		return nil, err
	}
	a, err := declare(m, c)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", dir, err)
	}
	values, err := a.read(dir)
	if err != nil {
		return nil, err
	}
	for name, w := range a.Named() {
		w.Set(values[name])
	}
	a.attach(m)
	return a, nil
}

// Restore reads the values in the folder dir, which Save wrote, into the adapters.
func (a *Adapters) Restore(dir string) error {
	values, err := a.read(dir)
	if err != nil {
		return err
	}
	for name, w := range a.Named() {
		copy(w.Own(), values[name])
		w.Changed()
	}
	return nil
}

// read gives the values of all parameters in a folder.
func (a *Adapters) read(dir string) (map[string][]float32, error) {
	path := filepath.Join(dir, WeightsName)
	f, err := safetensors.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	values := map[string][]float32{}
	var errs []error
	for name, w := range a.Named() {
		t, ok := f.Tensor(name)
		switch {
		case !ok:
			errs = append(errs, fmt.Errorf("%s is missing", name))
			continue
		case !slices.Equal(t.Shape, w.Shape):
			errs = append(errs, fmt.Errorf("%s: have %v, want %v", name, t.Shape, w.Shape))
			continue
		}
		values[name] = make([]float32, w.Len())
		if err := t.ToFloat32(values[name]); err != nil {
			errs = append(errs, err)
		}
	}
	for _, name := range f.Names() {
		if _, ok := values[name]; !ok && !a.has(name) {
			errs = append(errs, fmt.Errorf("%s is not of this model", name))
		}
	}
	if err := errors.Join(errs...); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return values, nil
}

// has says whether a parameter has the name.
func (a *Adapters) has(name string) bool {
	for own := range a.Named() {
		if own == name {
			return true
		}
	}
	return false
}

// Is says whether the folder dir holds adapters.
func Is(dir string) bool {
	_, err := os.Stat(filepath.Join(dir, ConfigName))
	return err == nil
}

var _ nn.Namer = (*Adapters)(nil)

// Size is the number of weights that are trained.
func (a *Adapters) Size() (n int) {
	for _, w := range a.Named() {
		n += w.Len()
	}
	return n
}

// String says how many layers are adapted and which.
func (a *Adapters) String() string {
	var names []string
	for _, l := range a.layers {
		names = append(names, l.name)
	}
	return fmt.Sprintf("%d layers of rank %d: %s", len(names), a.Config.rank(), strings.Join(names, ", "))
}
