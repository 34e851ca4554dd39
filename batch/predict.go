package batch

import (
	"context"
	"fmt"
	"slices"

	"github.com/qkvgo/qkv/checkpoint"
	"github.com/qkvgo/qkv/data"
	"github.com/qkvgo/qkv/device"
	"github.com/qkvgo/qkv/kernel"
	"github.com/qkvgo/qkv/model"
	"github.com/qkvgo/qkv/nn"
	"github.com/qkvgo/qkv/tensor"
)

// Predictions are what a model says of every example of a set.
type Predictions struct {
	Kind   Kind
	Labels data.Labels
	// Logits are the model's numbers: [examples][outputs], and where words are
	// tagged [words][outputs], the words of all examples one after the other
	// but for those without a row.
	Logits [][]float32
	// Loss is the mean over labels, 0 where the set has none.
	Loss float64
	tags [][]int // Tags: the class of each word of each example, -1 where it has no row
}

// PredictOptions say how Predict computes.
type PredictOptions struct {
	Plan      Plan          // of a pass; zero: 8,192 rows of text, 16 pictures
	Device    device.Device // nil: the machine's cores
	Precision nn.Precision  // of the projections
	Passed    func(examples, rows int)
}

// Predict runs a model over all of a set, in its order. Nothing is random.
func Predict(ctx context.Context, m model.Model, s *Set, o PredictOptions) (_ *Predictions, err error) {
	defer tensor.Guard(&err)
	if o.Plan == (Plan{}) {
		o.Plan.Rows = 8192
		if _, ok := s.inputs.(*pictures); ok {
			o.Plan = Plan{Examples: 16}
		}
	}
	out := &Predictions{Kind: s.Kind, Labels: s.Labels}
	at, labels := 0, 0
	for b, err := range s.InOrder(o.Plan) {
		if err != nil {
			return nil, err
		}
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		loss, counted, err := out.pass(ctx, m, s, at, b, o)
		if err != nil {
			return nil, err
		}
		out.Loss += float64(loss * float64(counted))
		labels += counted
		at += b.Rows.Len()
		if o.Passed != nil {
			o.Passed(b.Rows.Len(), b.Rows.Rows())
		}
	}
	if labels > 0 {
		out.Loss /= float64(labels)
	}
	return out, nil
}

// pass is the predictions of one batch, whose first example is number at. It
// gives the loss, and over how many labels it is the mean.
func (d *Predictions) pass(ctx context.Context, m model.Model, s *Set, at int, b data.Batch, o PredictOptions) (loss float64, labels int, err error) {
	n := b.Rows.Len() // a model may change the pass's own batch
	p := nn.NewPass(ctx, b.Rows, nn.Options{Device: o.Device, Precision: o.Precision})
	defer p.Close()
	var logits *tensor.Tensor
	for _, y := range m.Run(p, b.Input) {
		switch y.Name {
		case "loss":
			loss = float64(y.Value.Scalar())
		case "logits":
			logits = y.Value
		}
	}
	want := n
	if s.Kind == Tags {
		want = b.Rows.Rows()
	}
	if logits == nil || logits.Width() != s.Outputs() || logits.Rows() != want {
		return 0, 0, &checkpoint.Unsupported{What: fmt.Sprintf("%T does not give %d numbers for each of %d examples", m, s.Outputs(), n)}
	}
	if s.Kind != Tags {
		for i := range n {
			d.Logits = append(d.Logits, slices.Clone(logits.Row(i)))
		}
		if !s.Labelled() {
			return 0, 0, nil
		}
		return loss, n, nil
	}
	for i := range n {
		tags := make([]int, len(s.words[at+i]))
		for w, row := range s.words[at+i] {
			tags[w] = -1
			if row >= 0 {
				x := slices.Clone(logits.Row(b.Rows.Off[i] + int(row)))
				tags[w] = top(x)
				d.Logits = append(d.Logits, x)
				labels++
			}
		}
		d.tags = append(d.tags, tags)
	}
	return loss, labels, nil
}

// top is the place of the greatest number, the first of equals.
func top(x []float32) int {
	best := 0
	for i, v := range x {
		if v > x[best] {
			best = i
		}
	}
	return best
}

// Classes is the likeliest class of each row of Logits.
func (d *Predictions) Classes() []int {
	out := make([]int, len(d.Logits))
	for i, x := range d.Logits {
		out[i] = top(x)
	}
	return out
}

// Probabilities are of the classes in each row of Logits: softmax, independent
// ones where an example may have several labels, and the number itself for
// regression.
func (d *Predictions) Probabilities() [][]float64 {
	k := kernel.Best()
	out := make([][]float64, len(d.Logits))
	for i, logits := range d.Logits {
		x := slices.Clone(logits)
		switch {
		case d.Kind == Regression:
		case d.Kind == Labels || len(x) == 1:
			k.Sigmoid(x, x)
		default:
			k.Softmax(x, x)
		}
		out[i] = make([]float64, len(x))
		for c, v := range x {
			out[i][c] = float64(v)
		}
	}
	return out
}

// Tags are the names of the tags of the words of example i. A word without a row
// is given "O", as outside of everything, or the first tag where there is no O.
func (d *Predictions) Tags(i int) []string {
	outside := max(slices.Index(d.Labels, "O"), 0)
	names := make([]string, len(d.tags[i]))
	for w, c := range d.tags[i] {
		if c < 0 {
			c = outside
		}
		names[w] = d.Labels[c]
	}
	return names
}
