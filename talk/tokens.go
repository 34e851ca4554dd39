package talk

import (
	"context"
	"iter"
	"slices"

	"github.com/qkvgo/qkv/batch"
	"github.com/qkvgo/qkv/data"
	"github.com/qkvgo/qkv/token"
)

// tokens is a vocabulary learned from the run's own text: never from that of the
// test documents.
type tokens struct {
	*token.Tokenizer
	length int // tokens of a document at most; 0: any number
}

// prepare learns the two vocabularies: whole words for the bags, pieces of words
// for the networks, which so read words that they never met.
func (r *run) prepare() error {
	learned := r.set.learned()
	words, err := token.TrainWords(learned, token.WordOptions{})
	if err != nil {
		return err
	}
	pieces, err := token.TrainWordPiece(learned, token.WordOptions{VocabSize: r.size.vocabulary, MinFrequency: 2, Enclosed: true})
	if err != nil {
		return err
	}
	pieces.MaxLength = r.size.length
	r.words, r.pieces = &tokens{words, 0}, &tokens{pieces, r.size.length}
	return nil
}

// learned is all text that may be learned from.
func (s *Set) learned() iter.Seq[string] {
	return func(yield func(string) bool) {
		for _, e := range s.Train {
			if !yield(e.Text) {
				return
			}
		}
		for _, text := range s.Unlabelled {
			if !yield(text) {
				return
			}
		}
	}
}

// encode is examples as a network reads them.
func (r *run) encode(ctx context.Context, t *tokens, examples []data.Example) (*batch.Set, error) {
	return batch.Texts(ctx, examples, batch.TextOptions{Tokenizer: t.Tokenizer, MaxLength: t.length, Kind: batch.Classes, Labels: r.set.Labels})
}

// ids are the tokens of texts, special ones left out.
func (t *tokens) ids(texts []string) [][]int32 {
	out := make([][]int32, len(texts))
	for i, text := range texts {
		out[i] = t.AppendIDs(nil, text)
	}
	return out
}

// classes are the numbers of the labels of examples.
func (s *Set) classes(examples []data.Example) []int {
	out := make([]int, len(examples))
	for i, e := range examples {
		out[i] = slices.Index(s.Labels, e.Label)
	}
	return out
}
