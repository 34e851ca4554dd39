package llama

import (
	"github.com/qkvgo/qkv/model"
	"github.com/qkvgo/qkv/nn"
	"github.com/qkvgo/qkv/tensor"
)

// LM is LlamaForCausalLM: the next token's scores.
type LM struct {
	Model *Model     `ckpt:"model"`
	Head  *nn.Linear `ckpt:"lm_head"` // [V, D], nil where the embeddings serve
}

// NewLM declares a language model.
func NewLM(c Config) (*LM, error) {
	base, err := New(c)
	if err != nil {
		return nil, err
	}
	m := &LM{Model: base}
	if !c.Tied {
		m.Head = nn.NewLinear(c.D, c.V, false)
	}
	return m, nil
}

// Hidden maps ids [rows] to the last hidden states [rows, D].
func (m *LM) Hidden(p *nn.Pass, ids []int32) *tensor.Tensor { return m.Model.Forward(p, ids) }

// Unembed maps hidden states [n, D] to scores [n, V].
func (m *LM) Unembed(p *nn.Pass, h *tensor.Tensor) *tensor.Tensor {
	if m.Head != nil {
		return m.Head.Scores(p, h)
	}
	return m.Model.Embed.Unembed(p, h)
}

// ScoreLoss is the cross-entropy of Unembed's scores of h [n, D] and targets [n].
func (m *LM) ScoreLoss(p *nn.Pass, h *tensor.Tensor, targets []int32) *tensor.Tensor {
	if m.Head != nil {
		return m.Head.CrossEntropy(p, h, targets)
	}
	return m.Model.Embed.CrossEntropy(p, h, targets)
}

// Vocabulary is how many tokens there are.
func (m *LM) Vocabulary() int { return m.Model.Embed.Weight.Shape[0] }

// Run gives loss, where there are labels, and logits.
func (m *LM) Run(p *nn.Pass, in *model.Input) []model.Output {
	logits := m.Unembed(p, m.Hidden(p, in.IDs))
	out := []model.Output{{Name: "logits", Value: logits}}
	if in.Labels != nil {
		loss := model.NextTokenLoss(p, logits, in.Labels)
		out = append([]model.Output{{Name: "loss", Value: loss, Axis: model.PerCall}}, out...)
	}
	return out
}

// Classifier is LlamaForSequenceClassification: the class is read off the last
// row that is not padding.
type Classifier struct {
	Model  *Model     `ckpt:"model"`
	Score  *nn.Linear `ckpt:"score"` // [K, D]
	labels model.Labels
	pad    *int32
}

// NewClassifier declares a sequence classifier.
func NewClassifier(c Config) (*Classifier, error) {
	base, err := New(c)
	return &Classifier{base, nn.NewLinear(c.D, c.Count(), false), c.Labels, c.Pad}, err
}

// Run gives loss, where there are labels, and logits [sequences, K].
func (m *Classifier) Run(p *nn.Pass, in *model.Input) []model.Output { return model.Judged(m, p, in) }

// Represent gives the row that stands for each document, [sequences, D].
func (m *Classifier) Represent(p *nn.Pass, in *model.Input) *tensor.Tensor {
	return m.Model.Forward(p, in.IDs).Gather(model.LastToken(p.Rows, in.IDs, m.pad))
}

// Judge maps documents to scores [n, K].
func (m *Classifier) Judge(p *nn.Pass, x *tensor.Tensor) *tensor.Tensor { return m.Score.Forward(p, x) }

// ClassLabels are the names of the classes.
func (m *Classifier) ClassLabels() model.Labels { return m.labels }

// Tagger is LlamaForTokenClassification.
type Tagger struct {
	Model  *Model     `ckpt:"model"`
	Score  *nn.Linear `ckpt:"score"` // [K, D]
	labels model.Labels
	drop   float32
}

// NewTagger declares a token classifier.
func NewTagger(c Config) (*Tagger, error) {
	base, err := New(c)
	drop := float32(0.1)
	if c.HeadDrop != nil {
		drop = *c.HeadDrop
	}
	return &Tagger{base, nn.NewLinear(c.D, c.Count(), true), c.Labels, drop}, err
}

// Run gives loss, where there are labels, and logits [rows, K].
func (m *Tagger) Run(p *nn.Pass, in *model.Input) []model.Output {
	return model.Tagged(m.Score.Forward(p, p.Drop(m.drop, m.Model.Forward(p, in.IDs))), in)
}

// Answerer is LlamaForQuestionAnswering, whose network is named transformer.
type Answerer struct {
	Transformer *Model     `ckpt:"transformer"`
	Outputs     *nn.Linear `ckpt:"qa_outputs"` // [2, D]
}

// NewAnswerer declares a model that finds answers.
func NewAnswerer(c Config) (*Answerer, error) {
	base, err := New(c)
	return &Answerer{base, nn.NewLinear(c.D, 2, true)}, err
}

// Run gives loss, where the answers are known, start_logits and end_logits.
func (m *Answerer) Run(p *nn.Pass, in *model.Input) []model.Output {
	return model.Spanned(p, m.Outputs.Forward(p, m.Transformer.Forward(p, in.IDs)), in)
}
