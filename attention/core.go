package attention

import (
	"fmt"
	"math"

	"github.com/qkvgo/qkv/nn"
	"github.com/qkvgo/qkv/position"
	"github.com/qkvgo/qkv/tensor"
)

// Term is a part of the scores beside the dot product; package position has
// them.
type Term = position.Term

// Core is what happens between Q, K, V and the mix. Only Heads must be set: the
// rest of the zero value is exact softmax over everything. A Core is not changed
// by use and serves many passes at once.
type Core struct {
	Heads     int       // Hq, heads of queries
	KVHeads   int       // Hk, heads of keys and values, a divisor of Heads; 0: Heads
	Scale     float32   // what dot products are multiplied by; 0: 1/√Dk
	Softcap   float32   // scores become cap·tanh(score/cap) before terms are added; 0: as they are
	Drop      float32   // rate of dropout on the weights of a training pass
	Pattern   Pattern   // intersected with each call's; nil: all may meet
	Terms     []Term    // added to the scores of each call
	Reduce    Reducer   // what shortens keys and values first; nil: nothing
	Mechanism Mechanism // nil: Softmax
}

// Attend is self-attention over the pass's rows. q is [rows, Hq·Dk], k is
// [rows, Hk·Dk], v is [rows, Hk·Dv]; query head h reads key head h·Hk/Hq. The
// result is [rows, Hq·Dv].
//
// In a pass with Memory the core remembers k and v, and queries meet what it
// remembers of their sequence before the new rows.
func (c *Core) Attend(p *nn.Pass, q, k, v *tensor.Tensor, pattern Pattern, terms ...Term) *tensor.Tensor {
	call := c.call(p, q, k, v, p.Rows, pattern, terms)
	if call.Stream = p.Memory != nil; !call.Stream {
		call.hide()
	}
	return call.run(p)
}

// Cross is attention from the pass's rows to the rows of another stream: sequence
// i of the pass meets sequence i of keys. q is [rows, Hq·Dk], k is [key rows,
// Hk·Dk], v is [key rows, Hk·Dv], the result [rows, Hq·Dv]. Nothing is
// remembered.
func (c *Core) Cross(p *nn.Pass, q, k, v *tensor.Tensor, keys nn.Batch, terms ...Term) *tensor.Tensor {
	call := c.call(p, q, k, v, keys, nil, terms)
	call.hide()
	return call.run(p)
}

// hide keeps queries from the keys that the batch hides.
func (c *Call) hide() {
	if c.Keys.Hidden == nil {
		return
	}
	hidden := make([][]bool, c.Keys.Len())
	for i := range hidden {
		hidden[i] = c.Keys.HiddenOf(i)
	}
	c.Pattern = Intersect(c.Pattern, Hidden(hidden))
}

// Thirds is the three thirds of x's columns: what one fused projection made.
func Thirds(x *tensor.Tensor) (q, k, v *tensor.Tensor) {
	if x.Width()%3 != 0 {
		panic(&tensor.Fault{Op: "Thirds", Shapes: [][]int{x.Shape()}, Msg: "the width is not a multiple of three"})
	}
	d := x.Width() / 3
	return x.Cols(0, d), x.Cols(d, 2*d), x.Cols(2*d, 3*d)
}

// call checks the operands and fills in what the core leaves out.
func (c *Core) call(p *nn.Pass, q, k, v *tensor.Tensor, keys nn.Batch, pattern Pattern, terms []Term) *Call {
	x := &Call{Core: c, Q: q, K: k, V: v, Heads: c.Heads, KVHeads: c.KVHeads, Scale: c.Scale, Softcap: c.Softcap,
		Rows: p.Rows, Keys: keys, Past: make([]int, keys.Len()), Pattern: Intersect(c.Pattern, pattern)}
	if x.KVHeads == 0 {
		x.KVHeads = x.Heads
	}
	fault := func(format string, args ...any) {
		panic(&tensor.Fault{Op: "Attend", Shapes: [][]int{q.Shape(), k.Shape(), v.Shape()}, Msg: fmt.Sprintf(format, args...)})
	}
	switch {
	case x.Heads < 1 || x.KVHeads < 1 || x.Heads%x.KVHeads != 0:
		fault("%d query heads do not share %d key heads evenly", x.Heads, x.KVHeads)
	case q.Width()%x.Heads != 0 || k.Width()%x.KVHeads != 0 || v.Width()%x.KVHeads != 0:
		fault("the widths are not multiples of %d and %d heads", x.Heads, x.KVHeads)
	case q.Width()/x.Heads != k.Width()/x.KVHeads:
		fault("queries and keys differ in width: %d and %d a head", q.Width()/x.Heads, k.Width()/x.KVHeads)
	case q.Rows() != p.Rows.Rows():
		fault("%d queries for a batch of %d rows", q.Rows(), p.Rows.Rows())
	case k.Rows() != keys.Rows() || v.Rows() != keys.Rows():
		fault("keys and values for a batch of %d rows", keys.Rows())
	case keys.Len() != p.Rows.Len():
		fault("%d sequences of queries meet %d of keys", p.Rows.Len(), keys.Len())
	}
	if s := wrong(x.Pattern); s != "" {
		fault("%s", s)
	}
	if x.Scale == 0 {
		x.Scale = float32(1 / math.Sqrt(float64(x.Dk())))
	}
	if rate := p.DropRate(c.Drop); rate > 0 {
		x.Drop, x.Seed, x.Site = rate, p.Seed, p.Site()
	}
	for _, t := range c.Terms {
		x.Terms = append(x.Terms, t.Bind(p))
	}
	for _, t := range terms {
		x.Terms = append(x.Terms, t.Bind(p))
	}
	return x
}
