package model

import (
	"context"

	"github.com/qkvgo/qkv/device"
	"github.com/qkvgo/qkv/nn"
	"github.com/qkvgo/qkv/tensor"
)

// Documents is a classifier of whole documents: each, however long, becomes one
// vector of a fixed width, and the vector becomes a score for each class. From the
// bag of words to the fine-tuned Transformer every rung of the ladder is one.
type Documents interface {
	Labelled
	// Represent maps the input to a vector for each sequence, [sequences, d].
	Represent(p *nn.Pass, in *Input) *tensor.Tensor
	// Judge maps vectors [n, d] to scores [n, classes].
	Judge(p *nn.Pass, x *tensor.Tensor) *tensor.Tensor
}

// Judged is the output of a classifier of documents: logits, and the loss where
// the input has labels.
func Judged(m Documents, p *nn.Pass, in *Input) []Output {
	return Classified(m.ClassLabels(), m.Judge(p, m.Represent(p, in)), in, PerSequence)
}

// Filler is a masked language model: it says what stands in places of a text, from
// both sides of them.
type Filler interface {
	Model
	// Fill maps the input to scores of the vocabulary for the named rows,
	// [len(rows), vocabulary].
	Fill(p *nn.Pass, in *Input, rows []int32) *tensor.Tensor
}

// Direct is a classifier whose loss has a single lowest point, which it finds by
// itself: no rate, no seed, no epochs.
type Direct interface {
	Documents
	// Fit finds the parameters for documents, [documents][tokens] of ids, and
	// their labels, [documents].
	Fit(ctx context.Context, documents [][]int32, labels []int32, o FitOptions) (Fitted, error)
}

// FitOptions say how a Direct classifier is fitted.
type FitOptions struct {
	C         float64       // what the sum of losses counts against half the weights' squares; 0: 1
	Tolerance float64       // the gradient's greatest element at the end, against that at the start; 0: 1e-6
	Most      int           // iterations; 0: 1000
	Device    device.Device // nil: the machine's cores
	// Watch is called after each iteration; nil: nobody looks on.
	Watch func(iteration int, objective float64)
}

// Fitted is how a fit ended.
type Fitted struct {
	Iterations int
	Objective  float64 // C·Σ loss + ½·‖weights‖²
	Gradient   float64 // its greatest element at the end
	Converged  bool    // the tolerance was reached
}
