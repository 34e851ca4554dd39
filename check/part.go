package check

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/qkvgo/qkv/checkpoint"
	"github.com/qkvgo/qkv/device"
	"github.com/qkvgo/qkv/safetensors"
)

// part is a case of one layer, optimizer, schedule or loss: a folder with
// meta.json and no config.json.
type part struct {
	dir  string
	meta partMeta
	in   map[string]safetensors.Tensor
	want map[string]safetensors.Tensor
	grad map[string]safetensors.Tensor
	open []*safetensors.File
}

// partMeta is a part's meta.json.
type partMeta struct {
	Class string                     `json:"cls"`
	Task  string                     `json:"task"`
	Args  map[string]json.RawMessage `json:"args"`
	Steps int                        `json:"steps"`
	Noise map[string]noise           `json:"noise"`
	Grads map[string]noise           `json:"noise_grads"`
}

// isPart says whether the folder is a case without a model.
func isPart(dir string) bool {
	_, config := os.Stat(filepath.Join(dir, checkpoint.ConfigName))
	_, meta := os.Stat(filepath.Join(dir, metaName))
	return errors.Is(config, fs.ErrNotExist) && meta == nil
}

// loadPart opens a part.
func loadPart(dir string) (*part, error) {
	c := &part{dir: dir}
	b, err := os.ReadFile(filepath.Join(dir, metaName))
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal(b, &c.meta); err != nil {
		return nil, fmt.Errorf("%s: %w", filepath.Join(dir, metaName), err)
	}
	for name, into := range map[string]*map[string]safetensors.Tensor{"inputs": &c.in, "outputs": &c.want, "grads": &c.grad} {
		*into = map[string]safetensors.Tensor{}
		f, err := safetensors.Open(filepath.Join(dir, name+".safetensors"))
		if errors.Is(err, fs.ErrNotExist) && name != "outputs" {
			continue
		}
		if err != nil {
			c.Close()
			return nil, err
		}
		c.open = append(c.open, f)
		for t := range f.All() {
			(*into)[t.Name] = t
		}
	}
	return c, nil
}

// Close unmaps everything.
func (c *part) Close() {
	for _, f := range c.open {
		f.Close()
	}
}

// run gives all that the part computes on a device: outputs under their names,
// gradients behind "gradient of ".
func (c *part) run(ctx context.Context, d device.Device) (map[string][]float32, error) {
	switch c.meta.Task {
	case "optimizer":
		return c.optimizer(d)
	case "loss":
		return c.loss(ctx, d)
	case "layer":
		return c.layer(ctx, d)
	case "schedule":
		return c.factors()
	}
	return nil, &checkpoint.Unsupported{What: "a case of task " + c.meta.Task}
}

const gradientOf = "gradient of "

// part compares all that a part has numbers for.
func (r *report) part(ctx context.Context, dir string, o Options) error {
	c, err := loadPart(dir)
	if err != nil {
		return err
	}
	defer c.Close()
	if c.meta.Task == "schedule" {
		return r.schedules(c)
	}
	got, err := c.run(ctx, o.Device)
	if err != nil {
		return err
	}
	largest := 0.0
	for _, n := range c.meta.Grads {
		largest = max(largest, n[1])
	}
	for _, name := range sortedNames(c.want) {
		want, err := floats(c.want[name])
		if err != nil {
			return err
		}
		n := c.meta.Noise[name]
		bound := 10*n[0] + 2e-6*n[1]
		if c.meta.Task == "optimizer" {
			bound = 10*n[0] + 1e-6
		}
		r.compare(name, got[name], want, nil, bound)
	}
	for _, name := range sortedNames(c.grad) {
		want, err := floats(c.grad[name])
		if err != nil {
			return err
		}
		r.compare(gradientOf+name, got[gradientOf+name], want, nil, 20*c.meta.Grads[name][0]+1e-5*largest)
	}
	return nil
}

// arg is an argument of the part's constructor, or fallback where it was not
// given or is null.
func arg[T any](c *part, name string, fallback T) (T, error) {
	raw := c.meta.Args[name]
	if raw == nil || string(raw) == "null" {
		return fallback, nil
	}
	err := json.Unmarshal(raw, &fallback)
	if err != nil {
		err = fmt.Errorf("%s: the argument %s: %w", metaName, name, err)
	}
	return fallback, err
}

// args reads arguments into what the pointers of known point at, and says which
// argument is not known. Null leaves a value as it is.
func (c *part) args(known map[string]any) error { return readArgs(c.meta.Args, known) }

func readArgs(args map[string]json.RawMessage, known map[string]any) error {
	for name, raw := range args {
		into, ok := known[name]
		switch {
		case !ok:
			return &checkpoint.Unsupported{What: "the argument " + name + " = " + string(raw)}
		case into == nil || string(raw) == "null":
			continue
		}
		if err := json.Unmarshal(raw, into); err != nil {
			return fmt.Errorf("%s: the argument %s: %w", metaName, name, err)
		}
	}
	return nil
}
