// Package parts is the Transformer of Vaswani et al. 2017 (Attention Is All You Need,
// §3) with each part chosen by name from those that later papers put in its place. It
// stands for what no class of the reference has: where one fits, take its page.
//
//	h = E[ids] (+ positions)
//	post: h = N(h + attn(h)),  h = N(h + ffn(h))          §3.1
//	pre:  h += attn(N(h)),     h += ffn(N(h)),  N at the end  (Xiong et al. 2020)
//
//	positions  none | learned | sinusoidal (§3.5) | rotary (Su et al. 2021) |
//	           alibi (Press et al. 2022) | relative (Raffel et al. 2020, §2.1)
//	N          layernorm (Ba et al. 2016) | rmsnorm (Zhang & Sennrich 2019)
//	ffn        W₂·act(W₁·x) | gated: W₂·(act(W·x) ⊙ W₁·x) (Shazeer 2020)
//	attention  full | window | global: a window, and the first token sees and is seen by
//	           all (both Beltagy et al. 2020, §3.1) | block | strided (Child et al. 2019, §4.2)
//
// Alibi lowers scores by distances without a sign: where tokens see both ways it takes
// a text for its mirror image, and belongs in decoders.
package parts

import (
	"fmt"
	"math"
	"strings"

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
	T         int               `json:"max_position_embeddings"` // of learned positions
	D         int               `json:"hidden_size"`
	F         int               `json:"intermediate_size"`
	L         int               `json:"num_hidden_layers" most:"4096"`
	H         int               `json:"num_attention_heads" most:"65536"`
	Position  string            `json:"positions" want:"none,learned,sinusoidal,rotary,alibi,relative"`
	Norm      string            `json:"norm" want:"post-layernorm,pre-layernorm,post-rmsnorm,pre-rmsnorm"`
	Act       tensor.Activation `json:"hidden_act"`
	Gated     bool              `json:"gated"`
	Attention string            `json:"attention" want:"full,window,global,block,strided"`
	Window    int               `json:"window"` // tokens to each side that a query sees; the size of a block; the length of a stride
	Decoder   bool              `json:"is_decoder"`
	Buckets   int               `json:"relative_attention_num_buckets" most:"65536"`
	Farthest  int               `json:"relative_attention_max_distance" most:"65536"`
	Theta     float64           `json:"rope_theta"`
	Eps       float32           `json:"norm_eps"`
	Drop      float32           `json:"dropout"`
	Pooling   model.Pooling     `json:"pooling" want:"first,last,mean,max,concat"`
	Tied      bool              `json:"tie_word_embeddings"`
	model.Labels
}

// Defaults are the values of keys that a config leaves out.
func Defaults() Config {
	return Config{T: 512, Position: "sinusoidal", Norm: "post-layernorm", Act: tensor.ReLU, Attention: "full", Buckets: 32, Farthest: 128,
		Theta: 10000, Eps: 1e-5, Pooling: model.First, Tied: true}
}

// Check gives an error where sizes do not fit each other.
func (c Config) Check() error {
	if c.V < 1 || c.T < 1 || c.F < 1 || c.Window < 0 || c.Window == 0 && (c.Attention == "block" || c.Attention == "strided") {
		return fmt.Errorf("config.json: vocab_size %d, max_position_embeddings %d, intermediate_size %d, window %d: a size is missing", c.V, c.T, c.F, c.Window)
	}
	if d := c.D / max(c.H, 1); c.Position == "rotary" && (d%2 != 0 || d > maxHead) {
		return fmt.Errorf("config.json: heads are %d numbers wide: positions rotary takes an even number, %d at most", d, maxHead)
	}
	if c.Position == "relative" && (c.Buckets < 8 || c.Farthest <= c.Buckets) {
		return fmt.Errorf("config.json: %d buckets up to a distance of %d: want 8 or more, and more distances", c.Buckets, c.Farthest)
	}
	if !(c.Theta > 0) {
		return fmt.Errorf("config.json: rope_theta is %v, want a positive number", c.Theta)
	}
	return checkpoint.Divides("hidden_size", c.D, "num_attention_heads", c.H)
}

// maxHead bounds the width of a head, whose rotations are made before any weight is
// read.
const maxHead = 1 << 16

// Norm is a layer that evens rows out.
type Norm interface {
	Forward(p *nn.Pass, x *tensor.Tensor) *tensor.Tensor
}

// pre says whether norms stand before the parts.
func (c Config) pre() bool { return strings.HasPrefix(c.Norm, "pre") }

func (c Config) norm() Norm {
	if strings.HasSuffix(c.Norm, "rmsnorm") {
		return nn.NewRMSNorm(c.D, c.Eps)
	}
	return nn.NewLayerNorm(c.D, c.Eps)
}

