package transformer

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/qkvgo/qkv/attention"
	"github.com/qkvgo/qkv/nn"
	"github.com/qkvgo/qkv/tensor"
)

func fill(m any, seed uint64) {
	r := rand.New(rand.NewPCG(seed, 1))
	for _, w := range nn.Params(m) {
		x := make([]float32, w.Len())
		for i := range x {
			x[i] = float32(0.4 * r.NormFloat64())
		}
		w.Set(x)
	}
}

func normal(p *nn.Pass, seed uint64, rows, width int) *tensor.Tensor {
	r := rand.New(rand.NewPCG(seed, 2))
	x := make([]float32, rows*width)
	for i := range x {
		x[i] = float32(r.NormFloat64())
	}
	return p.Input(x, rows, width)
}

func near(t *testing.T, name string, have, want []float32) {
	t.Helper()
	for i := range want {
		if math.Abs(float64(have[i]-want[i])) > 2e-5*(1+math.Abs(float64(want[i]))) {
			t.Errorf("%s: element %d is %v, want %v", name, i, have[i], want[i])
			return
		}
	}
	if len(have) != len(want) {
		t.Errorf("%s: %d numbers, want %d", name, len(have), len(want))
	}
}

// Attention with its weights in hand gives the mix and the gradients of attention
// without, whatever is hidden, and rows of weights that add up to 1.
func TestLookIsAttend(t *testing.T) {
	const width, heads = 12, 3
	m := NewMultiHead(width, heads, 0)
	fill(m, 1)
	rows := nn.Sequences(5, 1, 4)
	rows.Hidden = []bool{false, true, false, false, false, false, false, false, false, true}
	for _, pattern := range []attention.Pattern{nil, attention.Causal, attention.Band{Left: 1, Right: 2}} {
		run := func(look bool) (y, dx, dw []float32) {
			p := nn.NewPass(t.Context(), rows, nn.Options{Tape: true})
			defer p.Close()
			h := normal(p, 3, 10, width)
			var out *tensor.Tensor
			if look {
				var weights [][]*tensor.Tensor
				out, weights = m.Look(p, h, h, h, rows, pattern)
				for i, heads := range weights {
					for j, w := range heads {
						for q := range w.Rows() {
							sum := float32(0)
							for k, v := range w.Row(q) {
								sum += v
								if v != 0 && rows.HiddenOf(i)[k] {
									t.Errorf("sequence %d, head %d: query %d sees the hidden key %d", i, j, q, k)
								}
							}
							if math.Abs(float64(sum-1)) > 1e-5 {
								t.Errorf("sequence %d, head %d: the weights of query %d add up to %v", i, j, q, sum)
							}
						}
					}
				}
			} else {
				out = m.Attend(p, h, pattern)
			}
			y = out.Float32s()
			out.Mul(normal(p, 4, 10, width)).Sum().Backward()
			return y, h.Grad().Float32s(), p.Grad(m.In).Float32s()
		}
		y, dx, dw := run(false)
		y2, dx2, dw2 := run(true)
		name := fmt.Sprint(pattern)
		near(t, name, y2, y)
		near(t, name+" gradient", dx2, dx)
		near(t, name+" gradient of the weight", dw2, dw)
	}
}

// Three weights for the projections do what the three parts of one do, and
// attention to a copy of one's own rows is self-attention.
func TestSplitProjections(t *testing.T) {
	one, three := NewMultiHead(6, 2, 0), NewMultiHead(6, 2, 0)
	fill(one, 1)
	three.Split(6, 6)
	for i, w := range []*nn.Param{three.Q, three.K, three.V} {
		w.Set(slices.Clone(one.In.Float32()[i*36 : (i+1)*36]))
	}
	three.Bias, three.Out = one.Bias, one.Out
	rows := nn.Sequences(3, 2)
	p := nn.NewPass(t.Context(), rows, nn.Options{})
	defer p.Close()
	h, again := normal(p, 2, 5, 6), normal(p, 2, 5, 6)
	want := one.Attend(p, h, nil).Float32s()
	near(t, "three weights", three.Attend(p, h, nil).Float32s(), want)
	near(t, "a copy", one.Cross(p, h, again, again, rows).Float32s(), want)
}

// Each sequence alone gives the bits of the batch.
func TestAlone(t *testing.T) {
	for _, first := range []bool{false, true} {
		c := Config{Width: 8, Heads: 2, Inner: 5, NormFirst: first}
		e, d := NewEncoder(c, 2, true), NewDecoder(c, 2, true)
		fill(e, 1)
		fill(d, 2)
		run := func(lo, hi int, lengths ...int) []float32 {
			rows := nn.Sequences(lengths...)
			p := nn.NewPass(t.Context(), rows, nn.Options{})
			defer p.Close()
			memory := e.Forward(p, normal(p, 5, 9, 8).Slice(lo, hi), nil)
			return d.Forward(p, normal(p, 6, 9, 8).Slice(lo, hi), attention.Causal, memory.Keep(), rows).Float32s()
		}
		whole := run(0, 9, 4, 5)
		if parts := append(run(0, 4, 4), run(4, 9, 5)...); !slices.Equal(parts, whole) {
			t.Errorf("norms first %v: alone %v, together %v", first, parts, whole)
		}
	}
}

func TestNames(t *testing.T) {
	var names []string
	for name := range nn.Params(NewDecoder(Config{Width: 4, Heads: 1}, 1, true)) {
		names = append(names, name)
	}
	var want []string
	for _, part := range []string{"self_attn.in_proj_", "self_attn.out_proj.", "multihead_attn.in_proj_", "multihead_attn.out_proj.",
		"linear1.", "linear2.", "norm1.", "norm2.", "norm3."} {
		want = append(want, "layers.0."+part+"weight", "layers.0."+part+"bias")
	}
	if want = append(want, "norm.weight", "norm.bias"); !slices.Equal(names, want) {
		t.Errorf("have %q, want %q", names, want)
	}
}
