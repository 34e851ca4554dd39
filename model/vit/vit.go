// Package vit is the Vision Transformer (Dosovitskiy et al. 2021, An Image is
// Worth 16x16 Words, §3.1, eq. 1–4).
//
//	z₀ = [cls; x₁E; …; x_N E] + E_pos                                    (1)
//	z' = z + attn(LN z)                                                  (2)
//	z  = z' + mlp(LN z')                                                 (3)
//	y  = LN(z_L)[0]                                                      (4)
package vit

import (
	"fmt"

	"github.com/qkvgo/qkv/attention"
	"github.com/qkvgo/qkv/checkpoint"
	"github.com/qkvgo/qkv/model"
	"github.com/qkvgo/qkv/nn"
	"github.com/qkvgo/qkv/tensor"
)

// Config has the keys of config.json that the page obeys.
type Config struct {
	D        int               `json:"hidden_size"`
	F        int               `json:"intermediate_size"`
	L        int               `json:"num_hidden_layers" most:"4096"`
	H        int               `json:"num_attention_heads"`
	Act      tensor.Activation `json:"hidden_act"`
	Eps      float32           `json:"layer_norm_eps"`
	Image    Size              `json:"image_size"`
	Patch    Size              `json:"patch_size"`
	Channels int               `json:"num_channels"`
	Bias     bool              `json:"qkv_bias"`
	Drop     float32           `json:"hidden_dropout_prob"`
	AttnDrop float32           `json:"attention_probs_dropout_prob"`
	Stride   int               `json:"encoder_stride"`     // pixels a patch decodes to, for masked images
	Pooled   *int              `json:"pooler_output_size"` // null: D
	PoolAct  string            `json:"pooler_act" want:"tanh"`
	model.Labels
	_ struct{} `harmless:"tie_word_embeddings,pad_token_id"`
}

// Defaults are the values of keys that a config leaves out.
func Defaults() Config {
	return Config{D: 768, F: 3072, L: 12, H: 12, Act: tensor.GELU, Eps: 1e-12, Image: Size{224, 224}, Patch: Size{16, 16},
		Channels: 3, Bias: true, Stride: 16}
}

// Model is the network without a head.
type Model struct {
	Cls    *nn.Param     `ckpt:"embeddings.cls_token"`                     // [1, 1, D]
	Mask   *nn.Param     `ckpt:"embeddings.mask_token"`                    // [1, 1, D], nil but for masked images
	Pos    *nn.Param     `ckpt:"embeddings.position_embeddings"`           // [1, 1+N, D]
	Stem   *BiT          `ckpt:"embeddings.patch_embeddings.backbone.bit"` // nil but for hybrids
	Patch  *nn.Patches   `ckpt:"embeddings.patch_embeddings.projection"`
	Blocks []*Block      `ckpt:"encoder.layer"`
	Ln     *nn.LayerNorm `ckpt:"layernorm"`
	Pooler *nn.Linear    `ckpt:"pooler.dense"` // [pooled, D], nil where the head does without
	grid   nn.Grid       // of the table of positions
	image  Size
	drop   float32
}

// Block is one layer of the encoder.
type Block struct {
	Ln1  *nn.LayerNorm `ckpt:"layernorm_before"`
	Q    *nn.Linear    `ckpt:"attention.attention.query"`
	K    *nn.Linear    `ckpt:"attention.attention.key"`
	V    *nn.Linear    `ckpt:"attention.attention.value"`
	Core attention.Core
	Out  *nn.Linear    `ckpt:"attention.output.dense"`
	Ln2  *nn.LayerNorm `ckpt:"layernorm_after"`
	Up   *nn.Linear    `ckpt:"intermediate.dense"`
	Down *nn.Linear    `ckpt:"output.dense"`
	act  tensor.Activation
	drop float32
}

