package train

import (
	"encoding/json"
	"fmt"

	"github.com/qkvgo/qkv/checkpoint"
	"github.com/qkvgo/qkv/nn"
)

// config is the config.json of the model, with the keys that the reference
// writes. end is the token that begins and ends texts.
func (o LM) config(vocab int, end int32, store nn.DType) ([]byte, error) {
	c := map[string]any{
		"bos_token_id":      end,
		"eos_token_id":      end,
		"initializer_range": o.initStd(),
		"torch_dtype":       map[nn.DType]string{nn.F32: "float32", nn.BF16: "bfloat16"}[store],
		"use_cache":         true,
		"vocab_size":        vocab,
	}
	switch o.Arch {
	case "llama":
		o.llama(c)
	case "gpt2":
		if o.KVHeads != 0 && o.KVHeads != o.Heads {
			return nil, fmt.Errorf("gpt2 has as many heads of keys as of queries: leave kv-heads out, or take llama")
		}
		o.gpt2(c)
	default:
		return nil, &checkpoint.Unsupported{What: fmt.Sprintf("architecture %q (known: llama, gpt2)", o.Arch)}
	}
	raw, err := json.MarshalIndent(c, "", "  ")
	return append(raw, '\n'), err
}

func (o LM) llama(c map[string]any) {
	kv, ffn := o.KVHeads, o.FFN
	if kv == 0 {
		kv = o.Heads
	}
	if ffn == 0 { // 8/3 of the width (Touvron et al. 2023, §2.2), in whole 64s
		ffn = (o.Width*8/3 + 63) / 64 * 64
	}
	c["architectures"] = []string{"LlamaForCausalLM"}
	c["model_type"] = "llama"
	c["hidden_size"] = o.Width
	c["intermediate_size"] = ffn
	c["num_hidden_layers"] = o.Layers
	c["num_attention_heads"] = o.Heads
	c["num_key_value_heads"] = kv
	c["head_dim"] = o.Width / max(o.Heads, 1)
	c["max_position_embeddings"] = o.Context
	c["hidden_act"] = "silu"
	c["rms_norm_eps"] = 1e-5
	c["rope_theta"] = 10000.0
	c["rope_scaling"] = nil
	c["attention_bias"] = false
	c["attention_dropout"] = o.Dropout
	c["mlp_bias"] = false
	c["pretraining_tp"] = 1
	c["tie_word_embeddings"] = o.Tied
}

func (o LM) gpt2(c map[string]any) {
	c["architectures"] = []string{"GPT2LMHeadModel"}
	c["model_type"] = "gpt2"
	c["n_embd"] = o.Width
	c["n_inner"] = nil // 4·n_embd
	if o.FFN != 0 {
		c["n_inner"] = o.FFN
	}
	c["n_layer"] = o.Layers
	c["n_head"] = o.Heads
	c["n_positions"] = o.Context
	c["activation_function"] = "gelu_new"
	c["layer_norm_epsilon"] = 1e-5
	c["attn_pdrop"] = o.Dropout
	c["embd_pdrop"] = o.Dropout
	c["resid_pdrop"] = o.Dropout
	c["reorder_and_upcast_attn"] = false
	c["scale_attn_by_inverse_layer_idx"] = false
	c["scale_attn_weights"] = true
	if !o.Tied {
		c["tie_word_embeddings"] = false
	}
	c["summary_activation"] = nil
	c["summary_first_dropout"] = 0.1
	c["summary_proj_to_labels"] = true
	c["summary_type"] = "cls_index"
	c["summary_use_proj"] = true
}

// initStd is the deviation of first values.
func (o LM) initStd() float64 {
	if o.InitStd == 0 {
		return 0.02
	}
	return o.InitStd
}
