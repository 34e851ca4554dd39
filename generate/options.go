package generate

import (
	"encoding/json"
	"fmt"
)

// Options say how to decode, under Hugging Face's names. The zero value decodes greedily, 20 new
// tokens at most. A zero field means the reference's default; where zero is a setting of its own
// the field is a pointer, and nil is the default: Options{DoSample: true, TopK: new(0)} samples from
// the whole vocabulary.
type Options struct {
	// How long.
	MaxNewTokens int `json:"max_new_tokens,omitempty"` // without prompt; default 20
	MaxLength    int `json:"max_length,omitempty"`     // with prompt; max_new_tokens wins over it
	MinNewTokens int `json:"min_new_tokens,omitempty"` // no eos before so many new tokens
	MinLength    int `json:"min_length,omitempty"`     // the same, prompt counted

	// Special ids.
	EOS          IDs    `json:"eos_token_id,omitempty"` // a sequence ends with any of these
	BOS          *int32 `json:"bos_token_id,omitempty"` // stands for an empty prompt
	Pad          *int32 `json:"pad_token_id,omitempty"` // nothing is padded; beam groups count it
	DecoderStart *int32 `json:"decoder_start_token_id,omitempty"`

	// Sampling: each narrows or reshapes the distribution, in this order.
	DoSample      bool    `json:"do_sample,omitempty"`
	Temperature   float64 `json:"temperature,omitempty"`    // logits are divided by it; default 1
	TopK          *int    `json:"top_k,omitempty"`          // the k best; 0: all; default 50
	TopP          float64 `json:"top_p,omitempty"`          // the best that hold this mass; default 1
	MinP          float64 `json:"min_p,omitempty"`          // at least this fraction of the best probability
	TypicalP      float64 `json:"typical_p,omitempty"`      // the most typical that hold this mass; default 1
	EpsilonCutoff float64 `json:"epsilon_cutoff,omitempty"` // at least this probability
	EtaCutoff     float64 `json:"eta_cutoff,omitempty"`     // the same, lower where entropy is high
	Seed          uint64  `json:"seed,omitempty"`           // not in the reference; zero is a seed like any other

	// Beams.
	NumBeams           int           `json:"num_beams,omitempty"`            // default 1: no beam search
	NumBeamGroups      int           `json:"num_beam_groups,omitempty"`      // default 1
	DiversityPenalty   float64       `json:"diversity_penalty,omitempty"`    // off ids that earlier groups chose
	LengthPenalty      *float64      `json:"length_penalty,omitempty"`       // exponent of the length; default 1
	EarlyStopping      EarlyStopping `json:"early_stopping,omitempty"`       // default false
	NumReturnSequences int           `json:"num_return_sequences,omitempty"` // per prompt; default 1

	// Processors: scores that the past or the position forbids or changes.
	RepetitionPenalty   float64     `json:"repetition_penalty,omitempty"`   // divides scores of ids seen; default 1
	PresencePenalty     float64     `json:"presence_penalty,omitempty"`     // off new ids seen; not in the reference
	FrequencyPenalty    float64     `json:"frequency_penalty,omitempty"`    // off new ids, per time seen; not in the reference
	NoRepeatNGramSize   int         `json:"no_repeat_ngram_size,omitempty"` // no n-gram twice
	BadWords            [][]int32   `json:"bad_words_ids,omitempty"`        // id sequences that never occur
	ForcedBOS           *int32      `json:"forced_bos_token_id,omitempty"`  // the id after a prompt of one id
	ForcedEOS           IDs         `json:"forced_eos_token_id,omitempty"`  // the last id at the length limit
	RemoveInvalidValues bool        `json:"remove_invalid_values,omitempty"`
	ExponentialDecay    *Decay      `json:"exponential_decay_length_penalty,omitempty"`
	SuppressTokens      []int32     `json:"suppress_tokens,omitempty"`
	BeginSuppressTokens []int32     `json:"begin_suppress_tokens,omitempty"` // at the first step only
	RenormalizeLogits   bool        `json:"renormalize_logits,omitempty"`    // log-probabilities again at the end
	Custom              []Warper    `json:"-"`                               // after the processors, before sampling's
	StopStrings         StopStrings `json:"stop_strings,omitempty"`          // end a sequence in whose text they occur

	// Detokenizer makes the text in which Generate and Stream look for StopStrings, one per sequence.
	// Text brings its own.
	Detokenizer func() Detokenizer `json:"-"`
}

