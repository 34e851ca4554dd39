package data

import (
	"fmt"
	"slices"

	"github.com/qkvgo/qkv/internal/philox"
	"github.com/qkvgo/qkv/model"
	"github.com/qkvgo/qkv/nn"
	"github.com/qkvgo/qkv/tensor"
)

// Masking hides tokens that a model is to fill in (Devlin et al. 2019, §3.1): of those
// chosen 80 % become the mask, 10 % a token drawn from the vocabulary, 10 % stay as
// they are. Labels are the chosen tokens; all others are left out of the loss.
type Masking struct {
	Rate  float64 // of tokens that are chosen; 0: 0.15
	Mask  int32   // the token that hides others
	Vocab int     // tokens to draw from
	Never []int32 // tokens that are not chosen: special ones
}

// Batch makes a batch of texts as ids, which it does not change. Which tokens it
// chooses, and what becomes of them, follows from draw and their places alone:
// another draw in each epoch is dynamic masking (Liu et al. 2019, RoBERTa, §4.1). At
// least one token is chosen where one can be. It is the Make of a Set.
func (m Masking) Batch(texts [][]int32, draw uint64) (Batch, error) {
	rate := m.Rate
	if rate == 0 {
		rate = 0.15
	}
	if m.Mask < 0 || m.Vocab < 1 || rate < 0 || rate > 1 {
		return Batch{}, fmt.Errorf("masking: mask %d, vocabulary of %d, rate %v: has the tokenizer a mask token?", m.Mask, m.Vocab, rate)
	}
	in := &model.Input{}
	lengths := make([]int, len(texts))
	least, forced := 2.0, -1
	for i, ids := range texts {
		lengths[i] = len(ids)
		for at, id := range ids {
			if slices.Contains(m.Never, id) {
				in.IDs, in.Labels = append(in.IDs, id), append(in.Labels, tensor.Ignore)
				continue
			}
			place := [4]uint32{uint32(at), uint32(i)}
			if u := philox.Uniform(draw, place); u < least {
				least, forced = u, len(in.IDs)
			}
			in.IDs, in.Labels = append(in.IDs, id), append(in.Labels, tensor.Ignore)
			if philox.Uniform(draw, place) < rate {
				m.hide(in, len(in.IDs)-1, draw)
			}
		}
	}
	if forced >= 0 && least >= rate {
		m.hide(in, forced, draw)
	}
	return Batch{nn.Sequences(lengths...), in}, nil
}

// hide makes row i a chosen one.
func (m Masking) hide(in *model.Input, i int, draw uint64) {
	d := philox.Block(draw, [4]uint32{uint32(i), 0, 1})
	in.Labels[i] = in.IDs[i]
	switch share := float64(d[0]) / (1 << 32); {
	case share < 0.8:
		in.IDs[i] = m.Mask
	case share < 0.9:
		in.IDs[i] = int32((uint64(d[2])<<32 | uint64(d[1])) % uint64(m.Vocab))
	}
}
