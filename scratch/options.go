// Package scratch makes models from nothing: options under the names that papers and
// flags have become a config.json, a vocabulary learnt from the user's texts, and a
// page with its first values. What comes out is a Hugging Face folder: exactly a
// class of the reference where one fits the options, else an architecture of our own
// whose model_type begins with qkv-.
package scratch

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/qkvgo/qkv/checkpoint"
)

// Options say what model is made. Zero fields take the defaults of Filled.
type Options struct {
	Kind string `json:"kind"` // one of Kinds
	Task string `json:"task"` // classification, masked-lm or causal-lm

	Tokens       string `json:"tokens"`        // what the vocabulary is of: words, wordpiece or bpe
	Vocab        int    `json:"vocab"`         // tokens of the vocabulary to learn, at most
	MinFrequency int    `json:"min_frequency"` // how often a token must occur in the texts
	Cased        bool   `json:"cased"`         // tell upper case from lower; bpe always does

	NGrams       int     `json:"ngrams"`        // tokens of the longest n-gram
	Buckets      int     `json:"buckets"`       // columns that n-grams share by a hash; 0: each has its own
	MinDocuments int     `json:"min_documents"` // in how many documents an n-gram must occur
	MaxFeatures  int     `json:"max_features"`  // most frequent n-grams only; 0: all
	C            float64 `json:"c"`             // of the bags' regression: what losses count against weights

	Width         int     `json:"width"`         // of hidden states; of embeddings in average and cnn
	Layers        int     `json:"layers"`        //
	Dropout       float64 `json:"dropout"`       //
	Pooling       string  `json:"pooling"`       // last, first, mean, max or concat: how rows become the document's vector
	Bidirectional bool    `json:"bidirectional"` // rnn, lstm, gru: read both ways
	ForgetBias    float64 `json:"forget_bias"`   // lstm: of forget gates at first; 0: 1
	Filters       int     `json:"filters"`       // cnn: of each width
	Widths        []int   `json:"widths"`        // cnn: tokens that filters see

	Positions string `json:"positions"` // one of Positions
	Norm      string `json:"norm"`      // one of Norms
	FFN       string `json:"ffn"`       // one of FFNs, or another activation's name
	Inner     int    `json:"ffn_width"` // of the feed-forward net
	Attention string `json:"attention"` // one of Attentions
	Window    int    `json:"window"`    // tokens to each side that a query sees; the size of a block; the length of a stride
	Heads     int    `json:"heads"`
	Length    int    `json:"length"`  // tokens of a document, at most
	Decoder   bool   `json:"decoder"` // of classification: tokens see only those before them
	Untied    bool   `json:"untied"`  // a language model's output layer has a matrix of its own

	Seed uint64 `json:"seed"` // of first values
}

// The names that options take. Others are errors that list them.
var (
	Kinds      = []string{"bag", "ngrams", "tfidf", "average", "cnn", "rnn", "lstm", "gru", "transformer"}
	Tasks      = []string{"classification", "masked-lm", "causal-lm"}
	Positions  = []string{"none", "learned", "sinusoidal", "rotary", "alibi", "relative"}
	Norms      = []string{"post-layernorm", "pre-layernorm", "post-rmsnorm", "pre-rmsnorm"}
	Attentions = []string{"full", "window", "global", "block", "strided"}
	FFNs       = []string{"relu", "gelu", "gelu_new", "silu", "reglu", "geglu", "swiglu"}
)