// IDs is one id or a list of them in JSON.
type IDs []int32

// UnmarshalJSON reads 2 as well as [2, 3].
func (x *IDs) UnmarshalJSON(b []byte) error {
	var one int32
	if json.Unmarshal(b, &one) == nil && string(b) != "null" {
		*x = IDs{one}
		return nil
	}
	var list []int32
	if err := json.Unmarshal(b, &list); err != nil {
		return fmt.Errorf("have %s, want an id or a list of ids", excerpt(b))
	}
	*x = list
	return nil
}

// StopStrings is one string or a list of them in JSON.
type StopStrings []string

// UnmarshalJSON reads "." as well as [".", "!"].
func (x *StopStrings) UnmarshalJSON(b []byte) error {
	var one string
	if json.Unmarshal(b, &one) == nil && string(b) != "null" {
		*x = StopStrings{one}
		return nil
	}
	var list []string
	if err := json.Unmarshal(b, &list); err != nil {
		return fmt.Errorf("have %s, want a string or a list of strings", excerpt(b))
	}
	*x = list
	return nil
}

// EarlyStopping says when a beam search that has num_beams finished sequences ends.
type EarlyStopping string

const (
	// StopUnlikely ends when the best open beam, at its present length, is no better than the worst
	// finished one. The default; false in JSON.
	StopUnlikely EarlyStopping = ""
	// StopFirst ends at once; true in JSON.
	StopFirst EarlyStopping = "true"
	// StopNever ends only when no open beam can become better at any length; "never" in JSON.
	StopNever EarlyStopping = "never"
)

// UnmarshalJSON reads false, true or "never".
func (e *EarlyStopping) UnmarshalJSON(b []byte) error {
	switch string(b) {
	case "false", "null":
		*e = StopUnlikely
	case "true":
		*e = StopFirst
	case `"never"`:
		*e = StopNever
	default:
		return fmt.Errorf(`have %s, want true, false or "never"`, excerpt(b))
	}
	return nil
}

// MarshalJSON writes what UnmarshalJSON reads.
func (e EarlyStopping) MarshalJSON() ([]byte, error) {
	switch e {
	case StopUnlikely:
		return []byte("false"), nil
	case StopFirst:
		return []byte("true"), nil
	}
	return json.Marshal(string(e))
}

// Decay raises the score of eos more and more: from new token Start+1 on, the score s gains
// |s|·(Factor^n − 1), n tokens past Start. In JSON a pair, [Start, Factor].
type Decay struct {
	Start  int
	Factor float64
}

// UnmarshalJSON reads [start, factor].
func (d *Decay) UnmarshalJSON(b []byte) error {
	var pair []float64
	if err := json.Unmarshal(b, &pair); err != nil || len(pair) != 2 || pair[0] != float64(int(pair[0])) {
		return fmt.Errorf("have %s, want [start, factor]", excerpt(b))
	}
	*d = Decay{int(pair[0]), pair[1]}
	return nil
}

// MarshalJSON writes what UnmarshalJSON reads.
func (d Decay) MarshalJSON() ([]byte, error) { return json.Marshal([]any{d.Start, d.Factor}) }

// excerpt shortens outside text for an error.
func excerpt(b []byte) string {
	const most = 60
	if len(b) > most {
		return string(b[:most]) + "…"
	}
	return string(b)
}
