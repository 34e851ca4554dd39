package vit

import (
	"errors"
	"fmt"
	"slices"

	"github.com/qkvgo/qkv/checkpoint"
	"github.com/qkvgo/qkv/nn"
	"github.com/qkvgo/qkv/tensor"
)

// Stem has the keys that BiT obeys, of a config.json or of backbone_config in it.
type Stem struct {
	Channels int               `json:"num_channels"`
	Width    int               `json:"embedding_size"`
	Widths   []int             `json:"hidden_sizes"` // of each stage
	Depths   []int             `json:"depths"`       // layers of each stage
	Kind     string            `json:"layer_type" want:"preactivation,bottleneck"`
	Act      tensor.Activation `json:"hidden_act"`
	Padding  string            `json:"global_padding" want:"SAME,same"` // null: the same number of zeros on every side
	Groups   int               `json:"num_groups"`
	Features []string          `json:"out_features"` // the deepest of these stages is the map; null: as Indices say
	Indices  []int             `json:"out_indices"`  // the same by number; null: the last stage
	SamePool bool              `json:"embedding_dynamic_padding"`
	Coarsest int               `json:"output_stride"` // beyond it stages are dilated instead of strided
	Wider    float64           `json:"width_factor"`
	DropPath float64           `json:"drop_path_rate" want:"0,0.0"`
	_        struct{}          `harmless:"stage_names"`
}

func stemDefaults() Stem {
	return Stem{Channels: 3, Width: 64, Widths: []int{256, 512, 1024, 2048}, Depths: []int{3, 4, 6, 3}, Kind: "preactivation",
		Act: tensor.ReLU, Groups: 32, Coarsest: 32, Wider: 1}
}

// stages is how many there are.
func (s Stem) stages() int { return min(len(s.Widths), len(s.Depths)) }

// deepest is the number of the stage whose output is the feature map; 0 is
// before the first.
func (s Stem) deepest() int {
	for i := s.stages(); i > 0; i-- {
		if slices.Contains(s.Features, fmt.Sprintf("stage%d", i)) || s.Features == nil && (s.Indices == nil || slices.Contains(s.Indices, i)) {
			return i
		}
	}
	return 0
}

// width is how many channels stage i has.
func (s Stem) width(i int) int {
	if i == 0 {
		return s.Width
	}
	return eights(float64(float64(s.Widths[i-1]) * s.Wider))
}

func (s Stem) check() error {
	layers := 0
	for _, n := range s.Depths {
		layers += n
	}
	if s.stages() < 1 || layers > 4096 {
		return errors.New("config.json: depths and hidden_sizes want a number for each stage, 4096 layers at most")
	}
	if err := checkpoint.Divides("hidden_sizes", s.Widths[len(s.Widths)-1], "num_groups", s.Groups); err != nil {
		return err
	}
	for i := range s.stages() {
		if !(s.Wider > 0 && float64(s.Widths[i])*s.Wider < 1<<28) {
			return errors.New("config.json: hidden_sizes and width_factor want positive numbers below 2²⁸")
		}
		for _, n := range []int{s.width(i), s.width(i + 1), eights(float64(s.width(i+1)) / 4)} {
			if err := checkpoint.Divides("channels of the backbone", n, "num_groups", s.Groups); err != nil {
				return err
			}
		}
	}
	return nil
}

// eights is n as a multiple of eight, not below 0.9 n.
func eights(n float64) int {
	m := max(8, int(float64(n)+4)/8*8)
	if float64(m) < float64(0.9*n) {
		m += 8
	}
	return m
}

// BiT is the ResNet-v2 of Kolesnikov et al. 2020 (Big Transfer, §3.1): group
// norms, and convolutions whose weights are standardized (Qiao et al. 2019).
type BiT struct {
	Stem   *Embedder `ckpt:"embedder"`
	Stages []*Stage  `ckpt:"encoder.stages"`
	Norm   *norm     `ckpt:"norm"` // nil with bottlenecks; the feature map is before it
	cfg    Stem
}

// Embedder is what comes before the stages.
type Embedder struct {
	Conv *conv `ckpt:"convolution"`
	Norm *norm `ckpt:"norm"` // nil with preactivation
}

// Stage is layers at one resolution.
type Stage struct {
	Layers []*Layer `ckpt:"layers"`
}

// Layer is a residual layer: a bottleneck of three convolutions.
type Layer struct {
	Down  *Shortcut `ckpt:"downsample"` // nil where the sum is with the input itself
	Norm1 *norm     `ckpt:"norm1"`
	Conv1 *conv     `ckpt:"conv1"` // 1 × 1
	Norm2 *norm     `ckpt:"norm2"`
	Conv2 *conv     `ckpt:"conv2"` // 3 × 3
	Norm3 *norm     `ckpt:"norm3"`
	Conv3 *conv     `ckpt:"conv3"` // 1 × 1
}

// Shortcut is the other way around a layer that changes shape.
type Shortcut struct {
	Conv *conv `ckpt:"conv"`
	Norm *norm `ckpt:"norm"` // nil with preactivation
}

type (
	conv = nn.Conv2d
	norm = nn.GroupNorm
)

