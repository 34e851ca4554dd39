package zoo_test

import (
	"errors"
	"testing"

	"github.com/qkvgo/qkv/zoo"
)

// Keys that published checkpoints carry along change nothing; those that change
// numbers, and that the page does not obey, are refused.
func TestPublishedKeys(t *testing.T) {
	for name, c := range map[string]struct {
		architecture string
		keys         config
	}{
		"bert": {"BertForMaskedLM", bert.with(config{"gradient_checkpointing": false, "position_embedding_type": "absolute", "initializer_range": 0.02,
			"transformers_version": "4.6.0.dev0", "use_cache": true, "pad_token_id": 0, "model_type": "bert", "output_past": true, "language": "english", "name": "Bert"})},
		"multilingual bert": {"BertForSequenceClassification", bert.with(config{"directionality": "bidi", "pooler_fc_size": 768, "pooler_num_attention_heads": 12,
			"pooler_num_fc_layers": 3, "pooler_size_per_head": 128, "pooler_type": "first_token_transform", "_num_labels": 5, "finetuning_task": "sentiment"})},
		"cross-encoder": {"BertForSequenceClassification", bert.with(config{"id2label": config{"0": "LABEL_0"}, "label2id": config{"LABEL_0": 0},
			"sentence_transformers": config{"activation_fn": "torch.nn.modules.linear.Identity", "version": "4.0.1"}})},
		"gpt2": {"GPT2LMHeadModel", gpt2.with(config{"n_ctx": 1024, "bos_token_id": 50256, "eos_token_id": 50256, "summary_activation": nil, "summary_type": "cls_index",
			"summary_use_proj": true, "summary_first_dropout": 0.1, "summary_proj_to_labels": true, "task_specific_params": config{"text-generation": config{"do_sample": true, "max_length": 50}}})},
		"llama": {"LlamaForCausalLM", llama.with(config{"attention_bias": false, "attention_dropout": 0.0, "pretraining_tp": 1, "torch_dtype": "bfloat16",
			"is_llama_config": true, "rope_interleaved": false, "rope_scaling": nil, "transformers.js_config": config{"kv_cache_dtype": "float16"}, "eos_token_id": []int{1, 2}})},
		"vit": {"ViTForImageClassification", vit.with(config{"pooler_act": "tanh", "pooler_output_size": 12, "problem_type": "single_label_classification", "tie_word_embeddings": true})},
	} {
		if _, _, _, err := zoo.New(marshal(t, c.keys), c.architecture); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, c := range map[string]struct {
		architecture string
		keys         config
	}{
		"quantized weights":  {"LlamaForCausalLM", llama.with(config{"quantization_config": config{"quant_method": "gptq"}})},
		"a window":           {"LlamaForCausalLM", llama.with(config{"sliding_window": 4096})},
		"pruned heads":       {"BertModel", bert.with(config{"pruned_heads": config{"0": []int{1}}})},
		"another activation": {"GPT2LMHeadModel", gpt2.with(config{"activation_function": "laplace"})},
		"another pooler":     {"ViTModel", vit.with(config{"pooler_act": "relu"})},
		"another backbone":   {"ViTHybridModel", hybrid.with(config{"backbone_config": bit.with(config{"global_padding": "VALID"})})},
		"a timm backbone":    {"ViTHybridModel", hybrid.with(config{"use_timm_backbone": true})},
	} {
		if _, _, _, err := zoo.New(marshal(t, c.keys), c.architecture); !errors.Is(err, errors.ErrUnsupported) {
			t.Errorf("%s: have %v, want an unsupported key", name, err)
		}
	}
}
