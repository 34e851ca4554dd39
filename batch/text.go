package batch

import (
	"context"
	"fmt"
	"runtime"

	"github.com/qkvgo/qkv/data"
	"github.com/qkvgo/qkv/model"
	"github.com/qkvgo/qkv/nn"
	"github.com/qkvgo/qkv/token"
)

// TextOptions say how texts become rows.
type TextOptions struct {
	Tokenizer *token.Tokenizer
	MaxLength int // tokens of an example, special ones counted; what is beyond is cut off. 0: no limit
	Kind      Kind
	Labels    data.Labels // classes by number
	Bare      bool        // the examples have no labels, or none that count
}

// texts are token ids, example by example.
type texts struct{ ids, types [][]int32 }

func (t *texts) len() int       { return len(t.ids) }
func (t *texts) rows(i int) int { return len(t.ids[i]) }

func (t *texts) batch(examples []int) (*model.Input, nn.Batch, error) {
	in, lengths := &model.Input{}, make([]int, len(examples))
	for at, i := range examples {
		in.IDs, in.Types = append(in.IDs, t.ids[i]...), append(in.Types, t.types[i]...)
		lengths[at] = len(t.ids[i])
	}
	return in, nn.Sequences(lengths...), nil
}

// Texts encodes examples of one text, or of a pair where Example.Pair is not
// empty, with the special tokens that the tokenizer puts around them.
func Texts(ctx context.Context, examples []data.Example, o TextOptions) (*Set, error) {
	in := &texts{}
	s := &Set{Kind: o.Kind, Labels: o.Labels, inputs: in}
	options := token.Options{AddSpecialTokens: true}
	if o.MaxLength > 0 {
		options.Truncation = &token.Truncation{MaxLength: o.MaxLength}
	}
	encode := func(e data.Example) (*token.Encoding, error) {
		enc, err := o.Tokenizer.EncodeWith(token.Input{Text: e.Text, Pair: e.Pair, HasPair: e.Pair != ""}, options)
		if err == nil && enc.Len() == 0 {
			err = fmt.Errorf("%.50q has no tokens, and the tokenizer adds none", e.Text)
		}
		if err != nil {
			return nil, &data.BadRow{Place: e.Source, Err: err}
		}
		return enc, nil
	}
	i := 0
	for enc, err := range data.Ahead(ctx, data.Each(examples), runtime.GOMAXPROCS(0), 256, encode) {
		if err != nil {
			return nil, err
		}
		in.ids, in.types = append(in.ids, enc.IDs), append(in.types, enc.TypeIDs)
		if len(enc.Overflowing) > 0 {
			s.Cut++
		}
		if !o.Bare {
			if err := s.label(examples[i]); err != nil {
				return nil, err
			}
		}
		s.source = append(s.source, examples[i].Source)
		i++
	}
	return s, nil
}
