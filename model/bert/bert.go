// Package bert is BERT (Devlin et al. 2019, §3), as encoder and, with a causal
// pattern and attention to an encoder, as decoder.
//
//	h = LN(E_word[ids] + E_type[types] + E_pos)
//	L times: h = LN(h + attn(h));  h = LN(h + W₂·act(W₁·h))
package bert

import (
	"errors"
	"fmt"

	"github.com/qkvgo/qkv/attention"
	"github.com/qkvgo/qkv/checkpoint"
	"github.com/qkvgo/qkv/model"
	"github.com/qkvgo/qkv/nn"
	"github.com/qkvgo/qkv/position"
	"github.com/qkvgo/qkv/tensor"
)

// Config has the keys of config.json that the page obeys.
type Config struct {
	V         int               `json:"vocab_size"`
	T         int               `json:"max_position_embeddings"`
	Types     int               `json:"type_vocab_size"`
	D         int               `json:"hidden_size"`
	F         int               `json:"intermediate_size"`
	L         int               `json:"num_hidden_layers" most:"4096"`
	H         int               `json:"num_attention_heads"`
	Act       tensor.Activation `json:"hidden_act"`
	Eps       float32           `json:"layer_norm_eps"`
	Drop      float32           `json:"hidden_dropout_prob"`
	AttnDrop  float32           `json:"attention_probs_dropout_prob"`
	HeadDrop  *float32          `json:"classifier_dropout"` // null: Drop
	Positions string            `json:"position_embedding_type" want:"absolute,relative_key,relative_key_query"`
	Decoder   bool              `json:"is_decoder"`
	Cross     bool              `json:"add_cross_attention"`
	Tied      bool              `json:"tie_word_embeddings"`
	model.Labels
	_ struct{} `harmless:"directionality,pooler_fc_size,pooler_num_attention_heads,pooler_num_fc_layers,pooler_size_per_head,pooler_type,head_dim"`
}

// Defaults are the values of keys that a config leaves out.
func Defaults() Config {
	return Config{V: 30522, T: 512, Types: 2, D: 768, F: 3072, L: 12, H: 12, Act: tensor.GELU, Eps: 1e-12, Drop: 0.1,
		AttnDrop: 0.1, Positions: "absolute", Tied: true}
}

// Model is the network without a head.
type Model struct {
	Word   *nn.Embedding `ckpt:"embeddings.word_embeddings"`       // [V, D]
	Place  *nn.Embedding `ckpt:"embeddings.position_embeddings"`   // [T, D]
	Type   *nn.Embedding `ckpt:"embeddings.token_type_embeddings"` // [Types, D]
	Ln     *nn.LayerNorm `ckpt:"embeddings.LayerNorm"`
	Blocks []*Block      `ckpt:"encoder.layer"`
	Pooler *nn.Linear    `ckpt:"pooler.dense"` // [D, D], nil where the head does without
	added  bool          // positions are added to the embeddings
	drop   float32
}

// Block is one layer.
type Block struct {
	Self  *Attention    `ckpt:"attention"`
	Cross *Attention    `ckpt:"crossattention"` // nil without an encoder
	Up    *nn.Linear    `ckpt:"intermediate.dense"`
	Down  *nn.Linear    `ckpt:"output.dense"`
	Ln    *nn.LayerNorm `ckpt:"output.LayerNorm"`
	act   tensor.Activation
	drop  float32
}

// Attention is attention with its projections, the sum and the norm after it.
type Attention struct {
	Q        *nn.Linear    `ckpt:"self.query"`
	K        *nn.Linear    `ckpt:"self.key"`
	V        *nn.Linear    `ckpt:"self.value"`
	Distance *nn.Embedding `ckpt:"self.distance_embedding"` // [2T-1, d], nil with absolute positions
	Core     attention.Core
	Out      *nn.Linear    `ckpt:"output.dense"`
	Ln       *nn.LayerNorm `ckpt:"output.LayerNorm"`
	both     bool          // distances count for keys too
	drop     float32
}

// New declares the network's parameters; it reads none.
func New(c Config, pooled bool) *Model {
	m := &Model{Word: nn.NewEmbedding(c.V, c.D), Place: nn.NewEmbedding(c.T, c.D), Type: nn.NewEmbedding(c.Types, c.D),
		Ln: nn.NewLayerNorm(c.D, c.Eps), added: c.Positions == "absolute", drop: c.Drop}
	for range c.L {
		b := &Block{Self: newAttention(c, c.Positions), Up: nn.NewLinear(c.D, c.F, true), Down: nn.NewLinear(c.F, c.D, true),
			Ln: nn.NewLayerNorm(c.D, c.Eps), act: c.Act, drop: c.Drop}
		if c.Decoder {
			b.Self.Core.Pattern = attention.Causal
		}
		if c.Cross {
			b.Cross = newAttention(c, "absolute") // an encoder's rows have no distances
		}
		m.Blocks = append(m.Blocks, b)
	}
	if pooled {
		m.Pooler = nn.NewLinear(c.D, c.D, true)
	}
	return m
}

