package nn

import (
	"fmt"
	"slices"

	"github.com/qkvgo/qkv/kernel"
	"github.com/qkvgo/qkv/tensor"
)

// Precision is how a pass multiplies by the weights of Linear and Conv1D. All
// else, attention, norms and embeddings, is in float32. It never follows from how a
// file stores its numbers, unless Automatic is asked.
type Precision uint8

// The precisions. All but Float32 are for inference only. Bits never depend on
// threads, batch, cache or kernel set.
const (
	Float32 Precision = iota
	// Int8 rounds weights to 8 bits with a scale for each output, prepared once,
	// and each row that meets them to 8 bits with a scale and a zero point of its
	// own. The scores of a vocabulary stay in float32.
	Int8
	// BFloat16 rounds weights and the rows that meet them to bfloat16 and adds their
	// products in float32, the scores of a vocabulary included.
	BFloat16
	// Int8All is Int8 for the scores of a vocabulary too.
	Int8All
)

// precisionNames are what ParsePrecision reads and String gives.
var precisionNames = [...]string{"f32", "int8", "bf16", "int8-all"}

// Precisions are the names that ParsePrecision knows.
const Precisions = "f32, bf16, int8, int8-all"

// ParsePrecision reads a precision's name.
func ParsePrecision(name string) (Precision, error) {
	if i := slices.Index(precisionNames[:], name); i >= 0 {
		return Precision(i), nil
	}
	return Float32, fmt.Errorf("have precision %q, want one of %s", name, Precisions)
}

// String is the name that ParsePrecision reads.
func (t Precision) String() string { return precisionNames[t] }

// Automatic is the precision for a model, of which parameters are found, on a
// kernel set, and why: bfloat16 where most weights are stored so and the set has
// instructions for it, else float32.
func Automatic(model any, set *kernel.Set) (t Precision, why string) {
	var all, half int
	for _, w := range Params(model) {
		all += w.Len()
		if w.DType() == BF16 {
			half += w.Len()
		}
	}
	switch {
	case 2*half <= all:
		return Float32, "the weights are not stored in bf16"
	case !set.DotsBF16():
		return Float32, "the weights are stored in bf16, and this processor has no products for it"
	}
	return BFloat16, "the weights are stored in bf16, and this processor has products for it"
}

// precise is the weight of a projection, to be read in the pass's precision.
func (p *Pass) precise(w *Param) *tensor.Tensor { return p.lowered(w, p.Precision) }

// scoring is the weight of a language model's output layer.
func (p *Pass) scoring(w *Param) *tensor.Tensor {
	if p.Precision == Int8 {
		return p.stored(w)
	}
	return p.lowered(w, p.Precision)
}

func (p *Pass) lowered(w *Param, t Precision) *tensor.Tensor {
	if t == Float32 {
		return p.stored(w)
	}
	var x *tensor.Tensor
	if half, ok := w.half(); ok {
		x = p.HalfWeight(half, &w.panels, w.Shape...).Named(w.Name)
	} else {
		x = p.Weight(w.Float32(), &w.panels, false, w.Shape...).Named(w.Name)
	}
	if t == BFloat16 {
		return x.InBF16()
	}
	return x.InInt8()
}