// Filled is o with defaults for its zero fields: of a Transformer BERT's parts, as a
// decoder GPT-2's.
func (o Options) Filled() Options {
	o.Task = cmp.Or(o.Task, "classification")
	o.C = cmp.Or(o.C, 1)
	o.Length = cmp.Or(o.Length, 256)
	tokens, vocab := "words", 20000
	switch {
	case o.Kind == "transformer" && o.decoder():
		tokens, vocab = "bpe", 4096
	case o.Kind == "transformer":
		tokens, vocab = "wordpiece", 4096
	}
	o.Tokens, o.Vocab, o.MinFrequency = cmp.Or(o.Tokens, tokens), cmp.Or(o.Vocab, vocab), cmp.Or(o.MinFrequency, 1)
	switch o.Kind {
	case "bag":
		o.NGrams = cmp.Or(o.NGrams, 1)
	case "ngrams", "tfidf":
		o.NGrams = cmp.Or(o.NGrams, 2)
	case "average", "cnn":
		o.Width = cmp.Or(o.Width, 128)
	case "rnn", "lstm", "gru":
		o.Width, o.Layers = cmp.Or(o.Width, 128), cmp.Or(o.Layers, 1)
		o.Pooling, o.ForgetBias = cmp.Or(o.Pooling, "last"), cmp.Or(o.ForgetBias, 1)
	case "transformer":
		o = o.parts()
	}
	if o.Kind == "cnn" {
		o.Filters = cmp.Or(o.Filters, 100)
		if o.Widths == nil {
			o.Widths = []int{3, 4, 5}
		}
	}
	return o
}

// parts are the defaults of a Transformer.
func (o Options) parts() Options {
	norm, ffn, pooling := "post-layernorm", "gelu", "first"
	if o.decoder() {
		norm, ffn, pooling = "pre-layernorm", "gelu_new", "last"
	}
	o.Width, o.Layers, o.Heads = cmp.Or(o.Width, 128), cmp.Or(o.Layers, 2), cmp.Or(o.Heads, 4)
	o.Positions, o.Norm, o.FFN = cmp.Or(o.Positions, "learned"), cmp.Or(o.Norm, norm), cmp.Or(o.FFN, ffn)
	if o.Norm == "pre" || o.Norm == "post" {
		o.Norm += "-layernorm"
	}
	o.Attention, o.Pooling = cmp.Or(o.Attention, "full"), cmp.Or(o.Pooling, pooling)
	if o.Inner == 0 {
		if o.Inner = 4 * o.Width; o.gated() { // as many parameters in three matrices (Shazeer 2020, §2)
			o.Inner = 8 * o.Width / 3
		}
	}
	if o.Attention != "full" {
		o.Window = cmp.Or(o.Window, 32)
	}
	return o
}

// decoder says whether tokens see only those before them.
func (o Options) decoder() bool { return o.Task == "causal-lm" || o.Decoder }

// gated says whether the feed-forward net has a gate, and act is its activation.
func (o Options) gated() bool { return o.act() != o.FFN }

func (o Options) act() string {
	switch o.FFN {
	case "reglu":
		return "relu"
	case "geglu":
		return "gelu"
	case "swiglu":
		return "silu"
	}
	return o.FFN
}

// check refuses names and sizes that no model has.
func (o Options) check(labels []string) error {
	for _, name := range []struct {
		what, have string
		want       []string
	}{{"model", o.Kind, Kinds}, {"task", o.Task, Tasks}, {"tokens", o.Tokens, []string{"words", "wordpiece", "bpe"}},
		{"positions", o.Positions, append(Positions, "")}, {"norm", o.Norm, append(Norms, "")},
		{"attention", o.Attention, append(Attentions, "")}, {"pooling", o.Pooling, []string{"last", "first", "mean", "max", "concat", ""}}} {
		if !slices.Contains(name.want, name.have) {
			return fmt.Errorf("%s %q: have %s", name.what, name.have, strings.TrimSuffix(strings.Join(name.want, ", "), ", "))
		}
	}
	if o.Task == "classification" && len(labels) < 2 {
		return fmt.Errorf("a classifier needs two classes or more, have %d", len(labels))
	}
	if o.Task == "masked-lm" && o.Kind != "transformer" || o.Task == "causal-lm" && !slices.Contains([]string{"rnn", "lstm", "gru", "transformer"}, o.Kind) {
		return &checkpoint.Unsupported{What: fmt.Sprintf("task %s with model %s", o.Task, o.Kind)}
	}
	if o.Dropout < 0 || o.Dropout >= 1 || o.Length < 1 {
		return fmt.Errorf("dropout %v and length %d: want a rate from 0 to below 1, and 1 or more", o.Dropout, o.Length)
	}
	return nil
}
