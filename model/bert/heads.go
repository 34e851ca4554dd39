package bert

import (
	"github.com/qkvgo/qkv/model"
	"github.com/qkvgo/qkv/nn"
	"github.com/qkvgo/qkv/tensor"
)

// MLMHead maps hidden states to scores of the vocabulary (appendix A.1: masked
// LM). Its matrix is the table of word embeddings unless the config unties them.
type MLMHead struct {
	Dense *nn.Linear    `ckpt:"transform.dense"` // [D, D]
	Ln    *nn.LayerNorm `ckpt:"transform.LayerNorm"`
	Bias  *nn.Param     `ckpt:"bias"`           // [V]
	Out   *nn.Param     `ckpt:"decoder.weight"` // [V, D], nil where tied
	act   tensor.Activation
}

func newMLMHead(c Config) *MLMHead {
	h := &MLMHead{Dense: nn.NewLinear(c.D, c.D, true), Ln: nn.NewLayerNorm(c.D, c.Eps), Bias: nn.NewParam(c.V), act: c.Act}
	if !c.Tied {
		h.Out = nn.NewParam(c.V, c.D)
	}
	return h
}

// Forward maps h [rows, D] to scores [rows, V]; words is the table of word
// embeddings.
func (m *MLMHead) Forward(p *nn.Pass, h *tensor.Tensor, words *nn.Param) *tensor.Tensor {
	if m.Out != nil {
		words = m.Out
	}
	x := m.Ln.Forward(p, m.Dense.Activate(p, h, m.act))
	return (&nn.Linear{Weight: words, Bias: m.Bias}).Forward(p, x)
}

// MaskedLM is BertForMaskedLM.
type MaskedLM struct {
	Bert *Model   `ckpt:"bert"`
	Head *MLMHead `ckpt:"cls.predictions"`
}

// NewMaskedLM declares a masked language model.
func NewMaskedLM(c Config) *MaskedLM { return &MaskedLM{New(c, false), newMLMHead(c)} }

// Fill gives the scores of the named rows, [len(rows), V].
func (m *MaskedLM) Fill(p *nn.Pass, in *model.Input, rows []int32) *tensor.Tensor {
	return m.Head.Forward(p, m.Bert.run(p, in).Gather(rows), m.Bert.Word.Weight)
}

// Run gives loss, where there are labels, and logits.
func (m *MaskedLM) Run(p *nn.Pass, in *model.Input) []model.Output {
	return model.Tagged(m.Head.Forward(p, m.Bert.run(p, in), m.Bert.Word.Weight), in)
}

// LM is BertLMHeadModel: the next token's scores, each row seeing those before
// it where the config makes it a decoder.
type LM struct {
	Bert    *Model   `ckpt:"bert"`
	Head    *MLMHead `ckpt:"cls.predictions"`
	decoder bool
}

// NewLM declares a language model.
func NewLM(c Config) *LM { return &LM{New(c, false), newMLMHead(c), c.Decoder} }

// Causal says whether rows see only those before them.
func (m *LM) Causal() bool { return m.decoder }

// Hidden maps ids [rows] to the last hidden states [rows, D].
func (m *LM) Hidden(p *nn.Pass, ids []int32) *tensor.Tensor {
	return m.Bert.Forward(p, ids, nil, nil, nn.Batch{})
}

// Unembed maps hidden states [n, D] to scores [n, V].
func (m *LM) Unembed(p *nn.Pass, h *tensor.Tensor) *tensor.Tensor {
	return m.Head.Forward(p, h, m.Bert.Word.Weight)
}

// Vocabulary is how many tokens there are.
func (m *LM) Vocabulary() int { return m.Bert.Word.Weight.Shape[0] }

// ColumnPositions says that positions count from the left edge of a padded batch.
func (m *LM) ColumnPositions() {}

// Run gives loss, where there are labels, and logits.
func (m *LM) Run(p *nn.Pass, in *model.Input) []model.Output {
	logits := m.Unembed(p, m.Bert.run(p, in))
	out := []model.Output{{Name: "logits", Value: logits}}
	if in.Labels != nil {
		loss := model.NextTokenLoss(p, logits, in.Labels)
		out = append([]model.Output{{Name: "loss", Value: loss, Axis: model.PerCall}}, out...)
	}
	return out
}

// NextSentence is BertForNextSentencePrediction.
type NextSentence struct {
	Bert  *Model     `ckpt:"bert"`
	Score *nn.Linear `ckpt:"cls.seq_relationship"` // [2, D]
}

// NewNextSentence declares a model that says whether sentences follow each other.
func NewNextSentence(c Config) *NextSentence {
	return &NextSentence{New(c, true), nn.NewLinear(c.D, 2, true)}
}

// Run gives loss, where there are labels, and logits [sequences, 2].
func (m *NextSentence) Run(p *nn.Pass, in *model.Input) []model.Output {
	logits := m.Score.Forward(p, m.Bert.Pool(p, m.Bert.run(p, in)))
	return model.Classified(model.Labels{ProblemType: "single_label_classification"}, logits, in, model.PerSequence)
}

