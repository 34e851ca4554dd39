package generate

import (
	"context"
	"errors"
	"fmt"
	"slices"
)

// Generate continues every prompt, each as it would be continued alone. It gives num_return_sequences
// sequences a prompt, those of the first prompt first, of beam search the best first. When ctx is
// cancelled it stops between two steps with the context's error.
func Generate(ctx context.Context, m Model, prompts [][]int32, o Options) (out []Sequence, err error) {
	p, err := newPlan(m, prompts, o)
	if err != nil || len(prompts) == 0 {
		return nil, err
	}
	if o.beams() > 1 {
		return p.beamSearch(ctx)
	}
	rows := p.rows()
	if err := p.decode(ctx, rows, nil); err != nil {
		return nil, err
	}
	for _, r := range rows {
		out = append(out, Sequence{IDs: r.past[r.prompt:], Finish: r.finish})
	}
	return out, nil
}

// row is one sequence that greedy decoding or sampling grows.
type row struct {
	past   []int32 // prompt and new ids
	prompt int     // length of the prompt
	limit  int     // new tokens at most
	nth    int     // which return sequence of its prompt
	source int     // its row of the session's logits
	chain  Chain
	stop   *stopper // nil: no stop strings
	finish Finish   // empty while it lives
}

// most preallocates no more than a limit that is honest for any model; longer sequences grow.
const most = 4096

// rows lays out the sequences of a plan: all of the first prompt, then of the second, ….
func (p *plan) rows() []*row {
	var rows []*row
	for i, prompt := range p.prompts {
		for nth := range p.o.returns() {
			r := &row{prompt: len(prompt), limit: p.limits[i], nth: nth, source: i, chain: p.chains[i]}
			r.past = append(make([]int32, 0, len(prompt)+min(r.limit, most)), prompt...)
			if len(p.o.StopStrings) > 0 {
				r.stop = newStopper(p.o.Detokenizer(), p.o.StopStrings)
			}
			rows = append(rows, r)
		}
	}
	return rows
}

// errConsumer says that whoever receives the ids wants no more.
var errConsumer = errors.New("generate: consumer has stopped")

// decode grows every row to its end, by the best id or a random one. It hands each id on as it is
// chosen; emit, unless nil, gives false to stop, which decode answers with errConsumer. A step costs
// no allocation while the model's costs none.
func (p *plan) decode(ctx context.Context, rows []*row, emit func(r *row, id int32) bool) (err error) {
	session, err := p.model.Start(ctx, p.prompts)
	if err != nil {
		return err
	}
	defer closing(session, &err)

	live := slices.Clone(rows)
	width := len(p.prompts) // live sequences of the session
	ids := make([]int32, 0, len(live))
	sources := make([]int, 0, len(live))
	for step := 0; ; step++ {
		if err := ctx.Err(); err != nil {
			return err
		}
		logits, err := p.logits(session, width)
		if err != nil {
			return err
		}
		ids, sources = ids[:0], sources[:0]
		alive := live[:0]
		for _, r := range live {
			id := p.choose(r, logits[r.source], step)
			if id < 0 {
				return fmt.Errorf("generate: step %d: no id is left to choose: the model's logits are NaN or infinite, or the options forbid every id", step)
			}
			r.past = append(r.past, id)
			r.finish = p.ended(r, id)
			if emit != nil && !emit(r, id) {
				return errConsumer
			}
			if r.finish == "" {
				ids, sources, alive = append(ids, id), append(sources, r.source), append(alive, r)
			}
		}
		if live = alive; len(live) == 0 {
			return nil
		}
		if !identity(sources, width) {
			if err := session.Select(sources); err != nil {
				return err
			}
			width = len(sources)
			for i, r := range live {
				r.source = i
			}
		}
		if err := session.Step(ctx, ids); err != nil {
			return err
		}
	}
}

// choose gives the next id of r, −1 if none can come.
func (p *plan) choose(r *row, logits []float32, step int) int32 {
	if len(r.chain) > 0 {
		work := p.scratch.scores()
		copy(work, logits)
		r.chain.Apply(work, r.past)
		logits = work
	}
	if p.o.DoSample {
		return p.scratch.sample(logits, uniform(p.o.Seed, r.nth, step, 0))
	}
	return best(logits)
}

// ended says whether id, which r has just got, is its last.
func (p *plan) ended(r *row, id int32) Finish {
	switch {
	case slices.Contains(p.o.EOS, id):
		return FinishEOS
	case r.stop != nil && r.stop.push(id):
		return FinishStop
	case len(r.past)-r.prompt >= r.limit:
		return FinishLength
	}
	return ""
}

// identity reports whether selecting rows would change nothing in a session of width sequences.
func identity(rows []int, width int) bool {
	for i, row := range rows {
		if i != row {
			return false
		}
	}
	return len(rows) == width
}

// closing closes a session; its error counts if there is none yet.
func closing(s Session, err *error) {
	if e := s.Close(); *err == nil {
		*err = e
	}
}
