package attention

import (
	"fmt"
	"slices"

	"github.com/qkvgo/qkv/nn"
	"github.com/qkvgo/qkv/position"
	"github.com/qkvgo/qkv/tensor"
)

// Mechanism computes the mix of one call. Whatever it is, it is linear in V,
// treats sequences apart from each other, and splits its parallel work by
// outputs.
type Mechanism interface {
	// Abilities says what calls it can take; the core refuses the others.
	Abilities() Abilities
	// Attend gives the mix, [rows, Hq·Dv], and the logarithm of what each
	// query's weights were divided by, [rows, Hq], so that results over
	// disjoint keys can be merged; nil where there is no such number.
	Attend(p *nn.Pass, c *Call) (out, lse *tensor.Tensor)
}

// Abilities are what a mechanism can do.
type Abilities struct {
	Name     string   // for messages
	Patterns Patterns // which pairs it can keep apart
	Terms    bool     // adds terms to its scores
	Softcap  bool     // caps its scores
	Drop     bool     // drops weights in training
	Streams  bool     // with a memory, steps give what the whole gives
	Learns   bool     // has an adjoint
	Weights  bool     // hands chosen weights to a WeightProbe
}

// Patterns are the patterns a mechanism takes.
type Patterns uint8

// The levels of patterns, each with those before it.
const (
	OnlyFull Patterns = iota
	FullOrCausal
	AnyPattern
)

// Call is one call of attention, checked and filled in.
type Call struct {
	Core           *Core          // whose call it is: the site of memories and probes
	Q, K, V        *tensor.Tensor // [rows, Hq·Dk], [key rows, Hk·Dk], [key rows, Hk·Dv]
	Heads, KVHeads int            // Hq, Hk
	Scale, Softcap float32
	Drop           float32 // 0 outside training
	Seed, Site     uint64  // of dropout
	Rows, Keys     nn.Batch
	Stream         bool            // keys of earlier passes are to be met too: see the pass's Memory
	Past           []int           // [sequences] how many keys came in earlier passes
	Pattern        Pattern         // never nil
	Terms          []position.Bias // in the order they are added
}

// Dk is the width of a query or key of one head.
func (c *Call) Dk() int { return c.Q.Width() / c.Heads }

// Dv is the width of a value of one head.
func (c *Call) Dv() int { return c.V.Width() / c.KVHeads }

// KeysOf is how many keys sequence i has, those of earlier passes among them.
func (c *Call) KeysOf(i int) int { return c.Past[i] + c.Keys.Off[i+1] - c.Keys.Off[i] }

// inputs are the tensors that the result depends on: Q, K, V and what the terms
// learn.
func (c *Call) inputs() []*tensor.Tensor {
	inputs := []*tensor.Tensor{c.Q, c.K, c.V}
	for _, t := range c.Terms {
		inputs = append(inputs, t.Inputs()...)
	}
	return inputs
}

// run gives the call to the mechanism, if that can take it.
func (c *Call) run(p *nn.Pass) *tensor.Tensor {
	if c.Core.Reduce != nil {
		c.reduce(p)
	}
	m := c.Core.Mechanism
	if m == nil {
		m = Softmax{}
	}
	can := m.Abilities()
	refuse := func(what string) {
		panic(&tensor.Fault{Op: "Attend", Shapes: [][]int{c.Q.Shape(), c.K.Shape(), c.V.Shape()},
			Msg: fmt.Sprintf("%s %s", can.Name, what)})
	}
	switch {
	case len(c.Terms) > 0 && !can.Terms:
		refuse("cannot add terms to its scores")
	case c.Softcap != 0 && !can.Softcap:
		refuse("cannot cap its scores")
	case c.Drop > 0 && !can.Drop:
		refuse("cannot drop weights; set Core.Drop to 0")
	case c.Stream && !can.Streams:
		refuse("cannot go on from a memory")
	case p.Tape != nil && !can.Learns && slices.ContainsFunc(c.inputs(), (*tensor.Tensor).Needs):
		refuse("has no adjoint, so it cannot be trained")
	case c.Pattern == Pattern(Full):
	case can.Patterns == OnlyFull || can.Patterns == FullOrCausal && c.Pattern != Pattern(Causal):
		refuse("cannot keep apart what the pattern keeps apart")
	}
	out, _ := m.Attend(p, c)
	return c.even(p, out)
}
