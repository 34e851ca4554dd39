// Package zoo is one table, architecture name → page, and the way from a folder
// to a model through it.
package zoo

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"slices"

	"github.com/qkvgo/qkv/checkpoint"
	"github.com/qkvgo/qkv/lora"
	"github.com/qkvgo/qkv/model"
	"github.com/qkvgo/qkv/model/average"
	"github.com/qkvgo/qkv/model/bag"
	"github.com/qkvgo/qkv/model/bert"
	"github.com/qkvgo/qkv/model/cnn"
	"github.com/qkvgo/qkv/model/gpt2"
	"github.com/qkvgo/qkv/model/llama"
	"github.com/qkvgo/qkv/model/parts"
	"github.com/qkvgo/qkv/model/rnn"
	"github.com/qkvgo/qkv/model/vit"
)

// page makes a model from config.json, without values.
type page func(config []byte) (model.Model, error)

// family is what the architectures of a paper share.
type family struct {
	modelType string
	rules     checkpoint.Rules
	pages     map[string]page
}

// families is the table.
var families = []family{
	{"gpt2", checkpoint.Rules{Base: "transformer", Ignore: []string{".attn.bias", ".attn.masked_bias", ".crossattention.bias", ".crossattention.masked_bias"},
		Tied: map[string]string{"lm_head.weight": "transformer.wte.weight"}}, map[string]page{
		"GPT2LMHeadModel":               with(gpt2.Defaults, gpt2.Config.Check, sure(gpt2.NewLM)),
		"GPT2DoubleHeadsModel":          with(gpt2.Defaults, gpt2.Config.Check, sure(gpt2.NewDoubleHeads)),
		"GPT2Model":                     with(gpt2.Defaults, gpt2.Config.Check, sure(gpt2.New)),
		"GPT2ForSequenceClassification": with(gpt2.Defaults, gpt2.Config.Check, sure(gpt2.NewClassifier)),
		"GPT2ForTokenClassification":    with(gpt2.Defaults, gpt2.Config.Check, sure(gpt2.NewTagger)),
		"GPT2ForQuestionAnswering":      with(gpt2.Defaults, gpt2.Config.Check, sure(gpt2.NewAnswerer)),
	}},
	{"llama", checkpoint.Rules{Base: "model", Ignore: []string{".rotary_emb.inv_freq"},
		Tied: map[string]string{"lm_head.weight": "model.embed_tokens.weight"}}, map[string]page{
		"LlamaForCausalLM":               with(llama.Defaults, llama.Config.Check, llama.NewLM),
		"LlamaModel":                     with(llama.Defaults, llama.Config.Check, llama.New),
		"LlamaForSequenceClassification": with(llama.Defaults, llama.Config.Check, llama.NewClassifier),
		"LlamaForTokenClassification":    with(llama.Defaults, llama.Config.Check, llama.NewTagger),
		"LlamaForQuestionAnswering":      with(llama.Defaults, llama.Config.Check, llama.NewAnswerer),
	}},
	{"bert", checkpoint.Rules{Base: "bert", Rename: []string{"LayerNorm.gamma", "LayerNorm.weight", "LayerNorm.beta", "LayerNorm.bias"},
		Ignore: []string{"embeddings.position_ids", "embeddings.token_type_ids"}, Spare: []string{"cls.", "bert.pooler.", "pooler."},
		Tied: map[string]string{"cls.predictions.decoder.weight": "bert.embeddings.word_embeddings.weight",
			"cls.predictions.decoder.bias": "cls.predictions.bias"}}, map[string]page{
		"BertModel":                     with(bert.Defaults, bert.Config.Check, sure(bert.NewBase)),
		"BertForMaskedLM":               with(bert.Defaults, bert.Config.Check, sure(bert.NewMaskedLM)),
		"BertLMHeadModel":               with(bert.Defaults, bert.Config.Check, sure(bert.NewLM)),
		"BertForPreTraining":            with(bert.Defaults, bert.Config.Check, sure(bert.NewPretraining)),
		"BertForNextSentencePrediction": with(bert.Defaults, bert.Config.Check, sure(bert.NewNextSentence)),
		"BertForSequenceClassification": with(bert.Defaults, bert.Config.Check, sure(bert.NewClassifier)),
		"BertForMultipleChoice":         with(bert.Defaults, bert.Config.Check, sure(bert.NewChooser)),
		"BertForTokenClassification":    with(bert.Defaults, bert.Config.Check, sure(bert.NewTagger)),
		"BertForQuestionAnswering":      with(bert.Defaults, bert.Config.Check, sure(bert.NewAnswerer)),
	}},
	{"qkv-bag", checkpoint.Rules{}, map[string]page{
		"QKVBagForSequenceClassification": with(bag.Defaults, bag.Config.Check, sure(bag.New)),
	}},
	{"qkv-average", checkpoint.Rules{}, map[string]page{
		"QKVAverageForSequenceClassification": with(average.Defaults, average.Config.Check, sure(average.New)),
	}},
	{"qkv-cnn", checkpoint.Rules{}, map[string]page{
		"QKVCNNForSequenceClassification": with(cnn.Defaults, cnn.Config.Check, sure(cnn.New)),
	}},
	{"qkv-rnn", checkpoint.Rules{Spare: []string{"lm_head.", "classifier."}, Tied: map[string]string{"lm_head.weight": "embeddings.weight"}}, map[string]page{
		"QKVRNNForSequenceClassification": with(rnn.Defaults, rnn.Settings.Check, sure(rnn.NewClassifier)),
		"QKVRNNForCausalLM":               with(rnn.Defaults, rnn.Settings.Check, rnn.NewLM),
	}},
	{"qkv-transformer", checkpoint.Rules{Base: "model", Tied: map[string]string{"lm_head.weight": "model.embeddings.tokens.weight"}}, map[string]page{
		"QKVTransformerModel":                     with(parts.Defaults, parts.Config.Check, parts.New),
		"QKVTransformerForSequenceClassification": with(parts.Defaults, parts.Config.Check, parts.NewClassifier),
		"QKVTransformerForMaskedLM":               with(parts.Defaults, parts.Config.Check, parts.NewMaskedLM),
		"QKVTransformerForCausalLM":               with(parts.Defaults, parts.Config.Check, parts.NewLM),
	}},
	{"vit", checkpoint.Rules{Base: "vit", Spare: []string{"vit.pooler.", "pooler.", "embeddings.mask_token", "vit.embeddings.mask_token"}}, map[string]page{
		"ViTModel":                  with(vit.Defaults, vit.Config.Check, sure(vit.NewBase)),
		"ViTForImageClassification": with(vit.Defaults, vit.Config.Check, sure(vit.NewClassifier)),
		"ViTForMaskedImageModeling": with(vit.Defaults, vit.Config.Check, sure(vit.NewMaskedImages)),
	}},
	{"bit", checkpoint.Rules{Base: "bit"}, map[string]page{
		"BitModel":                  with(vit.BiTDefaults, vit.BiTConfig.Check, sure(vit.NewBiTModel)),
		"BitForImageClassification": with(vit.BiTDefaults, vit.BiTConfig.Check, sure(vit.NewBiTClassifier)),
	}},
	{"vit-hybrid", checkpoint.Rules{Base: "vit", Spare: []string{"vit.pooler.", "pooler."}}, map[string]page{
		"ViTHybridModel":                  with(vit.HybridDefaults, vit.HybridConfig.Check, sure(vit.NewHybrid)),
		"ViTHybridForImageClassification": with(vit.HybridDefaults, vit.HybridConfig.Check, sure(vit.NewHybridClassifier)),
	}},
}

