package generate

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/qkvgo/qkv/device"
	"github.com/qkvgo/qkv/model"
	"github.com/qkvgo/qkv/nn"
	"github.com/qkvgo/qkv/tensor"
)

// LM is a Model over a page: sessions with the page's caches.
type LM struct {
	Model  model.CausalLM
	Device device.Device // nil: the machine's cores
	// Precision of the projections.
	Precision nn.Precision
	// Cache is how keys and values are kept.
	Cache nn.CacheType
	// Rows is the prompts' batch and Next the position of each sequence's next
	// token, where they follow a padded batch of the reference; nil: positions
	// count from 0.
	Rows *nn.Batch
	Next []int32
}

// VocabSize is the number of tokens.
func (l LM) VocabSize() int { return l.Model.Vocabulary() }

// Start reads the prompts in one pass. A model whose rows see those after them
// is an error: a new token would change all that is remembered.
func (l LM) Start(ctx context.Context, prompts [][]int32) (_ Session, err error) {
	if d, ok := l.Model.(model.Directed); ok && !d.Causal() {
		return nil, fmt.Errorf("generate: %w: the model sees tokens after a place, and so predicts none (is_decoder is false)", errors.ErrUnsupported)
	}
	s := &lmSession{lm: l, memory: &nn.Memory{Cache: l.Cache}}
	defer func() {
		if err != nil {
			s.Close()
		}
	}()
	var ids []int32
	lengths := make([]int, len(prompts))
	for i, p := range prompts {
		ids = append(ids, p...)
		lengths[i] = len(p)
	}
	rows := nn.Sequences(lengths...)
	for _, n := range lengths {
		s.next = append(s.next, int32(n))
	}
	if l.Rows != nil {
		rows, s.next = *l.Rows, append([]int32{}, l.Next...)
		rows.Context = longest(rows)
	}
	return s, s.read(ctx, rows, ids)
}

// lmSession is one run of decoding over an LM.
type lmSession struct {
	lm     LM
	memory *nn.Memory
	next   []int32     // the position of each sequence's next token
	logits [][]float32 // of the last row of each sequence
	off    []int
}

// read passes rows through the model and keeps the last rows' scores.
func (s *lmSession) read(ctx context.Context, rows nn.Batch, ids []int32) (err error) {
	defer tensor.Guard(&err)
	p := nn.NewPass(ctx, rows, nn.Options{Device: s.lm.Device, Precision: s.lm.Precision})
	defer p.Close()
	p.Memory = s.memory
	scores := s.lm.Model.Unembed(p, p.Last(s.lm.Model.Hidden(p, ids)))
	for len(s.logits) < scores.Rows() {
		s.logits = append(s.logits, make([]float32, scores.Width()))
	}
	s.logits = s.logits[:scores.Rows()]
	for i, row := range s.logits {
		copy(row, scores.Row(i))
	}
	return nil
}

// Logits are the next token's scores, a row a sequence.
func (s *lmSession) Logits() [][]float32 { return s.logits }

// Step reads one more token of each sequence.
func (s *lmSession) Step(ctx context.Context, ids []int32) error {
	s.off = append(s.off[:0], 0)
	for i := range ids {
		s.off = append(s.off, i+1)
	}
	rows := nn.Batch{Off: s.off, Positions: append([]int32{}, s.next...)}
	if s.lm.Rows != nil {
		rows.Context = longest(rows)
	}
	for i := range s.next {
		s.next[i]++
	}
	return s.read(ctx, rows, ids)
}

// longest lets every sequence count as long as the longest, as those of a padded
// batch do.
func longest(rows nn.Batch) []int {
	n := make([]int, rows.Len())
	for i := range n {
		n[i] = int(slices.Max(rows.Positions)) + 1
	}
	return n
}

// Select keeps the named sequences.
func (s *lmSession) Select(rows []int) error {
	next := make([]int32, len(rows))
	for i, r := range rows {
		next[i] = s.next[r]
	}
	s.next = next
	s.memory.Select(rows)
	return nil
}

// Close gives the caches back.
func (s *lmSession) Close() error {
	s.memory.Close()
	return nil
}
