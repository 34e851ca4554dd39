package vit

import (
	"fmt"

	"github.com/qkvgo/qkv/model"
	"github.com/qkvgo/qkv/nn"
	"github.com/qkvgo/qkv/tensor"
)

// BiTConfig is that of a BiT by itself.
type BiTConfig struct {
	Stem
	model.Labels
}

// BiTDefaults are the values of keys that a config leaves out.
func BiTDefaults() BiTConfig { return BiTConfig{Stem: stemDefaults()} }

// Check gives an error where sizes do not fit each other.
func (c BiTConfig) Check() error {
	if err := c.Stem.check(); err != nil {
		return err
	}
	if out, last := c.width(c.stages()), c.Widths[len(c.Widths)-1]; c.Kind == "preactivation" && out != last {
		return fmt.Errorf("config.json: the last stage has %d channels, the norm after it the last of hidden_sizes, %d", out, last)
	}
	return nil
}

// NewBiTModel declares the network by itself, as BitModel has it.
func NewBiTModel(c BiTConfig) *BiT { return NewBiT(c.Stem) }

// PictureSize is a size of pictures that the network takes: it takes any.
func (m *BiT) PictureSize() (height, width, channels int) {
	return 32, 32, m.Stem.Conv.Weight.Shape[1]
}

// all is the output of the last stage and the norm after it, [places, width].
func (m *BiT) all(p *nn.Pass, in *model.Input) *tensor.Tensor {
	x := p.Layer(0, m.embed(p, p.Of(in.Pixels, p.Rows.Rows(), len(in.Pixels)/max(p.Rows.Rows(), 1))))
	for i := range m.Stages {
		x = p.Layer(i+1, m.stage(p, i, x))
	}
	if m.Norm == nil {
		return x
	}
	return m.cfg.Act.Apply(m.Norm.Forward(p, x))
}

// Run gives last_hidden_state and pooler_output, the mean over places.
func (m *BiT) Run(p *nn.Pass, in *model.Input) []model.Output {
	x := m.all(p, in)
	return []model.Output{{Name: "last_hidden_state", Value: x, Axis: model.PerPixel},
		{Name: "pooler_output", Value: x.MeanRows(p.Rows.Off), Axis: model.PerSequence}}
}

// BiTClassifier is BitForImageClassification: the mean over places through one
// layer.
type BiTClassifier struct {
	BiT    *BiT       `ckpt:"bit"`
	Head   *nn.Linear `ckpt:"classifier.1"` // [K, width]
	labels model.Labels
}

// NewBiTClassifier declares an image classifier.
func NewBiTClassifier(c BiTConfig) *BiTClassifier {
	return &BiTClassifier{NewBiT(c.Stem), nn.NewLinear(c.width(c.stages()), c.Count(), true), c.Labels}
}

// PictureSize is a size of pictures that the network takes: it takes any.
func (m *BiTClassifier) PictureSize() (height, width, channels int) { return m.BiT.PictureSize() }

// Run gives loss, where there are labels, and logits [pictures, K].
func (m *BiTClassifier) Run(p *nn.Pass, in *model.Input) []model.Output {
	x := m.BiT.all(p, in).MeanRows(p.Rows.Off)
	return model.Classified(m.labels, m.Head.Forward(p, x), in, model.PerSequence)
}
