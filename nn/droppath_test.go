package nn

import (
	"math"
	"testing"
)

// Branches go for whole sequences, as often as their layer's rate says, and what
// stays is larger by as much.
func TestDropPath(t *testing.T) {
	const layers, n = 3, 4000
	lengths := make([]int, n)
	for i := range lengths {
		lengths[i] = 1 + i%3
	}
	for _, perSequence := range []bool{false, true} {
		p := NewPass(t.Context(), Sequences(lengths...), Options{})
		p.Train, p.Seed, p.Depth = true, 7, Depth{0.6, layers}
		rows := p.Rows.Rows()
		if perSequence {
			rows = n
		}
		x := p.New(rows, 2)
		for i := range x.Data() {
			x.Data()[i] = 2
		}
		for layer, rate := range []float32{0, 0.3, 0.6} {
			x = p.Layer(layer, x)
			y := p.Branch(0, x)
			gone := 0
			for i := range n {
				lo, hi := p.Rows.Off[i], p.Rows.Off[i+1]
				if perSequence {
					lo, hi = i, i+1
				}
				if y.Row(lo)[0] == 0 {
					gone++
				}
				for r := lo; r < hi; r++ {
					for _, v := range y.Row(r) {
						if v != y.Row(lo)[0] || v != 0 && v != 2*(1/(1-rate)) {
							t.Fatalf("layer %d, sequence %d: %v", layer, i, y.Row(r))
						}
					}
				}
			}
			if math.Abs(float64(gone)/n-float64(rate)) > 0.03 {
				t.Errorf("layer %d left out %d of %d, want %v", layer, gone, n, rate)
			}
		}
		if p.Paths() != layers {
			t.Errorf("%d branches counted", p.Paths())
		}
		p.Train = false
		if y := p.DropPath(x); y != x {
			t.Error("without training something was left out")
		}
		p.Close()
	}
}

// A pass's own rate takes the place of the page's, and only in training.
func TestDropRate(t *testing.T) {
	p := NewPass(t.Context(), Sequences(1), Options{})
	defer p.Close()
	for _, c := range []struct {
		train bool
		own   *float32
		want  float32
	}{{false, nil, 0}, {false, new(float32(0.5)), 0}, {true, nil, 0.1}, {true, new(float32(0)), 0}, {true, new(float32(0.5)), 0.5}} {
		p.Train, p.Dropout = c.train, c.own
		if have := p.DropRate(0.1); have != c.want {
			t.Errorf("%+v: have %v", c, have)
		}
	}
}
