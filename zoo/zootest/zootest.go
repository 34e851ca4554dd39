// Package zootest makes folders of tiny models with drawn values, as Hugging Face
// has them, for tests: a few kilobytes, the same bytes wherever they are made.
package zootest

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/qkvgo/qkv/checkpoint"
	"github.com/qkvgo/qkv/nn"
	"github.com/qkvgo/qkv/zoo"
)

// Words is the vocabulary of the models of text, in the order of their ids.
var Words = []string{"[PAD]", "[UNK]", "[CLS]", "[SEP]", "the", "cat", "dog", "sat", "ran", "home", "and", "slept", "."}

// Configs are the kinds of models that Make knows, with their config.json.
// Layers are two, places for tokens sixteen, pictures 8 × 8 of one grey channel.
var Configs = map[string]string{
	"gpt2": `{"architectures": ["GPT2LMHeadModel"], "model_type": "gpt2", "vocab_size": 13, "n_positions": 16,
 "n_embd": 8, "n_layer": 2, "n_head": 2, "eos_token_id": 3, "bos_token_id": 2}`,
	"llama": `{"architectures": ["LlamaForCausalLM"], "model_type": "llama", "vocab_size": 13, "max_position_embeddings": 16,
 "hidden_size": 8, "intermediate_size": 12, "num_hidden_layers": 2, "num_attention_heads": 2, "num_key_value_heads": 1,
 "tie_word_embeddings": true, "eos_token_id": 3, "bos_token_id": 2}`,
	"bert":            bert("BertModel", ""),
	"bert-masked":     bert("BertForMaskedLM", ""),
	"bert-classifier": bert("BertForSequenceClassification", `, "id2label": {"0": "good", "1": "bad", "2": "neither"}`),
	"bert-labels": bert("BertForSequenceClassification", `, "problem_type": "multi_label_classification",
 "id2label": {"0": "animals", "1": "motion"}`),
	"vit": `{"architectures": ["ViTForImageClassification"], "model_type": "vit", "hidden_size": 8, "intermediate_size": 12,
 "num_hidden_layers": 2, "num_attention_heads": 2, "image_size": 8, "patch_size": 4, "num_channels": 1,
 "id2label": {"0": "bright", "1": "dark"}}`,
}

func bert(architecture, more string) string {
	return `{"architectures": ["` + architecture + `"], "model_type": "bert", "vocab_size": 13, "max_position_embeddings": 16,
 "hidden_size": 8, "intermediate_size": 12, "num_hidden_layers": 2, "num_attention_heads": 2` + more + `}`
}

// Make writes the model of a kind into the folder dir: config.json, weights, and
// a tokenizer or the way to prepare pictures.
func Make(kind, dir string) error {
	config, ok := Configs[kind]
	if !ok {
		return fmt.Errorf("zootest: there is no kind %q", kind)
	}
	return MakeFrom(config, dir)
}

// MakeFrom is Make from a config.json of one's own.
func MakeFrom(config, dir string) error {
	m, name, _, err := zoo.New([]byte(config), "")
	if err != nil {
		return err
	}
	nn.Name(m)
	for _, w := range nn.Params(m) {
		draw(w)
	}
	if err := checkpoint.Save(dir, m, []byte(config)); err != nil {
		return err
	}
	if strings.HasPrefix(name, "ViT") {
		return write(dir, "preprocessor_config.json", `{"image_processor_type": "ViTImageProcessor", "size": 8, "image_mean": [0.5], "image_std": [0.5]}`)
	}
	return write(dir, "tokenizer.json", tokenizer(strings.HasPrefix(name, "Bert")))
}

// draw gives w values: norms scale by one, everything else is random.
func draw(w *nn.Param) {
	switch {
	case len(w.Shape) > 1:
		nn.InitNormal(w, 0.5, 1)
	case strings.HasSuffix(w.Name, "weight"):
		nn.InitOnes(w)
	default:
		nn.InitNormal(w, 0.1, 1)
	}
}

// tokenizer is a tokenizer.json of whole words; enclosed texts stand between
// [CLS] and [SEP], as BERT wants them.
func tokenizer(enclosed bool) string {
	var added, vocab []string
	for id, word := range Words {
		vocab = append(vocab, fmt.Sprintf("%q: %d", word, id))
		if strings.HasPrefix(word, "[") {
			added = append(added, fmt.Sprintf(`{"id": %d, "content": %q, "single_word": false, "lstrip": false, "rstrip": false, "normalized": false, "special": true}`, id, word))
		}
	}
	post := "null"
	if enclosed {
		post = `{"type": "BertProcessing", "sep": ["[SEP]", 3], "cls": ["[CLS]", 2]}`
	}
	return `{"version": "1.0", "truncation": null, "padding": null, "normalizer": null,
 "added_tokens": [` + strings.Join(added, ",\n  ") + `],
 "pre_tokenizer": {"type": "WhitespaceSplit"}, "post_processor": ` + post + `, "decoder": null,
 "model": {"type": "WordLevel", "vocab": {` + strings.Join(vocab, ", ") + `}, "unk_token": "[UNK]"}}`
}

func write(dir, name, text string) error {
	return os.WriteFile(filepath.Join(dir, name), []byte(text), 0o666)
}
