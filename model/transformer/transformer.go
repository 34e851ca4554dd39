// Package transformer is the encoder and the decoder of Vaswani et al. 2017
// (Attention Is All You Need, §3.1) with the parameters of PyTorch's modules
// MultiheadAttention, TransformerEncoder and TransformerDecoder.
//
//	post-norm: h = LN(h + attn h), h = LN(h + ffn h)
//	pre-norm:  h = h + attn(LN h), h = h + ffn(LN h)
package transformer

import (
	"github.com/qkvgo/qkv/attention"
	"github.com/qkvgo/qkv/nn"
	"github.com/qkvgo/qkv/tensor"
)

// Config says what a layer is made of.
type Config struct {
	Width, Heads int
	Inner        int               // width of the feed-forward net; 0: 2048
	Act          tensor.Activation // Identity: relu
	Eps          float32           // of the norms; 0: 1e-5
	NormFirst    bool              // norms before each part, not after
	Drop         float32           // rate of dropout
}

func (c Config) filled() Config {
	if c.Inner == 0 {
		c.Inner = 2048
	}
	if c.Act == tensor.Identity {
		c.Act = tensor.ReLU
	}
	if c.Eps == 0 {
		c.Eps = 1e-5
	}
	return c
}

// Encoder is a stack of layers, and a norm if it has one.
type Encoder struct {
	Layers []*EncoderLayer `ckpt:"layers"`
	Norm   *nn.LayerNorm   `ckpt:"norm"` // or nil
}

// EncoderLayer is self-attention and a feed-forward net.
type EncoderLayer struct {
	Self *MultiHead `ckpt:"self_attn"`
	feedForward
	Norm1 *nn.LayerNorm `ckpt:"norm1"`
	Norm2 *nn.LayerNorm `ckpt:"norm2"`
	Config
}

// feedForward is W₂·act(W₁·h + b₁) + b₂ (§3.3).
type feedForward struct {
	Up   *nn.Linear `ckpt:"linear1"` // [inner, width]
	Down *nn.Linear `ckpt:"linear2"` // [width, inner]
}

// NewEncoder declares an encoder of n layers; norm says whether a norm ends it.
func NewEncoder(c Config, n int, norm bool) *Encoder {
	e := &Encoder{}
	for range n {
		e.Layers = append(e.Layers, NewEncoderLayer(c))
	}
	if norm {
		e.Norm = nn.NewLayerNorm(c.Width, c.filled().Eps)
	}
	return e
}

// NewEncoderLayer declares a layer.
func NewEncoderLayer(c Config) *EncoderLayer {
	c = c.filled()
	return &EncoderLayer{Self: NewMultiHead(c.Width, c.Heads, c.Drop), feedForward: newFeedForward(c),
		Norm1: nn.NewLayerNorm(c.Width, c.Eps), Norm2: nn.NewLayerNorm(c.Width, c.Eps), Config: c}
}

func newFeedForward(c Config) feedForward {
	return feedForward{nn.NewLinear(c.Width, c.Inner, true), nn.NewLinear(c.Inner, c.Width, true)}
}

// Forward maps h [rows, width] to the same shape. pattern says which rows meet;
// nil is all.
func (e *Encoder) Forward(p *nn.Pass, h *tensor.Tensor, pattern attention.Pattern) *tensor.Tensor {
	for i, l := range e.Layers {
		h = l.Forward(p, p.Layer(i, h), pattern)
	}
	if e.Norm != nil {
		h = e.Norm.Forward(p, h)
	}
	return p.Layer(len(e.Layers), h)
}

// Forward maps h [rows, width] to the same shape.
func (l *EncoderLayer) Forward(p *nn.Pass, h *tensor.Tensor, pattern attention.Pattern) *tensor.Tensor {
	h = l.part(p, h, l.Norm1, func(h *tensor.Tensor) *tensor.Tensor { return l.Self.Attend(p, h, pattern) })
	return l.part(p, h, l.Norm2, func(h *tensor.Tensor) *tensor.Tensor { return l.run(p, h, l.Config) })
}

// part is h and what f makes of it added up, with the norm where the layer has it.
func (c Config) part(p *nn.Pass, h *tensor.Tensor, norm *nn.LayerNorm, f func(h *tensor.Tensor) *tensor.Tensor) *tensor.Tensor {
	if c.NormFirst {
		return h.Add(p.Branch(c.Drop, f(norm.Forward(p, h))))
	}
	return norm.Forward(p, h.Add(p.Branch(c.Drop, f(h))))
}

func (f *feedForward) run(p *nn.Pass, h *tensor.Tensor, c Config) *tensor.Tensor {
	return f.Down.Forward(p, p.Drop(c.Drop, f.Up.Activate(p, h, c.Act)))
}
