package parts

import (
	"errors"
	"math"

	"github.com/qkvgo/qkv/model"
	"github.com/qkvgo/qkv/nn"
	"github.com/qkvgo/qkv/tensor"
)

// Positions is the most rows that a sequence can have, 0 where no table limits them.
func (m *Model) Positions() int {
	if m.Places == nil {
		return 0
	}
	return m.Places.Weight.Shape[0]
}

// Init gives the parameters their first values: weights are drawn from a normal
// distribution of deviation 0.02, those that end a residual branch from one smaller
// by √(2·layers), as GPT-2's were (Radford et al. 2019, §2.3); norms begin as nothing
// but norms. Word vectors that are to be scaled begin with deviation 1/√D.
func (m *Model) Init(seed uint64) {
	nn.Name(m)
	m.init(seed)
}

func (m *Model) init(seed uint64) {
	for _, w := range nn.Params(m) {
		if len(w.Shape) > 1 {
			nn.InitNormal(w, 0.02, seed)
		} else {
			nn.InitZeros(w)
		}
	}
	small := float32(0.02 / math.Sqrt(2*float64(max(m.L, 1))))
	for _, b := range m.Blocks {
		nn.InitNormal(b.Attn.Out.Weight, small, seed)
		nn.InitNormal(b.FFN.Down.Weight, small, seed)
	}
	for _, n := range nn.Find[*nn.LayerNorm](m) {
		nn.InitOnes(n.Weight)
	}
	for _, n := range nn.Find[*nn.RMSNorm](m) {
		nn.InitOnes(n.Weight)
	}
	if m.Position == "sinusoidal" {
		nn.InitNormal(m.Words.Weight, float32(1/math.Sqrt(float64(m.D))), seed)
	}
}

// Run gives last_hidden_state.
func (m *Model) Run(p *nn.Pass, in *model.Input) []model.Output {
	return []model.Output{{Name: "last_hidden_state", Value: m.Forward(p, in.IDs)}}
}

// Encode maps the input to the last hidden states [rows, D].
func (m *Model) Encode(p *nn.Pass, in *model.Input) *tensor.Tensor { return m.Forward(p, in.IDs) }

// Classifier judges whole documents.
type Classifier struct {
	Model *Model     `ckpt:"model"`
	Score *nn.Linear `ckpt:"classifier"` // [K, pooled D]
}

// NewClassifier declares a classifier.
func NewClassifier(c Config) (*Classifier, error) {
	m, err := New(c)
	return &Classifier{m, nn.NewLinear(c.Pooling.Width(c.D), c.Count(), true)}, err
}

// Init gives the parameters their first values.
func (m *Classifier) Init(seed uint64) {
	nn.Name(m)
	m.Model.init(seed)
	nn.InitNormal(m.Score.Weight, 0.02, seed)
	nn.InitZeros(m.Score.Bias)
}

// Represent gives the pooled documents, [sequences, pooled D].
func (m *Classifier) Represent(p *nn.Pass, in *model.Input) *tensor.Tensor {
	return m.Model.Pooling.Of(p, m.Model.Forward(p, in.IDs))
}

// Judge maps documents to scores [n, K].
func (m *Classifier) Judge(p *nn.Pass, x *tensor.Tensor) *tensor.Tensor {
	return m.Score.Forward(p, p.Drop(m.Model.Drop, x))
}

// Run gives loss, where there are labels, and logits [sequences, K].
func (m *Classifier) Run(p *nn.Pass, in *model.Input) []model.Output { return model.Judged(m, p, in) }

// ClassLabels are the names of the classes.
func (m *Classifier) ClassLabels() model.Labels { return m.Model.Labels }

// speaker is a network that scores the tokens of its vocabulary.
type speaker struct {
	Model *Model    `ckpt:"model"`
	Head  *nn.Param `ckpt:"lm_head.weight"` // [V, D], nil where the word vectors serve
	Bias  *nn.Param `ckpt:"lm_head.bias"`   // [V]
}

func newSpeaker(c Config) (speaker, error) {
	base, err := New(c)
	m := speaker{Model: base, Bias: nn.NewParam(c.V)}
	if !c.Tied {
		m.Head = nn.NewParam(c.V, c.D)
	}
	return m, err
}

// Init gives the parameters their first values.
func (m *speaker) Init(seed uint64) {
	nn.Name(m)
	m.Model.init(seed)
	if m.Head != nil {
		nn.InitNormal(m.Head, 0.02, seed)
	}
	nn.InitZeros(m.Bias)
}

// Unembed maps hidden states [n, D] to scores [n, V].
func (m *speaker) Unembed(p *nn.Pass, h *tensor.Tensor) *tensor.Tensor {
	words := m.Head
	if words == nil {
		words = m.Model.Words.Weight
	}
	return (&nn.Linear{Weight: words, Bias: m.Bias}).Scores(p, h)
}

// MaskedLM fills in tokens (Devlin et al. 2019, §3.1).
type MaskedLM struct{ speaker }

// NewMaskedLM declares a model that fills in. It fails where tokens see only those
// before them.
func NewMaskedLM(c Config) (*MaskedLM, error) {
	if c.Decoder {
		return nil, errors.New("config.json: is_decoder: a masked language model reads both ways")
	}
	m, err := newSpeaker(c)
	return &MaskedLM{m}, err
}

// Fill gives the scores of the named rows, [len(rows), V].
func (m *MaskedLM) Fill(p *nn.Pass, in *model.Input, rows []int32) *tensor.Tensor {
	return m.Unembed(p, m.Model.Forward(p, in.IDs).Gather(rows))
}

// Run gives loss, where there are labels, and logits.
func (m *MaskedLM) Run(p *nn.Pass, in *model.Input) []model.Output {
	return model.Tagged(m.Unembed(p, m.Model.Forward(p, in.IDs)), in)
}

// LM predicts the next token.
type LM struct{ speaker }

// NewLM declares a language model. It fails unless tokens see only those before them.
func NewLM(c Config) (*LM, error) {
	if !c.Decoder {
		return nil, errors.New("config.json: a language model that predicts the next token needs is_decoder")
	}
	m, err := newSpeaker(c)
	return &LM{m}, err
}

// Hidden maps ids [rows] to the last hidden states [rows, D].
func (m *LM) Hidden(p *nn.Pass, ids []int32) *tensor.Tensor { return m.Model.Forward(p, ids) }

// Vocabulary is how many tokens there are.
func (m *LM) Vocabulary() int { return m.Model.V }

// Run gives loss, where there are labels, and logits.
func (m *LM) Run(p *nn.Pass, in *model.Input) []model.Output {
	return model.Continued(p, m.Unembed(p, m.Hidden(p, in.IDs)), in)
}
