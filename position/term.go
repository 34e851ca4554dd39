package position

import (
	"github.com/qkvgo/qkv/kernel"
	"github.com/qkvgo/qkv/nn"
	"github.com/qkvgo/qkv/tensor"
)

// Term is a part of attention's scores beside the dot product of query and key:
// a bias that depends on how far apart they are, a learned table, a prior. It is
// computed tile by tile; nothing of size queries × keys is ever held.
type Term interface {
	// Bind readies the term for one call of attention over the pass: it is
	// the place to read parameters.
	Bind(p *nn.Pass) Bias
}

// Bias is a term bound to a pass. Its methods run on several goroutines at once
// and change nothing but what they are given.
type Bias interface {
	// Add adds to the scores of one tile.
	Add(t *Tile)
	// Inputs are the tensors that Back gives gradients for; nil for none.
	Inputs() []*tensor.Tensor
	// Back takes the gradient of the scores of a tile, in t.Scores, and adds
	// what follows from it: to grads, one matrix [rows, width] without gaps for
	// each of Inputs (nil where none is wanted), and to t.DQ and t.DK where
	// the term reads queries or keys. It is called with tiles of one head,
	// sequences, queries and keys ascending.
	Back(t *Tile, grads [][]float32)
}

// Tile is a piece of the scores of one sequence and one head: some queries that
// follow each other against some keys that follow each other. Queries and keys
// are counted from the first row of the sequence, rows that a cache remembers
// among them.
type Tile struct {
	Kernels *kernel.Set
	Seq     int // sequence of the batch
	Head    int // head of the query
	Heads   int // heads of all queries
	Query   int // index of the first query
	Queries int
	Key     int // index of the first key
	Keys    int

	Scores []float32 // score of query Query+i and key Key+j at i·Keys+j
	Scale  float32   // what dot products are multiplied by

	Q, K kernel.View // [Queries, Dk] and [Dk, Keys]: the queries, and the keys as columns
	Dk   int

	// Gradients of the queries [Queries, Dk] and keys [Keys, Dk], before they
	// are multiplied by Scale; nil Data where none is wanted. Columns are one
	// element apart. Set for Back only.
	DQ, DK kernel.View
}

// Row is the scores of query Query+i.
func (t *Tile) Row(i int) []float32 { return t.Scores[i*t.Keys : (i+1)*t.Keys : (i+1)*t.Keys] }

// diagonals is f of key − query for the distances of the tile: those of query
// Query+i and keys Key, Key+1, … start at Queries−1−i.
func (t *Tile) diagonals(f func(distance int) float32) []float32 {
	line, first := make([]float32, t.Queries+t.Keys-1), t.Key-t.Query-t.Queries+1
	for i := range line {
		line[i] = f(first + i)
	}
	return line
}

// fixed is a term without parameters: it is its own bias.
type fixed struct{}

// Inputs is none.
func (fixed) Inputs() []*tensor.Tensor { return nil }

// Back has nothing to do.
func (fixed) Back(*Tile, [][]float32) {}