// New declares the network's parameters; it reads none.
func New(c Config, pooled, masked bool) *Model {
	grid := nn.Grid{Height: c.Image.Height / c.Patch.Height, Width: c.Image.Width / c.Patch.Width}
	m := &Model{Cls: nn.NewParam(1, 1, c.D), Pos: nn.NewParam(1, 1+grid.Height*grid.Width, c.D),
		Patch: nn.NewPatches(c.Channels, c.D, c.Patch.Height, c.Patch.Width), Ln: nn.NewLayerNorm(c.D, c.Eps), grid: grid, image: c.Image, drop: c.Drop}
	for range c.L {
		m.Blocks = append(m.Blocks, &Block{
			Ln1: nn.NewLayerNorm(c.D, c.Eps), Q: nn.NewLinear(c.D, c.D, c.Bias), K: nn.NewLinear(c.D, c.D, c.Bias),
			V: nn.NewLinear(c.D, c.D, c.Bias), Core: attention.Core{Heads: c.H, Drop: c.AttnDrop}, Out: nn.NewLinear(c.D, c.D, true),
			Ln2: nn.NewLayerNorm(c.D, c.Eps), Up: nn.NewLinear(c.D, c.F, true), Down: nn.NewLinear(c.F, c.D, true),
			act: c.Act, drop: c.Drop})
	}
	if pooled {
		out := c.D
		if c.Pooled != nil {
			out = *c.Pooled
		}
		m.Pooler = nn.NewLinear(c.D, out, true)
	}
	if masked {
		m.Mask = nn.NewParam(1, 1, c.D)
	}
	return m
}

// NewBase is New with the pooler, as ViTModel has it.
func NewBase(c Config) *Model { return New(c, true, false) }

// Check gives an error where sizes do not fit each other.
func (c Config) Check() error {
	if c.Patch.Height <= 0 || c.Patch.Width <= 0 || c.Image.Height < c.Patch.Height || c.Image.Width < c.Patch.Width {
		return fmt.Errorf("config.json: patch_size %v does not fit into image_size %v", c.Patch, c.Image)
	}
	if most := 1 << 20; c.Image.Height > most || c.Image.Width > most {
		return fmt.Errorf("config.json: image_size %v is beyond %d", c.Image, most)
	}
	return checkpoint.Divides("hidden_size", c.D, "num_attention_heads", c.H)
}

// Forward maps the pixels [rows, channels] of all pictures, whose grids the
// pass's batch holds, to hidden states, [Σ (1 + patches), D], before the last
// norm. The batch becomes one of patches, the class row first.
func (m *Model) Forward(p *nn.Pass, in *model.Input) *tensor.Tensor {
	x := p.Of(in.Pixels, p.Rows.Rows(), len(in.Pixels)/max(p.Rows.Rows(), 1))
	if m.Stem != nil {
		x = m.Stem.Forward(p, x)
	}
	x = m.Patch.Forward(p, x)
	if in.Masked != nil {
		x = nn.Replace(x, p.Use(m.Mask), in.Masked)
	}
	z := nn.Prepend(p, p.Use(m.Cls).Reshape(1, x.Width()), x) // (1)
	z = z.Add(nn.AtGrids(p, p.Use(m.Pos), m.grid, in.InterpolatePositions))
	z = p.Drop(m.drop, z)
	for i, b := range m.Blocks {
		z = p.Layer(i, z)
		z = b.Forward(p, z)
	}
	return p.Layer(len(m.Blocks), z)
}

// Forward maps z [rows, D] to the same shape.
func (b *Block) Forward(p *nn.Pass, z *tensor.Tensor) *tensor.Tensor {
	x := b.Ln1.Forward(p, z)
	a := b.Core.Attend(p, b.Q.Forward(p, x), b.K.Forward(p, x), b.V.Forward(p, x), attention.Full)
	z = z.Add(p.Branch(b.drop, b.Out.Forward(p, a))) // (2)
	x = b.Up.Activate(p, b.Ln2.Forward(p, z), b.act)
	return p.Branch(b.drop, b.Down.Forward(p, x)).Add(z) // (3)
}

// Run gives last_hidden_state and pooler_output.
func (m *Model) Run(p *nn.Pass, in *model.Input) []model.Output {
	z := m.Ln.Forward(p, m.Forward(p, in))
	out := []model.Output{{Name: "last_hidden_state", Value: z}}
	if m.Pooler != nil {
		pooled := m.Pooler.Activate(p, p.First(z), tensor.Tanh)
		out = append(out, model.Output{Name: "pooler_output", Value: pooled, Axis: model.PerSequence})
	}
	return out
}

// Encode maps the input to the last hidden states, [Σ (1 + patches), D].
func (m *Model) Encode(p *nn.Pass, in *model.Input) *tensor.Tensor {
	return m.Ln.Forward(p, m.Forward(p, in))
}
