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
	return m.Transformer.Forward(p, ids, nil, nil, nn.Batch{})
}

// Unembed maps hidden states [n, D] to scores [n, V].
func (m *LM) Unembed(p *nn.Pass, h *tensor.Tensor) *tensor.Tensor {
	if m.Head != nil {
		return m.Head.Scores(p, h)
	}
	return m.Transformer.Wte.Unembed(p, h)
}

// ScoreLoss is the cross-entropy of Unembed's scores of h [n, D] and targets [n].
func (m *LM) ScoreLoss(p *nn.Pass, h *tensor.Tensor, targets []int32) *tensor.Tensor {
	if m.Head != nil {
		return m.Head.CrossEntropy(p, h, targets)
	}
	return m.Transformer.Wte.CrossEntropy(p, h, targets)
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

// Summary says how DoubleHeads reads a score off a sequence, under the config's
// keys.
type Summary struct {
	Type       string            `json:"summary_type" want:"cls_index,last,first,mean"`
	Project    bool              `json:"summary_use_proj"`
	ToLabels   bool              `json:"summary_proj_to_labels"`
	Activation tensor.Activation `json:"summary_activation"`
	FirstDrop  float32           `json:"summary_first_dropout"`
	LastDrop   float32           `json:"summary_last_dropout"`
}

// DoubleHeads is GPT2DoubleHeadsModel (Radford et al. 2018, §3.3): the next
// token's scores, and a score for each sequence as one choice of several.
type DoubleHeads struct {
	LM
	Score   *nn.Linear `ckpt:"multiple_choice_head.summary"` // [1, D], nil without projection
	summary Summary
}

// NewDoubleHeads declares a language model that also chooses.
func NewDoubleHeads(c Config) *DoubleHeads {
	m := &DoubleHeads{LM: *NewLM(c), summary: c.Summary}
	if c.Project {
		out := c.D
		if c.ToLabels {
			out = 1 // whatever the config's labels are
		}
		m.Score = nn.NewLinear(c.D, out, true)
	}
	return m
}

// Run gives loss and mc_loss, where there are labels, logits and mc_logits.
func (m *DoubleHeads) Run(p *nn.Pass, in *model.Input) []model.Output {
	h := m.Transformer.run(p, in)
	logits := m.Unembed(p, h)
	x := p.Drop(m.summary.FirstDrop, m.summary.of(p.Rows, h, in.Summaries))
	if m.Score != nil {
		x = m.Score.Forward(p, x)
	}
	x = p.Drop(m.summary.LastDrop, m.summary.Activation.Apply(x))
	scores, choice := model.Choose(x, in.Choices, in.Chosen)
	var out []model.Output
	if in.Labels != nil {
		out = append(out, model.Output{Name: "loss", Value: model.NextTokenLoss(p, logits, in.Labels), Axis: model.PerCall})
	}
	if choice != nil {
		out = append(out, model.Output{Name: "mc_loss", Value: choice, Axis: model.PerCall})
	}
	return append(out, model.Output{Name: "logits", Value: logits},
		model.Output{Name: "mc_logits", Value: scores, Axis: model.PerSequence})
}

// of gives a row for each sequence of h, [rows, D]; at is the rows within their
// sequences that cls_index takes, the last where it is nil.
func (s Summary) of(b nn.Batch, h *tensor.Tensor, at []int32) *tensor.Tensor {
	rows := b.Firsts()
	switch {
	case s.Type == "mean":
		return h.MeanRows(b.Off)
	case s.Type == "first":
	case s.Type == "cls_index" && at != nil:
		for i := range rows {
			rows[i] += at[i]
		}
	default:
		rows = b.Lasts()
	}
	return h.Gather(rows)
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
func (m *Classifier) Run(p *nn.Pass, in *model.Input) []model.Output { return model.Judged(m, p, in) }

// Represent gives the row that stands for each document, [sequences, D].
func (m *Classifier) Represent(p *nn.Pass, in *model.Input) *tensor.Tensor {
	return m.Transformer.run(p, in).Gather(model.LastToken(p.Rows, in.IDs, m.pad))
}

// Judge maps documents to scores [n, K].
func (m *Classifier) Judge(p *nn.Pass, x *tensor.Tensor) *tensor.Tensor { return m.Score.Forward(p, x) }

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
