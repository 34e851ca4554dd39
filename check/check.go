// Package check holds a model against its reference: a case is a folder with a
// checkpoint, the arguments of a call and what the reference computed from them
// (outputs, gradients, AdamW steps, generated ids). Run replays it here and says
// how far each tensor is from the reference's, in terms of the reference's own
// float32 rounding.
//
// Bits (bits.go) replays a case on every kernel set and number of threads, each
// sequence alone and together, cached and not, and demands the same bits.
package check

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/qkvgo/qkv/checkpoint"
	"github.com/qkvgo/qkv/device"
	"github.com/qkvgo/qkv/safetensors"
	"github.com/qkvgo/qkv/tensor"
	"github.com/qkvgo/qkv/zoo"
)

// Status is how a case ended.
type Status string

// The ways a case can end.
const (
	OK          Status = "ok"
	Failed      Status = "FAIL"
	Unsupported Status = "unsupported"
)

// Result is what became of a case.
type Result struct {
	Case     string  `json:"case"` // the folder, as it was named
	Status   Status  `json:"status"`
	Tensors  int     `json:"tensors"`            // how many were compared
	Worst    string  `json:"worst,omitempty"`    // the tensor nearest to its bound, or furthest beyond it
	Diff     float64 `json:"diff"`               // its largest difference
	Bound    float64 `json:"tolerance"`          // what it may be
	Diverges string  `json:"diverges,omitempty"` // the first layer whose hidden states are beyond their bound
	Why      string  `json:"why,omitempty"`      // why it failed or is unsupported
	Arch     string  `json:"architecture,omitempty"`
	Runs     int     `json:"runs,omitempty"` // of a bits check: how many were compared
}

// Options say how to check. The zero value is the bound of the reference's
// rounding, on the machine's cores.
type Options struct {
	Tolerance float64       // what the bound is multiplied by; 0: 1
	Device    device.Device // nil: the machine's cores
}

