package generate

import (
	"context"
	"fmt"
	"slices"
)

// search is the beam search of one prompt: groups of beams, one group of all beams unless
// num_beam_groups says otherwise (Vijayakumar et al. 2018, section 4).
type search struct {
	prompt int // length of the prompt
	limit  int // new tokens at most
	chain  Chain
	groups []*group
	chosen []int32 // what the groups of this step have chosen so far
}

// group is beams that compete with each other only.
type group struct {
	beams, next []beam // of this step, and of the one to come
	hyps        hypotheses
	done        bool
}

// beam is one open sequence.
type beam struct {
	past   []int32 // prompt and new ids
	score  float32 // sum of the log-probabilities of the new ids
	source int     // its row of the session's logits
}

// asleep is the score of all beams but a group's first before the first step: they are copies of it.
const asleep = -1e9

// beamSearch finds the best sequences of every prompt as the reference's BeamSearchScorer does:
// scores in float32, hypotheses ranked by the sum over the length to the power length_penalty.
func (p *plan) beamSearch(ctx context.Context) (out []Sequence, err error) {
	session, err := p.model.Start(ctx, p.prompts)
	if err != nil {
		return nil, err
	}
	defer closing(session, &err)

	searches := p.searches()
	live := slices.Clone(searches)
	width := len(p.prompts)
	var ids []int32
	var sources []int
	for step := 0; len(live) > 0; step++ {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		logits, err := p.logits(session, width)
		if err != nil {
			return nil, err
		}
		ids, sources = ids[:0], sources[:0]
		alive := live[:0]
		for _, s := range live {
			if err := p.advance(s, logits, step); err != nil {
				return nil, err
			}
			if s.over(step + 1) {
				continue
			}
			alive = append(alive, s)
			for _, g := range s.groups {
				if g.done {
					continue
				}
				for i := range g.beams {
					b := &g.beams[i]
					ids, sources = append(ids, b.past[len(b.past)-1]), append(sources, b.source)
					b.source = len(sources) - 1
				}
			}
		}
		if live = alive; len(live) == 0 {
			break
		}
		if err := session.Select(sources); err != nil {
			return nil, err
		}
		width = len(sources)
		if err := session.Step(ctx, ids); err != nil {
			return nil, err
		}
	}
	for _, s := range searches {
		out = append(out, s.best(p.o.returns())...)
	}
	return out, nil
}

// searches lays out a search for every prompt, its beams all at the prompt's only row.
func (p *plan) searches() []*search {
	var all []*search
	size := p.o.beams() / p.o.groups()
	for i, prompt := range p.prompts {
		s := &search{prompt: len(prompt), limit: p.limits[i], chain: p.chains[i]}
		for range p.o.groups() {
			g := &group{
				beams: make([]beam, size),
				next:  make([]beam, size),
				hyps:  newHypotheses(size, len(prompt), p.limits[i], &p.o),
			}
			for j := range g.beams {
				g.beams[j] = beam{past: slices.Clone(prompt), score: asleep, source: i}
			}
			g.beams[0].score = 0
			s.groups = append(s.groups, g)
		}
		all = append(all, s)
	}
	return all
}

// advance takes one step of a search: every group chooses its next beams, in order, each looking at
// what those before it have chosen.
func (p *plan) advance(s *search, logits [][]float32, step int) error {
	s.chosen = s.chosen[:0]
	for _, g := range s.groups {
		if g.done {
			for range g.beams { // the reference steps them with padding, and counts it
				s.chosen = append(s.chosen, p.padding())
			}
			continue
		}
		ranked := p.continuations(s, g, logits, step)
		if err := p.divide(s, g, ranked, step); err != nil {
			return err
		}
		for _, b := range g.beams {
			s.chosen = append(s.chosen, b.past[len(b.past)-1])
		}
	}
	return nil
}

// continuations gives the best ways to continue a group's beams by one id, best first: so many that
// enough remain when every eos is among them.
func (p *plan) continuations(s *search, g *group, logits [][]float32, step int) []candidate {
	n := max(2, 1+len(p.o.EOS)) * len(g.beams)
	p.draw.reset(n, p.o.DoSample)
	scores := p.scratch.scores()
	for i, b := range g.beams {
		copy(scores, logits[b.source])
		logSoftmax(scores)
		p.diversify(scores, s.chosen)
		s.chain.Apply(scores, b.past)
		for id, score := range scores {
			p.draw.offer(candidate{score + b.score, i, int32(id)})
		}
	}
	return p.draw.best(func(k int) float64 { return uniform(p.o.Seed, 0, step, k) })
}

// diversify takes diversity_penalty off an id for every time that earlier groups have chosen it.
func (p *plan) diversify(scores []float32, chosen []int32) {
	for i, id := range chosen {
		if slices.Contains(chosen[:i], id) {
			continue
		}
		times := 0
		for _, other := range chosen {
			if other == id {
				times++
			}
		}
		scores[id] -= float32(p.o.DiversityPenalty * float64(times))
	}
}

// divide makes those candidates that end hypotheses, and the best of the others the next beams.
func (p *plan) divide(s *search, g *group, ranked []candidate, step int) error {
	length := step + 1 // new ids, this one included
	n := 0             // next beams so far
	for rank, c := range ranked {
		parent := &g.beams[c.beam]
		if slices.Contains(p.o.EOS, c.id) {
			if rank < len(g.beams) { // otherwise it is worse than beams that go on
				g.hyps.add(parent.past, c.score, length, FinishEOS)
			}
			continue
		}
		b := &g.next[n]
		b.past = append(append(b.past[:0], parent.past...), c.id)
		b.score, b.source = c.score, parent.source
		if n++; n == len(g.beams) {
			break
		}
	}
	if n < len(g.beams) {
		return fmt.Errorf("generate: step %d: %d of %d beams find an id to go on with: want a smaller num_beams for this vocabulary (%d ids), fewer forbidden ids, or a model whose logits are finite",
			step, n, len(g.beams), p.scratch.vocab)
	}
	g.beams, g.next = g.next, g.beams
	g.done = g.hyps.settled(ranked[0].score, length)
	return nil
}

// over reports whether a search has ended, with that many new ids in its beams. At the limit the open
// beams count as hypotheses.
func (s *search) over(length int) bool {
	open := 0
	for _, g := range s.groups {
		if g.done {
			continue
		}
		if length < s.limit {
			open++
			continue
		}
		for _, b := range g.beams {
			g.hyps.add(b.past, b.score, length, FinishLength)
		}
	}
	return open == 0
}

// best gives the n best hypotheses of all groups, best first; of equals the one found last.
func (s *search) best(n int) []Sequence {
	var all []hypothesis
	for _, g := range s.groups {
		all = append(all, g.hyps.found...)
	}
	slices.Reverse(all)
	slices.SortStableFunc(all, func(a, b hypothesis) int {
		switch {
		case a.score > b.score:
			return -1
		case a.score < b.score:
			return 1
		}
		return 0
	})
	var out []Sequence
	for _, h := range all[:min(n, len(all))] {
		out = append(out, Sequence{IDs: h.ids, Score: float32(h.score), Finish: h.finish})
	}
	return out
}

// padding is the id of a beam that is done: pad_token_id, or the first eos where there is none.
func (p *plan) padding() int32 {
	if p.o.Pad != nil && int(*p.o.Pad) < p.scratch.vocab && *p.o.Pad >= 0 {
		return *p.o.Pad
	}
	return p.o.EOS[0] // a group is done only if something ended it
}
