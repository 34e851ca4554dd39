package position

import (
	"fmt"

	"github.com/qkvgo/qkv/nn"
	"github.com/qkvgo/qkv/tensor"
)

// Shaw adds to the score of a query and a key what the query has to say to a
// learned vector of their distance, as BERT's relative_key has it (Shaw et al.
// 2018, eq. 4), and with Both the key too, as relative_key_query (Huang et al.
// 2020, method 4):
//
//	s_ij += scale·q_i·E[i−j+T−1]     (+ scale·k_j·E[i−j+T−1])
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

// at is the row of the table for query i and key j of the tile.
func (s *shaw) at(t *Tile, i, j int) int {
	far := s.table.Rows() / 2
	row := t.Query + i - t.Key - j + far
	if row < 0 || row >= s.table.Rows() {
		panic(&tensor.Fault{Op: "Shaw", Shapes: [][]int{s.table.Shape()},
			Msg: fmt.Sprintf("a sequence is longer than the %d positions of the table", far+1)})
	}
	return row
}

// keys is the tile's keys as rows, [Keys, Dk]; nil where they are not read.
func (s *shaw) keys(t *Tile) []float32 {
	if !s.both {
		return nil
	}
	rows := make([]float32, 0, t.Keys*t.Dk)
	for j := range t.Keys {
		for d := range t.Dk {
			rows = append(rows, t.K.Data[d*t.K.RowStride+j*t.K.ColStride])
		}
	}
	return rows
}

// Add adds to the tile's scores.
func (s *shaw) Add(t *Tile) {
	keys := s.keys(t)
	for i := range t.Queries {
		q, scores := vector(t.Q.Data, i*t.Q.RowStride, t.Dk), t.Row(i)
		for j := range scores {
			e := s.table.Row(s.at(t, i, j))
			sum := t.Kernels.Dot(q, e)
			if s.both {
				sum += t.Kernels.Dot(vector(keys, j*t.Dk, t.Dk), e)
			}
			scores[j] += float32(t.Scale * sum)
		}
	}
}

// Back adds the gradients of the table, the queries and the keys.
func (s *shaw) Back(t *Tile, grads [][]float32) {
	keys := s.keys(t)
	for i := range t.Queries {
		for j, g := range t.Row(i) {
			row := s.at(t, i, j)
			e := s.table.Row(row)
			q := vector(t.Q.Data, i*t.Q.RowStride, t.Dk)
			if t.DQ.Data != nil {
				t.Kernels.AddScaled(vector(t.DQ.Data, i*t.DQ.RowStride, t.Dk), e, g)
			}
			if s.both && t.DK.Data != nil {
				t.Kernels.AddScaled(vector(t.DK.Data, j*t.DK.RowStride, t.Dk), e, g)
			}
			if grads[0] != nil {
				d := grads[0][row*t.Dk:][:t.Dk]
				t.Kernels.AddScaled(d, q, g*t.Scale)
				if s.both {
					t.Kernels.AddScaled(d, vector(keys, j*t.Dk, t.Dk), g*t.Scale)
				}
			}
		}
	}
}

func vector(data []float32, at, n int) []float32 { return data[at : at+n : at+n] }
