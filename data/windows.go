package data

import (
	"fmt"
	"iter"

	"github.com/qkvgo/qkv/kernel"
	"github.com/qkvgo/qkv/model"
	"github.com/qkvgo/qkv/nn"
)

// Windows packs a stream of tokens into rows: sequences of Length tokens, each
// with the tokens that follow its own as labels, so that label i is what a
// model should say after id i. Documents may be cut; positions count from 0 in
// every window.
type Windows struct {
	Tokens []int32
	Length int // tokens a sequence
	Batch  int // sequences a batch
	// Seed shuffles. In each pass over the stream the windows start at another
	// place and come in another order.
	Seed uint64
}

// Check gives an error where the stream is too short for one window.
func (w Windows) Check() error {
	if w.Length < 1 || w.Batch < 1 {
		return fmt.Errorf("windows of %d tokens, %d a batch: both must be positive", w.Length, w.Batch)
	}
	if len(w.Tokens) < w.Length+1 {
		return fmt.Errorf("the text has %d tokens, too few for one sequence of %d: give more text or a shorter context", len(w.Tokens), w.Length)
	}
	return nil
}

// Epoch is the number of windows in a pass over the stream.
func (w Windows) Epoch() int { return max(1, (len(w.Tokens)-w.Length)/w.Length) }

// From gives the shuffled batches from number n on, without end.
func (w Windows) From(n int64) iter.Seq2[Batch, error] {
	return func(yield func(Batch, error) bool) {
		if err := w.Check(); err != nil {
			yield(Batch{}, err)
			return
		}
		size := int64(w.Epoch())
		epoch := int64(-1)
		var starts []int
		for at := n * int64(w.Batch); ; at += int64(w.Batch) {
			batch := make([]int, w.Batch)
			for i := range batch {
				if e := (at + int64(i)) / size; e != epoch {
					epoch, starts = e, w.starts(e)
				}
				batch[i] = starts[(at+int64(i))%size]
			}
			if !yield(w.at(batch), nil) {
				return
			}
		}
	}
}

// starts is where the windows of pass number epoch start, in their order.
func (w Windows) starts(epoch int64) []int {
	n := w.Epoch()
	shift := 0
	if room := min(len(w.Tokens)-1-n*w.Length, w.Length-1); room > 0 {
		draw := kernel.Philox(w.Seed, [2]uint64{0, uint64(epoch)})
		shift = int(draw[0] % uint32(room+1))
	}
	starts := make([]int, n)
	for i := range starts {
		starts[i] = shift + i*w.Length
	}
	shuffle(starts, w.Seed, uint64(epoch))
	return starts
}

// at is the batch of the windows that start at the given places.
func (w Windows) at(starts []int) Batch {
	lengths := make([]int, len(starts))
	in := &model.Input{}
	for i, s := range starts {
		n := min(w.Length, len(w.Tokens)-1-s)
		lengths[i] = n
		in.IDs = append(in.IDs, w.Tokens[s:s+n]...)
		in.Labels = append(in.Labels, w.Tokens[s+1:s+1+n]...)
	}
	return Batch{nn.Sequences(lengths...), in}
}

// InOrder gives batches that cover the stream once from its start, the last
// window perhaps shorter. most, if not 0, is the greatest number of windows:
// then they are spread evenly.
func (w Windows) InOrder(most int) iter.Seq2[Batch, error] {
	return func(yield func(Batch, error) bool) {
		if len(w.Tokens) < 2 || w.Length < 1 || w.Batch < 1 {
			yield(Batch{}, fmt.Errorf("the text has %d tokens: too few to predict any", len(w.Tokens)))
			return
		}
		all := (len(w.Tokens) - 2 + w.Length) / w.Length
		n := all
		if most > 0 {
			n = min(n, most)
		}
		for i := 0; i < n; i += w.Batch {
			var starts []int
			for k := i; k < min(i+w.Batch, n); k++ {
				starts = append(starts, k*all/n*w.Length)
			}
			if !yield(w.at(starts), nil) {
				return
			}
		}
	}
}
