package nn

import (
	"fmt"

	"github.com/qkvgo/qkv/tensor"
)

// Precision is how a pass multiplies by the weights of Linear and Conv1D. All
// else, attention, norms, embeddings and the scores of a vocabulary, is in
// float32. It never follows from how a file stores its numbers.
type Precision uint8

// The precisions.
const (
	Float32 Precision = iota
	// Int8 rounds weights to 8 bits with a scale for each output, prepared once,
	// and each row that meets them to 8 bits with a scale and a zero point of its
	// own. Bits do not depend on threads, batch, cache or kernel set. For
	// inference only.
	Int8
)

// Precisions are the names that ParsePrecision knows.
const Precisions = "f32, int8, auto"

// ParsePrecision reads a name: f32, int8, or auto, which is f32.
func ParsePrecision(name string) (Precision, error) {
	switch name {
	case "f32", "auto":
		return Float32, nil
	case "int8":
		return Int8, nil
	}
	return Float32, fmt.Errorf("have precision %q, want one of %s", name, Precisions)
}

// String is the name that ParsePrecision reads.
func (t Precision) String() string { return [...]string{"f32", "int8"}[t] }

// precise is stored for the weight of a projection, in the pass's precision.
func (p *Pass) precise(w *Param) *tensor.Tensor {
	if p.Precision != Int8 {
		return p.stored(w)
	}
	if half, ok := w.half(); ok {
		return p.HalfWeight(half, &w.panels, w.Shape...).Named(w.Name).InInt8()
	}
	return p.Weight(w.Float32(), &w.panels, false, w.Shape...).Named(w.Name).InInt8()
}
