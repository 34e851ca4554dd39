package rnn

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/qkvgo/qkv/device"
	"github.com/qkvgo/qkv/device/cpu"
	"github.com/qkvgo/qkv/kernel"
	"github.com/qkvgo/qkv/nn"
	"github.com/qkvgo/qkv/tensor"
)

var cells = []Cell{Tanh, ReLU, LSTM, GRU}

func network(c Config) *Network {
	n := New(c)
	n.Init(5)
	return n
}

func numbers(seed uint64, n int) []float32 {
	r, x := rand.New(rand.NewPCG(seed, 1)), make([]float32, n)
	for i := range x {
		x[i] = float32(r.NormFloat64())
	}
	return x
}

// read runs a network over sequences of the given lengths, without a tape.
func read(t *testing.T, n *Network, d device.Device, memory *nn.Memory, x []float32, lengths ...int) (y, h, c []float32) {
	t.Helper()
	p := nn.NewPass(t.Context(), nn.Sequences(lengths...), nn.Options{Device: d})
	defer p.Close()
	p.Memory = memory
	out, last := n.Forward(p, p.Of(x, len(x)/n.Input, n.Input), nil)
	if last.C != nil {
		c = last.C.Float32s()
	}
	return out.Float32s(), last.H.Float32s(), c
}

func equal(t *testing.T, name string, have, want []float32) {
	t.Helper()
	if !slices.EqualFunc(have, want, func(a, b float32) bool { return math.Float32bits(a) == math.Float32bits(b) }) {
		t.Errorf("%s: have %v, want %v", name, have, want)
	}
}

// Sequences alone, on other threads and kernels, and read row by row with a
// memory, have the bits of the whole batch.
func TestSameBits(t *testing.T) {
	lengths := []int{3, 0, 7, 1, 7}
	off := nn.Sequences(lengths...).Off
	for _, cell := range cells {
		n := network(Config{Cell: cell, Input: 5, Hidden: 9, Layers: 2})
		x := numbers(1, 18*5)
		y, h, c := read(t, n, nil, nil, x, lengths...)
		for _, set := range kernel.Sets() {
			d := cpu.New(cpu.Options{Threads: 3, Kernels: set})
			other, _, _ := read(t, n, d, nil, x, lengths...)
			equal(t, string(cell)+" "+set.Name, other, y)
			if held := d.Memory().InUse; held != 0 {
				t.Errorf("%s: %d bytes in use", cell, held)
			}
			d.Close()
		}
		for i := range lengths {
			part := x[off[i]*5 : off[i+1]*5]
			one, oneH, oneC := read(t, n, nil, nil, part, lengths[i])
			equal(t, string(cell)+" alone", one, y[off[i]*9:off[i+1]*9])
			for layer := range 2 {
				at := (layer*len(lengths) + i) * 9
				equal(t, string(cell)+" last state", oneH[layer*9:][:9], h[at:at+9])
				if c != nil {
					equal(t, string(cell)+" last cells", oneC[layer*9:][:9], c[at:at+9])
				}
			}
			memory := &nn.Memory{}
			for r := range lengths[i] {
				step, stepH, _ := read(t, n, nil, memory, part[r*5:][:5], 1)
				equal(t, string(cell)+" step by step", step, y[(off[i]+r)*9:][:9])
				if r == lengths[i]-1 {
					equal(t, string(cell)+" state by steps", stepH, oneH)
				}
			}
			memory.Close()
		}
	}
}

// A memory follows the sequences that Select keeps.
func TestMemorySelect(t *testing.T) {
	n := network(Config{Cell: LSTM, Input: 2, Hidden: 3})
	memory := &nn.Memory{}
	x := numbers(2, 6)
	read(t, n, nil, memory, x[:4], 1, 1)
	memory.Select([]int{1, 1})
	y, _, _ := read(t, n, nil, memory, append(slices.Clone(x[4:]), x[4:]...), 1, 1)
	whole, _, _ := read(t, n, nil, nil, x[2:], 2)
	equal(t, "a copy", y[:3], whole[3:])
	equal(t, "the original", y[3:], whole[3:])
}

// Both directions are two networks of one, the second on sequences turned round.
func TestBidirectional(t *testing.T) {
	lengths := []int{4, 1, 6}
	rows := nn.Sequences(lengths...)
	for _, cell := range cells {
		both := network(Config{Cell: cell, Input: 3, Hidden: 4, Bidirectional: true})
		there, back := New(Config{Cell: cell, Input: 3, Hidden: 4}), New(Config{Cell: cell, Input: 3, Hidden: 4})
		there.Directions[0], back.Directions[0] = both.Directions[0], both.Directions[1]
		x := numbers(3, 11*3)
		turned := turn(x, 3, rows)
		back.Directions[0].reverse = false
		y1, h1, _ := read(t, there, nil, nil, x, lengths...)
		y2, h2, _ := read(t, back, nil, nil, turned, lengths...)
		back.Directions[0].reverse = true
		y, h, _ := read(t, both, nil, nil, x, lengths...)
		y2 = turn(y2, 4, rows)
		for r := range 11 {
			equal(t, string(cell)+" forwards", y[r*8:][:4], y1[r*4:][:4])
			equal(t, string(cell)+" backwards", y[r*8+4:][:4], y2[r*4:][:4])
		}
		equal(t, string(cell)+" ends", h, append(h1, h2...))
	}
}

