package talk

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/qkvgo/qkv/data"
	"github.com/qkvgo/qkv/model"
	"github.com/qkvgo/qkv/nn"
	"github.com/qkvgo/qkv/scratch"
	"github.com/qkvgo/qkv/talk/report"
	"github.com/qkvgo/qkv/token"
	"github.com/qkvgo/qkv/train"
)

// The two ways to learn from text without labels.
const (
	nextToken   = "causal-lm" // say the next token
	maskedToken = "masked-lm" // fill in tokens that were hidden
)

// pretrained is a language model that learned from text without labels.
type pretrained struct {
	*scratch.Model
	recipe recipe
	before float64 // loss on held-out text before training, in nats a token
	after  float64 // and after it
	losses []float64
	took   time.Duration
	seen   int // tokens that went through it
}

// body is the model whose body a classifier takes over, nil for none.
func (p *pretrained) body() model.Model {
	if p == nil {
		return nil
	}
	return p.Model.Model
}

// readings is the text to pretrain on as ids, and every twelfth of it held out.
func (r *run) readings() (learn, held [][]int32, err error) {
	i := 0
	for text := range r.set.learned() {
		e, err := r.pieces.EncodeWith(token.Input{Text: text}, token.Options{AddSpecialTokens: true, Truncation: &token.Truncation{MaxLength: r.size.length}})
		if err != nil {
			return nil, nil, err
		}
		if i%12 == 11 {
			held = append(held, e.IDs)
		} else {
			learn = append(learn, e.IDs)
		}
		i++
	}
	return learn, held, nil
}

// pretrain trains a language model with the body of a recipe on all text of the run
// but that of the test documents.
func (r *run) pretrain(ctx context.Context, c recipe, passes int, tell func(share float64)) (*pretrained, error) {
	o := c.made
	o.Task, o.Seed, o.Pooling = c.pretext, r.Seed, ""
	if c.pretext == maskedToken {
		o.Pooling = c.made.Pooling
	}
	m, err := o.With(r.pieces.Tokenizer, slices.Values(texts(r.set.Train)), nil)
	if err != nil {
		return nil, err
	}
	learn, held, err := r.readings()
	if err != nil {
		return nil, err
	}
	p := &pretrained{Model: m, recipe: c}
	loss, makeBatch := r.objective(m.Model)
	source := data.Set[[]int32]{Items: learn, Make: makeBatch, Rows: 2 * r.size.batch, Seed: r.Seed}
	test := data.Set[[]int32]{Items: held, Make: makeBatch, Rows: 2 * r.size.batch, Seed: r.Seed}
	judge := func() (float64, error) {
		s, err := train.Evaluate(ctx, loss, test.InOrder(), r.Device)
		return s.Loss, err
	}
	if p.before, err = judge(); err != nil {
		return nil, err
	}
	start := r.Now()
	plan := train.Plan{Steps: int(source.Batches(float64(passes))), Rate: c.rate, WarmupRatio: 0.1, Decay: 0.01, Seed: r.Seed}
	p.losses, err = r.train(ctx, train.Run{Plan: plan, Model: m.Model, Loss: loss, Data: source}, tell)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", c.name, err)
	}
	p.took = r.Now().Sub(start)
	for _, ids := range learn {
		p.seen += len(ids) * passes
	}
	p.after, err = judge()
	return p, err
}

// objective is what a language model is trained on: to fill in hidden tokens where it
// can, else to say the next one.
func (r *run) objective(m model.Model) (train.Loss, func([][]int32, uint64) (data.Batch, error)) {
	if f, ok := m.(model.Filler); ok {
		mask, _ := r.pieces.TokenToID("[MASK]")
		return train.MaskedToken(f), data.Masking{Mask: mask, Vocab: r.pieces.VocabSize(), Never: []int32{0, 1, 2, 3, 4}}.Batch
	}
	return train.Own(m), func(texts [][]int32, _ uint64) (data.Batch, error) {
		in, lengths := &model.Input{}, make([]int, len(texts))
		for i, ids := range texts {
			in.IDs, lengths[i] = append(in.IDs, ids...), len(ids)
		}
		in.Labels = in.IDs // the loss looks one further
		return data.Batch{Rows: nn.Sequences(lengths...), Input: in}, nil
	}
}

// read pretrains the language model of a recipe.
func (r *run) read(c recipe) func(ctx context.Context) (*report.Section, error) {
	return func(ctx context.Context) (*report.Section, error) {
		p, err := r.pretrain(ctx, c, r.size.pretrain, r.pace.to)
		if err != nil {
			return nil, err
		}
		if r.pretrained == nil {
			r.pretrained = map[string]*pretrained{}
		}
		r.pretrained[c.pretext] = p
		return nil, nil
	}
}
