package nn

import (
	"context"
	"strconv"

	"github.com/qkvgo/qkv/device"
	"github.com/qkvgo/qkv/device/cpu"
	"github.com/qkvgo/qkv/tensor"
)

// Pass is one trip through a model on one goroutine: where it computes, the
// rows it carries, what it remembers and who looks on. Make it with NewPass and
// Close it; everything computed in it is gone then.
type Pass struct {
	*tensor.Scope
	Ctx    context.Context // tested between layers; nil: never ends
	Rows   Batch           // the rows of the main stream
	Memory *Memory         // nil: nothing outlives the pass; else caches and states, by site
	Train  bool            // dropout is on
	Seed   uint64          // of dropout; give every step its own
	Probe  Probe           // nil: nobody looks on

	Dropout *float32 // takes the place of the pages' rates of dropout; nil: as they have it
	Depth   Depth    // stochastic depth; zero: none

	Precision Precision // of projections

	weights map[*Param]*tensor.Tensor
	once    map[any]*tensor.Tensor
	site    uint64 // counts dropout sites
	layer   int    // the last that ended
	paths   int    // calls of DropPath that counted
}

// Probe looks on, and may change what it sees.
type Probe interface {
	// Layer is called with the hidden states after layer i (0: the
	// embeddings, or what enters the first layer), [rows, width]. What it
	// gives goes on: x itself, or a replacement.
	Layer(p *Pass, i int, x *tensor.Tensor) *tensor.Tensor
}

// Options say how a pass computes.
type Options struct {
	Device device.Device // nil: cpu.Default
	Tape   bool          // record for Backward
	// Recompute, with a tape, keeps of each layer its output alone and computes the
	// rest again when Backward reads it: the same bits, for a third more work.
	Recompute bool
	// BF16Activations, with a tape, keeps what Backward reads of a layer in
	// bfloat16: half the memory, and gradients that differ in the third digit.
	BF16Activations bool
	// LossGrad, with a tape, is the gradient that Backward will bring to the loss,
	// where that is not its start; 0: 1. It saves work and changes no bit.
	LossGrad float32
	// Precision of projections; anything but Float32 excludes a tape.
	Precision Precision
}

// NewPass starts a pass over rows.
func NewPass(ctx context.Context, rows Batch, o Options) *Pass {
	if o.Device == nil {
		o.Device = cpu.Default()
	}
	if o.Tape && o.Precision != Float32 {
		panic(&tensor.Fault{Op: "NewPass", Msg: "training is in f32, have precision " + o.Precision.String()})
	}
	var tape *tensor.Tape
	if o.Tape {
		tape = &tensor.Tape{Recompute: o.Recompute, BF16: o.BF16Activations, LossGrad: o.LossGrad}
	}
	return &Pass{Scope: tensor.NewScope(o.Device, tape), Ctx: ctx, Rows: rows, Precision: o.Precision, weights: map[*Param]*tensor.Tensor{}}
}

// Use is the only way of pages to a parameter's values. With a tape the gradient of an
// unfrozen parameter is collected over all its uses.
func (p *Pass) Use(w *Param) *tensor.Tensor {
	if w == nil {
		return nil
	}
	if x := p.weights[w]; x != nil {
		return x
	}
	x := p.Weight(w.Float32(), &w.panels, !w.Frozen, w.Shape...).Named(w.Name)
	p.weights[w] = x
	return x
}

// stored is Use for products and lookups: without a tape, 16-bit storage is read
// as it is and never widened as a whole.
func (p *Pass) stored(w *Param) *tensor.Tensor {
	if half, ok := w.half(); ok && p.Tape == nil {
		return p.HalfWeight(half, &w.panels, w.Shape...).Named(w.Name)
	}
	return p.Use(w)
}

// Grad is the gradient of w after Backward: a tensor of its shape, or nil where
// the result did not depend on it.
func (p *Pass) Grad(w *Param) *tensor.Tensor {
	if x := p.weights[w]; x != nil {
		return x.Grad()
	}
	return nil
}

// Once gives what make gives, made once in the pass for each key and kept to its
// end: tables that all layers share. What it depends on must not change in
// between.
func (p *Pass) Once(key any, make func() *tensor.Tensor) *tensor.Tensor {
	x := p.once[key]
	if x == nil {
		x = make().Keep()
		if p.once == nil {
			p.once = map[any]*tensor.Tensor{}
		}
		p.once[key] = x
	}
	return x
}

// Layer marks the end of layer i (0: the embeddings) with its output y. The
// context is tested, the probe called, and memory taken since the last mark
// goes back, y and what was kept excepted: so an inference pass holds one layer
// and its output. The page goes on with what Layer gives.
func (p *Pass) Layer(i int, y *tensor.Tensor) *tensor.Tensor {
	if p.Ctx != nil {
		if err := p.Ctx.Err(); err != nil {
			panic(&tensor.Canceled{Err: context.Cause(p.Ctx)})
		}
	}
	p.layer = i
	if p.Probe != nil {
		y = p.Probe.Layer(p, i, y)
	}
	p.Mark("the end of layer "+strconv.Itoa(i), y)
	return y
}

// DropRate is the rate of dropout at a place of a page that has the given one: 0
// unless p.Train.
func (p *Pass) DropRate(rate float32) float32 {
	switch {
	case !p.Train:
		return 0
	case p.Dropout != nil:
		return *p.Dropout
	}
	return rate
}

// Drop is dropout at this place of the pass: the identity unless p.Train.
func (p *Pass) Drop(rate float32, x *tensor.Tensor) *tensor.Tensor {
	return p.drop(p.DropRate(rate), x)
}

// drop is dropout at just this rate.
func (p *Pass) drop(rate float32, x *tensor.Tensor) *tensor.Tensor {
	if !p.Train || rate == 0 {
		return x
	}
	return x.Dropout(rate, p.Seed, p.Site())
}

// Site is the number of the next place in the pass that draws random numbers.
func (p *Pass) Site() uint64 {
	p.site++
	return p.site
}

// First is the first row of each sequence of x, [sequences, width]; zeros where a
// sequence is empty.
func (p *Pass) First(x *tensor.Tensor) *tensor.Tensor { return x.Gather(p.Rows.Firsts()) }

// Last is the last row of each sequence of x, [sequences, width]; zeros where a
// sequence is empty.
func (p *Pass) Last(x *tensor.Tensor) *tensor.Tensor { return x.Gather(p.Rows.Lasts()) }
