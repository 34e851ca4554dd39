package batch

import (
	"context"
	"runtime"
	"strings"

	"github.com/qkvgo/qkv/data"
	"github.com/qkvgo/qkv/tensor"
	"github.com/qkvgo/qkv/token"
)

// TagsOf numbers the tags of sentences.
func TagsOf(sentences ...[]data.Sentence) data.Labels {
	return data.NewLabels(func(yield func(string) bool) {
		for _, list := range sentences {
			for _, s := range list {
				for _, tag := range s.Tags {
					if !yield(tag) {
						return
					}
				}
			}
		}
	})
}

// tagged is a sentence as rows.
type tagged struct {
	enc   *token.Encoding
	words []int32 // the row of each word's first token, or -1
}

// Sentences encodes sentences of words, each with its tag. A word's tag stands
// at its first token; its other tokens, and those the tokenizer puts around the
// sentence, are not learned, as in Hugging Face's examples. Words are joined by
// single spaces. A word that was cut off, or that has no token, has no row.
func Sentences(ctx context.Context, sentences []data.Sentence, o TextOptions) (*Set, error) {
	in := &texts{}
	s := &Set{Kind: Tags, Labels: o.Labels, inputs: in}
	options := token.Options{AddSpecialTokens: true}
	if o.MaxLength > 0 {
		options.Truncation = &token.Truncation{MaxLength: o.MaxLength}
	}
	encode := func(x data.Sentence) (tagged, error) {
		enc, err := o.Tokenizer.EncodeWith(token.Input{Text: strings.Join(x.Tokens, " ")}, options)
		if err != nil {
			return tagged{}, &data.BadRow{Place: x.Source, Err: err}
		}
		return tagged{enc, firstRows(enc, x.Tokens)}, nil
	}
	i := 0
	for t, err := range data.Ahead(ctx, data.Each(sentences), runtime.GOMAXPROCS(0), 256, encode) {
		if err != nil {
			return nil, err
		}
		x := sentences[i]
		in.ids, in.types = append(in.ids, t.enc.IDs), append(in.types, t.enc.TypeIDs)
		s.words, s.source = append(s.words, t.words), append(s.source, x.Source)
		if len(t.enc.Overflowing) > 0 {
			s.Cut++
		}
		i++
		if o.Bare {
			continue
		}
		tags := make([]int32, t.enc.Len())
		for row := range tags {
			tags[row] = tensor.Ignore
		}
		for w, row := range t.words {
			c, err := o.Labels.ID(x.Tags[w])
			if err != nil {
				return nil, &data.BadRow{Place: x.Source, Err: err}
			}
			if row >= 0 {
				tags[row] = int32(c)
			}
		}
		s.tags = append(s.tags, tags)
	}
	return s, nil
}

// firstRows is the row of the first token of each of the words that were joined
// by spaces. A token belongs to the word that its last byte lies in, and one
// that is a space alone to none.
func firstRows(enc *token.Encoding, words []string) []int32 {
	rows := make([]int32, len(words))
	starts := make([]int, len(words)+1)
	for w, word := range words {
		rows[w] = -1
		starts[w+1] = starts[w] + len(word) + 1
	}
	w := 0
	for row, span := range enc.Offsets {
		if enc.SpecialTokensMask[row] == 1 || span[1] <= span[0] {
			continue
		}
		for w < len(words)-1 && span[1] >= starts[w+1] {
			w++
		}
		if rows[w] < 0 && span[1] > starts[w] {
			rows[w] = int32(row)
		}
	}
	return rows
}
