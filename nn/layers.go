package nn

import "github.com/qkvgo/qkv/tensor"

// Linear is y = x·Wᵀ + b.
type Linear struct {
	Weight  *Param   `ckpt:"weight"` // [out, in]
	Bias    *Param   `ckpt:"bias"`   // [out], or nil
	Adapter *Adapter `ckpt:"-"`      // what is added to the product; nil: nothing
}

// NewLinear declares a linear layer; bias says whether it has one.
func NewLinear(in, out int, bias bool) *Linear {
	l := &Linear{Weight: NewParam(out, in)}
	if bias {
		l.Bias = NewParam(out)
	}
	return l
}

// Forward maps x [rows, in] to [rows, out].
func (l *Linear) Forward(p *Pass, x *tensor.Tensor) *tensor.Tensor {
	return l.Activate(p, x, tensor.Identity)
}

// Activate is act(Forward(x)), the activation applied while the sums are still
// in registers.
func (l *Linear) Activate(p *Pass, x *tensor.Tensor, act tensor.Activation) *tensor.Tensor {
	if l.Adapter != nil {
		return act.Apply(l.Adapter.add(p, x, x.Linear(p.precise(l.Weight), p.Use(l.Bias), tensor.Identity)))
	}
	return x.Linear(p.precise(l.Weight), p.Use(l.Bias), act)
}

// Scores is Forward for the output layer of a language model, where rounding shows
// most: in Int8 it stays in float32.
func (l *Linear) Scores(p *Pass, x *tensor.Tensor) *tensor.Tensor {
	return l.Adapter.add(p, x, x.Linear(p.scoring(l.Weight), p.Use(l.Bias), tensor.Identity))
}

// CrossEntropy is the mean cross-entropy of Scores and the targets, [rows]. The
// scores never lie in memory whole.
func (l *Linear) CrossEntropy(p *Pass, x *tensor.Tensor, targets []int32) *tensor.Tensor {
	if l.Adapter != nil {
		return l.Scores(p, x).CrossEntropy(targets)
	}
	return x.ScoredCrossEntropy(p.scoring(l.Weight), p.Use(l.Bias), targets)
}

// Gated is act(gate(x)) ⊙ up(x), the inner rows of a gated MLP (Shazeer 2020, eq. 5).
func Gated(p *Pass, gate, up *Linear, x *tensor.Tensor, act tensor.Activation) *tensor.Tensor {
	if p.Tape == nil { // the activation belongs to the product's end
		return gate.Activate(p, x, act).Mul(up.Forward(p, x))
	}
	return gate.Forward(p, x).Gate(up.Forward(p, x), act)
}

// Conv1D is y = x·W + b: a Linear that is stored the other way round, as
// GPT-2's checkpoints have it.
type Conv1D struct {
	Weight  *Param   `ckpt:"weight"` // [in, out]
	Bias    *Param   `ckpt:"bias"`   // [out]
	Adapter *Adapter `ckpt:"-"`      // what is added to the product; nil: nothing
}

// NewConv1D declares a layer from in to out.
func NewConv1D(in, out int) *Conv1D { return &Conv1D{Weight: NewParam(in, out), Bias: NewParam(out)} }

// Forward maps x [rows, in] to [rows, out].
func (l *Conv1D) Forward(p *Pass, x *tensor.Tensor) *tensor.Tensor {
	return l.Activate(p, x, tensor.Identity)
}

// Activate is act(Forward(x)).
func (l *Conv1D) Activate(p *Pass, x *tensor.Tensor, act tensor.Activation) *tensor.Tensor {
	if l.Adapter != nil {
		return act.Apply(l.Adapter.add(p, x, x.Conv1D(p.precise(l.Weight), p.Use(l.Bias), tensor.Identity)))
	}
	return x.Conv1D(p.precise(l.Weight), p.Use(l.Bias), act)
}

// Embedding is a table with a row per id.
type Embedding struct {
	Weight *Param `ckpt:"weight"` // [ids, width]
}

// NewEmbedding declares a table of n rows of the given width.
func NewEmbedding(n, width int) *Embedding { return &Embedding{NewParam(n, width)} }

// Forward looks up ids: [len(ids), width]. Of a table stored in 16 bits only the
// rows that are asked for are widened.
func (e *Embedding) Forward(p *Pass, ids []int32) *tensor.Tensor {
	return p.stored(e.Weight).Gather(ids)
}

// Unembed is x·Wᵀ, [rows, ids]: the scores of a model whose output layer is its
// table of embeddings.
func (e *Embedding) Unembed(p *Pass, x *tensor.Tensor) *tensor.Tensor {
	return x.MatMulT(p.scoring(e.Weight))
}

// CrossEntropy is the mean cross-entropy of Unembed's scores and the targets,
// [rows]. The scores never lie in memory whole.
func (e *Embedding) CrossEntropy(p *Pass, x *tensor.Tensor, targets []int32) *tensor.Tensor {
	return x.ScoredCrossEntropy(p.scoring(e.Weight), nil, targets)
}

// LayerNorm normalizes rows (Ba et al. 2016).
type LayerNorm struct {
	Weight *Param `ckpt:"weight"` // [width]
	Bias   *Param `ckpt:"bias"`   // [width], or nil
	Eps    float32
}

// NewLayerNorm declares a layer norm for rows of the given width.
func NewLayerNorm(width int, eps float32) *LayerNorm {
	return &LayerNorm{NewParam(width), NewParam(width), eps}
}

// Forward maps x [rows, width] to the same shape.
func (l *LayerNorm) Forward(p *Pass, x *tensor.Tensor) *tensor.Tensor {
	return x.LayerNorm(p.Use(l.Weight), p.Use(l.Bias), l.Eps)
}

// RMSNorm scales rows to a mean square of one (Zhang & Sennrich 2019).
type RMSNorm struct {
	Weight *Param `ckpt:"weight"` // [width]
	Eps    float32
}

// NewRMSNorm declares an RMS norm for rows of the given width.
func NewRMSNorm(width int, eps float32) *RMSNorm { return &RMSNorm{NewParam(width), eps} }

// Forward maps x [rows, width] to the same shape.
func (l *RMSNorm) Forward(p *Pass, x *tensor.Tensor) *tensor.Tensor {
	return x.RMSNorm(p.Use(l.Weight), l.Eps)
}
