package transformer

import (
	"github.com/qkvgo/qkv/attention"
	"github.com/qkvgo/qkv/nn"
	"github.com/qkvgo/qkv/tensor"
)

// Decoder is a stack of layers that also look at an encoder's rows, and a norm if
// it has one.
type Decoder struct {
	Layers []*DecoderLayer `ckpt:"layers"`
	Norm   *nn.LayerNorm   `ckpt:"norm"` // or nil
}

// DecoderLayer is self-attention, attention to an encoder's rows and a
// feed-forward net.
type DecoderLayer struct {
	Self  *MultiHead `ckpt:"self_attn"`
	Cross *MultiHead `ckpt:"multihead_attn"`
	feedForward
	Norm1 *nn.LayerNorm `ckpt:"norm1"`
	Norm2 *nn.LayerNorm `ckpt:"norm2"`
	Norm3 *nn.LayerNorm `ckpt:"norm3"`
	Config
}

// NewDecoder declares a decoder of n layers; norm says whether a norm ends it.
func NewDecoder(c Config, n int, norm bool) *Decoder {
	d := &Decoder{}
	for range n {
		d.Layers = append(d.Layers, NewDecoderLayer(c))
	}
	if norm {
		d.Norm = nn.NewLayerNorm(c.Width, c.filled().Eps)
	}
	return d
}

// NewDecoderLayer declares a layer.
func NewDecoderLayer(c Config) *DecoderLayer {
	c = c.filled()
	norm := func() *nn.LayerNorm { return nn.NewLayerNorm(c.Width, c.Eps) }
	return &DecoderLayer{Self: NewMultiHead(c.Width, c.Heads, c.Drop), Cross: NewMultiHead(c.Width, c.Heads, c.Drop),
		feedForward: newFeedForward(c), Norm1: norm(), Norm2: norm(), Norm3: norm(), Config: c}
}

// Forward maps h [rows, width] to the same shape. pattern says which of its rows
// meet; memory [rows of keys, width] is what the encoder gave.
func (d *Decoder) Forward(p *nn.Pass, h *tensor.Tensor, pattern attention.Pattern, memory *tensor.Tensor, keys nn.Batch) *tensor.Tensor {
	for i, l := range d.Layers {
		h = l.Forward(p, p.Layer(i, h), pattern, memory, keys)
	}
	if d.Norm != nil {
		h = d.Norm.Forward(p, h)
	}
	return p.Layer(len(d.Layers), h)
}

// Forward maps h [rows, width] to the same shape.
func (l *DecoderLayer) Forward(p *nn.Pass, h *tensor.Tensor, pattern attention.Pattern, memory *tensor.Tensor, keys nn.Batch) *tensor.Tensor {
	h = l.part(p, h, l.Norm1, func(h *tensor.Tensor) *tensor.Tensor { return l.Self.Attend(p, h, pattern) })
	h = l.part(p, h, l.Norm2, func(h *tensor.Tensor) *tensor.Tensor { return l.Cross.Cross(p, h, memory, memory, keys) })
	return l.part(p, h, l.Norm3, func(h *tensor.Tensor) *tensor.Tensor { return l.run(p, h, l.Config) })
}
