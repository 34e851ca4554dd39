// Package gpt2 is GPT-2 (Radford et al. 2019, Language Models are Unsupervised
// Multitask Learners, §2.3).
//
//	h = Wte[ids] + Wpe[0…T);  L times: h += attn(LN₁ h), h += mlp(LN₂ h)
//	logits = LN_f(h)·Wteᵀ
package gpt2

import (
	"math"

	"github.com/qkvgo/qkv/attention"
	"github.com/qkvgo/qkv/checkpoint"
	"github.com/qkvgo/qkv/model"
	"github.com/qkvgo/qkv/nn"
	"github.com/qkvgo/qkv/tensor"
)

// Config has the keys of config.json that the page obeys.
type Config struct {
	V            int               `json:"vocab_size"`
	T            int               `json:"n_positions"`
	D            int               `json:"n_embd"`
	L            int               `json:"n_layer" most:"4096"`
	H            int               `json:"n_head"`
	Inner        *int              `json:"n_inner"` // width of the MLP; null: 4·D
	Act          tensor.Activation `json:"activation_function"`
	Eps          float32           `json:"layer_norm_epsilon"`
	ResidDrop    float32           `json:"resid_pdrop"`
	EmbdDrop     float32           `json:"embd_pdrop"`
	AttnDrop     float32           `json:"attn_pdrop"`
	ScaleWeights bool              `json:"scale_attn_weights"`
	ScaleByLayer bool              `json:"scale_attn_by_inverse_layer_idx"`
	Upcast       bool              `json:"reorder_and_upcast_attn"` // the same in float32
	Cross        bool              `json:"add_cross_attention"`
	Pad          *int32            `json:"pad_token_id"`
	HeadDrop     *float32          `json:"classifier_dropout"`
	HiddenDrop   *float32          `json:"hidden_dropout"`
	Tied         bool              `json:"tie_word_embeddings"`
	Summary
	model.Labels
	_ struct{} `harmless:"n_ctx,n_special,predict_special_tokens,afn,nPositions,head_dim,is_decoder"`
}

// Defaults are the values of keys that a config leaves out.
func Defaults() Config {
	return Config{V: 50257, T: 1024, D: 768, L: 12, H: 12, Act: tensor.GELUNew, Eps: 1e-5, ResidDrop: 0.1,
		EmbdDrop: 0.1, AttnDrop: 0.1, ScaleWeights: true, Tied: true, Summary: Summary{Type: "cls_index", Project: true, ToLabels: true, FirstDrop: 0.1}}
}

// Model is the network without a head.
type Model struct {
	Wte    *nn.Embedding `ckpt:"wte"` // [V, D], the output layer too
	Wpe    *nn.Embedding `ckpt:"wpe"` // [T, D]
	Blocks []*Block      `ckpt:"h"`
	LnF    *nn.LayerNorm `ckpt:"ln_f"`
	drop   float32
}

// Block is one layer: attention, then the MLP, each behind a norm and added to
// what came in.
type Block struct {
	Ln1   *nn.LayerNorm  `ckpt:"ln_1"`
	QKV   *nn.Conv1D     `ckpt:"attn.c_attn"` // [D, 3D]
	Core  attention.Core // zero: exact softmax
	Out   *nn.Conv1D     `ckpt:"attn.c_proj"` // [D, D]
	Cross *Cross         // nil without an encoder
	Ln2   *nn.LayerNorm  `ckpt:"ln_2"`
	Up    *nn.Conv1D     `ckpt:"mlp.c_fc"`   // [D, 4D]
	Down  *nn.Conv1D     `ckpt:"mlp.c_proj"` // [4D, D]
	act   tensor.Activation
	drop  float32
}

// Cross is attention to an encoder's rows.
type Cross struct {
	Ln   *nn.LayerNorm `ckpt:"ln_cross_attn"`
	Q    *nn.Conv1D    `ckpt:"crossattention.q_attn"` // [D, D]
	KV   *nn.Conv1D    `ckpt:"crossattention.c_attn"` // [D, 2D]
	Core attention.Core
	Out  *nn.Conv1D `ckpt:"crossattention.c_proj"` // [D, D]
}

