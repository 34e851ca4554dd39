package scratch

import (
	"iter"
	"maps"

	"github.com/qkvgo/qkv/data"
	"github.com/qkvgo/qkv/model/bag"
	"github.com/qkvgo/qkv/token"
)

// object is a config.json.
type object = map[string]any

// config is the config.json of a model with the tokenizer's vocabulary, and, of a bag,
// the list of its n-grams.
func (o Options) config(t *token.Tokenizer, texts iter.Seq[string], labels data.Labels) (c object, grams []float32) {
	c = object{"vocab_size": t.VocabSize(), "torch_dtype": "float32"}
	for key, id := range map[string]int32{"bos_token_id": t.Special.BOS, "eos_token_id": t.Special.EOS, "pad_token_id": t.Special.PAD} {
		if id >= 0 {
			c[key] = id
		}
	}
	if o.Task == "classification" {
		if o.decoder() && c["pad_token_id"] == nil && c["eos_token_id"] != nil {
			c["pad_token_id"] = c["eos_token_id"] // the reference wants one for batches, to find where texts end
		}
		c["id2label"], c["label2id"], c["problem_type"] = labels.ID2Label(), labels.Label2ID(), "single_label_classification"
	}
	switch o.Kind {
	case "bag", "ngrams", "tfidf":
		grams = o.bag(c, t, texts)
	case "average":
		o.architecture(c, "qkv-average", "QKVAverage")
		maps.Copy(c, object{"hidden_size": o.Width, "dropout": o.Dropout})
	case "cnn":
		o.architecture(c, "qkv-cnn", "QKVCNN")
		maps.Copy(c, object{"hidden_size": o.Width, "dropout": o.Dropout, "num_filters": o.Filters, "filter_widths": o.Widths})
	case "rnn", "lstm", "gru":
		o.architecture(c, "qkv-rnn", "QKVRNN")
		cell := map[string]string{"rnn": "RNN_TANH", "lstm": "LSTM", "gru": "GRU"}[o.Kind]
		maps.Copy(c, object{"cell": cell, "hidden_size": o.Width, "embedding_size": o.Width, "num_hidden_layers": o.Layers, "dropout": o.Dropout,
			"bidirectional": o.Bidirectional, "pooling": o.Pooling})
		if o.Kind == "lstm" {
			c["forget_bias"] = o.ForgetBias
		}
		if o.Task == "causal-lm" {
			c["tie_word_embeddings"] = !o.Untied
		}
	case "transformer":
		o.transformer(c)
	}
	return c, grams
}

// heads are the endings of architectures' names.
var heads = map[string]string{"classification": "ForSequenceClassification", "masked-lm": "ForMaskedLM", "causal-lm": "ForCausalLM"}

// architecture names the model.
func (o Options) architecture(c object, modelType, prefix string) {
	c["model_type"], c["architectures"] = modelType, []string{prefix + heads[o.Task]}
}

// bag is the config of a bag, whose features may depend on the texts.
func (o Options) bag(c object, t *token.Tokenizer, texts iter.Seq[string]) (grams []float32) {
	o.architecture(c, "qkv-bag", "QKVBag")
	b := bag.Defaults()
	b.V, b.Range, b.Hashed, b.F = t.VocabSize(), []int{1, o.NGrams}, o.Buckets > 0, o.Buckets
	if id := t.Special.UNK; id >= 0 {
		b.Unknown = &id
	}
	if o.NGrams > 1 && !b.Hashed {
		b, grams = b.Collect(documents(t, texts), bag.Limits{MinDocuments: o.MinDocuments, MaxFeatures: o.MaxFeatures})
	} else if !b.Hashed {
		b.F = b.V
	}
	maps.Copy(c, object{"num_features": b.F, "ngram_range": b.Range, "hashed": b.Hashed, "use_idf": o.Kind == "tfidf", "norm": "none"})
	if o.Kind == "tfidf" {
		c["norm"] = "l2"
	}
	if b.Unknown != nil {
		c["unk_token_id"] = *b.Unknown
	}
	return grams
}
