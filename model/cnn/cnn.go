// Package cnn is the convolutional network over words of Kim 2014 (Convolutional
// Neural Networks for Sentence Classification, §2).
//
//	c_i = relu(w·[x_i … x_{i+k−1}] + b);  ĉ = max_i c_i;  scores = W·dropout[ĉ …] + b
//
// A filter sees k words and no more, and of the places where it fires only the best
// one counts. As in the paper's code k−1 zeros stand on both sides of a document.
// With more layers, which the paper has not, convolutions that keep the number of
// rows come before; a filter then sees 1 + Σ(k−1) words.
package cnn

import (
	"fmt"
	"slices"

	"github.com/qkvgo/qkv/model"
	"github.com/qkvgo/qkv/nn"
	"github.com/qkvgo/qkv/tensor"
)

// Config has the keys of config.json that the page obeys.
type Config struct {
	V       int     `json:"vocab_size"`
	D       int     `json:"hidden_size"`                   // width of word vectors
	Filters int     `json:"num_filters"`                   // of each width
	Widths  []int   `json:"filter_widths"`                 // k, in words
	L       int     `json:"num_hidden_layers" most:"4096"` // those before the filters counted too
	Drop    float32 `json:"dropout"`                       // of the document's vector
	model.Labels
}

// Defaults are the values of keys that a config leaves out: the paper's.
func Defaults() Config { return Config{D: 300, Filters: 100, Widths: []int{3, 4, 5}, L: 1, Drop: 0.5} }

// Check gives an error where sizes do not fit.
func (c Config) Check() error {
	if c.V < 1 || c.D < 1 || c.Filters < 1 || c.L < 1 {
		return fmt.Errorf("config.json: vocab_size %d, hidden_size %d, num_filters %d, num_hidden_layers %d: want 1 or more", c.V, c.D, c.Filters, c.L)
	}
	if len(c.Widths) == 0 || slices.Min(c.Widths) < 1 || slices.Max(c.Widths) > 64 {
		return fmt.Errorf("config.json: filter_widths is %v, want widths from 1 to 64", c.Widths)
	}
	return nil
}

// Classifier is the model.
type Classifier struct {
	Words *nn.Embedding `ckpt:"embeddings"` // [V, D]
	Below []*nn.Conv2d  `ckpt:"layers"`     // each [D, D, k, 1], k the first width
	Convs []*nn.Conv2d  `ckpt:"convs"`      // each [Filters, D, k, 1]
	Score *nn.Linear    `ckpt:"classifier"` // [K, widths·Filters]
	Config
}

// New declares the parameters; it reads none.
func New(c Config) *Classifier {
	m := &Classifier{Words: nn.NewEmbedding(c.V, c.D), Score: nn.NewLinear(len(c.Widths)*c.Filters, c.Count(), true), Config: c}
	for range c.L - 1 {
		m.Below = append(m.Below, nn.NewConv2d(c.D, c.D, nn.Window{Size: nn.Grid{Height: c.Widths[0], Width: 1}, Same: true}, 1, true))
	}
	for _, k := range c.Widths {
		w := nn.Window{Size: nn.Grid{Height: k, Width: 1}, Pad: nn.Grid{Height: k - 1}}
		m.Convs = append(m.Convs, nn.NewConv2d(c.D, c.Filters, w, 1, true))
	}
	return m
}

// Init draws word vectors evenly from ±0.25, as the paper does for words without one
// (§3.1), and filters as He et al. 2015 have it for relu.
func (m *Classifier) Init(seed uint64) {
	nn.Name(m)
	nn.InitUniform(m.Words.Weight, 0.25, seed)
	for _, l := range slices.Concat(m.Below, m.Convs) {
		nn.InitKaiming(l.Weight, 0, seed)
		nn.InitZeros(l.Bias)
	}
	nn.InitXavier(m.Score.Weight, seed)
	nn.InitZeros(m.Score.Bias)
}

// Reach is how many words the widest filter sees.
func (m *Classifier) Reach() int { return 1 + len(m.Below)*(m.Widths[0]-1) + slices.Max(m.Widths) - 1 }

// Represent gives how well each filter matches at its best place, [sequences,
// widths·Filters].
func (m *Classifier) Represent(p *nn.Pass, in *model.Input) *tensor.Tensor {
	own := p.Rows
	defer func() { p.Rows = own }()
	p.Rows.Grids = make([]nn.Grid, own.Len()) // a document is a picture one pixel wide
	for i := range p.Rows.Grids {
		p.Rows.Grids[i] = nn.Grid{Height: own.Off[i+1] - own.Off[i], Width: 1}
	}
	x := p.Layer(0, m.Words.Forward(p, in.IDs))
	for i, l := range m.Below {
		x = p.Layer(i+1, l.Forward(p, x).ReLU())
	}
	rows := p.Rows
	var best []*tensor.Tensor
	for _, conv := range m.Convs {
		p.Rows = rows
		best = append(best, model.Max.Of(p, conv.Forward(p, x).ReLU()))
	}
	return tensor.Concat(best...)
}

// Judge maps vectors [n, widths·Filters] to scores [n, K].
func (m *Classifier) Judge(p *nn.Pass, x *tensor.Tensor) *tensor.Tensor {
	return m.Score.Forward(p, p.Drop(m.Drop, x))
}

// Run gives loss, where there are labels, and logits [sequences, K].
func (m *Classifier) Run(p *nn.Pass, in *model.Input) []model.Output { return model.Judged(m, p, in) }

// ClassLabels are the names of the classes.
func (m *Classifier) ClassLabels() model.Labels { return m.Labels }
