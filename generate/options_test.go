package generate

import (
	"encoding/json"
	"errors"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

func TestOptionsFromJSON(t *testing.T) {
	var o Options
	err := json.Unmarshal([]byte(`{"max_new_tokens": 7, "eos_token_id": 2, "top_k": 0, "early_stopping": "never", "num_beams": 3,
		"length_penalty": 0.0, "bad_words_ids": [[1], [2, 3]], "forced_eos_token_id": [4, 5], "forced_bos_token_id": 0,
		"exponential_decay_length_penalty": [3, 1.5], "stop_strings": "end", "use_cache": true, "penalty_alpha": null,
		"guidance_scale": 1.0, "token_healing": false, "seed": 18446744073709551615}`), &o)
	if err != nil {
		t.Fatal(err)
	}
	want := Options{MaxNewTokens: 7, EOS: IDs{2}, TopK: new(0), EarlyStopping: StopNever, NumBeams: 3, LengthPenalty: new(0.0),
		BadWords: [][]int32{{1}, {2, 3}}, ForcedEOS: IDs{4, 5}, ForcedBOS: new(int32(0)), ExponentialDecay: &Decay{3, 1.5},
		StopStrings: StopStrings{"end"}, Seed: math.MaxUint64}
	if !reflect.DeepEqual(o, want) {
		t.Errorf("have %+v, want %+v", o, want)
	}
	// What is written reads the same, and later options go over earlier ones.
	b, err := json.Marshal(o)
	if err != nil {
		t.Fatal(err)
	}
	var again Options
	if err := json.Unmarshal(b, &again); err != nil || !reflect.DeepEqual(again, o) {
		t.Errorf("%s reads back as %+v (%v)", b, again, err)
	}
	if err := json.Unmarshal([]byte(`{"eos_token_id": [2, 9], "early_stopping": true, "num_beams": null}`), &o); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(o.EOS, IDs{2, 9}) || o.EarlyStopping != StopFirst || o.NumBeams != 3 || o.MaxNewTokens != 7 {
		t.Errorf("merged: %+v", o)
	}
}

// Every field of Options that has a name in JSON is a key that is read, and the other way round.
func TestOptionKeysAreTheFields(t *testing.T) {
	var names []string
	for f := range reflect.TypeFor[Options]().Fields() {
		if name, _, _ := strings.Cut(f.Tag.Get("json"), ","); name != "-" {
			names = append(names, name)
		}
	}
	keys := slices.Sorted(slices.Values(optionKeys))
	if slices.Sort(names); !slices.Equal(names, keys) {
		t.Errorf("fields %v\nkeys %v", names, keys)
	}
	for _, key := range optionKeys {
		if _, refused := refusedKeys[key]; refused || slices.Contains(silentKeys, key) {
			t.Errorf("%s is an option and refused or silent", key)
		}
	}
}

func TestOptionsErrorsNameTheKey(t *testing.T) {
	for in, want := range map[string]string{
		`{"penalty_alpha": 0.6}`:                      "penalty_alpha: have 0.6",
		`{"guidance_scale": 2}`:                       "guidance_scale: have 2",
		`{"temprature": 1}`:                           "temprature: have 1",
		`{"eos_token_id": "x"}`:                       "eos_token_id: have \"x\"",
		`{"early_stopping": "maybe"}`:                 "early_stopping: have \"maybe\"",
		`{"exponential_decay_length_penalty": [1.5]}`: "exponential_decay_length_penalty: have [1.5]",
		`{"stop_strings": 3}`:                         "stop_strings: have 3",
		`{"top_p": "a"}`:                              "top_p",
		`{"do_sample": true, "temperature": 0}`:       "temperature: have 0",
		`{"repetition_penalty": 0.0}`:                 "repetition_penalty: have 0",
		`{"max_new_tokens": 0}`:                       "max_new_tokens: have 0",
		`[]`:                                          "options",
	} {
		var o Options
		err := json.Unmarshal([]byte(in), &o)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: have error %v, want %q in it", in, err, want)
		}
		if unsupported := strings.Contains(in, "alpha") || strings.Contains(in, "scale") || strings.Contains(in, "temprature"); errors.Is(err, errors.ErrUnsupported) != unsupported {
			t.Errorf("%s: unsupported is %v, want %v", in, !unsupported, unsupported)
		}
	}
	// Files that decode greedily often carry a temperature of zero.
	var o Options
	if err := json.Unmarshal([]byte(`{"do_sample": false, "temperature": 0.0}`), &o); err != nil {
		t.Error(err)
	}
}

