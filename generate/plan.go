package generate

import (
	"errors"
	"fmt"
)

// plan is a run whose options and prompts were checked.
type plan struct {
	o       Options
	model   Model
	prompts [][]int32 // none empty
	limits  []int     // new tokens at most, per prompt
	chains  []Chain   // per prompt
	scratch *scratch
	draw    draw // of beam search
}

// newPlan checks everything that a user or a file may have got wrong.
func newPlan(m Model, prompts [][]int32, o Options) (*plan, error) {
	if err := o.Validate(); err != nil {
		return nil, err
	}
	if len(o.StopStrings) > 0 && o.Detokenizer == nil {
		return nil, errors.New("generate: stop_strings: have no Detokenizer, want one to make the text in which to look")
	}
	vocab := m.VocabSize()
	if vocab < 1 {
		return nil, fmt.Errorf("generate: model: have a vocabulary of %d ids, want 1 or more", vocab)
	}
	if err := o.fit(vocab); err != nil {
		return nil, err
	}
	p := &plan{o: o, model: m, scratch: newScratch(vocab)}
	for i, prompt := range prompts {
		if len(prompt) == 0 && o.BOS != nil {
			prompt = []int32{*o.BOS}
		}
		if len(prompt) == 0 {
			return nil, fmt.Errorf("generate: prompt %d: have no ids, want one or more (or bos_token_id)", i)
		}
		for j, id := range prompt {
			if id < 0 || int(id) >= vocab {
				return nil, fmt.Errorf("generate: prompt %d, id %d: have %d, want 0 to %d (the model's vocabulary)", i, j, id, vocab-1)
			}
		}
		limit := o.limit(len(prompt))
		if limit < 1 {
			return nil, fmt.Errorf("generate: prompt %d has %d ids: max_length: have %d, want more (or set max_new_tokens)", i, len(prompt), o.MaxLength)
		}
		p.prompts = append(p.prompts, prompt)
		p.limits = append(p.limits, limit)
		p.chains = append(p.chains, p.o.chain(len(prompt), p.scratch))
	}
	return p, nil
}

// fit holds the ids that options name against the vocabulary. Ids beyond it that could only end a
// sequence or be forbidden are dropped, for they never come; any other is an error.
func (o *Options) fit(vocab int) error {
	o.EOS = inVocab(o.EOS, vocab)
	o.SuppressTokens = inVocab(o.SuppressTokens, vocab)
	o.BeginSuppressTokens = inVocab(o.BeginSuppressTokens, vocab)
	var errs []error
	check := func(name string, ids ...int32) {
		for _, id := range ids {
			if id < 0 || int(id) >= vocab {
				errs = append(errs, fmt.Errorf("generate: %s: have %d, want 0 to %d (the model's vocabulary)", name, id, vocab-1))
			}
		}
	}
	if o.ForcedBOS != nil {
		check("forced_bos_token_id", *o.ForcedBOS)
	}
	check("forced_eos_token_id", o.ForcedEOS...)
	for i, word := range o.BadWords {
		check(fmt.Sprintf("bad_words_ids[%d]", i), word...)
	}
	return errors.Join(errs...)
}

// inVocab gives the ids of list that a vocabulary of that size has.
func inVocab(list []int32, vocab int) []int32 {
	var in []int32
	for _, id := range list {
		if id >= 0 && int(id) < vocab {
			in = append(in, id)
		}
	}
	return in
}

// logits are the rows of a session, checked against what the plan expects.
func (p *plan) logits(s Session, live int) ([][]float32, error) {
	rows := s.Logits()
	if len(rows) != live {
		return nil, fmt.Errorf("generate: model: have %d rows of logits, want %d", len(rows), live)
	}
	for i, row := range rows {
		if len(row) != p.scratch.vocab {
			return nil, fmt.Errorf("generate: model: row %d has %d logits, want %d", i, len(row), p.scratch.vocab)
		}
	}
	return rows, nil
}