// Model is the network without a head.
type Model struct {
	Words    *nn.Embedding `ckpt:"embeddings.tokens"`    // [V, D]
	Places   *nn.Embedding `ckpt:"embeddings.positions"` // [T, D], nil unless learned
	Relative *nn.Param     `ckpt:"relative_positions"`   // [Buckets, H], nil unless relative
	Blocks   []*Block      `ckpt:"layers"`
	Norm     Norm          `ckpt:"norm"` // nil where norms stand behind the parts
	Config
}

// Block is one layer.
type Block struct {
	Attn *Attention `ckpt:"attention"`
	N1   Norm       `ckpt:"norm1"`
	FFN  *FFN       `ckpt:"ffn"`
	N2   Norm       `ckpt:"norm2"`
	pre  bool
	drop float32
}

// New declares the network's parameters; it reads none.
func New(c Config) (*Model, error) {
	m := &Model{Words: nn.NewEmbedding(c.V, c.D), Config: c}
	core, rope, err := c.core(m)
	if err != nil {
		return nil, err
	}
	for range c.L {
		m.Blocks = append(m.Blocks, &Block{Attn: newAttention(c, core, rope), N1: c.norm(), FFN: newFFN(c), N2: c.norm(), pre: c.pre(), drop: c.Drop})
	}
	if c.pre() {
		m.Norm = c.norm()
	}
	return m, nil
}

// core is what all layers' attention has in common, and declares what positions need.
func (c Config) core(m *Model) (core attention.Core, rope *position.Rotary, err error) {
	core = attention.Core{Heads: c.H, Drop: c.Drop}
	core.Pattern = c.pattern()
	switch c.Position {
	case "learned":
		m.Places = nn.NewEmbedding(c.T, c.D)
	case "rotary":
		rope, err = position.NewRotary(c.D/c.H, c.Theta, c.T, 0, nil)
	case "alibi":
		core.Terms = []attention.Term{position.NewALiBi(c.H, 8)}
	case "relative":
		m.Relative = nn.NewParam(c.Buckets, c.H)
		core.Terms = []attention.Term{&position.Buckets{Table: m.Relative, Farthest: c.Farthest, TwoSided: !c.Decoder}}
	}
	return core, rope, err
}

// pattern says which tokens meet.
func (c Config) pattern() attention.Pattern {
	var seen attention.Pattern = attention.Full
	band := attention.Band{Left: c.Window, Right: c.Window}
	switch c.Attention {
	case "window":
		seen = band
	case "global":
		seen = attention.Union(band, attention.Global{N: 1})
	case "block":
		seen = attention.Block{Size: c.Window}
	case "strided":
		seen = attention.Union(band, attention.Stride{Step: c.Window})
	}
	if c.Decoder {
		return attention.Intersect(seen, attention.Causal)
	}
	return seen
}

// Forward maps ids [rows] to hidden states [rows, D].
func (m *Model) Forward(p *nn.Pass, ids []int32) *tensor.Tensor {
	h := m.Words.Forward(p, ids)
	switch m.Position {
	case "learned":
		h = h.Add(m.Places.Forward(p, p.Rows.Positions))
	case "sinusoidal": // words are as large as in the paper, §3.4
		h = h.Scale(float32(math.Sqrt(float64(m.D)))).Add(sinusoids(p, m.D))
	}
	h = p.Drop(m.Drop, h)
	for i, b := range m.Blocks {
		h = b.Forward(p, p.Layer(i, h))
	}
	if m.Norm != nil {
		h = m.Norm.Forward(p, h)
	}
	return p.Layer(len(m.Blocks), h)
}

// sinusoids are the rows' positions, [rows, d].
func sinusoids(p *nn.Pass, d int) *tensor.Tensor {
	most := int32(0)
	for _, at := range p.Rows.Positions {
		most = max(most, at)
	}
	return p.Of(position.Sinusoids(int(most)+1, d, false), int(most)+1, d).Gather(p.Rows.Positions)
}

// Forward maps h [rows, D] to the same shape.
func (b *Block) Forward(p *nn.Pass, h *tensor.Tensor) *tensor.Tensor {
	if b.pre {
		h = h.Add(p.Branch(b.drop, b.Attn.Forward(p, b.N1.Forward(p, h))))
		return h.Add(p.Branch(b.drop, b.FFN.Forward(p, b.N2.Forward(p, h))))
	}
	h = b.N1.Forward(p, h.Add(p.Branch(b.drop, b.Attn.Forward(p, h))))
	return b.N2.Forward(p, h.Add(p.Branch(b.drop, b.FFN.Forward(p, h))))
}