// NewBiT declares the network's parameters; it reads none.
func NewBiT(s Stem) *BiT {
	early := s.Kind == "preactivation" // norms come before convolutions
	m := &BiT{Stem: &Embedder{Conv: s.conv(s.Channels, s.Width, 7, 2, 1)}, cfg: s}
	if early {
		m.Norm = s.norm(s.Widths[len(s.Widths)-1])
	} else {
		m.Stem.Norm = s.norm(s.Width)
	}
	reached, dilation := 4, 1
	for i := range s.stages() {
		in, out, stride := s.width(i), s.width(i+1), 2
		if i == 0 {
			stride = 1
		}
		if reached >= s.Coarsest {
			dilation, stride = dilation*stride, 1
		}
		reached *= stride
		first := 1
		if dilation > 2 {
			first = 2
		}
		stage := &Stage{}
		for range s.Depths[i] {
			mid := eights(float64(out) / 4)
			l := &Layer{Conv1: s.conv(in, mid, 1, 1, 1), Conv2: s.conv(mid, mid, 3, stride, first), Conv3: s.conv(mid, out, 1, 1, 1),
				Norm1: s.norm(mid), Norm2: s.norm(mid), Norm3: s.norm(out)}
			if early {
				l.Norm1, l.Norm3 = s.norm(in), s.norm(mid)
				l.Conv2.Window.Dilation = nn.Square(1)
			}
			if len(stage.Layers) == 0 {
				l.Down = &Shortcut{Conv: s.conv(in, out, 1, stride, 1)}
				if !early {
					l.Down.Norm = s.norm(out)
				}
			}
			stage.Layers = append(stage.Layers, l)
			in, stride, first = out, 1, dilation
		}
		m.Stages = append(m.Stages, stage)
	}
	return m
}

func (s Stem) norm(width int) *norm { return nn.NewGroupNorm(s.Groups, width, 1e-5) }

func (s Stem) conv(in, out, size, stride, dilation int) *conv {
	w := nn.Window{Size: nn.Square(size), Stride: nn.Square(stride), Dilation: nn.Square(dilation), Same: s.Padding != ""}
	w.Pad = nn.Square((stride - 1 + dilation*(size-1)) / 2)
	return nn.NewConv2d(in, out, w, 1, false)
}

// Forward maps pixels [rows, channels], whose grids the pass's batch holds, to
// the feature map [places, width] and makes the batch that of its places.
func (m *BiT) Forward(p *nn.Pass, x *tensor.Tensor) *tensor.Tensor {
	x = m.embed(p, x)
	for i := range m.cfg.deepest() {
		x = m.stage(p, i, x)
	}
	return x
}

// embed is what comes before the stages.
func (m *BiT) embed(p *nn.Pass, x *tensor.Tensor) *tensor.Tensor {
	x = standardized(p, m.Stem.Conv, x)
	if m.cfg.Padding == "" {
		x = nn.Frame(p, x, 1)
	}
	if m.Stem.Norm != nil {
		x = m.cfg.Act.Apply(m.Stem.Norm.Forward(p, x))
	}
	return nn.MaxPool(p, x, nn.Window{Size: nn.Square(3), Stride: nn.Square(2), Same: m.cfg.SamePool}, 0)
}

func (m *BiT) stage(p *nn.Pass, i int, x *tensor.Tensor) *tensor.Tensor {
	for _, l := range m.Stages[i].Layers {
		if m.Norm != nil {
			x = l.early(p, x, m.cfg.Act)
		} else {
			x = l.late(p, x, m.cfg.Act)
		}
	}
	return x
}

// late is act(x + bottleneck(x)), a norm after every convolution.
func (l *Layer) late(p *nn.Pass, x *tensor.Tensor, act tensor.Activation) *tensor.Tensor {
	rows, short := p.Rows, x
	if l.Down != nil {
		short = l.Down.Norm.Forward(p, standardized(p, l.Down.Conv, x))
		p.Rows = rows
	}
	x = act.Apply(l.Norm1.Forward(p, standardized(p, l.Conv1, x)))
	x = act.Apply(l.Norm2.Forward(p, standardized(p, l.Conv2, x)))
	return act.Apply(l.Norm3.Forward(p, standardized(p, l.Conv3, x)).Add(short))
}

// early is x + bottleneck(x), a norm before every convolution.
func (l *Layer) early(p *nn.Pass, x *tensor.Tensor, act tensor.Activation) *tensor.Tensor {
	rows, short := p.Rows, x
	x = act.Apply(l.Norm1.Forward(p, x))
	if l.Down != nil {
		short = standardized(p, l.Down.Conv, x)
		p.Rows = rows
	}
	x = standardized(p, l.Conv1, x)
	x = standardized(p, l.Conv2, act.Apply(l.Norm2.Forward(p, x)))
	return standardized(p, l.Conv3, act.Apply(l.Norm3.Forward(p, x))).Add(short)
}

// standardized is the convolution with weights of mean 0 and variance 1 for each
// of its outputs.
func standardized(p *nn.Pass, c *conv, x *tensor.Tensor) *tensor.Tensor {
	w := p.Use(c.Weight)
	d := c.Weight.Shape[0]
	return c.With(p, x, w.Reshape(d, c.Weight.Len()/d).LayerNorm(nil, nil, 1e-8))
}
