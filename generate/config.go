package generate

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strconv"
)

// ReadOptions gives the decoding defaults of a model folder as the reference takes them:
// generation_config.json decides; special ids that it leaves out come from config.json; and where it
// does not exist, config.json alone is asked for the options that old checkpoints keep there.
func ReadOptions(folder fs.FS) (Options, error) {
	var files [2][]byte
	for i, name := range []string{"generation_config.json", "config.json"} {
		b, err := fs.ReadFile(folder, name)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return Options{}, fmt.Errorf("generate: %w", err)
		}
		files[i] = b
	}
	return ParseOptions(files[0], files[1])
}

// ParseOptions is ReadOptions on the contents of the two files; nil stands for a file that is not there.
func ParseOptions(generation, config []byte) (Options, error) {
	var o Options
	wanted := legacyKeys
	if generation != nil {
		wanted = []string{"bos_token_id", "eos_token_id", "pad_token_id", "decoder_start_token_id"}
	}
	if config != nil {
		var all map[string]json.RawMessage
		if err := json.Unmarshal(config, &all); err != nil {
			return o, fmt.Errorf("generate: config.json: %w", err)
		}
		maps.DeleteFunc(all, func(key string, _ json.RawMessage) bool { return !slices.Contains(wanted, key) })
		if err := o.merge(all); err != nil {
			return o, fmt.Errorf("generate: config.json: %w", err)
		}
	}
	if generation != nil {
		if err := o.UnmarshalJSON(generation); err != nil {
			return o, fmt.Errorf("generation_config.json: %w", err)
		}
	}
	return o, nil
}

// UnmarshalJSON reads options by their names over those that o has; null leaves one as it is. A key
// that would change the result and is not an option here is an error that names it and wraps
// errors.ErrUnsupported.
func (o *Options) UnmarshalJSON(b []byte) error {
	var all map[string]json.RawMessage
	if err := json.Unmarshal(b, &all); err != nil {
		return fmt.Errorf("generate: options: %w", err)
	}
	if err := o.merge(all); err != nil {
		return fmt.Errorf("generate: %w", err)
	}
	return nil
}

// merge sets one option per key, all problems in one error.
func (o *Options) merge(all map[string]json.RawMessage) error {
	type plain Options // without UnmarshalJSON
	var errs []error
	for _, key := range slices.Sorted(maps.Keys(all)) {
		value := all[key]
		neutral, refused := refusedKeys[key]
		switch {
		case string(value) == "null" || slices.Contains(silentKeys, key):
		case slices.Contains(optionKeys, key):
			one, err := json.Marshal(map[string]json.RawMessage{key: value})
			if err == nil {
				err = json.Unmarshal(one, (*plain)(o))
			}
			if err != nil {
				errs = append(errs, fmt.Errorf("%s: %w", key, err))
			}
		case refused && equalNumber(value, neutral) || string(value) == "false":
		case refused:
			errs = append(errs, fmt.Errorf("%s: have %s: %w, want it left out", key, excerpt(value), errors.ErrUnsupported))
		default:
			errs = append(errs, fmt.Errorf("%s: have %s: %w: no option has this name", key, excerpt(value), errors.ErrUnsupported))
		}
	}
	// Zero stands for the default in Options; a file that says zero means it.
	for _, key := range positiveKeys {
		if value, ok := all[key]; ok && equalNumber(value, 0) {
			errs = append(errs, fmt.Errorf("%s: have 0, want more than 0", key))
		}
	}
	for _, key := range positiveSamplingKeys {
		if value, ok := all[key]; ok && o.DoSample && equalNumber(value, 0) {
			errs = append(errs, fmt.Errorf("%s: have 0, want more than 0 (or do_sample false, which takes the best id)", key))
		}
	}
	return errors.Join(errs...)
}

// equalNumber reports whether value is a JSON number equal to x.
func equalNumber(value json.RawMessage, x float64) bool {
	have, err := strconv.ParseFloat(string(value), 64)
	return err == nil && have == x
}

// optionKeys are the JSON names of Options.
var optionKeys = []string{
	"max_new_tokens", "max_length", "min_new_tokens", "min_length",
	"eos_token_id", "bos_token_id", "pad_token_id", "decoder_start_token_id",
	"do_sample", "temperature", "top_k", "top_p", "min_p", "typical_p", "epsilon_cutoff", "eta_cutoff", "seed",
	"num_beams", "num_beam_groups", "diversity_penalty", "length_penalty", "early_stopping", "num_return_sequences",
	"repetition_penalty", "presence_penalty", "frequency_penalty", "no_repeat_ngram_size", "bad_words_ids",
	"forced_bos_token_id", "forced_eos_token_id", "remove_invalid_values", "exponential_decay_length_penalty",
	"suppress_tokens", "begin_suppress_tokens", "renormalize_logits", "stop_strings",
}

// positiveKeys are options whose zero the reference refuses, positiveSamplingKeys those that it
// refuses, or that keep one id only, in sampling.
var (
	positiveKeys         = []string{"max_new_tokens", "max_length", "num_beams", "num_beam_groups", "num_return_sequences", "repetition_penalty"}
	positiveSamplingKeys = []string{"temperature", "top_p", "typical_p"}
)

// silentKeys do not change which ids come.
var silentKeys = []string{
	"transformers_version", "_from_model_config", "_commit_hash", "_name_or_path",
	"use_cache", "cache_implementation", "cache_config", "return_legacy_cache", "low_memory", "compile_config", "disable_compile",
	"output_attentions", "output_hidden_states", "output_scores", "output_logits", "return_dict_in_generate",
	"is_assistant", "num_assistant_tokens", "num_assistant_tokens_schedule", "assistant_confidence_threshold",
	"assistant_lookbehind", "target_lookbehind", "max_matching_ngram_size", "generation_kwargs",
	"chat_format", "max_window_size", "user_token_id", "assistant_token_id", // of chat templates
}

// refusedKeys are options of the reference that are not options here, with the number that turns
// each off (null and false always do).
var refusedKeys = map[string]float64{
	"penalty_alpha":                0,
	"guidance_scale":               1,
	"encoder_repetition_penalty":   1,
	"encoder_no_repeat_ngram_size": 0,
	"sequence_bias":                0,
	"force_words_ids":              0,
	"constraints":                  0,
	"forced_decoder_ids":           0,
	"dola_layers":                  0,
	"prompt_lookup_num_tokens":     0,
	"assistant_early_exit":         0,
	"max_time":                     0,
	"token_healing":                0,
	"watermarking_config":          0,
}

// legacyKeys are the decoding options that a config.json may hold.
var legacyKeys = []string{
	"max_length", "min_length", "do_sample", "early_stopping", "num_beams", "num_beam_groups", "diversity_penalty",
	"temperature", "top_k", "top_p", "typical_p", "repetition_penalty", "length_penalty", "no_repeat_ngram_size",
	"encoder_no_repeat_ngram_size", "bad_words_ids", "num_return_sequences", "forced_bos_token_id", "forced_eos_token_id",
	"remove_invalid_values", "exponential_decay_length_penalty", "suppress_tokens", "begin_suppress_tokens",
	"bos_token_id", "eos_token_id", "pad_token_id", "decoder_start_token_id",
}
