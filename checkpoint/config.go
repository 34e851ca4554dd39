package checkpoint

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/qkvgo/qkv/tensor"
)

// Unsupported says that a folder asks for something that no page does.
type Unsupported struct{ What string }

// Error says what is asked for.
func (u *Unsupported) Error() string { return "unsupported: " + u.What }

// Is makes it an errors.ErrUnsupported.
func (u *Unsupported) Is(target error) bool { return target == errors.ErrUnsupported }

// harmless are keys of config.json that change no number of a forward pass, a
// loss or a gradient: bookkeeping, initial values, and what generate reads for
// itself.
var harmless = []string{"_name_or_path", "architectures", "attn_implementation", "_attn_implementation", "bos_token_id", "chunk_size_feed_forward",
	"dtype", "eos_token_id", "finetuning_task", "gradient_checkpointing", "initializer_range", "initializer_factor", "is_encoder_decoder",
	"model_type", "output_attentions", "output_hidden_states", "pad_token_id", "return_dict", "sep_token_id", "summary_activation",
	"summary_first_dropout", "summary_proj_to_labels", "summary_type", "summary_use_proj", "task_specific_params", "tokenizer_class",
	"torch_dtype", "torchscript", "transformers_version", "use_bfloat16", "use_cache", "use_return_dict", "n_ctx", "num_labels",
	"id2label", "label2id", "problem_type", "tie_word_embeddings", "tie_encoder_decoder", "decoder_start_token_id", "bad_words_ids", "begin_suppress_tokens",
	"cross_attention_hidden_size", "directionality", "do_sample", "diversity_penalty", "early_stopping", "encoder_no_repeat_ngram_size",
	"exponential_decay_length_penalty", "forced_bos_token_id", "forced_eos_token_id", "length_penalty", "max_length", "min_length",
	"no_repeat_ngram_size", "num_beam_groups", "num_beams", "num_return_sequences", "output_scores", "prefix", "pruned_heads",
	"remove_invalid_values", "repetition_penalty", "return_dict_in_generate", "suppress_tokens", "temperature", "tf_legacy_loss",
	"top_k", "top_p", "typical_p", "pooler_fc_size", "pooler_num_attention_heads", "pooler_num_fc_layers", "pooler_size_per_head",
	"pooler_type", "_commit_hash", "head_dim", "n_special", "predict_special_tokens", "afn", "nPositions", "encoder_stride", "is_decoder",
	"add_cross_attention", "classifier_dropout"}

// ReadConfig sets the fields of the struct behind into from config.json; fields
// keep the values they have, the family's defaults, where a key is absent. A key
// that no field obeys is an error unless it changes no number. A field tagged
// `want:"a,b"` takes only those values.
func ReadConfig(config []byte, into any) error {
	var keys map[string]json.RawMessage
	if err := json.Unmarshal(config, &keys); err != nil {
		return fmt.Errorf("%s: %w", ConfigName, err)
	}
	known, want := fields(reflect.TypeOf(into).Elem())
	var wrong []string
	for key, value := range keys {
		null := string(bytes.TrimSpace(value)) == "null"
		if !slices.Contains(known, key) && !slices.Contains(harmless, key) && !null && !off(value) {
			wrong = append(wrong, fmt.Sprintf("%s: %s", key, value))
		}
		if allowed, ok := want[key]; ok && !null && !slices.Contains(allowed, strings.Trim(string(value), `"`)) {
			return &Unsupported{fmt.Sprintf("%s: %s %s (known: %s)", ConfigName, key, value, strings.Join(allowed, ", "))}
		}
	}
	if len(wrong) > 0 {
		slices.Sort(wrong)
		return &Unsupported{ConfigName + " has keys that this model does not obey: " + strings.Join(wrong, "; ")}
	}
	if err := json.Unmarshal(config, into); err != nil {
		return fmt.Errorf("%s: %w", ConfigName, err)
	}
	return checkValues(reflect.ValueOf(into).Elem())
}

// off says whether a value switches something off, so that not knowing it does
// no harm.
func off(v json.RawMessage) bool {
	switch string(bytes.TrimSpace(v)) {
	case "false", "[]", "{}":
		return true
	}
	return false
}

// fields are the JSON keys of a struct and the values that some allow.
func fields(t reflect.Type) (known []string, want map[string][]string) {
	want = map[string][]string{}
	for i := range t.NumField() {
		f := t.Field(i)
		if f.Anonymous {
			k, w := fields(f.Type)
			known = append(known, k...)
			for key, values := range w {
				want[key] = values
			}
			continue
		}
		key, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if key == "" {
			continue
		}
		known = append(known, key)
		if values := f.Tag.Get("want"); values != "" {
			want[key] = strings.Split(values, ",")
		}
	}
	return known, want
}

// maxSize bounds every size that a config can name, so that a lie costs nothing.
const maxSize = 1 << 28

// checkValues refuses sizes that no model has and activations that nothing
// computes.
func checkValues(v reflect.Value) error {
	for i := range v.NumField() {
		key, _, _ := strings.Cut(v.Type().Field(i).Tag.Get("json"), ",")
		switch f := v.Field(i); x := f.Interface().(type) {
		case int:
			if x < 0 || x > maxSize {
				return fmt.Errorf("%s: %s is %d", ConfigName, key, x)
			}
		case *int:
			if x != nil && (*x < 0 || *x > maxSize) {
				return fmt.Errorf("%s: %s is %d", ConfigName, key, *x)
			}
		case tensor.Activation:
			if !x.Known() {
				return &Unsupported{fmt.Sprintf("%s: %s %q", ConfigName, key, x)}
			}
		}
	}
	return nil
}

// Divides gives an error unless the second of two config values divides the
// first; both must be positive.
func Divides(whole string, n int, part string, k int) error {
	if n <= 0 || k <= 0 || n%k != 0 {
		return fmt.Errorf("%s: %s (%d) must be a positive multiple of %s (%d)", ConfigName, whole, n, part, k)
	}
	return nil
}
