package scratch

import (
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"path/filepath"
	"slices"

	"github.com/qkvgo/qkv/checkpoint"
	"github.com/qkvgo/qkv/data"
	"github.com/qkvgo/qkv/internal/atomicfile"
	"github.com/qkvgo/qkv/model"
	"github.com/qkvgo/qkv/model/bag"
	"github.com/qkvgo/qkv/nn"
	"github.com/qkvgo/qkv/token"
	"github.com/qkvgo/qkv/train"
	"github.com/qkvgo/qkv/zoo"
)

// Model is a model that was made, with all that its folder holds.
type Model struct {
	model.Model
	Options      Options // filled
	Architecture string
	Config       []byte // config.json
	Tokenizer    *token.Tokenizer
}

// New makes a model for the given texts, from which it learns its vocabulary, and for
// classes of these names. texts are gone through more than once.
func New(o Options, texts iter.Seq[string], labels data.Labels) (*Model, error) {
	o = o.Filled()
	if err := o.check(labels); err != nil {
		return nil, err
	}
	t, err := o.learn(texts)
	if err != nil {
		return nil, err
	}
	return o.With(t, texts, labels)
}

// With is New with a tokenizer that is there already. texts serve only n-grams that
// have columns of their own.
func (o Options) With(t *token.Tokenizer, texts iter.Seq[string], labels data.Labels) (*Model, error) {
	o = o.Filled()
	if err := o.check(labels); err != nil {
		return nil, err
	}
	c, grams := o.config(t, texts, labels)
	raw, err := json.MarshalIndent(c, "", "  ")
	if err != nil {
		return nil, err
	}
	m := &Model{Options: o, Config: append(raw, '\n'), Tokenizer: t}
	if m.Model, m.Architecture, _, err = zoo.New(m.Config, ""); err != nil {
		return nil, err
	}
	nn.Name(m.Model)
	if n := Parameters(m.Model); n > most || n < 0 {
		return nil, fmt.Errorf("these sizes make %.3g parameters: want at most %.3g, so choose a smaller width, vocabulary or number of layers", float64(n), float64(most))
	}
	if b, ok := m.Model.(*bag.Model); ok {
		b.SetFeatures(grams)
	}
	if own, ok := m.Model.(interface{ Init(seed uint64) }); ok {
		own.Init(o.Seed)
	} else {
		train.Initial(m.Model, o.Seed, initStd, o.Layers)
	}
	return m, nil
}

// most is how many parameters are made from nothing: with gradients and Adam's means
// they would take 32 GB.
const most = 2_000_000_000

// initStd is the deviation of a Transformer's first weights, as BERT and GPT-2 have it.
const initStd = 0.02

// learn makes the vocabulary.
func (o Options) learn(texts iter.Seq[string]) (t *token.Tokenizer, err error) {
	words := token.WordOptions{VocabSize: o.Vocab, MinFrequency: o.MinFrequency, Cased: o.Cased, Enclosed: o.enclosed(),
		Ends: o.Task == "causal-lm"}
	switch o.Tokens {
	case "words":
		t, err = token.TrainWords(texts, words)
	case "wordpiece":
		t, err = token.TrainWordPiece(texts, words)
	case "bpe":
		special := []string{data.EndOfText}
		if o.enclosed() {
			special = words.Special()
		}
		t, err = token.TrainBPE(texts, token.BPEOptions{VocabSize: max(o.Vocab, 256+len(special)), MinFrequency: o.MinFrequency, Special: special})
	}
	if err == nil && o.limited() {
		t.MaxLength = o.Length
	}
	return t, err
}

// enclosed says whether texts stand between [CLS] and [SEP].
func (o Options) enclosed() bool { return o.Kind == "transformer" && !o.decoder() }

// limited says whether a model has positions for so many tokens only.
func (o Options) limited() bool { return o.Kind == "transformer" }

// Encode is a text as the model takes it: with special tokens, cut where it is too
// long.
func (m *Model) Encode(text string) ([]int32, error) {
	o := token.Options{AddSpecialTokens: true}
	if m.Options.limited() {
		o.Truncation = &token.Truncation{MaxLength: m.Options.Length}
	}
	e, err := m.Tokenizer.EncodeWith(token.Input{Text: text}, o)
	if err != nil {
		return nil, err
	}
	return e.IDs, nil
}

// Save writes the folder dir: config.json, model.safetensors and the tokenizer's
// files.
func (m *Model) Save(dir string) error {
	if err := checkpoint.Save(dir, m.Model, m.Config); err != nil {
		return err
	}
	return m.SaveFiles(dir)
}

// SaveFiles writes what the folder of the model has beside its weights and
// config.json.
func (m *Model) SaveFiles(dir string) error {
	if err := m.Tokenizer.Save(dir); err != nil {
		return err
	}
	if m.Options.Task != "causal-lm" || m.Tokenizer.Special.EOS < 0 {
		return nil
	}
	text := fmt.Sprintf("{\n  \"_from_model_config\": true,\n  \"bos_token_id\": %d,\n  \"eos_token_id\": %d\n}\n",
		m.Tokenizer.Special.EOS, m.Tokenizer.Special.EOS)
	return atomicfile.Write(filepath.Join(dir, "generation_config.json"), func(w io.Writer) error {
		_, err := io.WriteString(w, text)
		return err
	})
}

// Parameters counts the numbers that training changes.
func Parameters(m model.Model) int {
	n := 0
	for _, w := range nn.Params(m) {
		if !w.Frozen {
			n += w.Len()
		}
	}
	return n
}

// documents are the texts as ids.
func documents(t *token.Tokenizer, texts iter.Seq[string]) (all [][]int32) {
	for text := range texts {
		all = append(all, slices.Clip(t.IDs(text)))
	}
	return all
}