// turn is the rows of each sequence in the other order.
func turn(x []float32, width int, b nn.Batch) (y []float32) {
	for i := range b.Len() {
		for r := b.Off[i+1] - 1; r >= b.Off[i]; r-- {
			y = append(y, x[r*width:][:width]...)
		}
	}
	return y
}

// The gradients of all parameters, of the input and of the first state are the
// slopes of the loss.
func TestGradients(t *testing.T) {
	lengths := []int{3, 0, 4}
	const rows, sequences, hidden, width = 7, 3, 4, 3
	for _, c := range []Config{
		{Cell: Tanh}, {Cell: ReLU, NoBias: true}, {Cell: LSTM, Layers: 2, Bidirectional: true}, {Cell: GRU, Bidirectional: true}, {Cell: GRU, Layers: 2},
	} {
		c.Input, c.Hidden = width, hidden
		n := network(c)
		x, h0, c0 := numbers(1, rows*width), numbers(2, len(n.Directions)*sequences*hidden), numbers(3, len(n.Directions)*sequences*hidden)
		loss := func(tape bool) (l float64, grads map[string][]float32) {
			p := nn.NewPass(t.Context(), nn.Sequences(lengths...), nn.Options{Tape: tape})
			defer p.Close()
			in := p.Input(x, rows, width)
			first := &State{H: p.Input(h0, len(n.Directions)*sequences, hidden)}
			if c.Cell == LSTM {
				first.C = p.Input(c0, len(n.Directions)*sequences, hidden)
			}
			y, last := n.Forward(p, in, first)
			weigh := func(x *tensor.Tensor, seed uint64) *tensor.Tensor {
				return x.Mul(p.Of(numbers(seed, x.Rows()*x.Width()), x.Shape()...))
			}
			parts := []*tensor.Tensor{weigh(y, 7), weigh(last.H, 8)}
			if last.C != nil {
				parts = append(parts, weigh(last.C, 9))
			}
			for _, part := range parts {
				for _, v := range part.Float32s() {
					l += float64(v)
				}
			}
			if !tape {
				return l, nil
			}
			sum := parts[0].Sum()
			for _, part := range parts[1:] {
				sum = sum.Add(part.Sum())
			}
			p.Mark("the layer", sum)
			sum.Backward()
			grads = map[string][]float32{"x": in.Grad().Float32s(), "h0": first.H.Grad().Float32s()}
			if first.C != nil {
				grads["c0"] = first.C.Grad().Float32s()
			}
			for name, w := range n.Named() {
				grads[name] = p.Grad(w).Float32s()
			}
			return l, grads
		}
		_, grads := loss(true)
		at := map[string][]float32{"x": x, "h0": h0, "c0": c0}
		for name, w := range n.Named() {
			at[name] = w.Float32()
		}
		for name, g := range grads {
			for i := range g {
				const h = 1e-3
				was := at[name][i]
				side := func(v float32) float64 {
					at[name][i] = v
					for _, w := range n.Named() {
						w.Changed()
					}
					l, _ := loss(false)
					return l
				}
				slope := (side(was+h) - side(was-h)) / (2 * h)
				side(was)
				if math.Abs(slope-float64(g[i])) > 0.01*(1+math.Abs(slope)) {
					t.Errorf("%+v: gradient %d of %s is %v, the slope %v", c, i, name, g[i], slope)
				}
			}
		}
	}
}

func TestNames(t *testing.T) {
	var names []string
	type model struct {
		Read *Network `ckpt:"encoder"`
	}
	for name, w := range nn.Params(&model{New(Config{Cell: GRU, Input: 2, Hidden: 3, Layers: 2, Bidirectional: true, NoBias: true})}) {
		names = append(names, fmt.Sprint(name, w.Shape))
	}
	want := []string{"encoder.weight_ih_l0[9 2]", "encoder.weight_hh_l0[9 3]", "encoder.weight_ih_l0_reverse[9 2]", "encoder.weight_hh_l0_reverse[9 3]",
		"encoder.weight_ih_l1[9 6]", "encoder.weight_hh_l1[9 3]", "encoder.weight_ih_l1_reverse[9 6]", "encoder.weight_hh_l1_reverse[9 3]"}
	if !slices.Equal(names, want) {
		t.Errorf("have %q, want %q", names, want)
	}
}

func TestFaults(t *testing.T) {
	for name, f := range map[string]func(p *nn.Pass){
		"a wrong width":   func(p *nn.Pass) { New(Config{Cell: GRU, Input: 2, Hidden: 2}).Forward(p, p.Zeros(3, 5), nil) },
		"an unknown cell": func(p *nn.Pass) { New(Config{Cell: "MGU", Input: 2, Hidden: 2}) },
		"a memory of the past": func(p *nn.Pass) {
			p.Memory = &nn.Memory{}
			network(Config{Cell: Tanh, Input: 2, Hidden: 2, Bidirectional: true}).Forward(p, p.Zeros(3, 2), nil)
		},
	} {
		err := func() (err error) {
			defer tensor.Guard(&err)
			p := nn.NewPass(t.Context(), nn.Sequences(3), nn.Options{})
			defer p.Close()
			f(p)
			return nil
		}()
		if err == nil {
			t.Errorf("%s is taken", name)
		}
	}
}
