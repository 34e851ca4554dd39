// Package average is the mean of word vectors as a document's vector (Joulin et al.
// 2017, Bag of Tricks for Efficient Text Classification, §2.1; Iyyer et al. 2015, Deep
// Unordered Composition, §2).
//
//	x = 1/n · Σ E[word];  scores = W·x + b
//
// Order is lost as in a bag of words, but words that are used alike can lie side by
// side.
package average

import (
	"fmt"
	"slices"

	"github.com/qkvgo/qkv/model"
	"github.com/qkvgo/qkv/nn"
	"github.com/qkvgo/qkv/tensor"
)

// Config has the keys of config.json that the page obeys.
type Config struct {
	V    int     `json:"vocab_size"`
	D    int     `json:"hidden_size"`
	Drop float32 `json:"dropout"` // of the document's vector
	model.Labels
}

// Defaults are the values of keys that a config leaves out.
func Defaults() Config { return Config{D: 100} }

// Check gives an error where sizes do not fit.
func (c Config) Check() error {
	if c.V < 1 || c.D < 1 {
		return fmt.Errorf("config.json: vocab_size is %d and hidden_size %d, want 1 or more", c.V, c.D)
	}
	return nil
}

// Classifier is the model.
type Classifier struct {
	Words *nn.Embedding `ckpt:"embeddings"` // [V, D]
	Score *nn.Linear    `ckpt:"classifier"` // [K, D]
	Config
}

// New declares the parameters; it reads none.
func New(c Config) *Classifier {
	return &Classifier{nn.NewEmbedding(c.V, c.D), nn.NewLinear(c.D, c.Count(), true), c}
}

// Init draws word vectors evenly from ±1/D, as fastText does, and makes every class as
// likely.
func (m *Classifier) Init(seed uint64) {
	nn.Name(m)
	nn.InitUniform(m.Words.Weight, 1/float32(m.D), seed)
	nn.InitZeros(m.Score.Weight)
	nn.InitZeros(m.Score.Bias)
}

// Represent gives the means, [sequences, D], summed in the order of ids: the order of
// words does not change a bit.
func (m *Classifier) Represent(p *nn.Pass, in *model.Input) *tensor.Tensor {
	words, weights := make([][]int32, p.Rows.Len()), make([][]float32, p.Rows.Len())
	for i := range words {
		ids := slices.Sorted(slices.Values(in.IDs[p.Rows.Off[i]:p.Rows.Off[i+1]]))
		for at := 0; at < len(ids); {
			times := 1
			for at+times < len(ids) && ids[at+times] == ids[at] {
				times++
			}
			words[i], weights[i] = append(words[i], ids[at]), append(weights[i], float32(times)/float32(len(ids)))
			at += times
		}
	}
	return p.Layer(0, p.Use(m.Words.Weight).Mix(words, weights))
}

// Judge maps means [n, D] to scores [n, K].
func (m *Classifier) Judge(p *nn.Pass, x *tensor.Tensor) *tensor.Tensor {
	return m.Score.Forward(p, p.Drop(m.Drop, x))
}

// Run gives loss, where there are labels, and logits [sequences, K].
func (m *Classifier) Run(p *nn.Pass, in *model.Input) []model.Output { return model.Judged(m, p, in) }

// ClassLabels are the names of the classes.
func (m *Classifier) ClassLabels() model.Labels { return m.Labels }
