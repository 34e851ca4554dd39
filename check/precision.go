package check

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strings"

	"github.com/qkvgo/qkv/checkpoint"
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
	Rows      int     `json:"rows,omitempty"`      // rows of the task's logits
	Agreement float64 `json:"agreement,omitempty"` // share of them whose largest number stands where float32 has it
	Reference float64 `json:"reference,omitempty"` // and where the reference has it
	Why       string  `json:"why,omitempty"`       // why it failed or is unsupported
	Arch      string  `json:"architecture,omitempty"`

	same, sameAsReference int
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
	inFloat32, err := look(ctx, c.model.Model, k, nn.Options{Device: o.Device})
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
		if !isLogits(name) || len(t.Shape) == 0 {
			continue
		}
		exact, _, err := k.reference(name, c.meta.Dims[name], t.Shape, inFloat32)
		if err != nil {
			return err
		}
		r.agree(got, exact, want, t.Shape[len(t.Shape)-1], defined)
	}
	r.Agreement = float64(r.same) / float64(max(r.Rows, 1))
	r.Reference = float64(r.sameAsReference) / float64(max(r.Rows, 1))
	return nil
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

// isLogits says whether a task's answer is the place of the largest number along the
// last axis of the output of that name.
func isLogits(name string) bool { return strings.HasSuffix(name, "logits") }

// agree counts the rows of logits, width numbers each as the reference lays them
// out, whose largest number stands where float32 and the reference have it.
func (r *Rounded) agree(got, exact, want []float32, width int, defined func(int) bool) {
	for i := 0; width > 1 && i+width <= min(len(got), len(exact), len(want)); i += width {
		seen := func(j int) bool { return defined == nil || defined(i+j) }
		at := greatest(got[i:i+width], seen)
		if at < 0 { // padding
			continue
		}
		r.Rows++
		if at == greatest(exact[i:i+width], seen) {
			r.same++
		}
		if at == greatest(want[i:i+width], seen) {
			r.sameAsReference++
		}
	}
}

// greatest is the place of the largest number that is seen, the first of equals; -1
// where none is.
func greatest(x []float32, seen func(int) bool) int {
	at := -1
	for i, v := range x {
		if seen(i) && (at < 0 || v > x[at]) {
			at = i
		}
	}
	return at
}
