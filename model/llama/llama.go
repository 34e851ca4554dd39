// Package llama is LLaMA and its successors (Touvron et al. 2023, §2.2, and
// Llama 2, §2.2, for grouped keys and values).
//
//	h = E[ids];  L times: h += attn(N₁ h), h += swiglu(N₂ h)
//	swiglu(x) = W_down (act(W_gate x) ⊙ W_up x);  logits = N_f(h)·W_headᵀ
package llama

import (
	"encoding/json"
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
	V        int               `json:"vocab_size"`
	T        int               `json:"max_position_embeddings"`
	Original int               `json:"original_max_position_embeddings"` // before longrope stretched it
	D        int               `json:"hidden_size"`
	F        int               `json:"intermediate_size"`
	L        int               `json:"num_hidden_layers" most:"4096"`
	H        int               `json:"num_attention_heads"`
	KV       *int              `json:"num_key_value_heads"` // null: H
	HeadDim  *int              `json:"head_dim"`            // null: D/H
	Act      tensor.Activation `json:"hidden_act"`
	Eps      float32           `json:"rms_norm_eps"`
	Theta    float64           `json:"rope_theta"`
	Scaling  json.RawMessage   `json:"rope_scaling"`
	Rotated  *float64          `json:"partial_rotary_factor"`
	AttnBias bool              `json:"attention_bias"`
	MLPBias  bool              `json:"mlp_bias"`
	AttnDrop float32           `json:"attention_dropout"`
	Pad      *int32            `json:"pad_token_id"`
	HeadDrop *float32          `json:"classifier_dropout"`
	Tied     bool              `json:"tie_word_embeddings"`
	Slices   int               `json:"pretraining_tp"` // how a matrix was cut in training: the same product
	model.Labels
	_ struct{} `harmless:"is_decoder,is_llama_config"`
}

// Defaults are the values of keys that a config leaves out.
func Defaults() Config {
	return Config{V: 32000, T: 2048, D: 4096, F: 11008, L: 32, H: 32, Act: tensor.SiLU, Eps: 1e-6, Theta: 10000, Slices: 1}
}

// Model is the network without a head.
type Model struct {
	Embed  *nn.Embedding `ckpt:"embed_tokens"` // [V, D]
	Blocks []*Block      `ckpt:"layers"`
	Norm   *nn.RMSNorm   `ckpt:"norm"`
}

// Block is one layer.
type Block struct {
	N1   *nn.RMSNorm `ckpt:"input_layernorm"`
	Q    *nn.Linear  `ckpt:"self_attn.q_proj"` // [H·d, D]
	K    *nn.Linear  `ckpt:"self_attn.k_proj"` // [KV·d, D]
	V    *nn.Linear  `ckpt:"self_attn.v_proj"` // [KV·d, D]
	Rope *position.Rotary
	Core attention.Core
	Out  *nn.Linear  `ckpt:"self_attn.o_proj"` // [D, H·d]
	N2   *nn.RMSNorm `ckpt:"post_attention_layernorm"`
	Gate *nn.Linear  `ckpt:"mlp.gate_proj"` // [F, D]
	Up   *nn.Linear  `ckpt:"mlp.up_proj"`   // [F, D]
	Down *nn.Linear  `ckpt:"mlp.down_proj"` // [D, F]
	act  tensor.Activation
}

// Check gives an error where sizes do not fit each other.
func (c Config) Check() error {
	if c.H < 1 {
		return fmt.Errorf("config.json: num_attention_heads is %d, want 1 or more", c.H)
	}
	if c.HeadDim == nil {
		if err := checkpoint.Divides("hidden_size", c.D, "num_attention_heads", c.H); err != nil {
			return err
		}
	}
	if d := c.headDim(); d > maxHead || d < 2 || d%2 != 0 {
		return fmt.Errorf("config.json: heads are %d numbers wide, want an even number from 2 to %d", d, maxHead)
	}
	if !(c.Theta > 0) {
		return fmt.Errorf("config.json: rope_theta is %v, want a positive number", c.Theta)
	}
	if r := c.Rotated; r != nil && !(*r > 0 && *r <= 1) {
		return fmt.Errorf("config.json: partial_rotary_factor is %v, want more than 0, and 1 at most", *r)
	}
	if c.KV != nil {
		return checkpoint.Divides("num_attention_heads", c.H, "num_key_value_heads", *c.KV)
	}
	return nil
}

