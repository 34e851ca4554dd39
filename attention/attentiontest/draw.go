package attentiontest

import (
	"math/rand/v2"

	"github.com/qkvgo/qkv/attention"
	"github.com/qkvgo/qkv/nn"
)

// draw makes random problems.
type draw struct{ *rand.Rand }

func newDraw(a, b uint64) *draw { return &draw{rand.New(rand.NewPCG(a, b))} }

// one of some values.
func one[T any](d *draw, from ...T) T { return from[d.IntN(len(from))] }

func (d *draw) normal(n int) []float32 {
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(d.NormFloat64())
	}
	return x
}

// lengths of sequences around the sizes at which the arithmetic changes its
// step: empty, one row, a tile of keys, a block of queries.
func (d *draw) lengths(n int) []int {
	lengths := make([]int, n)
	for i := range lengths {
		lengths[i] = one(d, 0, 1, 1, 2, 3, 7, 15, 16, 17, 33, 63, 64, 65, 1+d.IntN(90), 127+d.IntN(4))
	}
	return lengths
}

// pattern draws a pattern that the abilities allow.
func (d *draw) pattern(can attention.Patterns, lengths []int) attention.Pattern {
	switch can {
	case attention.OnlyFull:
		return attention.Full
	case attention.FullOrCausal:
		return one(d, attention.Full, attention.Causal)
	}
	return d.anyPattern(2, lengths)
}

// anyPattern draws a pattern, or patterns combined depth times at most.
func (d *draw) anyPattern(depth int, lengths []int) attention.Pattern {
	kinds := 8
	if depth > 0 {
		kinds = 13
	}
	inner := func() attention.Pattern { return d.anyPattern(depth-1, lengths) }
	switch d.IntN(kinds) {
	case 0:
		return attention.Full
	case 1:
		return attention.Causal
	case 2:
		return attention.Band{Left: d.IntN(80) - 3, Right: d.IntN(80) - 3}
	case 3:
		return attention.Block{Size: 1 + d.IntN(70)}
	case 4:
		return attention.Prefix{N: d.IntN(70)}
	case 5:
		return attention.Global{N: d.IntN(5)}
	case 6:
		return attention.Stride{Step: 1 + d.IntN(9)}
	case 7:
		return attention.Hidden(d.hidden(lengths))
	case 8:
		return attention.Union(inner(), inner())
	case 9:
		return attention.Intersect(inner(), inner())
	case 10:
		return attention.Except(inner())
	case 11:
		return attention.Heads(inner(), inner(), inner())
	}
	return attention.Intersect(attention.Causal, inner())
}

// hidden draws which keys of each sequence are hidden.
func (d *draw) hidden(lengths []int) [][]bool {
	hidden := make([][]bool, len(lengths))
	for i, n := range lengths {
		if d.IntN(3) == 0 {
			continue
		}
		hidden[i] = make([]bool, d.IntN(n+1))
		for j := range hidden[i] {
			hidden[i][j] = d.IntN(4) == 0
		}
	}
	return hidden
}

// problem draws a call that the mechanism can take.
func (d *draw) problem(s *Subject, cross bool) *problem {
	can := s.Mechanism.Abilities()
	lengths := d.lengths(one(d, 1, 1, 2, 3))
	x := &problem{oracle: s.Oracle, dk: one(d, 1, 3, 4, 8, 11, 16), dv: one(d, 1, 2, 5, 8, 16, 19), rows: nn.Sequences(lengths...)}
	x.core = attention.Core{KVHeads: one(d, 1, 1, 2, 3), Mechanism: s.Mechanism}
	x.core.Heads = x.core.KVHeads * one(d, 1, 1, 2, 3)
	if d.IntN(2) == 0 {
		x.core.Scale = float32(0.2 + d.Float64())
	}
	if can.Softcap && d.IntN(3) == 0 {
		x.core.Softcap = float32(0.5 + 3*d.Float64())
	}
	x.keys = x.rows
	if x.cross = cross; cross {
		lengths = d.lengths(len(lengths))
		x.keys = nn.Sequences(lengths...)
	}
	if can.Patterns == attention.AnyPattern && d.IntN(4) == 0 {
		x.keys.Hidden = make([]bool, x.keys.Rows())
		for i := range x.keys.Hidden {
			x.keys.Hidden[i] = d.IntN(5) == 0
		}
		if !cross {
			x.rows.Hidden = x.keys.Hidden
		}
	}
	x.core.Pattern = d.pattern(can.Patterns, lengths)
	if can.Terms {
		for range d.IntN(3) {
			x.biases = append(x.biases, one(d, Biases...)(d.Rand, x.core.Heads, x.dk, 260))
		}
	}
	x.fill(d)
	return x
}

// fill draws the operands and the gradients of the results.
func (x *problem) fill(d *draw) {
	n, m := x.rows.Rows(), x.keys.Rows()
	x.q, x.k, x.v = d.normal(n*x.core.Heads*x.dk), d.normal(m*x.kv()*x.dk), d.normal(m*x.kv()*x.dv)
	x.dout, x.dlse = d.normal(n*x.core.Heads*x.dv), d.normal(n*x.core.Heads)
	x.fused = !x.cross && d.IntN(2) == 0
}