// New declares the network's parameters; it reads none.
func New(c Config) *Model {
	m := &Model{Wte: nn.NewEmbedding(c.V, c.D), Wpe: nn.NewEmbedding(c.T, c.D), LnF: nn.NewLayerNorm(c.D, c.Eps), drop: c.EmbdDrop}
	inner := 4 * c.D
	if c.Inner != nil {
		inner = *c.Inner
	}
	for i := range c.L {
		scale := 1.0
		if c.ScaleWeights {
			scale = 1 / math.Sqrt(float64(c.D/c.H))
		}
		if c.ScaleByLayer {
			scale /= float64(i + 1)
		}
		core := attention.Core{Heads: c.H, Scale: float32(scale), Drop: c.AttnDrop}
		b := &Block{
			Ln1: nn.NewLayerNorm(c.D, c.Eps), QKV: nn.NewConv1D(c.D, 3*c.D), Core: core, Out: nn.NewConv1D(c.D, c.D),
			Ln2: nn.NewLayerNorm(c.D, c.Eps), Up: nn.NewConv1D(c.D, inner), Down: nn.NewConv1D(inner, c.D),
			act: c.Act, drop: c.ResidDrop,
		}
		if c.Cross {
			b.Cross = &Cross{Ln: nn.NewLayerNorm(c.D, c.Eps), Q: nn.NewConv1D(c.D, c.D), KV: nn.NewConv1D(c.D, 2*c.D),
				Core: core, Out: nn.NewConv1D(c.D, c.D)}
		}
		m.Blocks = append(m.Blocks, b)
	}
	return m
}

// Check gives an error where sizes do not fit each other.
func (c Config) Check() error { return checkpoint.Divides("n_embd", c.D, "n_head", c.H) }

// Forward maps ids [rows] to hidden states [rows, D]. types, or nil, are token
// types [rows], which have rows of the table of tokens. enc, or nil, are an
// encoder's rows, which belong together as rows says.
func (m *Model) Forward(p *nn.Pass, ids, types []int32, enc *tensor.Tensor, rows nn.Batch) *tensor.Tensor {
	h := m.Wte.Forward(p, ids).Add(m.Wpe.Forward(p, p.Rows.Positions))
	if types != nil {
		h = h.Add(m.Wte.Forward(p, types))
	}
	h = p.Drop(m.drop, h)
	for i, b := range m.Blocks {
		h = p.Layer(i, h)
		h = b.Forward(p, h, enc, rows)
	}
	return p.Layer(len(m.Blocks), m.LnF.Forward(p, h))
}

// Forward maps h [rows, D] to the same shape.
func (b *Block) Forward(p *nn.Pass, h, enc *tensor.Tensor, rows nn.Batch) *tensor.Tensor {
	q, k, v := attention.Thirds(b.QKV.Forward(p, b.Ln1.Forward(p, h))) // each [rows, D]
	a := b.Core.Attend(p, q, k, v, attention.Causal)
	h = h.Add(p.Branch(b.drop, b.Out.Forward(p, a)))
	if b.Cross != nil && enc != nil {
		h = h.Add(p.Branch(b.drop, b.Cross.Forward(p, h, enc, rows)))
	}
	u := b.Up.Activate(p, b.Ln2.Forward(p, h), b.act) // [rows, 4D]
	return h.Add(p.Branch(b.drop, b.Down.Forward(p, u)))
}

// Forward lets h [rows, D] look at an encoder's rows enc.
func (c *Cross) Forward(p *nn.Pass, h, enc *tensor.Tensor, rows nn.Batch) *tensor.Tensor {
	kv := c.KV.Forward(p, enc)
	d := kv.Width() / 2
	q := c.Q.Forward(p, c.Ln.Forward(p, h))
	return c.Out.Forward(p, c.Core.Cross(p, q, kv.Cols(0, d), kv.Cols(d, 2*d), rows))
}

// Positions is the most rows that a sequence can have.
func (m *Model) Positions() int { return m.Wpe.Weight.Shape[0] }

// run is Forward on a general input.
func (m *Model) run(p *nn.Pass, in *model.Input) *tensor.Tensor {
	if in.Encoded == nil {
		return m.Forward(p, in.IDs, in.Types, nil, nn.Batch{})
	}
	enc := p.Of(in.Encoded, in.EncodedRows.Rows(), len(in.Encoded)/max(in.EncodedRows.Rows(), 1))
	return m.Forward(p, in.IDs, in.Types, enc, in.EncodedRows)
}

// Run gives last_hidden_state.
func (m *Model) Run(p *nn.Pass, in *model.Input) []model.Output {
	return []model.Output{{Name: "last_hidden_state", Value: m.run(p, in)}}
}

// Encode maps the input to the last hidden states [rows, D].
func (m *Model) Encode(p *nn.Pass, in *model.Input) *tensor.Tensor { return m.run(p, in) }
