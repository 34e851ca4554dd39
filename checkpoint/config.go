package checkpoint

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strconv"
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
// loss or a gradient, whatever the family: bookkeeping, initial values, and what
// generate reads for itself. Keys that some families obey and others do not
// belong to the tags of those that do not.
var harmless = strings.Fields(`
	_attn_implementation _commit_hash _name_or_path _num_labels architectures attn_implementation chunk_size_feed_forward dtype
	finetuning_task gradient_checkpointing initializer_factor initializer_range language max_sequence_length model_max_length
	model_type name output_attentions output_hidden_states output_past prefix return_dict sentence_transformers task_specific_params tf_legacy_loss
	tokenizer_class torch_dtype torchscript transformers.js_config transformers_version unsloth_fixed unsloth_version use_bfloat16 use_cache
	use_return_dict
	bad_words_ids begin_suppress_tokens bos_token_id cls_token_id decoder_start_token_id diversity_penalty do_sample
	early_stopping encoder_no_repeat_ngram_size eos_token_id exponential_decay_length_penalty forced_bos_token_id
	forced_eos_token_id length_penalty mask_token_id max_length min_length no_repeat_ngram_size num_beam_groups num_beams
	num_return_sequences output_scores pad_token_id remove_invalid_values repetition_penalty return_dict_in_generate
	sep_token_id suppress_tokens temperature top_k top_p typical_p unk_token_id
	id2label label2id num_labels problem_type`)

// ReadConfig sets the fields of the struct behind into from config.json; fields
// keep the values they have, the family's defaults, where a key is absent. A key
// that no field obeys is an error unless it changes no number. Tags say more: a
// field with `want:"a,b"` takes only those values, an integer with `most:"64"`
// none above that, and the keys in `harmless:"a,b"` of any field change nothing
// in this family. All that is wrong comes in one error.
func ReadConfig(config []byte, into any) error {
	var keys map[string]json.RawMessage
	if err := json.Unmarshal(config, &keys); err != nil {
		return fmt.Errorf("%s: %w", ConfigName, err)
	}
	if keys == nil {
		return fmt.Errorf("%s: have null, want an object", ConfigName)
	}
	f := fields{want: map[string][]string{}}
	f.add(reflect.TypeOf(into).Elem())
	var wrong []string
	for key, value := range keys {
		null := string(bytes.TrimSpace(value)) == "null"
		if !slices.Contains(f.known, key) && !slices.Contains(f.harmless, key) && !slices.Contains(harmless, key) && !null && !off(value) {
			wrong = append(wrong, fmt.Sprintf("%s %s: this model does not obey the key", key, value))
		}
		if allowed, ok := f.want[key]; ok && !null && !slices.Contains(allowed, strings.Trim(string(value), `"`)) {
			wrong = append(wrong, fmt.Sprintf("%s %s: want %s", key, value, strings.Join(allowed, ", ")))
		}
	}
	if len(wrong) > 0 {
		slices.Sort(wrong)
		return &Unsupported{ConfigName + ": " + strings.Join(wrong, "; ")}
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

// fields are the JSON keys of a struct, the values that some allow, and the keys
// that it does not need.
type fields struct {
	known, harmless []string
	want            map[string][]string
}

func (s *fields) add(t reflect.Type) {
	for i := range t.NumField() {
		f := t.Field(i)
		if f.Anonymous {
			s.add(f.Type)
			continue
		}
		if keys := f.Tag.Get("harmless"); keys != "" {
			s.harmless = append(s.harmless, strings.Split(keys, ",")...)
		}
		key := keyOf(f)
		if key == "" {
			continue
		}
		s.known = append(s.known, key)
		if values := f.Tag.Get("want"); values != "" {
			s.want[key] = strings.Split(values, ",")
		}
	}
}

func keyOf(f reflect.StructField) string {
	key, _, _ := strings.Cut(f.Tag.Get("json"), ",")
	return key
}

// maxSize bounds every size that a config can name and no tag bounds, so that
// products of two stay numbers.
const maxSize = 1 << 28

// checkValues refuses sizes that no model has and activations that nothing
// computes, those of structs within v among them.
func checkValues(v reflect.Value) error {
	var wrong []error
	for i := range v.NumField() {
		f := v.Type().Field(i)
		if !f.IsExported() {
			continue
		}
		most := maxSize
		if tag := f.Tag.Get("most"); tag != "" {
			most, _ = strconv.Atoi(tag)
		}
		size := func(n int) {
			if n < 0 || n > most {
				wrong = append(wrong, fmt.Errorf("%s: %s is %d, want 0 to %d", ConfigName, keyOf(f), n, most))
			}
		}
		switch x := v.Field(i).Interface().(type) {
		case int:
			size(x)
		case *int:
			if x != nil {
				size(*x)
			}
		case []int:
			for _, n := range x {
				size(n)
			}
		case tensor.Activation:
			if !x.Known() {
				wrong = append(wrong, &Unsupported{fmt.Sprintf("%s: %s %q", ConfigName, keyOf(f), x)})
			}
		default:
			if f.Type.Kind() == reflect.Struct {
				wrong = append(wrong, checkValues(v.Field(i)))
			}
		}
	}
	return errors.Join(wrong...)
}

// Divides gives an error unless the second of two config values divides the
// first; both must be positive.
func Divides(whole string, n int, part string, k int) error {
	if n <= 0 || k <= 0 || n%k != 0 {
		return fmt.Errorf("%s: %s (%d) must be a positive multiple of %s (%d)", ConfigName, whole, n, part, k)
	}
	return nil
}
