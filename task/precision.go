package task

import (
	"github.com/qkvgo/qkv/kernel"
	"github.com/qkvgo/qkv/nn"
)

// AutoPrecision is the precision that suits the model and this processor, and why.
func (c *Classifier) AutoPrecision() (nn.Precision, string) {
	return nn.Automatic(c.loaded.Model, kernel.Best())
}

// AutoPrecision is the precision that suits the model and this processor, and why.
func (e *Embedder) AutoPrecision() (nn.Precision, string) {
	return nn.Automatic(e.loaded.Model, kernel.Best())
}

// AutoPrecision is the precision that suits the model and this processor, and why.
func (g *TextGenerator) AutoPrecision() (nn.Precision, string) {
	return nn.Automatic(g.loaded.Model, kernel.Best())
}
