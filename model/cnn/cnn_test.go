package cnn

import (
	"math"
	"slices"
	"testing"

	"github.com/qkvgo/qkv/model"
	"github.com/qkvgo/qkv/nn"
)

func made(t *testing.T, c Config) *Classifier {
	t.Helper()
	if err := c.Check(); err != nil {
		t.Fatal(err)
	}
	m := New(c)
	m.Init(1)
	return m
}

func vector(t *testing.T, m *Classifier, ids []int32, lengths ...int) []float32 {
	t.Helper()
	p := nn.NewPass(t.Context(), nn.Sequences(lengths...), nn.Options{})
	defer p.Close()
	return m.Represent(p, &model.Input{IDs: ids}).Float32s()
}

// A filter's place depends on 1 + L·(k−1) words and no more: talk A23. The words of a
// document are changed one after the other, and what the filter says at one place
// changes for as many of them.
func TestReach(t *testing.T) {
	for _, layers := range []int{1, 2, 4} {
		const n, k = 31, 3
		c := Defaults()
		c.V, c.D, c.Filters, c.Widths, c.L = 9, 4, 6, []int{k}, layers
		m := made(t, c)
		if want := 1 + layers*(k-1); m.Reach() != want {
			t.Errorf("%d layers reach %d words, want %d", layers, m.Reach(), want)
		}
		ids := make([]int32, n)
		for i := range ids {
			ids[i] = int32(i % 8)
		}
		at := func(ids []int32) []float32 { // before the greatest is taken
			p := nn.NewPass(t.Context(), nn.Sequences(n), nn.Options{})
			defer p.Close()
			p.Rows.Grids = []nn.Grid{{Height: n, Width: 1}}
			x := m.Words.Forward(p, ids)
			for _, l := range m.Below {
				x = l.Forward(p, x)
			}
			return slices.Clone(m.Convs[0].Forward(p, x).Row(n / 2))
		}
		own, reached := at(ids), 0
		for i := range ids {
			other := slices.Clone(ids)
			other[i] = 8
			if !slices.Equal(at(other), own) {
				reached++
			}
		}
		if reached != m.Reach() {
			t.Errorf("%d layers: %d words matter at one place, want %d", layers, reached, m.Reach())
		}
	}
}

// A filter's number is its definition's: the greatest relu(w·window + b) of all windows
// of the document with k−1 zeros on both sides.
func TestIsItsLoop(t *testing.T) {
	c := Defaults()
	c.V, c.D, c.Filters, c.Widths = 9, 3, 2, []int{2, 4}
	m := made(t, c)
	for _, conv := range m.Convs {
		nn.InitNormal(conv.Bias, 0.1, 4)
	}
	ids := []int32{4, 1, 8, 2, 2, 7}
	have := vector(t, m, ids, len(ids))
	words := m.Words.Weight.Float32()
	for i, k := range c.Widths {
		weight, bias := m.Convs[i].Weight.Float32(), m.Convs[i].Bias.Float32()
		for f := range c.Filters {
			best := 0.0
			for first := 1 - k; first < len(ids); first++ {
				sum := float64(bias[f])
				for tap := range k {
					if at := first + tap; at >= 0 && at < len(ids) {
						for d := range c.D { // weight is [filters, D, k, 1], as PyTorch's
							sum += float64(weight[(f*c.D+d)*k+tap]) * float64(words[int(ids[at])*c.D+d])
						}
					}
				}
				best = max(best, sum)
			}
			if v := float64(have[i*c.Filters+f]); math.Abs(v-best) > 1e-6 {
				t.Errorf("width %d, filter %d: %v, want %v", k, f, v, best)
			}
		}
	}
}

// The vector is as wide whatever the length, and a document has the same alone.
func TestLengths(t *testing.T) {
	c := Defaults()
	c.V, c.D, c.Filters = 9, 5, 4
	m := made(t, c)
	ids := []int32{1, 2, 3, 4, 5, 6, 7, 8, 1, 3}
	together := vector(t, m, ids, 1, 2, 0, 7)
	if len(together) != 4*12 {
		t.Fatalf("%d numbers, want 4 documents of 12", len(together))
	}
	alone := slices.Concat(vector(t, m, ids[:1], 1), vector(t, m, ids[1:3], 2), vector(t, m, nil, 0), vector(t, m, ids[3:], 7))
	if !slices.Equal(together, alone) {
		t.Error("documents alone have other vectors")
	}
}

// Configs that cannot be are errors.
func TestCheck(t *testing.T) {
	for _, change := range []func(c *Config){func(c *Config) { c.V = 0 }, func(c *Config) { c.Widths = nil }, func(c *Config) { c.Widths = []int{0} }, func(c *Config) { c.L = 0 }} {
		c := Defaults()
		c.V = 5
		change(&c)
		if c.Check() == nil {
			t.Errorf("%+v is no error", c)
		}
	}
}
