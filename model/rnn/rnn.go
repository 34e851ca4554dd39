// Package rnn is recurrent networks: Elman's (1990, Finding Structure in Time),
// the LSTM (Hochreiter & Schmidhuber 1997, with the forget gate of Gers et al.
// 2000) and the GRU (Cho et al. 2014), of any number of layers, in one direction
// or both, with PyTorch's parameters.
//
//	h_t = cell(W_ih·x_t + b_ih, W_hh·h_{t−1} + b_hh)
//
// Sequences of any lengths share a batch without padding: a step is one product
// for all sequences that still have a row.
package rnn

import (
	"iter"
	"math"
	"slices"
	"strconv"

	"github.com/qkvgo/qkv/nn"
	"github.com/qkvgo/qkv/tensor"
)

// Config says what a network is made of.
type Config struct {
	Cell          Cell
	Input, Hidden int     // widths of rows and of states
	Layers        int     // 0: 1
	NoBias        bool    // leave out both biases
	Bidirectional bool    // read backwards too, in every layer
	Drop          float32 // rate of dropout between layers
}

// Network is layers of a recurrent cell, each reading what the one below wrote.
type Network struct {
	Config
	Directions []*Direction // of layer 0, of layer 1, …: forwards, then backwards if Bidirectional
}

// Direction is one layer's reading in one direction. Its gates lie one below the
// other in PyTorch's order: i, f, g, o of the LSTM, r, z, n of the GRU.
type Direction struct {
	WeightIH *nn.Param // [gates·hidden, width of the layer below]
	WeightHH *nn.Param // [gates·hidden, hidden]
	BiasIH   *nn.Param // [gates·hidden], or nil
	BiasHH   *nn.Param // [gates·hidden], or nil
	cell     Cell
	hidden   int
	reverse  bool
}

// State is what a network knows at the ends of sequences.
type State struct {
	H *tensor.Tensor // [layers·directions·sequences, hidden], in the order of Directions
	C *tensor.Tensor // the LSTM's cells, of the same shape; nil for others
}

// New declares a network's parameters; it reads none.
func New(c Config) *Network {
	c.Layers = max(c.Layers, 1)
	n := &Network{Config: c}
	gates := c.Cell.must().gates * c.Hidden
	for layer := range c.Layers {
		in := c.Input
		if layer > 0 {
			in = n.Width()
		}
		for side := range n.sides() {
			d := &Direction{WeightIH: nn.NewParam(gates, in), WeightHH: nn.NewParam(gates, c.Hidden),
				cell: c.Cell, hidden: c.Hidden, reverse: side == 1}
			if !c.NoBias {
				d.BiasIH, d.BiasHH = nn.NewParam(gates), nn.NewParam(gates)
			}
			n.Directions = append(n.Directions, d)
		}
	}
	return n
}

// sides is the number of directions.
func (n *Network) sides() int {
	if n.Bidirectional {
		return 2
	}
	return 1
}

// Width is the width of the rows that Forward gives.
func (n *Network) Width() int { return n.sides() * n.Hidden }

// Named gives PyTorch's names: weight_ih_l0, weight_hh_l0, bias_ih_l0, bias_hh_l0,
// weight_ih_l0_reverse, …
func (n *Network) Named() iter.Seq2[string, *nn.Param] {
	return func(yield func(string, *nn.Param) bool) {
		for i, d := range n.Directions {
			end := "_l" + strconv.Itoa(i/n.sides())
			if d.reverse {
				end += "_reverse"
			}
			for _, w := range []struct {
				name string
				*nn.Param
			}{{"weight_ih", d.WeightIH}, {"weight_hh", d.WeightHH}, {"bias_ih", d.BiasIH}, {"bias_hh", d.BiasHH}} {
				if w.Param != nil && !yield(w.name+end, w.Param) {
					return
				}
			}
		}
	}
}

// Init draws all values evenly from ±1/√hidden, as PyTorch does.
func (n *Network) Init(seed uint64) {
	for name, w := range n.Named() {
		if w.Name == "" {
			w.Name = name
		}
		nn.InitUniform(w, float32(1/math.Sqrt(float64(n.Hidden))), seed)
	}
}

// Forward reads x [rows, input] and gives the states of the last layer after each
// row, [rows, directions·hidden], and all layers' states at the ends. Sequences
// start with first, or with zeros.
//
// In a pass with Memory the network goes on where it stopped, and first must be
// nil.
func (n *Network) Forward(p *nn.Pass, x *tensor.Tensor, first *State) (y *tensor.Tensor, last State) {
	switch {
	case x.Width() != n.Input || x.Rows() != p.Rows.Rows():
		panic(&tensor.Fault{Op: "rnn", Shapes: [][]int{x.Shape(), {p.Rows.Rows(), n.Input}}, Msg: "the rows do not fit"})
	case p.Memory != nil && (n.Bidirectional || first != nil):
		panic(&tensor.Fault{Op: "rnn", Msg: "a network with a memory reads forwards only, from what it remembers"})
	}
	var h, c []*tensor.Tensor
	y = x
	for layer := range n.Layers {
		if layer > 0 {
			y = p.Drop(n.Drop, y)
		}
		var sides []*tensor.Tensor
		for side := range n.sides() {
			i := layer*n.sides() + side
			out, end := n.Directions[i].Forward(p, y, first.of(i, p.Rows.Len()))
			sides, h, c = append(sides, out), append(h, end.H), append(c, end.C)
		}
		if y = sides[0]; len(sides) > 1 {
			y = tensor.Concat(sides...)
		}
	}
	last.H = tensor.Stack(h...)
	if !slices.Contains(c, nil) {
		last.C = tensor.Stack(c...)
	}
	return y, last
}

// of is the states of direction i.
func (s *State) of(i, sequences int) State {
	if s == nil {
		return State{}
	}
	one := State{H: s.H.Slice(i*sequences, (i+1)*sequences)}
	if s.C != nil {
		one.C = s.C.Slice(i*sequences, (i+1)*sequences)
	}
	return one
}

// Forward reads x [rows, width] in one direction from first, [sequences, hidden],
// zeros where nil: the state after each row, [rows, hidden], and those at the
// ends, [sequences, hidden].
func (d *Direction) Forward(p *nn.Pass, x *tensor.Tensor, first State) (y *tensor.Tensor, last State) {
	if p.Memory != nil {
		first = d.recall(p)
	}
	in := (&nn.Linear{Weight: d.WeightIH, Bias: d.BiasIH}).Forward(p, x) // [rows, gates·hidden]
	states := d.recur(p, in, first)
	ends := p.Rows.Lasts()
	if d.reverse {
		ends = p.Rows.Firsts()
	}
	y = states.Cols(0, d.hidden)
	last.H = endOf(y, ends, first.H)
	if states.Width() > d.hidden {
		last.C = endOf(states.Cols(d.hidden, 2*d.hidden), ends, first.C)
	}
	if p.Memory != nil {
		d.remember(p, last)
	}
	return y, last
}

// endOf is the rows of y named by ends; a sequence without rows ends as it began.
func endOf(y *tensor.Tensor, ends []int32, first *tensor.Tensor) *tensor.Tensor {
	if first == nil || !slices.Contains(ends, -1) {
		return y.Gather(ends)
	}
	at := make([]int32, len(ends))
	for i, row := range ends {
		if at[i] = int32(len(ends)) + row; row < 0 {
			at[i] = int32(i)
		}
	}
	return tensor.Stack(first, y).Gather(at)
}
