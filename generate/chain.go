package generate

// Warper changes one row of scores in place, logits [V]; past holds the prompt and the new ids so
// far. An id that must not come gets −Inf. Scores are logits in greedy decoding and sampling,
// log-probabilities in beam search.
type Warper func(logits []float32, past []int32)

// Chain is a list of warpers, applied in order. It owns scratch memory: one goroutine at a time.
type Chain []Warper

// Apply runs every warper over one row.
func (c Chain) Apply(logits []float32, past []int32) {
	for _, w := range c {
		w(logits, past)
	}
}

// Warpers builds the chain that o asks for, for a prompt of the given length and a vocabulary of
// vocab ids: first what the past and the position forbid or change, in the order of the reference's
// _get_logits_processor, then what narrows a distribution before a draw. Options are as Validate
// wants them.
func Warpers(o Options, prompt, vocab int) Chain {
	return o.chain(prompt, newScratch(vocab))
}

// chain is Warpers on scratch memory that several chains of one goroutine share. The penalties that
// the reference lacks follow the one that it has.
func (o *Options) chain(prompt int, s *scratch) Chain {
	var c Chain
	if r := o.RepetitionPenalty; r != 0 && r != 1 {
		c = append(c, repetition(float32(r), s))
	}
	if o.PresencePenalty != 0 || o.FrequencyPenalty != 0 {
		c = append(c, presence(o.PresencePenalty, o.FrequencyPenalty, prompt, s))
	}
	if o.NoRepeatNGramSize > 0 {
		c = append(c, noRepeatNGram(o.NoRepeatNGramSize))
	}
	if len(o.BadWords) > 0 {
		c = append(c, badWords(o.BadWords, o.EOS))
	}
	if len(o.EOS) > 0 {
		if n := max(o.MinLength, prompt+o.MinNewTokens); n > prompt {
			c = append(c, minLength(n, o.EOS))
		}
	}
	if o.ForcedBOS != nil {
		c = append(c, forced(1, *o.ForcedBOS))
	}
	if len(o.ForcedEOS) > 0 {
		c = append(c, forced(prompt+o.limit(prompt)-1, o.ForcedEOS...))
	}
	if o.RemoveInvalidValues {
		c = append(c, removeInvalid)
	}
	if d := o.ExponentialDecay; d != nil && len(o.EOS) > 0 {
		c = append(c, exponentialDecay(*d, prompt, o.EOS))
	}
	if len(o.SuppressTokens) > 0 {
		c = append(c, suppress(o.SuppressTokens))
	}
	if len(o.BeginSuppressTokens) > 0 {
		first := prompt
		if prompt <= 1 && o.ForcedBOS != nil {
			first++ // the forced id comes first
		}
		c = append(c, suppressAt(first, o.BeginSuppressTokens))
	}
	c = append(c, o.Custom...)
	if o.DoSample {
		c = o.appendSampling(c, s)
	}
	if o.RenormalizeLogits {
		c = append(c, func(logits []float32, _ []int32) { logSoftmax(logits) })
	}
	return c
}

// defaultTopK is how many ids sampling chooses from when top_k is not given.
const defaultTopK = 50

// appendSampling adds the warpers that only sampling has.
func (o *Options) appendSampling(c Chain, s *scratch) Chain {
	keep := 1 // ids that survive at least; beams need one that does not end them
	if o.beams() > 1 {
		keep = max(2, len(o.EOS)+1)
	}
	if t := o.Temperature; t != 0 && t != 1 {
		c = append(c, temperature(float32(t)))
	}
	k := defaultTopK
	if o.TopK != nil {
		k = *o.TopK
	}
	if k > 0 {
		c = append(c, topK(max(k, keep), s))
	}
	if p := o.TopP; p != 0 && p < 1 {
		c = append(c, topP(p, keep, s))
	}
	if o.MinP > 0 {
		c = append(c, minP(o.MinP, keep, s))
	}
	if p := o.TypicalP; p != 0 && p < 1 {
		c = append(c, typical(p, keep, s))
	}
	if o.EpsilonCutoff > 0 {
		c = append(c, epsilonCutoff(o.EpsilonCutoff, keep, s))
	}
	if o.EtaCutoff > 0 {
		c = append(c, etaCutoff(o.EtaCutoff, keep, s))
	}
	return c
}

// scratch is memory that warpers reuse from step to step, for vocabularies of one size.
type scratch struct {
	vocab  int
	count  []int32   // [V], all zero between uses
	best   []float32 // of kthBest
	order  ranking   // of topP and typical
	weight []float64 // [V]
	row    []float32 // [V]
}

func newScratch(vocab int) *scratch { return &scratch{vocab: vocab} }

// counts gives V zeros; the user leaves them zero.
func (s *scratch) counts() []int32 {
	if s.count == nil {
		s.count = make([]int32, s.vocab)
	}
	return s.count
}

// weights gives V numbers of no particular value.
func (s *scratch) weights() []float64 {
	if s.weight == nil {
		s.weight = make([]float64, s.vocab)
	}
	return s.weight
}

// scores gives V scores of no particular value.
func (s *scratch) scores() []float32 {
	if s.row == nil {
		s.row = make([]float32, s.vocab)
	}
	return s.row
}
