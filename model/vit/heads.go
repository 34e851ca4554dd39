package vit

import (
	"encoding/json"
	"fmt"

	"github.com/qkvgo/qkv/model"
	"github.com/qkvgo/qkv/nn"
	"github.com/qkvgo/qkv/tensor"
)

// Size is a height and width in pixels; in JSON one number or two.
type Size struct{ Height, Width int }

// UnmarshalJSON reads 16 or [16, 32].
func (s *Size) UnmarshalJSON(b []byte) error {
	var n int
	if json.Unmarshal(b, &n) == nil {
		*s = Size{n, n}
		return nil
	}
	var two [2]int
	if err := json.Unmarshal(b, &two); err != nil {
		return fmt.Errorf("a size is one number or two, not %s", b)
	}
	*s = Size{two[0], two[1]}
	return nil
}

// PictureSize is the pictures' height and width in pixels and their channels.
func (m *Model) PictureSize() (height, width, channels int) {
	if m.Stem != nil {
		return m.image.Height, m.image.Width, m.Stem.Stem.Conv.Weight.Shape[1]
	}
	return m.image.Height, m.image.Width, m.Patch.Weight.Shape[1]
}

// PictureSize is the pictures' height and width in pixels and their channels.
func (m *Classifier) PictureSize() (height, width, channels int) { return m.ViT.PictureSize() }

// PictureSize is the pictures' height and width in pixels and their channels.
func (m *MaskedImages) PictureSize() (height, width, channels int) { return m.ViT.PictureSize() }

// Classifier is ViTForImageClassification: the class row through one layer.
type Classifier struct {
	ViT    *Model     `ckpt:"vit"`
	Head   *nn.Linear `ckpt:"classifier"` // [K, D]
	labels model.Labels
}

// NewClassifier declares an image classifier.
func NewClassifier(c Config) *Classifier {
	return &Classifier{New(c, false, false), nn.NewLinear(c.D, c.Count(), true), c.Labels}
}

// Run gives loss, where there are labels, and logits [pictures, K].
func (m *Classifier) Run(p *nn.Pass, in *model.Input) []model.Output {
	z := m.ViT.Ln.Forward(p, p.First(m.ViT.Forward(p, in))) // (4)
	return model.Classified(m.labels, m.Head.Forward(p, z), in, model.PerSequence)
}

// ClassLabels are the names of the classes.
func (m *Classifier) ClassLabels() model.Labels { return m.labels }

// MaskedImages is ViTForMaskedImageModeling: hidden patches are predicted pixel
// by pixel.
type MaskedImages struct {
	ViT     *Model   `ckpt:"vit"`
	Decoder *Decoder `ckpt:"decoder.0"`
	size    Size     // of a patch, as the loss spreads the mask over pixels
}

// Decoder maps a patch's hidden state to Stride × Stride pixels.
type Decoder struct {
	Weight *nn.Param `ckpt:"weight"` // [Stride²·channels, D, 1, 1]
	Bias   *nn.Param `ckpt:"bias"`
	stride int
}

// NewMaskedImages declares a model that fills in hidden patches.
func NewMaskedImages(c Config) *MaskedImages {
	n := c.Stride * c.Stride * c.Channels
	return &MaskedImages{New(c, false, true), &Decoder{nn.NewParam(n, c.D, 1, 1), nn.NewParam(n), c.Stride}, c.Patch}
}

// Run gives loss, where patches are hidden, and reconstruction: the pictures
// [pictures, channels, height, width].
func (m *MaskedImages) Run(p *nn.Pass, in *model.Input) []model.Output {
	pixels := p.Rows
	z := m.ViT.Ln.Forward(p, m.ViT.Forward(p, in))
	w := p.Use(m.Decoder.Weight)
	x := nn.Behead(p, z).Linear(w.Reshape(w.Shape()[0], z.Width()), p.Use(m.Decoder.Bias), tensor.Identity)
	y := nn.PixelShuffle(x, p.Rows.Grids, m.Decoder.stride) // [pixels, channels]
	out := []model.Output{{Name: "reconstruction", Value: y, Axis: model.PerPixel}}
	if in.Masked == nil {
		return out
	}
	loss := nn.MaskedL1(y, in.Pixels, pixels.Grids, in.Masked, m.size.Height, m.size.Width)
	return append([]model.Output{{Name: "loss", Value: loss, Axis: model.PerCall}}, out...)
}
