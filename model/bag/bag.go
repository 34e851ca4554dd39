// Package bag is the ancestors without order: bags of words and of n-grams, as
// counts, with tf-idf weights (Spärck Jones 1972) or in hashed columns (Weinberger et
// al. 2009, Feature Hashing for Large Scale Multitask Learning), and over them
// multinomial logistic regression.
//
//	x_f = how often n-gram f occurs;  tf-idf: x_f·(ln((1+n)/(1+n_f)) + 1);  x /= ‖x‖
//	scores = x·W + b
//
// A document's vector has a number for each n-gram there is, nearly all of them
// zero, and never leaves the form of index and value unless somebody asks. Words
// are tokens: which they are is the tokenizer's affair.
package bag

import (
	"fmt"
	"sync"

	"github.com/qkvgo/qkv/model"
	"github.com/qkvgo/qkv/nn"
	"github.com/qkvgo/qkv/tensor"
)

// Config has the keys of config.json that the page obeys; those of the features are
// scikit-learn's.
type Config struct {
	V         int    `json:"vocab_size"`
	F         int    `json:"num_features"` // F: V for words, the columns where hashed, else the n-grams of a list
	Range     []int  `json:"ngram_range"`  // the fewest and the most tokens of an n-gram
	Hashed    bool   `json:"hashed"`       // n-grams share F columns by a hash; else each has one of its own
	Binary    bool   `json:"binary"`       // count an n-gram once
	IDF       bool   `json:"use_idf"`      // count rare n-grams for more
	Sublinear bool   `json:"sublinear_tf"` // 1 + ln(count) for a count
	Norm      string `json:"norm" want:"l2,none"`
	Unknown   *int32 `json:"unk_token_id"` // n-grams with this token do not count; null: all do
	model.Labels
}

// Defaults are the values of keys that a config leaves out.
func Defaults() Config { return Config{Range: []int{1, 1}, Norm: "none"} }

// Check gives an error where sizes do not fit each other.
func (c Config) Check() error {
	if len(c.Range) != 2 || c.Range[0] < 1 || c.Range[1] < c.Range[0] || c.Range[1] > maxGram {
		return fmt.Errorf("config.json: ngram_range is %v, want two numbers from 1 to %d, the smaller first", c.Range, maxGram)
	}
	if c.V < 1 || c.F < 1 {
		return fmt.Errorf("config.json: vocab_size is %d and num_features %d, want 1 or more", c.V, c.F)
	}
	if c.V > 1<<24 && c.listed() {
		return fmt.Errorf("config.json: vocab_size is %d: a list of n-grams holds ids below %d", c.V, 1<<24)
	}
	if c.words() && c.F != c.V {
		return fmt.Errorf("config.json: num_features is %d for %d words: want a feature for each, or hashed", c.F, c.V)
	}
	return nil
}

// maxGram bounds the tokens of an n-gram.
const maxGram = 8

// words says whether features are the tokens themselves.
func (c Config) words() bool { return c.Range[1] == 1 && !c.Hashed }

// listed says whether features are n-grams of a list.
func (c Config) listed() bool { return c.Range[1] > 1 && !c.Hashed }

// Model is a bag and logistic regression.
type Model struct {
	Grams *nn.Param `ckpt:"features.ngrams"` // [F, longest] token ids, -1 behind shorter n-grams; nil unless listed
	IDF   *nn.Param `ckpt:"features.idf"`    // [F]; nil without tf-idf
	Coef  *nn.Param `ckpt:"coef"`            // [F, K]: a row a feature, so that only rows of features that occur are read
	Bias  *nn.Param `ckpt:"intercept"`       // [K]
	Config
	once  sync.Once
	index map[gram]int32 // of Grams
}

// New declares the parameters; it reads none.
func New(c Config) *Model {
	m := &Model{Coef: nn.NewParam(c.F, c.Count()), Bias: nn.NewParam(c.Count()), Config: c}
	if c.listed() {
		m.Grams = nn.NewParam(c.F, c.Range[1])
		m.Grams.Frozen = true
	}
	if c.IDF {
		m.IDF = nn.NewParam(c.F)
		m.IDF.Frozen = true
	}
	return m
}

// Init makes all that is trained zero: every class is as likely.
func (m *Model) Init(uint64) {
	nn.InitZeros(m.Coef)
	nn.InitZeros(m.Bias)
}

// SetFeatures gives the list of n-grams that Collect made, nil where there is none, and
// makes all features weigh the same until Fit weighs them.
func (m *Model) SetFeatures(grams []float32) {
	if m.Grams != nil {
		m.Grams.Set(grams)
	}
	if m.IDF != nil {
		nn.InitOnes(m.IDF)
	}
}

// Represent gives the documents' vectors in full, [sequences, F], mostly zeros.
func (m *Model) Represent(p *nn.Pass, in *model.Input) *tensor.Tensor {
	x := p.Zeros(p.Rows.Len(), m.F)
	for i := range x.Rows() {
		v := m.Vector(in.IDs[p.Rows.Off[i]:p.Rows.Off[i+1]])
		for t, f := range v.Index {
			x.Row(i)[f] = v.Value[t]
		}
	}
	return x
}

// Judge maps vectors [n, F] to scores [n, K].
func (m *Model) Judge(p *nn.Pass, x *tensor.Tensor) *tensor.Tensor {
	return x.MatMul(p.Use(m.Coef)).AddRow(p.Use(m.Bias))
}

// Run gives loss, where there are labels, and logits [sequences, K]: what Judge
// gives, to the bit, from what is not zero alone.
func (m *Model) Run(p *nn.Pass, in *model.Input) []model.Output {
	index, value := make([][]int32, p.Rows.Len()), make([][]float32, p.Rows.Len())
	for i := range index {
		v := m.Vector(in.IDs[p.Rows.Off[i]:p.Rows.Off[i+1]])
		index[i], value[i] = v.Index, v.Value
	}
	logits := p.Use(m.Coef).Mix(index, value).AddRow(p.Use(m.Bias))
	return model.Classified(m.Labels, logits, in, model.PerSequence)
}

// ClassLabels are the names of the classes.
func (m *Model) ClassLabels() model.Labels { return m.Labels }
