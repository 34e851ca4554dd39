package task

import (
	"fmt"

	"github.com/qkvgo/qkv/model"
	"github.com/qkvgo/qkv/nn"
	"github.com/qkvgo/qkv/token"
)

// reader turns texts into rows.
type reader struct {
	tokenizer *token.Tokenizer
	most      int          // tokens of a text; 0: any number
	cut       func(string) // told of texts that have more; may be nil
}

// PassRows is how many tokens go through a model at once, at most but for a
// single text that has more.
const PassRows = 2048

// single is each text alone, without a second one.
func single(texts []string) []token.Input {
	inputs := make([]token.Input, len(texts))
	for i, text := range texts {
		inputs[i].Text = text
	}
	return inputs
}

// eachBatch hands on the texts as a model takes them, none padded, as many at a
// time as a pass should hold.
func (r reader) eachBatch(texts []token.Input, do func(in *model.Input, rows nn.Batch) error) error {
	in, lengths := &model.Input{}, []int{}
	flush := func() error {
		if len(lengths) == 0 {
			return nil
		}
		batch, rows := in, nn.Sequences(lengths...)
		in, lengths = &model.Input{}, []int{}
		return do(batch, rows)
	}
	for i, text := range texts {
		e, err := r.encode(text)
		if err != nil {
			return err
		}
		if e.Len() == 0 {
			return fmt.Errorf("text %d is empty, and the tokenizer adds nothing to it", i+1)
		}
		if len(in.IDs)+e.Len() > PassRows {
			if err := flush(); err != nil {
				return err
			}
		}
		in.IDs, in.Types = append(in.IDs, e.IDs...), append(in.Types, e.TypeIDs...)
		lengths = append(lengths, e.Len())
	}
	return flush()
}

// encode is one text, or pair, as tokens, cut off where it is too long.
func (r reader) encode(text token.Input) (*token.Encoding, error) {
	o := token.Options{AddSpecialTokens: true}
	if r.most > 0 {
		o.Truncation = &token.Truncation{MaxLength: r.most}
	}
	e, err := r.tokenizer.EncodeWith(text, o)
	if err == nil && len(e.Overflowing) > 0 && r.cut != nil {
		r.cut(text.Text)
	}
	return e, err
}
