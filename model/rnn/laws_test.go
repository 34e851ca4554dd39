package rnn

import (
	"math"
	"slices"
	"testing"

	"github.com/qkvgo/qkv/model"
	"github.com/qkvgo/qkv/nn"
)

// A network of two units over three steps, worked out by hand: talk A05.
//
//	h₁ = tanh(W·1), h₂ = tanh(W·2 + U·h₁), h₃ = tanh(W·(−1) + U·h₂ + b)
func TestByHand(t *testing.T) {
	n := New(Config{Cell: Tanh, Input: 1, Hidden: 2})
	d := n.Directions[0]
	d.WeightIH.Set([]float32{0.5, -0.25})
	d.WeightHH.Set([]float32{0.1, 0.2, -0.3, 0.4})
	d.BiasIH.Set([]float32{0.05, 0})
	d.BiasHH.Set([]float32{0, -0.1})
	h := [2]float64{}
	var want []float64
	for _, x := range []float64{1, 2, -1} {
		h = [2]float64{math.Tanh(0.5*x + 0.1*h[0] + 0.2*h[1] + 0.05), math.Tanh(-0.25*x - 0.3*h[0] + 0.4*h[1] - 0.1)}
		want = append(want, h[:]...)
	}
	p := nn.NewPass(t.Context(), nn.Sequences(3), nn.Options{})
	defer p.Close()
	y, last := n.Forward(p, p.Input([]float32{1, 2, -1}, 3, 1), nil)
	for i, v := range y.Float32s() {
		if math.Abs(float64(v)-want[i]) > 1e-6 {
			t.Errorf("number %d is %v, want %v", i, v, want[i])
		}
	}
	if !slices.Equal(last.H.Float32s(), y.Float32s()[4:]) {
		t.Errorf("the document's vector is %v, the last state %v", last.H.Float32s(), y.Float32s()[4:])
	}
}

// A cell is called once for each token, one after the other; parameters are
// gates·h·(x+h+2), which with one bias for two is gates·h·(x+h+1): talk A05, A07, A24.
func TestCallsAndParameters(t *testing.T) {
	const x, h = 10, 20
	for cell, gates := range map[Cell]int{Tanh: 1, LSTM: 4, GRU: 3} {
		count := 0
		for _, w := range New(Config{Cell: cell, Input: x, Hidden: h}).Named() {
			count += w.Len()
		}
		if want := gates * h * (x + h + 2); count != want {
			t.Errorf("%s has %d parameters, want %d", cell, count, want)
		}
	}
	for _, n := range []int{1, 7, 100} {
		w := newWalk(nn.Sequences(n), false)
		if w.steps() != n {
			t.Errorf("%d tokens take %d steps", n, w.steps())
		}
		for i := 1; i < len(w.rows); i++ {
			if w.rows[i] != w.rows[i-1]+1 {
				t.Errorf("step %d reads row %d after row %d", i, w.rows[i], w.rows[i-1])
			}
		}
	}
}

// In a linear cell whose matrix turns a state and stretches it by s, the gradient of
// what was k steps ago is s^k as large: talk A06. A rectifier is linear on states
// above zero, and exchanging units turns these.
func TestGradientOverDistance(t *testing.T) {
	const h, steps = 3, 100
	for s, want := range map[float32]float64{0.9: math.Pow(0.9, steps), 1.1: math.Pow(1.1, steps), 1: 1} {
		n := New(Config{Cell: ReLU, Input: h, Hidden: h, NoBias: true})
		n.Directions[0].WeightIH.Set([]float32{1, 0, 0, 0, 1, 0, 0, 0, 1})
		n.Directions[0].WeightHH.Set([]float32{0, s, 0, 0, 0, s, s, 0, 0})
		p := nn.NewPass(t.Context(), nn.Sequences(steps+1), nn.Options{Tape: true})
		in := make([]float32, (steps+1)*h)
		for i := range in {
			in[i] = 0.5
		}
		x := p.Input(in, steps+1, h)
		_, last := n.Forward(p, x, nil)
		last.H.Mul(p.Of([]float32{1, -2, 3}, 1, h)).Sum().Backward()
		ratio := length(x.Grad().Row(0)) / length(x.Grad().Row(steps))
		if math.Abs(ratio/want-1) > 1e-4 {
			t.Errorf("stretched by %v: the gradient %d steps back is %v as large, want %v", s, steps, ratio, want)
		}
		p.Close()
	}
}

func length(x []float32) float64 {
	sum := 0.0
	for _, v := range x {
		sum += float64(v) * float64(v)
	}
	return math.Sqrt(sum)
}

// fixed is an LSTM whose gates are the same whatever comes: its matrices are zero.
func fixed(h int, in, forget float32) *Network {
	n := New(Config{Cell: LSTM, Input: 1, Hidden: h})
	for _, w := range n.Named() {
		nn.InitZeros(w)
	}
	bias := n.Directions[0].BiasIH.Own()
	for j := range h {
		bias[j], bias[h+j], bias[2*h+j] = in, forget, 0.3
	}
	return n
}

