package vit

import (
	"fmt"

	"github.com/qkvgo/qkv/checkpoint"
	"github.com/qkvgo/qkv/nn"
)

// HybridConfig is that of a hybrid (the paper, §3.1, Hybrid Architecture), whose
// patches are cut from a convolutional network's feature map.
type HybridConfig struct {
	Config
	Stem backbone `json:"backbone_config"`
	Map  []int    `json:"backbone_featmap_shape"` // of one picture: 1, channels, height, width
}

// HybridDefaults are the values of keys that a config leaves out.
func HybridDefaults() HybridConfig {
	c := HybridConfig{Config: Defaults(), Stem: backbone{stemDefaults()}, Map: []int{1, 1024, 24, 24}}
	c.Patch = Size{1, 1}
	c.Stem.Kind, c.Stem.Padding, c.Stem.SamePool, c.Stem.Depths = "bottleneck", "SAME", true, []int{3, 4, 9}
	c.Stem.Features = []string{"stage3"}
	return c
}

// Check gives an error where sizes do not fit each other.
func (c HybridConfig) Check() error {
	if len(c.Map) != 4 {
		return fmt.Errorf("config.json: backbone_featmap_shape is %v, want 4 sizes", c.Map)
	}
	if err := c.Stem.check(); err != nil {
		return err
	}
	if out := c.Stem.width(c.Stem.deepest()); c.Map[1] != out {
		return fmt.Errorf("config.json: backbone_featmap_shape has %d channels, the backbone %d", c.Map[1], out)
	}
	return c.onMap().Check()
}

// onMap is the config of a ViT whose pictures are feature maps.
func (c HybridConfig) onMap() Config {
	v := c.Config
	v.Image, v.Channels = Size{c.Map[2], c.Map[3]}, c.Map[1]
	return v
}

func newHybrid(c HybridConfig, pooled bool) *Model {
	m := New(c.onMap(), pooled, false)
	m.Stem, m.image = NewBiT(c.Stem.Stem), c.Image
	return m
}

// NewHybrid declares a hybrid with the pooler, as ViTHybridModel has it.
func NewHybrid(c HybridConfig) *Model { return newHybrid(c, true) }

// NewHybridClassifier declares ViTHybridForImageClassification.
func NewHybridClassifier(c HybridConfig) *Classifier {
	return &Classifier{newHybrid(c, false), nn.NewLinear(c.D, c.Count(), true), c.Labels}
}

// backbone is a config within a config.
type backbone struct{ Stem }

// UnmarshalJSON reads it as strictly as the whole.
func (s *backbone) UnmarshalJSON(b []byte) error {
	if string(b) == "null" {
		return nil
	}
	s.Stem = stemDefaults()
	return checkpoint.ReadConfig(b, &s.Stem)
}