// Find lists the cases below the named folders, sorted: each folder that has a
// config.json and is not inside another case.
func Find(dirs ...string) ([]string, error) {
	var cases []string
	for _, root := range dirs {
		found := len(cases)
		err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			if !d.IsDir() {
				return nil
			}
			if _, err := os.Stat(filepath.Join(path, checkpoint.ConfigName)); err == nil {
				cases = append(cases, path)
				return fs.SkipDir
			}
			if _, err := os.Stat(filepath.Join(path, metaName)); err == nil {
				cases = append(cases, path)
				return fs.SkipDir
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
		if len(cases) == found {
			return nil, fmt.Errorf("%s holds no case: no folder in it has a %s", root, checkpoint.ConfigName)
		}
		slices.Sort(cases[found:])
	}
	return cases, nil
}

// Run replays the case in the folder dir.
func Run(ctx context.Context, dir string, o Options) Result {
	r := &report{Result: Result{Case: dir, Status: OK}, scale: o.Tolerance}
	if r.scale == 0 {
		r.scale = 1
	}
	r.end(r.replay(ctx, dir, o))
	return r.Result
}

// end makes err, or nil, the result's status and reason.
func (r *Result) end(err error) {
	if err == nil {
		return
	}
	r.Status, r.Why = Failed, strings.TrimPrefix(err.Error(), r.Case+": ")
	if errors.Is(err, errors.ErrUnsupported) {
		r.Status, r.Why = Unsupported, strings.Replace(r.Why, "unsupported: ", "", 1)
	}
}

// replay runs all that a case has numbers for.
func (r *report) replay(ctx context.Context, dir string, o Options) (err error) {
	defer tensor.Guard(&err)
	if isPart(dir) {
		return r.part(ctx, dir, o)
	}
	c, err := load(dir)
	if err != nil {
		return err
	}
	defer c.Close()
	r.Arch = c.model.Architecture
	call, err := c.call()
	if err != nil {
		return err
	}
	if err := r.outputs(ctx, c, call, o); err != nil {
		return err
	}
	if err := r.generated(ctx, c, o); err != nil {
		return err
	}
	if c.grads != nil || c.after != nil {
		return r.training(ctx, c, call, o)
	}
	return nil
}

// noise is the largest difference of the reference's float32 from its float64,
// and the largest magnitude.
type noise [2]float64

// meta is meta.json.
type meta struct {
	Class   string                     `json:"cls"`
	Task    string                     `json:"task"`
	Padding string                     `json:"padding"`
	Leaks   []string                   `json:"padding_leaks"`
	NoGrad  []string                   `json:"no_grad"`
	Losses  []float64                  `json:"losses"`
	Dims    map[string][]string        `json:"dims"`
	Noise   map[string]noise           `json:"noise"`
	Grads   map[string]noise           `json:"noise_grads"`
	After   map[string]noise           `json:"noise_after3"`
	Options map[string]json.RawMessage `json:"options"`
	Adam    struct {
		Rate  float64    `json:"lr"`
		Decay float64    `json:"weight_decay"`
		Betas [2]float64 `json:"betas"`
		Eps   float64    `json:"eps"`
		Steps int        `json:"steps"`
	} `json:"optimizer"`
}

const metaName = "meta.json"

// testCase is a case on disk.
type testCase struct {
	dir     string
	model   *zoo.Loaded
	meta    meta
	inputs  *safetensors.File
	outputs *safetensors.File
	grads   *safetensors.File // nil without
	after   *safetensors.File // nil without
}

// load opens a case of a model.
func load(dir string) (*testCase, error) {
	c := &testCase{dir: dir}
	b, err := os.ReadFile(filepath.Join(dir, metaName))
	if err != nil {
		return nil, fmt.Errorf("%s is no case: it needs %s beside config.json: %w", dir, metaName, err)
	}
	if err := json.Unmarshal(b, &c.meta); err != nil {
		return nil, fmt.Errorf("%s: %w", filepath.Join(dir, metaName), err)
	}
	if c.meta.Options["method"] != nil {
		return nil, &checkpoint.Unsupported{What: "a call of method " + string(c.meta.Options["method"])}
	}
	if c.model, err = zoo.Open(dir); err != nil {
		return nil, err
	}
	if err = c.openTensors(); err != nil {
		c.Close()
		return nil, err
	}
	return c, nil
}

func (c *testCase) openTensors() (err error) {
	if c.inputs, err = safetensors.Open(filepath.Join(c.dir, "inputs.safetensors")); err != nil {
		return err
	}
	if c.outputs, err = safetensors.Open(filepath.Join(c.dir, "outputs.safetensors")); err != nil {
		return err
	}
	for name, f := range map[string]**safetensors.File{"grads.safetensors": &c.grads, "after3.safetensors": &c.after} {
		path := filepath.Join(c.dir, name)
		if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if *f, err = safetensors.Open(path); err != nil {
			return err
		}
	}
	return nil
}

// Close unmaps everything.
func (c *testCase) Close() {
	for _, f := range []*safetensors.File{c.inputs, c.outputs, c.grads, c.after} {
		if f != nil {
			f.Close()
		}
	}
	if c.model != nil {
		c.model.Close()
	}
}

// report collects comparisons.
type report struct {
	Result
	scale float64
	ratio float64 // of the worst tensor to its bound
}

// compare holds got against want where defined says so, and keeps the worst.
func (r *report) compare(name string, got []float32, want []float32, defined func(i int) bool, bound float64) {
	bound *= r.scale
	worst := 0.0
	if len(got) != len(want) {
		r.fail(fmt.Sprintf("%s has %d numbers, the reference %d", name, len(got), len(want)))
		return
	}
	for i, w := range want {
		if defined != nil && !defined(i) {
			continue
		}
		g := float64(got[i])
		switch {
		case math.Abs(float64(w)) >= 1e30:
			if math.Abs(g) < 1e30 || math.Signbit(g) != math.Signbit(float64(w)) {
				worst = math.Inf(1)
			}
		case math.IsNaN(g) != math.IsNaN(float64(w)):
			worst = math.Inf(1)
		case !math.IsNaN(g):
			worst = max(worst, math.Abs(g-float64(w)))
		}
	}
	r.note(name, worst, bound)
	if worst > bound && r.Diverges == "" && strings.Contains(name, "hidden_states.") {
		r.Diverges = name
	}
}

// note keeps the worst tensor; worst beyond bound is a failure.
func (r *report) note(name string, worst, bound float64) {
	r.Tensors++
	if ratio := worst / max(bound, math.SmallestNonzeroFloat64); r.Worst == "" || ratio > r.ratio {
		r.Worst, r.Diff, r.Bound, r.ratio = name, worst, bound, ratio
	}
	if worst > bound {
		r.Status = Failed
	}
}

// fail says what else is wrong; the first reason is kept.
func (r *report) fail(why string) {
	r.Status = Failed
	if r.Why == "" {
		r.Why = why
	}
}

// floats reads a tensor as float32.
func floats(t safetensors.Tensor) ([]float32, error) {
	out := make([]float32, t.Len())
	return out, t.ToFloat32(out)
}

// integers reads a tensor as int64. None is beyond an int32, as no id or place is.
func integers(t safetensors.Tensor) ([]int64, error) {
	out := make([]int64, t.Len())
	if err := t.ToInt64(out); err != nil {
		return nil, err
	}
	for _, v := range out {
		if v != int64(int32(v)) {
			return nil, fmt.Errorf("%s holds %d, which is no id and no place", t.Name, v)
		}
	}
	return out, nil
}