// With the forget gate open and the input gate shut a cell keeps its number to the
// bit; the gradient along the cells is the product of the forget gates: talk A07.
func TestCellPath(t *testing.T) {
	const h, steps = 2, 100
	for _, c := range []struct {
		forget float32
		want   float64
	}{{1, 2.5e-14}, {5, 0.511}, {200, 1}} {
		n := fixed(h, -200, c.forget)
		p := nn.NewPass(t.Context(), nn.Sequences(steps), nn.Options{Tape: true})
		first := &State{H: p.Input(make([]float32, h), 1, h), C: p.Input([]float32{0.7, -1.3}, 1, h)}
		_, last := n.Forward(p, p.Input(make([]float32, steps), steps, 1), first)
		kept := last.C.Float32s()
		last.C.Sum().Backward()
		gate := 1 / (1 + math.Exp(-float64(c.forget)))
		want := math.Pow(gate, steps)
		if have := float64(first.C.Grad().Row(0)[0]); math.Abs(have/want-1) > 1e-4 || math.Abs(want/c.want-1) > 0.05 {
			t.Errorf("forget bias %v: gradient %v, want %v, about %v", c.forget, have, want, c.want)
		}
		if c.forget == 200 && !slices.Equal(kept, []float32{0.7, -1.3}) {
			t.Errorf("a cell that keeps its number has %v after %d steps", kept, steps)
		}
		p.Close()
	}
}

// A network read token by token gives the bits of the whole, and what it remembers is
// as large after ten thousand tokens as after ten: talk A22.
func TestStream(t *testing.T) {
	m, err := NewLM(Settings{V: 7, Cell: LSTM, Embed: 4, Hidden: 5, L: 2, ForgetBias: 1})
	if err != nil {
		t.Fatal(err)
	}
	m.Init(3)
	ids := make([]int32, 40)
	for i := range ids {
		ids[i] = int32(i * i % 7)
	}
	p := nn.NewPass(t.Context(), nn.Sequences(len(ids)), nn.Options{})
	whole := m.Unembed(p, m.Hidden(p, ids)).Float32s()
	p.Close()
	var memory nn.Memory
	defer memory.Close()
	var streamed []float32
	for i, id := range ids {
		p := nn.NewPass(t.Context(), nn.Sequences(1), nn.Options{})
		p.Memory = &memory
		streamed = append(streamed, m.Unembed(p, m.Hidden(p, []int32{id})).Float32s()...)
		p.Close()
		size := 0
		for _, d := range m.Net.Directions {
			kept := memory.Recall(d, func() nn.Entry { return new(kept) }).(*kept)
			for _, rows := range [][][]float32{kept.h, kept.c} {
				for _, row := range rows {
					size += len(row)
				}
			}
		}
		if want := 2 * 2 * 5; size != want {
			t.Errorf("after %d tokens it remembers %d numbers, want %d", i+1, size, want)
		}
	}
	if !slices.Equal(streamed, whole) {
		t.Error("token by token gives other scores than all at once")
	}
}

// Bidirectional vectors hold what each direction knows at its end.
func TestRepresent(t *testing.T) {
	for _, pooling := range []model.Pooling{model.Last, model.Concat, model.Mean, model.Max} {
		c := Settings{V: 9, Cell: GRU, Embed: 3, Hidden: 4, L: 2, Bidirectional: true, Pooling: pooling}
		m := NewClassifier(c)
		m.Init(1)
		ids := []int32{1, 2, 3, 4, 5, 6, 7}
		run := func(lengths ...int) [][]float32 {
			n := 0
			for _, l := range lengths {
				n += l
			}
			p := nn.NewPass(t.Context(), nn.Sequences(lengths...), nn.Options{})
			defer p.Close()
			x := m.Represent(p, &model.Input{IDs: ids[:n]})
			if x.Width() != pooling.Width(8) {
				t.Fatalf("%s: width %d", pooling, x.Width())
			}
			var rows [][]float32
			for i := range x.Rows() {
				rows = append(rows, slices.Clone(x.Row(i)))
			}
			return rows
		}
		together, alone := run(4, 3), run(4)
		if !slices.Equal(together[0], alone[0]) {
			t.Errorf("%s: a document alone has another vector", pooling)
		}
		if pooling != model.Last {
			continue
		}
		p := nn.NewPass(t.Context(), nn.Sequences(4), nn.Options{})
		_, last := m.Net.Forward(p, m.Words.Forward(p, ids[:4]), nil)
		if want := slices.Concat(last.H.Row(2), last.H.Row(3)); !slices.Equal(alone[0], want) {
			t.Errorf("have %v, the directions end in %v", alone[0], want)
		}
		p.Close()
	}
}

// Models that cannot be are errors.
func TestHeadErrors(t *testing.T) {
	for i, c := range []Settings{{V: 3, Embed: 2, Hidden: 2, L: 1, Bidirectional: true}, {V: 3, Embed: 2, Hidden: 3, L: 1, Tied: true}} {
		c.Cell = LSTM
		if _, err := NewLM(c); err == nil {
			t.Errorf("case %d is no error", i)
		}
	}
	if (Settings{V: 1}).Check() == nil {
		t.Error("sizes that are missing are no error")
	}
}
