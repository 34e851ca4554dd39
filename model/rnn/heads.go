package rnn

import (
	"fmt"
	"math"

	"github.com/qkvgo/qkv/model"
	"github.com/qkvgo/qkv/nn"
	"github.com/qkvgo/qkv/tensor"
)

// Settings has the keys of config.json that the models with heads obey.
type Settings struct {
	V             int           `json:"vocab_size"`
	Cell          Cell          `json:"cell" want:"RNN_TANH,RNN_RELU,LSTM,GRU"`
	Embed         int           `json:"embedding_size"`
	Hidden        int           `json:"hidden_size"`
	L             int           `json:"num_hidden_layers" most:"4096"`
	Bidirectional bool          `json:"bidirectional"`
	Pooling       model.Pooling `json:"pooling" want:"last,mean,max,concat"`
	Drop          float32       `json:"dropout"`     // of embeddings, between layers, and before the head
	ForgetBias    float32       `json:"forget_bias"` // of an LSTM's first values
	Tied          bool          `json:"tie_word_embeddings"`
	model.Labels
}

// Defaults are the values of keys that a config leaves out. A forget gate begins open:
// bias 1 (Gers et al. 2000, §3; Jozefowicz et al. 2015, §5).
func Defaults() Settings {
	return Settings{Cell: LSTM, Embed: 128, Hidden: 128, L: 1, Pooling: model.Last, ForgetBias: 1}
}

// Check gives an error where sizes do not fit.
func (c Settings) Check() error {
	if c.V < 1 || c.Embed < 1 || c.Hidden < 1 || c.L < 1 {
		return fmt.Errorf("config.json: vocab_size %d, embedding_size %d, hidden_size %d, num_hidden_layers %d: want 1 or more", c.V, c.Embed, c.Hidden, c.L)
	}
	return nil
}

// reader is word vectors and the network that reads them.
type reader struct {
	Words *nn.Embedding `ckpt:"embeddings"` // [V, Embed]
	Net   *Network      `ckpt:"rnn"`
	Settings
}

func newReader(c Settings) reader {
	return reader{nn.NewEmbedding(c.V, c.Embed), New(Config{Cell: c.Cell, Input: c.Embed, Hidden: c.Hidden, Layers: c.L,
		Bidirectional: c.Bidirectional, Drop: c.Drop}), c}
}

// read gives the states after each token, [rows, directions·Hidden].
func (m *reader) read(p *nn.Pass, ids []int32) *tensor.Tensor {
	h, _ := m.Net.Forward(p, p.Layer(0, p.Drop(m.Drop, m.Words.Forward(p, ids))), nil)
	return p.Layer(m.L, h)
}

// init draws word vectors from a normal distribution of deviation 1/√Embed and the
// network as PyTorch does, but for the forget gates.
func (m *reader) init(seed uint64) {
	nn.InitNormal(m.Words.Weight, float32(1/math.Sqrt(float64(m.Embed))), seed)
	m.Net.Init(seed)
	if m.Cell == LSTM {
		for _, d := range m.Net.Directions {
			d.Forget(m.ForgetBias)
		}
	}
}

// Forget sets the bias of an LSTM's forget gates, whose two parameters are added up.
func (d *Direction) Forget(bias float32) {
	for i, w := range []*nn.Param{d.BiasIH, d.BiasHH} {
		gate := w.Own()[d.hidden : 2*d.hidden]
		for j := range gate {
			gate[j] = bias * float32(1-i)
		}
		w.Changed()
	}
}

// Classifier reads a document and judges what it remembers of it.
type Classifier struct {
	reader
	Score *nn.Linear `ckpt:"classifier"` // [K, pooled width]
}

// NewClassifier declares a classifier.
func NewClassifier(c Settings) *Classifier {
	m := &Classifier{reader: newReader(c)}
	m.Score = nn.NewLinear(c.Pooling.Width(m.Net.Width()), c.Count(), true)
	return m
}

// Init gives the parameters their first values.
func (m *Classifier) Init(seed uint64) {
	nn.Name(m)
	m.init(seed)
	nn.InitXavier(m.Score.Weight, seed)
	nn.InitZeros(m.Score.Bias)
}

// Represent gives the documents' vectors, [sequences, pooled width]. The last state of
// the direction that reads backwards is that at the first token.
func (m *Classifier) Represent(p *nn.Pass, in *model.Input) *tensor.Tensor {
	h := m.read(p, in.IDs)
	if m.Pooling == model.Mean || m.Pooling == model.Max || !m.Bidirectional {
		return m.Pooling.Of(p, h)
	}
	n := m.Hidden
	ends := tensor.Concat(p.Last(h.Cols(0, n)), p.First(h.Cols(n, 2*n)))
	if m.Pooling == model.Last {
		return ends
	}
	return tensor.Concat(ends, model.Max.Of(p, h), model.Mean.Of(p, h))
}

// Judge maps vectors to scores [n, K].
func (m *Classifier) Judge(p *nn.Pass, x *tensor.Tensor) *tensor.Tensor {
	return m.Score.Forward(p, p.Drop(m.Drop, x))
}

// Run gives loss, where there are labels, and logits [sequences, K].
func (m *Classifier) Run(p *nn.Pass, in *model.Input) []model.Output { return model.Judged(m, p, in) }

// ClassLabels are the names of the classes.
func (m *Classifier) ClassLabels() model.Labels { return m.Labels }

// LM predicts the next token from the state after the last one (Mikolov et al. 2010).
type LM struct {
	reader
	Head *nn.Param `ckpt:"lm_head.weight"` // [V, Hidden], nil where the word vectors serve (Press & Wolf 2017)
	Bias *nn.Param `ckpt:"lm_head.bias"`   // [V]
}

// NewLM declares a language model. It fails where a direction would read what it is
// to predict, or word vectors do not fit the states.
func NewLM(c Settings) (*LM, error) {
	if c.Bidirectional {
		return nil, fmt.Errorf("config.json: bidirectional: a language model reads forwards only")
	}
	m := &LM{reader: newReader(c), Bias: nn.NewParam(c.V)}
	switch {
	case !c.Tied:
		m.Head = nn.NewParam(c.V, c.Hidden)
	case c.Embed != c.Hidden:
		return nil, fmt.Errorf("config.json: tie_word_embeddings: embedding_size is %d and hidden_size %d", c.Embed, c.Hidden)
	}
	return m, nil
}

// Init gives the parameters their first values.
func (m *LM) Init(seed uint64) {
	nn.Name(m)
	m.init(seed)
	if m.Head != nil {
		nn.InitXavier(m.Head, seed)
	}
	nn.InitZeros(m.Bias)
}

// Hidden maps ids [rows] to the states after them, [rows, Hidden].
func (m *LM) Hidden(p *nn.Pass, ids []int32) *tensor.Tensor { return m.read(p, ids) }

// Unembed maps states [n, Hidden] to scores [n, V].
func (m *LM) Unembed(p *nn.Pass, h *tensor.Tensor) *tensor.Tensor {
	words := m.Head
	if words == nil {
		words = m.Words.Weight
	}
	return (&nn.Linear{Weight: words, Bias: m.Bias}).Scores(p, p.Drop(m.Drop, h))
}

// Vocabulary is how many tokens there are.
func (m *LM) Vocabulary() int { return m.V }

// Run gives loss, where there are labels, and logits.
func (m *LM) Run(p *nn.Pass, in *model.Input) []model.Output {
	return model.Continued(p, m.Unembed(p, m.Hidden(p, in.IDs)), in)
}