// NewBase is New with the pooler, as BertModel has it.
func NewBase(c Config) *Model { return New(c, true) }

// Check gives an error where sizes do not fit each other.
func (c Config) Check() error {
	if c.Cross && !c.Decoder {
		return errors.New("config.json: add_cross_attention needs is_decoder")
	}
	if c.T < 1 {
		return fmt.Errorf("config.json: max_position_embeddings is %d, want 1 or more", c.T)
	}
	return checkpoint.Divides("hidden_size", c.D, "num_attention_heads", c.H)
}

func newAttention(c Config, positions string) *Attention {
	a := &Attention{Q: nn.NewLinear(c.D, c.D, true), K: nn.NewLinear(c.D, c.D, true), V: nn.NewLinear(c.D, c.D, true),
		Core: attention.Core{Heads: c.H, Drop: c.AttnDrop}, Out: nn.NewLinear(c.D, c.D, true),
		Ln: nn.NewLayerNorm(c.D, c.Eps), both: positions == "relative_key_query", drop: c.Drop}
	if positions != "absolute" {
		a.Distance = nn.NewEmbedding(2*c.T-1, c.D/c.H)
	}
	return a
}

// Forward maps ids and token types (nil: all 0), [rows], to hidden states
// [rows, D]. enc, or nil, are an encoder's rows.
func (m *Model) Forward(p *nn.Pass, ids, types []int32, enc *tensor.Tensor, rows nn.Batch) *tensor.Tensor {
	if types == nil {
		types = make([]int32, len(ids))
	}
	h := m.Word.Forward(p, ids).Add(m.Type.Forward(p, types))
	if m.added {
		h = h.Add(m.Place.Forward(p, p.Rows.Positions))
	}
	h = p.Drop(m.drop, m.Ln.Forward(p, h))
	for i, b := range m.Blocks {
		h = p.Layer(i, h)
		h = b.Forward(p, h, enc, rows)
	}
	return p.Layer(len(m.Blocks), h)
}

// Forward maps h [rows, D] to the same shape.
func (b *Block) Forward(p *nn.Pass, h, enc *tensor.Tensor, rows nn.Batch) *tensor.Tensor {
	h = b.Self.Forward(p, h)
	if b.Cross != nil && enc != nil {
		h = b.Cross.cross(p, h, enc, rows)
	}
	u := b.Up.Activate(p, h, b.act) // [rows, F]
	return b.Ln.Forward(p, p.Branch(b.drop, b.Down.Forward(p, u)).Add(h))
}

// Forward is LN(h + attn(h)).
func (a *Attention) Forward(p *nn.Pass, h *tensor.Tensor) *tensor.Tensor {
	var terms []attention.Term
	if a.Distance != nil {
		terms = append(terms, &position.Shaw{Table: a.Distance.Weight, Both: a.both})
	}
	mix := a.Core.Attend(p, a.Q.Forward(p, h), a.K.Forward(p, h), a.V.Forward(p, h), attention.Full, terms...)
	return a.Ln.Forward(p, p.Branch(a.drop, a.Out.Forward(p, mix)).Add(h))
}

// cross is the same with an encoder's rows as keys and values.
func (a *Attention) cross(p *nn.Pass, h, enc *tensor.Tensor, rows nn.Batch) *tensor.Tensor {
	mix := a.Core.Cross(p, a.Q.Forward(p, h), a.K.Forward(p, enc), a.V.Forward(p, enc), rows)
	return a.Ln.Forward(p, p.Branch(a.drop, a.Out.Forward(p, mix)).Add(h))
}

// Positions is the most rows that a sequence can have.
func (m *Model) Positions() int { return m.Place.Weight.Shape[0] }

// run is Forward on a general input.
func (m *Model) run(p *nn.Pass, in *model.Input) *tensor.Tensor {
	if in.Encoded == nil {
		return m.Forward(p, in.IDs, in.Types, nil, nn.Batch{})
	}
	enc := p.Of(in.Encoded, in.EncodedRows.Rows(), len(in.Encoded)/max(in.EncodedRows.Rows(), 1))
	return m.Forward(p, in.IDs, in.Types, enc, in.EncodedRows)
}

// Pool maps hidden states [rows, D] to a vector a sequence, [sequences, D]: its
// first row through a layer with tanh.
func (m *Model) Pool(p *nn.Pass, h *tensor.Tensor) *tensor.Tensor {
	return m.Pooler.Activate(p, p.First(h), tensor.Tanh)
}

// Run gives last_hidden_state and pooler_output.
func (m *Model) Run(p *nn.Pass, in *model.Input) []model.Output {
	h := m.run(p, in)
	out := []model.Output{{Name: "last_hidden_state", Value: h}}
	if m.Pooler != nil {
		out = append(out, model.Output{Name: "pooler_output", Value: m.Pool(p, h), Axis: model.PerSequence})
	}
	return out
}

// Encode maps the input to the last hidden states [rows, D].
func (m *Model) Encode(p *nn.Pass, in *model.Input) *tensor.Tensor { return m.run(p, in) }
