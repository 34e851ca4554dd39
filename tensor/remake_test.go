package tensor_test

import (
	"math"
	"slices"
	"testing"

	"github.com/qkvgo/qkv/device/cpu"
	"github.com/qkvgo/qkv/kernel"
	"github.com/qkvgo/qkv/tensor"
)

// deep runs layers with everything that a layer has: norms, products, a gate,
// dropout, views and a stream past them; it gives the bytes that wait for Backward,
// the most that it needs, and all gradients.
func deep(t *testing.T, dev *cpu.Device, tape tensor.Tape) (held, peak int64, grads []float32) {
	t.Helper()
	s := tensor.NewScope(dev, &tape)
	defer s.Close()
	d := newDraw(3, true)
	const rows, width, layers = 64, 32, 6
	x := s.Input(d.normal(rows, width).float32s(), rows, width)
	leaves := []*tensor.Tensor{x}
	leaf := func(rows, width int) *tensor.Tensor {
		w := s.Weight(d.normal(rows, width).float32s(), nil, true, rows, width)
		leaves = append(leaves, w)
		return w
	}
	for i := range layers {
		n := x.RMSNorm(leaf(1, width), 1e-5).Linear(leaf(2*width, width), leaf(1, 2*width), tensor.Identity)
		gated := n.Cols(0, width).SiLU().Mul(n.Cols(width, 2*width)).Dropout(0.25, 9, uint64(i))
		x = x.Add(gated.Linear(leaf(width, width), nil, tensor.Tanh).Scale(0.5))
		x = x.Add(x.LayerNorm(leaf(1, width), leaf(1, width), 1e-5).Conv1D(leaf(width, width), nil, tensor.GELU))
		s.Mark("the end of a layer", x)
	}
	held = dev.Memory().InUse
	dev.ResetPeak()
	x.CrossEntropy(make([]int32, rows)).Backward()
	for _, w := range leaves {
		grads = append(grads, w.Grad().Float32s()...)
	}
	return held, dev.Memory().Peak, grads
}

// Recomputing changes no bit of a gradient and keeps a layer's output alone;
// rounding what waits for Backward halves it, gives the same bits everywhere, and
// gradients as near as bfloat16 can tell.
func TestHolding(t *testing.T) {
	var whole, narrow []float32
	for _, set := range kernel.Sets() {
		dev := cpu.New(cpu.Options{Threads: 2, Kernels: set})
		held, peak, grads := deep(t, dev, tensor.Tape{})
		whole = grads
		less, lower, again := deep(t, dev, tensor.Tape{Recompute: true})
		if !slices.Equal(again, grads) {
			t.Errorf("%s: gradients by recomputing differ", set.Name)
		}
		if less > held/3 || lower > peak*3/4 {
			t.Errorf("%s: %d bytes held, %d at most, by recomputing %d and %d", set.Name, held, peak, less, lower)
		}
		half, _, rounded := deep(t, dev, tensor.Tape{BF16: true})
		if half > held*6/10 {
			t.Errorf("%s: %d bytes held, in bfloat16 %d", set.Name, held, half)
		}
		if narrow != nil && !slices.Equal(rounded, narrow) {
			t.Errorf("%s: gradients by rounded values differ from other kernels'", set.Name)
		}
		narrow = rounded
		if err := dev.Close(); err != nil {
			t.Errorf("%s: %v", set.Name, err)
		}
	}
	var off, size float64
	for i, g := range whole {
		off += math.Pow(float64(g-narrow[i]), 2)
		size += math.Pow(float64(g), 2)
	}
	if off = math.Sqrt(off / size); off == 0 || off > 1.0/128 {
		t.Errorf("rounding moves the gradient by %v of its length", off)
	}
}

// A layer that ends in a norm and has nothing to learn keeps no statistics: its
// output, which the layer above reads, must stay, for it cannot be made again.
func TestHoldingAboveFrozenLayers(t *testing.T) {
	var want []float32
	for _, tape := range []tensor.Tape{{}, {Recompute: true}} {
		s := tensor.NewScope(cpu.New(cpu.Options{Threads: 2}), &tape)
		d := newDraw(4, true)
		const rows, width = 6, 8
		fixed := func(rows, width int) *tensor.Tensor {
			return s.Weight(d.normal(rows, width).float32s(), nil, false, rows, width)
		}
		x := fixed(rows, width)
		x = x.Add(x.Linear(fixed(width, width), nil, tensor.GELU)).LayerNorm(fixed(1, width), fixed(1, width), 1e-5)
		s.Mark("the end of a frozen layer", x)
		w := s.Weight(d.normal(width, width).float32s(), nil, true, width, width)
		x = x.Add(x.Linear(w, nil, tensor.Tanh)).LayerNorm(fixed(1, width), fixed(1, width), 1e-5)
		s.Mark("the end of a layer", x)
		x.CrossEntropy(make([]int32, rows)).Backward()
		have := w.Grad().Float32s()
		if want == nil {
			want = have
		}
		if !slices.Equal(have, want) {
			t.Errorf("recompute %v: gradients differ", tape.Recompute)
		}
		s.Close()
	}
}
