package generate

import (
	"context"
	"errors"
	"iter"
)

// Stream continues one prompt and yields the new ids as they are chosen, the one that ends them
// included. An error comes last, with id 0. A consumer that breaks off closes the session. Beam search
// knows its ids only at the end and yields the best sequence then; num_return_sequences is 1.
func Stream(ctx context.Context, m Model, prompt []int32, o Options) iter.Seq2[int32, error] {
	return func(yield func(int32, error) bool) {
		err := stream(ctx, m, prompt, o, func(_ *row, id int32) bool { return yield(id, nil) })
		if err != nil && !errors.Is(err, errConsumer) {
			yield(0, err)
		}
	}
}

// Text continues one prompt and yields the new text in pieces as it becomes certain; pieces are never
// empty. A stop string and what follows it are not yielded, nor is the id of eos_token_id given to
// text. An error comes last, with an empty piece.
func Text(ctx context.Context, m Model, text Detokenizer, prompt []int32, o Options) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		stops := newStopper(text, o.StopStrings)
		o.Detokenizer = func() Detokenizer { return text }
		give := func() bool {
			piece := stops.take()
			return piece == "" || yield(piece, nil)
		}
		err := stream(ctx, m, prompt, o, func(r *row, id int32) bool {
			switch {
			case r.stop != nil:
				stops = r.stop // has read id
			case r.finish != FinishEOS:
				stops.push(id)
			}
			return give()
		})
		if errors.Is(err, errConsumer) {
			return
		}
		if stops.end(); !give() {
			return
		}
		if err != nil {
			yield("", err)
		}
	}
}

// stream runs one prompt and hands its ids to emit, those of beam search at the end.
func stream(ctx context.Context, m Model, prompt []int32, o Options, emit func(r *row, id int32) bool) error {
	o.NumReturnSequences = 1
	p, err := newPlan(m, [][]int32{prompt}, o)
	if err != nil {
		return err
	}
	if o.beams() == 1 {
		return p.decode(ctx, p.rows(), emit)
	}
	found, err := p.beamSearch(ctx)
	if err != nil {
		return err
	}
	r := &row{}
	for i, id := range found[0].IDs {
		if i == len(found[0].IDs)-1 {
			r.finish = found[0].Finish
		}
		if !emit(r, id) {
			return errConsumer
		}
	}
	return nil
}
