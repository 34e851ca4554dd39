package check

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"

	"github.com/qkvgo/qkv/checkpoint"
	"github.com/qkvgo/qkv/model"
	"github.com/qkvgo/qkv/nn"
	"github.com/qkvgo/qkv/tensor"
)

// Rounded is how far a case in another precision than float32 is from what the
// reference recorded.
type Rounded struct {
	Case      string  `json:"case"`   // the folder, as it was named
	Status    Status  `json:"status"` // OK: it was measured
	DType     string  `json:"dtype"`
	Tensors   int     `json:"tensors"`             // how many were compared
	Worst     string  `json:"worst,omitempty"`     // the tensor that is furthest off
	Largest   float64 `json:"max_relative"`        // its largest difference over the reference's largest magnitude
	Mean      float64 `json:"mean_relative"`       // the same of the mean difference, the worst tensor's
	Rows      int     `json:"rows,omitempty"`      // rows of the last output, where it has more than one number a row
	Agreement float64 `json:"agreement,omitempty"` // share of them whose largest number stands where float32 has it
	Why       string  `json:"why,omitempty"`       // why it failed or is unsupported
	Arch      string  `json:"architecture,omitempty"`
}

// Precision runs the case in dir in the given precision and says how far
// everything that the reference returned is from it.
func Precision(ctx context.Context, dir string, precision nn.Precision, o Options) Rounded {
	r := Rounded{Case: dir, Status: OK, DType: precision.String()}
	end := Result{Case: dir, Status: OK}
	end.end(r.measure(ctx, dir, precision, o))
	r.Status, r.Why = end.Status, end.Why
	return r
}

func (r *Rounded) measure(ctx context.Context, dir string, precision nn.Precision, o Options) (err error) {
	defer tensor.Guard(&err)
	if _, err := os.Stat(filepath.Join(dir, checkpoint.ConfigName)); errors.Is(err, fs.ErrNotExist) {
		return &checkpoint.Unsupported{What: "a precision without a model: there is no " + checkpoint.ConfigName}
	}
	c, err := load(dir)
	if err != nil {
		return err
	}
	defer c.Close()
	r.Arch = c.model.Architecture
	k, err := c.call()
	if err != nil {
		return err
	}
	s, err := look(ctx, c.model.Model, k, nn.Options{Device: o.Device, Precision: precision})
	if err != nil {
		return err
	}
	for _, name := range outputOrder(c) {
		t, _ := c.outputs.Tensor(name)
		want, err := floats(t)
		if err != nil {
			return err
		}
		got, defined, err := k.reference(name, c.meta.Dims[name], t.Shape, s)
		if err != nil {
			return err
		}
		if err := r.compare(name, got, want, defined); err != nil {
			return err
		}
	}
	return r.agree(ctx, c.model.Model, k, precision, o)
}

// compare takes a tensor into account.
func (r *Rounded) compare(name string, got, want []float32, defined func(int) bool) error {
	var largest, sum, size float64
	n := 0
	for i := range min(len(got), len(want)) {
		if defined != nil && !defined(i) {
			continue
		}
		if v := math.Abs(float64(want[i])); !math.IsInf(v, 0) {
			size = max(size, v)
		}
		n++
		if got[i] == want[i] { // infinities too
			continue
		}
		diff := math.Abs(float64(got[i]) - float64(want[i]))
		if math.IsNaN(diff) || math.IsInf(diff, 0) {
			return fmt.Errorf("%s: element %d is %v, the reference's %v", name, i, got[i], want[i])
		}
		largest, sum = max(largest, diff), sum+diff
	}
	r.Tensors++
	if size == 0 || n == 0 {
		return nil
	}
	if largest/size > r.Largest || r.Worst == "" {
		r.Worst, r.Largest = name, largest/size
	}
	r.Mean = max(r.Mean, sum/float64(n)/size)
	return nil
}

// agree compares the largest number of each row of the last output with
// float32's.
func (r *Rounded) agree(ctx context.Context, m model.Model, k *call, precision nn.Precision, o Options) error {
	last := func(precision nn.Precision) (x []float32, width int, err error) {
		defer tensor.Guard(&err)
		p := nn.NewPass(ctx, k.rows, nn.Options{Device: o.Device, Precision: precision})
		defer p.Close()
		out := m.Run(p, k.in)
		y := out[len(out)-1].Value
		return y.Float32s(), y.Width(), nil
	}
	have, width, err := last(precision)
	if err != nil {
		return err
	}
	want, _, err := last(nn.Float32)
	if err != nil || width < 2 {
		return err
	}
	r.Rows = len(want) / width
	same := 0
	for i := range r.Rows {
		if greatest(have[i*width:][:width]) == greatest(want[i*width:][:width]) {
			same++
		}
	}
	r.Agreement = float64(same) / float64(max(r.Rows, 1))
	return nil
}

// greatest is the place of the largest number, the first of equals.
func greatest(x []float32) (at int) {
	for i, v := range x {
		if v > x[at] {
			at = i
		}
	}
	return at
}
