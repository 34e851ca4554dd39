package tensor_test

import (
	"math"
	"slices"
	"testing"

	"github.com/qkvgo/qkv/device/cpu"
	"github.com/qkvgo/qkv/kernel"
	"github.com/qkvgo/qkv/tensor"
)

// A product with prepared weights has the bits of one without, for any sizes,
// and follows the kernel set and Drop.
func TestPanels(t *testing.T) {
	for trial := range uint64(30) {
		d := newDraw(trial, trial%3 == 0)
		x := d.normal(d.rows(), d.width())
		out := d.width()
		w, b := d.normal(out, x.width), d.normal(1, out)
		panels := new(tensor.Panels)
		product := func(p *tensor.Panels, set *kernel.Set, threads int, w mat) (bits []float32) {
			dev := cpu.New(cpu.Options{Threads: threads, Kernels: set})
			s := tensor.NewScope(dev, nil)
			in := s.Of(x.float32s(), x.rows, x.width)
			weight := s.Weight(w.float32s(), p, true, w.rows, w.width)
			bits = in.Linear(weight, s.Of(b.float32s(), out), tensor.GELU).Float32s()
			bits = append(bits, s.Of(b.float32s(), 1, out).Conv1D(weight, nil, tensor.SiLU).Float32s()...)
			s.Close()
			dev.Close()
			return bits
		}
		want := product(nil, kernel.Sets()[len(kernel.Sets())-1], 1, w)
		for _, set := range kernel.Sets() {
			for _, threads := range []int{1, 3} {
				if i := firstDifference(product(panels, set, threads, w), want); i >= 0 {
					t.Errorf("%d×%d·%d with %s on %d threads: number %d differs", x.rows, x.width, out, set.Name, threads, i)
				}
			}
		}
		if len(w.v) > 0 && panels.Bytes() == 0 {
			t.Error("nothing was prepared")
		}
		other := w.each(func(v float64) float64 { return v / 2 })
		panels.Drop()
		if panels.Bytes() != 0 {
			t.Error("Drop leaves panels")
		}
		if firstDifference(product(panels, kernel.Best(), 2, other), product(nil, kernel.Best(), 2, other)) >= 0 {
			t.Error("panels are those of the old weight")
		}
	}
}

// Losses at the edge: nothing to learn from is NaN, as the reference has it,
// with no gradient; equal numbers have slope zero; no logit overflows.
func TestLossEdges(t *testing.T) {
	dev := cpu.New(cpu.Options{Threads: 1})
	defer dev.Close()
	s := tensor.NewScope(dev, new(tensor.Tape))
	defer s.Close()
	inf := float32(math.Inf(1))
	for _, c := range []struct {
		name string
		x    []float32
		loss func(x *tensor.Tensor) *tensor.Tensor
		want float64
		grad []float32
	}{
		{"all ignored", []float32{1, 2}, func(x *tensor.Tensor) *tensor.Tensor { return x.CrossEntropy([]int32{tensor.Ignore}) },
			math.NaN(), []float32{0, 0}},
		{"no rows", nil, func(x *tensor.Tensor) *tensor.Tensor { return x.CrossEntropy(nil) }, math.NaN(), nil},
		{"no numbers", nil, func(x *tensor.Tensor) *tensor.Tensor { return x.MSE(nil) }, math.NaN(), nil},
		{"sure and right", []float32{1000, 0}, func(x *tensor.Tensor) *tensor.Tensor { return x.CrossEntropy([]int32{0}) },
			0, []float32{0, 0}},
		{"sure and wrong", []float32{1000, 0}, func(x *tensor.Tensor) *tensor.Tensor { return x.CrossEntropy([]int32{1}) },
			1000, []float32{1, -1}},
		{"hidden class", []float32{0, -inf}, func(x *tensor.Tensor) *tensor.Tensor { return x.CrossEntropy([]int32{0}) },
			0, []float32{0, 0}},
		{"equal", []float32{3, 4}, func(x *tensor.Tensor) *tensor.Tensor { return x.L1([]float32{3, 2}) }, 1, []float32{0, 0.5}},
		{"far logits", []float32{1000, -1000}, func(x *tensor.Tensor) *tensor.Tensor { return x.BCEWithLogits([]float32{0, 1}) },
			1000, []float32{0.5, -0.5}},
		{"a tiny loss", []float32{20}, func(x *tensor.Tensor) *tensor.Tensor { return x.BCEWithLogits([]float32{1}) },
			math.Log1p(math.Exp(-20)), nil},
		{"not a number", []float32{float32(math.NaN())}, func(x *tensor.Tensor) *tensor.Tensor { return x.BCEWithLogits([]float32{1}) },
			math.NaN(), nil},
	} {
		rows := min(len(c.x), 1)
		x := s.Input(c.x, rows, len(c.x))
		loss := c.loss(x)
		if !within(float64(loss.Scalar()), c.want, 4*unit*c.want) {
			t.Errorf("%s: have %v, want %v", c.name, loss.Scalar(), c.want)
		}
		loss.Backward()
		if c.grad != nil && !slices.Equal(x.Grad().Float32s(), c.grad) {
			t.Errorf("%s: gradient %v, want %v", c.name, x.Grad().Float32s(), c.grad)
		}
	}
}

// Dropout keeps about as many elements as it says, the mean stays, and the sites
// and seeds differ.
func TestDropoutRate(t *testing.T) {
	dev := cpu.New(cpu.Options{Threads: 2})
	defer dev.Close()
	s := tensor.NewScope(dev, nil)
	defer s.Close()
	ones := s.New(100, 100)
	for i := range ones.Data() {
		ones.Data()[i] = 1
	}
	if ones.Dropout(0, 1, 1) != ones {
		t.Error("a rate of zero is not the identity")
	}
	first := ones.Dropout(0.3, 1, 1).Float32s()
	kept := 0
	for _, v := range first {
		if v != 0 {
			kept++
		}
	}
	if kept < 6800 || kept > 7200 { // 7000 ± 4 standard deviations
		t.Errorf("kept %d of 10000 at a rate of 0.3", kept)
	}
	for _, at := range [][2]uint64{{2, 1}, {1, 2}} {
		if slices.Equal(ones.Dropout(0.3, at[0], at[1]).Float32s(), first) {
			t.Errorf("seed %d, site %d drops what seed 1, site 1 does", at[0], at[1])
		}
	}
}

// EachRow visits every row once.
func TestEachRow(t *testing.T) {
	dev := cpu.New(cpu.Options{Threads: 3})
	defer dev.Close()
	s := tensor.NewScope(dev, nil)
	for _, n := range []int{0, 1, 7, 1000} {
		visits := make([]int, n)
		s.EachRow(n, 500, func(i int) { visits[i]++ })
		if slices.ContainsFunc(visits, func(v int) bool { return v != 1 }) {
			t.Errorf("%d rows: %v", n, visits)
		}
	}
}
