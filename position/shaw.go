package position

import (
	"fmt"
	"sync"

	"github.com/qkvgo/qkv/kernel"
	"github.com/qkvgo/qkv/nn"
	"github.com/qkvgo/qkv/tensor"
)

// Shaw adds to the score of a query and a key what the query has to say to a
// learned vector of their distance, as BERT's relative_key has it (Shaw et al.
// 2018, eq. 4), and with Both the key too, as relative_key_query (Huang et al.
// 2020, method 4):
//
//	s_ij += scale·(q_i·E[i−j+T−1] (+ k_j·E[i−j+T−1]))
//
// Each product is one chain of fused multiply–adds over Dk, ascending from 0.
type Shaw struct {
	Table *nn.Param // E, [2T−1, Dk], shared by all heads
	Both  bool
}

// Bind reads the table.
func (s *Shaw) Bind(p *nn.Pass) Bias { return &shaw{p.Use(s.Table), s.Both} }

type shaw struct {
	table *tensor.Tensor
	both  bool
}

// Inputs is the table.
func (s *shaw) Inputs() []*tensor.Tensor { return []*tensor.Tensor{s.table} }

// strip is some queries of a tile, and the rows of the table that tell their
// distances from its keys: query i of the strip and key j are told by row
// i − j + Keys − 1 of these.
type strip struct {
	first, n int         // first query of the tile, how many
	row      int         // first row of the table
	width    int         // rows of it
	e        kernel.View // [width, Dk]
	q        kernel.View // [n, Dk]
}

// stripRows bounds the queries of a strip: the more, the more products of queries
// with rows that are too far for them.
const stripRows = 48

// strips calls f for the strips of a tile.
func (s *shaw) strips(t *Tile, f func(x strip)) {
	far := s.table.Rows() / 2
	for i := 0; i < t.Queries; i += stripRows {
		x := strip{first: i, n: min(stripRows, t.Queries-i), row: t.Query + i - (t.Key + t.Keys - 1) + far}
		x.width = x.n + t.Keys - 1
		if x.row < 0 || x.row+x.width > s.table.Rows() {
			panic(&tensor.Fault{Op: "Shaw", Shapes: [][]int{s.table.Shape()},
				Msg: fmt.Sprintf("a sequence is longer than the %d positions of the table", far+1)})
		}
		x.e = kernel.View{Data: s.table.Data()[x.row*s.table.Stride():], RowStride: s.table.Stride(), ColStride: 1}
		x.q = kernel.View{Data: t.Q.Data[i*t.Q.RowStride:], RowStride: t.Q.RowStride, ColStride: t.Q.ColStride}
		f(x)
	}
}

// shawScratch is what a thread needs for products with the table.
type shawScratch struct {
	ws   kernel.Workspace
	q, k []float32 // [queries, rows of the table] and [keys, rows of the table]
}

var shawScratches = sync.Pool{New: func() any { return new(shawScratch) }}

// floats is n floats of memory that grows as needed.
func floats(memory *[]float32, n int) []float32 {
	if cap(*memory) < n {
		*memory = make([]float32, n)
	}
	return (*memory)[:n]
}

// Add adds to the tile's scores: products of its queries, and keys, with the rows
// of the table that any of them needs, of which each score takes its own.
func (s *shaw) Add(t *Tile) {
	b := shawScratches.Get().(*shawScratch)
	defer shawScratches.Put(b)
	s.strips(t, func(x strip) {
		q := floats(&b.q, x.n*x.width)
		t.Kernels.Gemm(x.n, x.width, t.Dk, x.q, x.e.T(), q, x.width, false, nil, &b.ws)
		var k []float32
		if s.both {
			k = floats(&b.k, t.Keys*x.width)
			t.Kernels.Gemm(t.Keys, x.width, t.Dk, t.K.T(), x.e.T(), k, x.width, false, nil, &b.ws)
		}
		for i := range x.n {
			scores := t.Row(x.first + i)
			for j := range scores {
				c := i - j + t.Keys - 1
				sum := q[i*x.width+c]
				if s.both {
					sum += k[j*x.width+c]
				}
				scores[j] += float32(t.Scale * sum)
			}
		}
	})
}

// Back adds the gradients of the table, the queries and the keys: products of the
// scores' gradients, each in the column of its distance.
func (s *shaw) Back(t *Tile, grads [][]float32) {
	b := shawScratches.Get().(*shawScratch)
	defer shawScratches.Put(b)
	s.strips(t, func(x strip) {
		q := floats(&b.q, x.n*x.width)
		clear(q)
		var k []float32
		if s.both {
			k = floats(&b.k, t.Keys*x.width)
			clear(k)
		}
		for i := range x.n {
			for j, g := range t.Row(x.first + i) {
				c := i - j + t.Keys - 1
				q[i*x.width+c] = g
				if s.both {
					k[j*x.width+c] = g
				}
			}
		}
		s.through(t, x, q, x.n, x.q, below(t.DQ, x.first), grads[0], b)
		if s.both {
			s.through(t, x, k, t.Keys, t.K.T(), t.DK, grads[0], b)
		}
	})
}

// through adds what follows from the gradients g [n, rows of the table] of
// products of vectors y [n, Dk] with the table: to dy, and to the table's.
func (s *shaw) through(t *Tile, x strip, g []float32, n int, y, dy kernel.View, grad []float32, b *shawScratch) {
	v := kernel.View{Data: g, RowStride: x.width, ColStride: 1}
	if dy.Data != nil {
		t.Kernels.Gemm(n, t.Dk, x.width, v, x.e, dy.Data, dy.RowStride, true, nil, &b.ws)
	}
	if grad != nil {
		t.Kernels.Scale(g, g, t.Scale)
		t.Kernels.Gemm(x.width, t.Dk, n, v.T(), y, grad[x.row*t.Dk:], t.Dk, true, nil, &b.ws)
	}
}

// below is v from row i on; what holds nothing stays so.
func below(v kernel.View, i int) kernel.View {
	if v.Data != nil {
		v.Data = v.Data[i*v.RowStride:]
	}
	return v
}
