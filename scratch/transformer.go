package scratch

import "maps"

// transformer is the config of a Transformer: of the reference's class that has these
// parts, else of our own.
func (o Options) transformer(c object) {
	switch {
	case o.isBERT():
		o.bert(c)
	case o.isGPT2():
		o.gpt2(c)
	case o.isLlama():
		o.llama(c)
	default:
		o.architecture(c, "qkv-transformer", "QKVTransformer")
		maps.Copy(c, object{"hidden_size": o.Width, "intermediate_size": o.Inner, "num_hidden_layers": o.Layers, "num_attention_heads": o.Heads,
			"max_position_embeddings": o.Length, "positions": o.Positions, "norm": o.Norm, "hidden_act": o.act(), "gated": o.gated(),
			"attention": o.Attention, "window": o.Window, "is_decoder": o.decoder(), "dropout": o.Dropout, "pooling": o.Pooling})
		if o.Task != "classification" {
			c["tie_word_embeddings"] = !o.Untied
		}
	}
}

// isBERT says whether BERT's page has these parts.
func (o Options) isBERT() bool {
	return !o.decoder() && (o.Positions == "learned" || o.Positions == "relative") && o.Norm == "post-layernorm" && !o.gated() &&
		o.Attention == "full" && o.Pooling == "first"
}

// isGPT2 says whether GPT-2's page has these parts.
func (o Options) isGPT2() bool {
	return o.decoder() && o.Positions == "learned" && o.Norm == "pre-layernorm" && !o.gated() && o.Attention == "full" && o.Pooling == "last"
}

// isLlama says whether Llama's page has these parts.
func (o Options) isLlama() bool {
	return o.decoder() && o.Positions == "rotary" && o.Norm == "pre-rmsnorm" && o.gated() && o.Attention == "full" && o.Pooling == "last" &&
		o.Dropout == 0
}

func (o Options) bert(c object) {
	o.architecture(c, "bert", "Bert")
	positions := map[string]string{"learned": "absolute", "relative": "relative_key"}[o.Positions]
	maps.Copy(c, object{"hidden_size": o.Width, "intermediate_size": o.Inner, "num_hidden_layers": o.Layers, "num_attention_heads": o.Heads,
		"max_position_embeddings": o.Length, "type_vocab_size": 2, "position_embedding_type": positions, "hidden_act": o.act(), "layer_norm_eps": 1e-12,
		"hidden_dropout_prob": o.Dropout, "attention_probs_dropout_prob": o.Dropout, "classifier_dropout": nil, "initializer_range": initStd,
		"tie_word_embeddings": !o.Untied})
}

func (o Options) gpt2(c object) {
	o.architecture(c, "gpt2", "GPT2")
	if o.Task == "causal-lm" {
		c["architectures"] = []string{"GPT2LMHeadModel"}
	}
	maps.Copy(c, object{"n_embd": o.Width, "n_inner": o.Inner, "n_layer": o.Layers, "n_head": o.Heads, "n_positions": o.Length,
		"activation_function": o.act(), "layer_norm_epsilon": 1e-5, "resid_pdrop": o.Dropout, "embd_pdrop": o.Dropout, "attn_pdrop": o.Dropout,
		"initializer_range": initStd, "tie_word_embeddings": !o.Untied})
}

func (o Options) llama(c object) {
	o.architecture(c, "llama", "Llama")
	maps.Copy(c, object{"hidden_size": o.Width, "intermediate_size": o.Inner, "num_hidden_layers": o.Layers, "num_attention_heads": o.Heads,
		"num_key_value_heads": o.Heads, "max_position_embeddings": o.Length, "hidden_act": o.act(), "rms_norm_eps": 1e-5, "rope_theta": 10000.0,
		"rope_scaling": nil, "attention_bias": false, "mlp_bias": false, "attention_dropout": 0.0, "initializer_range": initStd,
		"tie_word_embeddings": !o.Untied})
}
