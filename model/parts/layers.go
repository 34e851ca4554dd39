package parts

import (
	"github.com/qkvgo/qkv/attention"
	"github.com/qkvgo/qkv/nn"
	"github.com/qkvgo/qkv/position"
	"github.com/qkvgo/qkv/tensor"
)

// Attention is attention by several heads, with its projections.
type Attention struct {
	Q    *nn.Linear `ckpt:"query"` // [D, D]
	K    *nn.Linear `ckpt:"key"`   // [D, D]
	V    *nn.Linear `ckpt:"value"` // [D, D]
	Rope *position.Rotary
	Core attention.Core
	Out  *nn.Linear `ckpt:"output"` // [D, D]
}

func newAttention(c Config, core attention.Core, rope *position.Rotary) *Attention {
	l := func() *nn.Linear { return nn.NewLinear(c.D, c.D, true) }
	return &Attention{Q: l(), K: l(), V: l(), Rope: rope, Core: core, Out: l()}
}

// Forward maps h [rows, D] to the same shape.
func (a *Attention) Forward(p *nn.Pass, h *tensor.Tensor) *tensor.Tensor {
	q, k, v := a.Q.Forward(p, h), a.K.Forward(p, h), a.V.Forward(p, h)
	if a.Rope != nil {
		q, k = a.Rope.Rotate(p, q, a.Core.Heads), a.Rope.Rotate(p, k, a.Core.Heads)
	}
	return a.Out.Forward(p, a.Core.Attend(p, q, k, v, attention.Full))
}

// FFN is the feed-forward net.
type FFN struct {
	Gate *nn.Linear `ckpt:"gate"` // [F, D], nil without a gate
	Up   *nn.Linear `ckpt:"up"`   // [F, D]
	Down *nn.Linear `ckpt:"down"` // [D, F]
	act  tensor.Activation
}

func newFFN(c Config) *FFN {
	f := &FFN{Up: nn.NewLinear(c.D, c.F, true), Down: nn.NewLinear(c.F, c.D, true), act: c.Act}
	if c.Gated {
		f.Gate = nn.NewLinear(c.D, c.F, true)
	}
	return f
}

// Forward maps h [rows, D] to the same shape.
func (f *FFN) Forward(p *nn.Pass, h *tensor.Tensor) *tensor.Tensor {
	if f.Gate == nil {
		return f.Down.Forward(p, f.Up.Activate(p, h, f.act))
	}
	return f.Down.Forward(p, nn.Gated(p, f.Gate, f.Up, h, f.act))
}