func TestValidateNamesOptionAndRange(t *testing.T) {
	for want, o := range map[string]Options{
		"temperature: have -1, want a number above 0":                {Temperature: -1},
		"top_k: have -2, want 0 to 2147483647":                       {TopK: new(-2)},
		"top_p: have 1.5, want above 0 and at most 1":                {TopP: 1.5},
		"min_p: have NaN, want 0 to 1":                               {MinP: math.NaN()},
		"typical_p: have -0.1":                                       {TypicalP: -0.1},
		"epsilon_cutoff: have 1":                                     {EpsilonCutoff: 1},
		"eta_cutoff: have 1":                                         {EtaCutoff: 1},
		"repetition_penalty: have -3":                                {RepetitionPenalty: -3},
		"presence_penalty: have +Inf":                                {PresencePenalty: math.Inf(1)},
		"frequency_penalty: have -Inf":                               {FrequencyPenalty: math.Inf(-1)},
		"length_penalty: have NaN":                                   {LengthPenalty: new(math.NaN())},
		"max_new_tokens: have -1":                                    {MaxNewTokens: -1},
		"no_repeat_ngram_size: have -1":                              {NoRepeatNGramSize: -1},
		"num_beams: have 65537, want 1 to 65536":                     {NumBeams: 65537},
		"early_stopping: have x":                                     {EarlyStopping: "x"},
		"bad_words_ids[1]: have no ids":                              {BadWords: [][]int32{{1}, {}}},
		"stop_strings[0]: have \"\"":                                 {StopStrings: StopStrings{""}},
		"num_return_sequences: have 3, want at most":                 {NumBeams: 2, NumReturnSequences: 3},
		"num_return_sequences: have 3 in greedy":                     {NumReturnSequences: 3},
		"num_beam_groups: have 2, want a divisor":                    {NumBeams: 3, NumBeamGroups: 2},
		"num_beam_groups: have 2 with do_sample":                     {NumBeams: 4, NumBeamGroups: 2, DoSample: true},
		"diversity_penalty: have 1 without":                          {NumBeams: 4, DiversityPenalty: 1},
		"exponential_decay_length_penalty: have -1":                  {ExponentialDecay: &Decay{1, -1}},
		"stop_strings: have 1 strings with num_beams 2":              {NumBeams: 2, StopStrings: StopStrings{"."}},
		"top_p: have 2, want above 0 and at most 1\ngenerate: min_p": {TopP: 2, MinP: 2},
	} {
		if err := o.Validate(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("have error %v, want %q in it", err, want)
		}
	}
	for name, o := range ways() {
		if err := o.Validate(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestReadOptions(t *testing.T) {
	file := func(s string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(s)} }
	const config = `{"model_type": "gpt2", "n_embd": 8, "eos_token_id": 5, "pad_token_id": 1, "max_length": 33, "do_sample": true, "top_k": null}`
	for _, c := range []struct {
		name   string
		folder fstest.MapFS
		want   Options
	}{
		{"nothing", fstest.MapFS{}, Options{}},
		{"config alone", fstest.MapFS{"config.json": file(config)},
			Options{EOS: IDs{5}, Pad: new(int32(1)), MaxLength: 33, DoSample: true}},
		{"both: ids fall back, other options do not",
			fstest.MapFS{"config.json": file(config), "generation_config.json": file(`{"eos_token_id": [2, 3], "temperature": 0.5}`)},
			Options{EOS: IDs{2, 3}, Pad: new(int32(1)), Temperature: 0.5}},
	} {
		have, err := ReadOptions(c.folder)
		if err != nil || !reflect.DeepEqual(have, c.want) {
			t.Errorf("%s: have %+v (%v), want %+v", c.name, have, err, c.want)
		}
	}
	for want, folder := range map[string]fstest.MapFS{
		"generation_config.json: generate: penalty_alpha": {"generation_config.json": file(`{"penalty_alpha": 0.6}`)},
		"config.json: encoder_no_repeat_ngram_size":       {"config.json": file(`{"encoder_no_repeat_ngram_size": 3}`)},
		"config.json: unexpected end":                     {"config.json": file(`{`)},
	} {
		if _, err := ReadOptions(folder); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("have error %v, want %q in it", err, want)
		}
	}
}

// Whatever a file says, reading it ends in options or an error, and options that are valid decode.
func FuzzParseOptions(f *testing.F) {
	f.Add([]byte(`{"eos_token_id": [2], "top_k": 5, "do_sample": true, "max_new_tokens": 3}`))
	f.Add([]byte(`{"num_beams": 2, "early_stopping": "never", "length_penalty": -1, "bad_words_ids": [[1,2]]}`))
	f.Add([]byte(`{"exponential_decay_length_penalty": [1e300, 2], "forced_eos_token_id": 3}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		o, err := ParseOptions(b, b)
		if err != nil {
			return
		}
		o.MaxNewTokens = min(max(o.MaxNewTokens, 1), 4)
		o.NumBeams, o.NumReturnSequences = min(o.NumBeams, 6), min(o.NumReturnSequences, 6)
		if o.StopStrings = nil; o.Validate() != nil {
			return
		}
		out, err := Generate(t.Context(), hashed(t, 13, 1, 1), [][]int32{{1}, {2, 3}}, o)
		if err == nil && len(out) != 2*o.returns() {
			t.Errorf("%s: %d sequences", b, len(out))
		}
	})
}