// Pretraining is BertForPreTraining: masked words and the next sentence at once.
type Pretraining struct {
	Bert  *Model     `ckpt:"bert"`
	Head  *MLMHead   `ckpt:"cls.predictions"`
	Score *nn.Linear `ckpt:"cls.seq_relationship"` // [2, D]
}

// NewPretraining declares the model of the paper's pre-training.
func NewPretraining(c Config) *Pretraining {
	return &Pretraining{New(c, true), newMLMHead(c), nn.NewLinear(c.D, 2, true)}
}

// Run gives loss, where there are labels of both kinds, prediction_logits and
// seq_relationship_logits.
func (m *Pretraining) Run(p *nn.Pass, in *model.Input) []model.Output {
	h := m.Bert.run(p, in)
	words := m.Head.Forward(p, h, m.Bert.Word.Weight)
	follows := m.Score.Forward(p, m.Bert.Pool(p, h))
	out := []model.Output{{Name: "prediction_logits", Value: words},
		{Name: "seq_relationship_logits", Value: follows, Axis: model.PerSequence}}
	if in.Labels != nil && in.Next != nil {
		loss := words.CrossEntropy(in.Labels).Add(follows.CrossEntropy(in.Next))
		out = append([]model.Output{{Name: "loss", Value: loss, Axis: model.PerCall}}, out...)
	}
	return out
}

// Classifier is BertForSequenceClassification.
type Classifier struct {
	Bert   *Model     `ckpt:"bert"`
	Score  *nn.Linear `ckpt:"classifier"` // [K, D]
	labels model.Labels
	drop   float32
}

// NewClassifier declares a sequence classifier.
func NewClassifier(c Config) *Classifier {
	return &Classifier{New(c, true), nn.NewLinear(c.D, c.Count(), true), c.Labels, c.headDrop()}
}

func (c Config) headDrop() float32 {
	if c.HeadDrop != nil {
		return *c.HeadDrop
	}
	return c.Drop
}

// Run gives loss, where there are labels, and logits [sequences, K].
func (m *Classifier) Run(p *nn.Pass, in *model.Input) []model.Output { return model.Judged(m, p, in) }

// Represent gives the pooled documents, [sequences, D].
func (m *Classifier) Represent(p *nn.Pass, in *model.Input) *tensor.Tensor {
	return m.Bert.Pool(p, m.Bert.run(p, in))
}

// Judge maps pooled documents to scores [n, K].
func (m *Classifier) Judge(p *nn.Pass, x *tensor.Tensor) *tensor.Tensor {
	return m.Score.Forward(p, p.Drop(m.drop, x))
}

// ClassLabels are the names of the classes.
func (m *Classifier) ClassLabels() model.Labels { return m.labels }

// Chooser is BertForMultipleChoice: sequences are choices, scored one by one.
type Chooser struct {
	Bert  *Model     `ckpt:"bert"`
	Score *nn.Linear `ckpt:"classifier"` // [1, D]
	drop  float32
}

// NewChooser declares a model that chooses between sequences.
func NewChooser(c Config) *Chooser {
	return &Chooser{New(c, true), nn.NewLinear(c.D, 1, true), c.headDrop()}
}

// Run gives loss, where there are labels, and logits [sequences, 1].
func (m *Chooser) Run(p *nn.Pass, in *model.Input) []model.Output {
	x := p.Drop(m.drop, m.Bert.Pool(p, m.Bert.run(p, in)))
	logits, loss := model.Choose(m.Score.Forward(p, x), in.Choices, in.Labels)
	out := []model.Output{{Name: "logits", Value: logits, Axis: model.PerSequence}}
	if loss != nil {
		out = append([]model.Output{{Name: "loss", Value: loss, Axis: model.PerCall}}, out...)
	}
	return out
}

// Tagger is BertForTokenClassification.
type Tagger struct {
	Bert  *Model     `ckpt:"bert"`
	Score *nn.Linear `ckpt:"classifier"` // [K, D]
	drop  float32
}

// NewTagger declares a token classifier.
func NewTagger(c Config) *Tagger {
	return &Tagger{New(c, false), nn.NewLinear(c.D, c.Count(), true), c.headDrop()}
}

// Run gives loss, where there are labels, and logits [rows, K].
func (m *Tagger) Run(p *nn.Pass, in *model.Input) []model.Output {
	return model.Tagged(m.Score.Forward(p, p.Drop(m.drop, m.Bert.run(p, in))), in)
}

// Answerer is BertForQuestionAnswering.
type Answerer struct {
	Bert    *Model     `ckpt:"bert"`
	Outputs *nn.Linear `ckpt:"qa_outputs"` // [2, D]
}

// NewAnswerer declares a model that finds answers.
func NewAnswerer(c Config) *Answerer { return &Answerer{New(c, false), nn.NewLinear(c.D, 2, true)} }

// Run gives loss, where the answers are known, start_logits and end_logits.
func (m *Answerer) Run(p *nn.Pass, in *model.Input) []model.Output {
	return model.Spanned(p, m.Outputs.Forward(p, m.Bert.run(p, in)), in)
}
