package attention_test

import (
	"context"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/qkvgo/qkv/attention"
	"github.com/qkvgo/qkv/device/cpu"
	"github.com/qkvgo/qkv/nn"
	"github.com/qkvgo/qkv/tensor"
)

// look is one row of weights that a probe received.
type look struct {
	core           *attention.Core
	seq, head, row int
	weights        []float32
}

// curious wants the weights of even heads and every third row.
type curious struct{ looks []look }

func (*curious) Layer(_ *nn.Pass, _ int, x *tensor.Tensor) *tensor.Tensor { return x }

func (*curious) Wants(_ *attention.Core, _, head, row int) bool { return head%2 == 0 && row%3 == 0 }

func (c *curious) Weights(core *attention.Core, seq, head, row int, weights []float32) {
	c.looks = append(c.looks, look{core, seq, head, row, slices.Clone(weights)})
}

// A probe receives what it wants and nothing else, in order, from the core that
// computed it, before dropout, and changes no bit of the result.
func TestProbe(t *testing.T) {
	dev := cpu.New(cpu.Options{Threads: 3})
	defer dev.Close()
	d := rand.New(rand.NewPCG(9, 10))
	rows := nn.Sequences(7, 0, 70)
	q, k, v := normal(d, 77*4*8), normal(d, 77*2*8), normal(d, 77*2*5)
	core := &attention.Core{Heads: 4, KVHeads: 2, Drop: 0.4}
	run := func(probe nn.Probe, train bool) []float32 {
		p := nn.NewPass(context.Background(), rows, nn.Options{Device: dev})
		defer p.Close()
		p.Probe, p.Train = probe, train
		return core.Attend(p, p.Of(q, 77, 32), p.Of(k, 77, 16), p.Of(v, 77, 10), attention.Causal).Float32s()
	}
	probe := new(curious)
	if !sameBits(run(probe, false), run(nil, false)) {
		t.Error("the probe changed the result")
	}
	i := 0
	for _, seq := range []int{0, 2} {
		n := rows.Off[seq+1] - rows.Off[seq]
		for head := 0; head < 4; head += 2 {
			for row := 0; row < n; row += 3 {
				if i == len(probe.looks) {
					t.Fatalf("%d rows of weights, want more", i)
				}
				l := probe.looks[i]
				if l.core != core || l.seq != seq || l.head != head || l.row != row || len(l.weights) != n {
					t.Fatalf("weights number %d are %d of sequence %d, head %d, row %d; want %d of %d, %d, %d",
						i, len(l.weights), l.seq, l.head, l.row, n, seq, head, row)
				}
				if slices.ContainsFunc(l.weights[row+1:], func(w float32) bool { return w != 0 }) {
					t.Errorf("row %d has weights on keys after it", row)
				}
				i++
			}
		}
	}
	if i != len(probe.looks) {
		t.Errorf("%d rows of weights, want %d", len(probe.looks), i)
	}
	dropped := new(curious)
	run(dropped, true)
	for i, l := range dropped.looks {
		if !sameBits(l.weights, probe.looks[i].weights) {
			t.Fatalf("weights number %d differ in training", i)
		}
	}
}

// With a memory, weights cover the keys of earlier passes first, and are those
// of the whole.
func TestProbeWithMemory(t *testing.T) {
	dev := cpu.New(cpu.Options{Threads: 1})
	defer dev.Close()
	d := rand.New(rand.NewPCG(11, 12))
	const n, width = 75, 8
	q, k, v := normal(d, n*width), normal(d, n*width), normal(d, n*width)
	core := &attention.Core{Heads: 2}
	step := func(memory *nn.Memory, lo, hi int) []look {
		probe := new(curious)
		p := nn.NewPass(context.Background(), nn.Sequences(hi-lo), nn.Options{Device: dev})
		defer p.Close()
		p.Probe, p.Memory = probe, memory
		of := func(x []float32) *tensor.Tensor { return p.Of(x[lo*width:hi*width], hi-lo, width) }
		core.Attend(p, of(q), of(k), of(v), attention.Causal)
		return probe.looks
	}
	whole := step(nil, 0, n)
	var memory nn.Memory
	defer memory.Close()
	for at := 0; at < n; at += 3 {
		looks := step(&memory, at, at+3)
		if len(looks) != 1 || len(looks[0].weights) != at+3 {
			t.Fatalf("step at %d: %d rows of weights", at, len(looks))
		}
		if have, want := looks[0].weights, whole[at/3].weights[:at+3]; !sameBits(have, want) {
			t.Fatalf("step at %d: weights differ from the whole's: %v and %v", at, have, want)
		}
	}
}

// Weights of a query that meets nobody are zero.
func TestProbeOfNobody(t *testing.T) {
	dev := cpu.New(cpu.Options{Threads: 1})
	defer dev.Close()
	probe := new(curious)
	p := nn.NewPass(context.Background(), nn.Sequences(3), nn.Options{Device: dev})
	defer p.Close()
	p.Probe = probe
	x := p.Of([]float32{1, 2, 3}, 3, 1)
	y := (&attention.Core{Heads: 1}).Attend(p, x, x, x, attention.Band{Left: -1})
	if !sameBits(y.Row(0), []float32{0}) || !sameBits(probe.looks[0].weights, make([]float32, 3)) {
		t.Errorf("have mix %v and weights %v, want zeros", y.Row(0), probe.looks[0].weights)
	}
	if math.IsNaN(float64(y.Row(2)[0])) {
		t.Error("NaN")
	}
}
