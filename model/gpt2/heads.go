package gpt2

import (
	"github.com/qkvgo/qkv/model"
	"github.com/qkvgo/qkv/nn"
	"github.com/qkvgo/qkv/tensor"
)

// LM is GPT2LMHeadModel: the next token's scores.
type LM struct {
	Transformer *Model     `ckpt:"transformer"`
	Head        *nn.Linear `ckpt:"lm_head"` // [V, D], nil where the embeddings serve
}

// NewLM declares a language model.
func NewLM(c Config) *LM {
	m := &LM{Transformer: New(c)}
	if !c.Tied {
		m.Head = nn.NewLinear(c.D, c.V, false)
	}
	return m
}

// Hidden maps ids [rows] to the last hidden states [rows, D].
func (m *LM) Hidden(p *nn.Pass, ids []int32) *tensor.Tensor {
	return m.Transformer.Forward(p, ids, nil, nn.Batch{})
}

// Unembed maps hidden states [n, D] to scores [n, V].
func (m *LM) Unembed(p *nn.Pass, h *tensor.Tensor) *tensor.Tensor {
	if m.Head != nil {
		return m.Head.Forward(p, h)
	}
	return m.Transformer.Wte.Unembed(p, h)
}

// Vocabulary is how many tokens there are.
func (m *LM) Vocabulary() int { return m.Transformer.Wte.Weight.Shape[0] }

// Run gives loss, where there are labels, and logits.
func (m *LM) Run(p *nn.Pass, in *model.Input) []model.Output {
	logits := m.Unembed(p, m.Transformer.run(p, in))
	out := []model.Output{{Name: "logits", Value: logits}}
	if in.Labels != nil {
		loss := model.NextTokenLoss(p, logits, in.Labels)
		out = append([]model.Output{{Name: "loss", Value: loss, Axis: model.PerCall}}, out...)
	}
	return out
}

// Classifier is GPT2ForSequenceClassification: the class is read off the last
// row that is not padding.
type Classifier struct {
	Transformer *Model     `ckpt:"transformer"`
	Score       *nn.Linear `ckpt:"score"` // [K, D]
	labels      model.Labels
	pad         *int32
}

// NewClassifier declares a sequence classifier.
func NewClassifier(c Config) *Classifier {
	return &Classifier{New(c), nn.NewLinear(c.D, c.Count(), false), c.Labels, c.Pad}
}

// Run gives loss, where there are labels, and logits [sequences, K].
func (m *Classifier) Run(p *nn.Pass, in *model.Input) []model.Output {
	h := m.Transformer.run(p, in).Gather(model.LastToken(p.Rows, in.IDs, m.pad))
	return model.Classified(m.labels, m.Score.Forward(p, h), in, model.PerSequence)
}

// ClassLabels are the names of the classes.
func (m *Classifier) ClassLabels() model.Labels { return m.labels }

// Tagger is GPT2ForTokenClassification.
type Tagger struct {
	Transformer *Model     `ckpt:"transformer"`
	Classifier  *nn.Linear `ckpt:"classifier"` // [K, D]
	labels      model.Labels
	drop        float32
}

// NewTagger declares a token classifier.
func NewTagger(c Config) *Tagger {
	m := &Tagger{New(c), nn.NewLinear(c.D, c.Count(), true), c.Labels, 0.1}
	switch {
	case c.HeadDrop != nil:
		m.drop = *c.HeadDrop
	case c.HiddenDrop != nil:
		m.drop = *c.HiddenDrop
	}
	return m
}

// Run gives loss, where there are labels, and logits [rows, K].
func (m *Tagger) Run(p *nn.Pass, in *model.Input) []model.Output {
	h := p.Drop(m.drop, m.Transformer.run(p, in))
	return model.Tagged(m.Classifier.Forward(p, h), in)
}

// Answerer is GPT2ForQuestionAnswering.
type Answerer struct {
	Transformer *Model     `ckpt:"transformer"`
	Outputs     *nn.Linear `ckpt:"qa_outputs"` // [2, D]
}

// NewAnswerer declares a model that finds answers.
func NewAnswerer(c Config) *Answerer { return &Answerer{New(c), nn.NewLinear(c.D, 2, true)} }

// Run gives loss, where the answers are known, start_logits and end_logits.
func (m *Answerer) Run(p *nn.Pass, in *model.Input) []model.Output {
	return model.Spanned(p, m.Outputs.Forward(p, m.Transformer.run(p, in)), in)
}
