package talk

import (
	"context"
	"slices"

	"github.com/qkvgo/qkv/batch"
	"github.com/qkvgo/qkv/data"
)

// ask lets a rung read texts: the probabilities of the classes of each,
// [texts][classes], and the numbers they come from.
func (r *run) ask(ctx context.Context, g *rung, texts []string) (scores [][]float64, logits [][]float32, err error) {
	t := r.vocabulary(g.recipe)
	examples := make([]data.Example, len(texts))
	for i, text := range texts {
		examples[i].Text = text
	}
	set, err := batch.Texts(ctx, examples, batch.TextOptions{Tokenizer: t.Tokenizer, MaxLength: t.length, Kind: batch.Classes, Labels: r.set.Labels, Bare: true})
	if err != nil {
		return nil, nil, err
	}
	said, err := batch.Predict(ctx, g.model.Model, set, batch.PredictOptions{Device: r.Device})
	if err != nil {
		return nil, nil, err
	}
	return said.Probabilities(), said.Logits, nil
}

// vocabulary is what a recipe reads by.
func (r *run) vocabulary(c recipe) *tokens {
	switch {
	case c.base:
		return r.theirs
	case c.words:
		return r.words
	}
	return r.pieces
}

// top is the place of the greatest number, the first of equals.
func top(x []float64) int {
	best := 0
	for i, v := range x {
		if v > x[best] {
			best = i
		}
	}
	return best
}

// shuffled is words in an order that follows from the seed and the number alone.
func shuffled(words []string, seed, number uint64) []string {
	out := make([]string, len(words))
	for to, from := range data.Permutation(len(words), seed+77, number) {
		out[to] = words[from]
	}
	return out
}

// mean is the average of numbers, in their order; 0 of none.
func mean(x []float64) float64 {
	sum := 0.0
	for _, v := range x {
		sum += v
	}
	return sum / float64(max(len(x), 1))
}

// median is the middle of numbers, the upper one of two.
func median(x []float64) float64 {
	s := slices.Sorted(slices.Values(x))
	return s[len(s)/2]
}