// maxHead bounds the width of a head, whose rotations are made before any weight
// is read.
const maxHead = 1 << 16

func (c Config) headDim() int {
	if c.HeadDim != nil {
		return *c.HeadDim
	}
	return c.D / c.H
}

// New declares the network's parameters; it reads none. It fails where the
// rotary scaling is unknown.
func New(c Config) (*Model, error) {
	kv, d := c.H, c.headDim()
	if c.KV != nil {
		kv = *c.KV
	}
	rotated := d
	if c.Rotated != nil {
		rotated = int(float64(d) * *c.Rotated)
	}
	rope, err := position.NewRotary(rotated, c.Theta, c.T, c.Original, c.Scaling)
	if err != nil {
		return nil, err
	}
	m := &Model{Embed: nn.NewEmbedding(c.V, c.D), Norm: nn.NewRMSNorm(c.D, c.Eps)}
	for range c.L {
		m.Blocks = append(m.Blocks, &Block{
			N1: nn.NewRMSNorm(c.D, c.Eps),
			Q:  nn.NewLinear(c.D, c.H*d, c.AttnBias), K: nn.NewLinear(c.D, kv*d, c.AttnBias), V: nn.NewLinear(c.D, kv*d, c.AttnBias),
			Rope: rope, Core: attention.Core{Heads: c.H, KVHeads: kv, Drop: c.AttnDrop}, Out: nn.NewLinear(c.H*d, c.D, c.AttnBias),
			N2:   nn.NewRMSNorm(c.D, c.Eps),
			Gate: nn.NewLinear(c.D, c.F, c.MLPBias), Up: nn.NewLinear(c.D, c.F, c.MLPBias), Down: nn.NewLinear(c.F, c.D, c.MLPBias),
			act: c.Act})
	}
	return m, nil
}

// Forward maps ids [rows] to hidden states [rows, D].
func (m *Model) Forward(p *nn.Pass, ids []int32) *tensor.Tensor {
	h := m.Embed.Forward(p, ids)
	for i, b := range m.Blocks {
		h = p.Layer(i, h)
		h = b.Forward(p, h)
	}
	return p.Layer(len(m.Blocks), m.Norm.Forward(p, h))
}

// Forward maps h [rows, D] to the same shape.
func (b *Block) Forward(p *nn.Pass, h *tensor.Tensor) *tensor.Tensor {
	x := b.N1.Forward(p, h)
	q := b.Rope.Rotate(p, b.Q.Forward(p, x), b.Core.Heads)   // [rows, H·d]
	k := b.Rope.Rotate(p, b.K.Forward(p, x), b.Core.KVHeads) // [rows, KV·d]
	a := b.Core.Attend(p, q, k, b.V.Forward(p, x), attention.Causal)
	h = h.Add(p.DropPath(b.Out.Forward(p, a)))
	x = b.N2.Forward(p, h)
	return h.Add(p.DropPath(b.Down.Forward(p, nn.Gated(p, b.Gate, b.Up, x, b.act))))
}

// Run gives last_hidden_state.
func (m *Model) Run(p *nn.Pass, in *model.Input) []model.Output {
	return []model.Output{{Name: "last_hidden_state", Value: m.Forward(p, in.IDs)}}
}

// Encode maps the input to the last hidden states [rows, D].
func (m *Model) Encode(p *nn.Pass, in *model.Input) *tensor.Tensor { return m.Forward(p, in.IDs) }
