package rnn

import (
	"github.com/qkvgo/qkv/nn"
	"github.com/qkvgo/qkv/tensor"
)

// kept is the states of sequences between passes, [sequences][hidden].
type kept struct{ h, c [][]float32 }

// Select keeps the named sequences.
func (m *kept) Select(rows []int) { m.h, m.c = pick(m.h, rows), pick(m.c, rows) }

func pick(x [][]float32, rows []int) [][]float32 {
	if x == nil {
		return nil
	}
	y := make([][]float32, len(rows))
	for i, r := range rows {
		y[i] = x[r]
	}
	return y
}

// Close forgets everything.
func (m *kept) Close() { m.h, m.c = nil, nil }

func (d *Direction) entry(p *nn.Pass) *kept {
	return p.Memory.Recall(d, func() nn.Entry { return new(kept) }).(*kept)
}

// recall is the state that the pass goes on from.
func (d *Direction) recall(p *nn.Pass) State {
	m := d.entry(p)
	if m.h != nil && len(m.h) != p.Rows.Len() {
		panic(&tensor.Fault{Op: "rnn", Shapes: [][]int{{p.Rows.Len()}, {len(m.h)}}, Msg: "the memory holds other sequences than the pass"})
	}
	return State{H: stacked(p, m.h, d.hidden), C: stacked(p, m.c, d.hidden)}
}

func stacked(p *nn.Pass, rows [][]float32, width int) *tensor.Tensor {
	if rows == nil {
		return nil
	}
	x := p.New(len(rows), width)
	for i, r := range rows {
		copy(x.Row(i), r)
	}
	return x
}

// remember keeps the state that the pass ended with.
func (d *Direction) remember(p *nn.Pass, last State) {
	m := d.entry(p)
	m.h = rowsOf(last.H)
	if last.C != nil {
		m.c = rowsOf(last.C)
	}
}

func rowsOf(x *tensor.Tensor) [][]float32 {
	rows := make([][]float32, x.Rows())
	for i := range rows {
		rows[i] = append([]float32{}, x.Row(i)...)
	}
	return rows
}