// with makes a page from a family's defaults, its check of a config and the
// page's constructor.
func with[C any, M model.Model](defaults func() C, check func(C) error, build func(C) (M, error)) page {
	return func(config []byte) (model.Model, error) {
		c := defaults()
		if err := checkpoint.ReadConfig(config, &c); err != nil {
			return nil, err
		}
		if err := check(c); err != nil {
			return nil, err
		}
		return build(c)
	}
}

// sure makes a constructor that cannot fail one that does not.
func sure[C any, M model.Model](build func(C) M) func(C) (M, error) {
	return func(c C) (M, error) { return build(c), nil }
}

// Architectures are the names in the table, in order.
func Architectures() []string {
	var names []string
	for _, f := range families {
		names = slices.AppendSeq(names, maps.Keys(f.pages))
	}
	slices.Sort(names)
	return names
}

// Loaded is a model with the folder whose weights it views.
type Loaded struct {
	model.Model
	Architecture string // such as BertForMaskedLM
	ModelType    string // its family, such as bert
	Folder       *checkpoint.Folder
}

// Close unmaps the weights; no pass may use the model after it.
func (l *Loaded) Close() error { return l.Folder.Close() }

// New makes the model that config.json names, without values, and gives the
// rules of its family's files. architecture, if not empty, takes the place of
// the config's own: another head.
func New(config []byte, architecture string) (m model.Model, name string, rules checkpoint.Rules, err error) {
	var c struct {
		Architectures []string `json:"architectures"`
		ModelType     string   `json:"model_type"`
	}
	if err := json.Unmarshal(config, &c); err != nil {
		return nil, "", rules, fmt.Errorf("%s: %w", checkpoint.ConfigName, err)
	}
	name = architecture
	if name == "" && len(c.Architectures) > 0 {
		name = c.Architectures[0]
	}
	if name == "" {
		return nil, "", rules, fmt.Errorf("%s names no architecture", checkpoint.ConfigName)
	}
	if f, ok := familyOf(name); ok {
		m, err := f.pages[name](config)
		return m, name, f.rules, err
	}
	return nil, name, rules, &checkpoint.Unsupported{What: "architecture " + name}
}

// familyOf is the family that has a page for the architecture.
func familyOf(architecture string) (family, bool) {
	for _, f := range families {
		if f.pages[architecture] != nil {
			return f, true
		}
	}
	return family{}, false
}

// Open loads the model in the folder dir. A folder of adapters opens with the model
// that they were made for.
func Open(dir string) (*Loaded, error) {
	if lora.Is(dir) {
		return openAdapted(dir)
	}
	return load(os.DirFS(dir), dir, func() (*checkpoint.Folder, error) { return checkpoint.Open(dir) })
}

// OpenFS loads a model from a folder that is not on disk; name is for messages.
func OpenFS(fsys fs.FS, name string) (*Loaded, error) {
	return load(fsys, name, func() (*checkpoint.Folder, error) { return checkpoint.OpenFS(fsys, name) })
}

// load looks at the config before it opens the weights: what no page runs need
// not have any that can be read.
func load(fsys fs.FS, folder string, open func() (*checkpoint.Folder, error)) (*Loaded, error) {
	config, err := checkpoint.Config(fsys, folder)
	if err != nil {
		return nil, err
	}
	m, name, rules, err := New(config, "")
	if err != nil {
		return nil, fmt.Errorf("%s: %w", folder, err)
	}
	f, err := open()
	if err != nil {
		return nil, err
	}
	if err := f.Bind(m, rules); err != nil {
		f.Close()
		return nil, err
	}
	own, _ := familyOf(name)
	return &Loaded{Model: m, Architecture: name, ModelType: own.modelType, Folder: f}, nil
}

// Vision says whether the model takes pictures.
func (l *Loaded) Vision() bool {
	_, ok := l.Model.(model.Vision)
	return ok
}
