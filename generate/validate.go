package generate

import (
	"errors"
	"fmt"
	"math"
)

// Validate reports every option outside its range, each by its name with what it may be.
func (o *Options) Validate() error {
	var errs []error
	bad := func(name string, have any, want string) {
		errs = append(errs, fmt.Errorf("generate: %s: have %v, want %s", name, have, want))
	}
	count := func(name string, have int) {
		if have < 0 || have > math.MaxInt32 {
			bad(name, have, fmt.Sprint("0 to ", math.MaxInt32))
		}
	}
	rows := func(name string, have int) {
		if have < 0 || have > mostRows {
			bad(name, have, fmt.Sprint("1 to ", mostRows))
		}
	}
	within := func(name string, have, low, high float64, want string) {
		if !(have >= low && have <= high) { // NaN is outside too
			bad(name, have, want)
		}
	}
	count("max_new_tokens", o.MaxNewTokens)
	count("max_length", o.MaxLength)
	count("min_new_tokens", o.MinNewTokens)
	count("min_length", o.MinLength)
	rows("num_beams", o.NumBeams)
	rows("num_beam_groups", o.NumBeamGroups)
	rows("num_return_sequences", o.NumReturnSequences)
	count("no_repeat_ngram_size", o.NoRepeatNGramSize)
	if o.TopK != nil {
		count("top_k", *o.TopK)
	}
	within("temperature", o.Temperature, 0, math.MaxFloat32, "a number above 0")
	within("top_p", o.TopP, 0, 1, "above 0 and at most 1")
	within("min_p", o.MinP, 0, 1, "0 to 1")
	within("typical_p", o.TypicalP, 0, 1, "above 0 and at most 1")
	within("epsilon_cutoff", o.EpsilonCutoff, 0, below1, "0 (off) or more, below 1")
	within("eta_cutoff", o.EtaCutoff, 0, below1, "0 (off) or more, below 1")
	within("repetition_penalty", o.RepetitionPenalty, 0, math.MaxFloat32, "a number above 0")
	within("presence_penalty", o.PresencePenalty, -math.MaxFloat32, math.MaxFloat32, "a finite number")
	within("frequency_penalty", o.FrequencyPenalty, -math.MaxFloat32, math.MaxFloat32, "a finite number")
	within("diversity_penalty", o.DiversityPenalty, 0, math.MaxFloat32, "0 or more")
	within("length_penalty", o.lengthPenalty(), -math.MaxFloat32, math.MaxFloat32, "a finite number")
	if e := o.EarlyStopping; e != StopUnlikely && e != StopFirst && e != StopNever {
		bad("early_stopping", e, `true, false or "never"`)
	}
	for i, word := range o.BadWords {
		if len(word) == 0 {
			bad(fmt.Sprintf("bad_words_ids[%d]", i), "no ids", "one id or more")
		}
	}
	for i, s := range o.StopStrings {
		if s == "" {
			bad(fmt.Sprintf("stop_strings[%d]", i), `""`, "a string that is not empty")
		}
	}
	if o.ExponentialDecay != nil {
		count("exponential_decay_length_penalty", o.ExponentialDecay.Start)
		within("exponential_decay_length_penalty", o.ExponentialDecay.Factor, 0, math.MaxFloat32, "a factor of 0 or more")
	}
	errs = append(errs, o.validateBeams()...)
	return errors.Join(errs...)
}

// mostRows is how many sequences of one prompt may run at once: more than anybody wants, and few
// enough that a wrong number is an error and not an empty machine.
const mostRows = 1 << 16

// below1 is the greatest float64 below 1.
const below1 = 1 - 1.0/(1<<53)

// validateBeams reports options that are fine alone and contradict each other.
func (o *Options) validateBeams() (errs []error) {
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf("generate: "+format, args...)) }
	beams, groups := o.beams(), o.groups()
	if groups > beams || beams%groups != 0 {
		bad("num_beam_groups: have %d, want a divisor of num_beams (%d)", groups, beams)
	}
	if groups > 1 && o.DoSample {
		bad("num_beam_groups: have %d with do_sample, want 1 or do_sample false", groups)
	}
	if groups == 1 && o.DiversityPenalty != 0 {
		bad("diversity_penalty: have %v without beam groups, want num_beam_groups above 1", o.DiversityPenalty)
	}
	switch n := o.returns(); {
	case beams > 1 && n > beams:
		bad("num_return_sequences: have %d, want at most num_beams (%d)", n, beams)
	case beams == 1 && n > 1 && !o.DoSample:
		bad("num_return_sequences: have %d in greedy decoding, want 1, do_sample or num_beams above 1", n)
	}
	if beams > 1 && len(o.StopStrings) > 0 {
		bad("stop_strings: have %d strings with num_beams %d: %w together, want num_beams 1",
			len(o.StopStrings), beams, errors.ErrUnsupported)
	}
	return errs
}

func (o *Options) beams() int   { return max(1, o.NumBeams) }
func (o *Options) groups() int  { return max(1, o.NumBeamGroups) }
func (o *Options) returns() int { return max(1, o.NumReturnSequences) }

func (o *Options) lengthPenalty() float64 {
	if o.LengthPenalty == nil {
		return 1
	}
	return *o.LengthPenalty
}

// DefaultNewTokens is how many tokens follow a prompt when no length is asked for.
const DefaultNewTokens = 20

// limit is how many new tokens may follow a prompt of n ids, 0 or less if none.
func (o *Options) limit(n int) int {
	switch {
	case o.MaxNewTokens > 0:
		return o.MaxNewTokens
	case o.MaxLength > 0:
		return o.MaxLength - n
	}
	return DefaultNewTokens
}
