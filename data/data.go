// Package data turns what lies in files into batches that a model can take, in
// an order that depends on a seed and on nothing else.
package data

import (
	"iter"

	"github.com/qkvgo/qkv/model"
	"github.com/qkvgo/qkv/nn"
)

// Batch is what one pass through a model reads.
type Batch struct {
	Rows  nn.Batch
	Input *model.Input
}

// Source gives the batches of a run, always the same ones in the same order.
type Source interface {
	// From gives the batches from number n, counted from 0, to the last, or
	// without end. An error ends the sequence.
	From(n int64) iter.Seq2[Batch, error]
}
