package nn

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/qkvgo/qkv/device/cpu"
	"github.com/qkvgo/qkv/tensor"
)

// The gradient of a parameter is the sum over its uses; frozen ones have none.
func TestUseCollects(t *testing.T) {
	w, frozen := NewParam(2), NewParam(2)
	w.Set([]float32{1, 2})
	frozen.Set([]float32{3, 4})
	frozen.Frozen = true
	p := trained(t, Sequences(1))
	p.Use(w).Mul(p.Use(frozen)).Add(p.Use(w)).Sum().Backward()
	if g := p.Grad(w).Float32s(); !slices.Equal(g, []float32{4, 5}) {
		t.Errorf("have %v, want [4 5]", g)
	}
	if p.Grad(frozen) != nil || p.Grad(NewParam(1)) != nil {
		t.Error("a parameter that does not learn has a gradient")
	}
	if p.Use(nil) != nil {
		t.Error("an absent parameter has a value")
	}
}

// Layer stops a pass whose context has ended, with the context's cause.
func TestLayerStops(t *testing.T) {
	why := errors.New("the user went away")
	ctx, stop := context.WithCancelCause(t.Context())
	p := NewPass(ctx, Sequences(1), Options{})
	defer p.Close()
	x := p.Layer(0, p.Zeros(1, 2))
	stop(why)
	if err := fault(func() { p.Layer(1, x) }); !errors.Is(err, why) {
		t.Errorf("have %v, want %v", err, why)
	}
	p.Ctx = nil
	if err := fault(func() { p.Layer(1, x) }); err != nil {
		t.Errorf("without a context: %v", err)
	}
}

// lookers see layers and replace one.
type lookers struct{ seen []int }

func (l *lookers) Layer(p *Pass, i int, x *tensor.Tensor) *tensor.Tensor {
	l.seen = append(l.seen, i)
	if i == 1 {
		return x.Scale(0)
	}
	return x
}

// A probe sees every layer, and what it gives goes on.
func TestProbe(t *testing.T) {
	dev := cpu.New(cpu.Options{Threads: 1})
	defer dev.Close()
	p := NewPass(t.Context(), Sequences(1), Options{Device: dev})
	probe := new(lookers)
	p.Probe = probe
	x := p.Zeros(1, 2).Exp()
	for i := range 3 {
		x = p.Layer(i, x.Add(x))
	}
	if !slices.Equal(probe.seen, []int{0, 1, 2}) || x.Row(0)[0] != 0 {
		t.Errorf("saw %v, result %v", probe.seen, x.Row(0))
	}
	p.Close()
	if m := dev.Memory(); m.InUse != 0 {
		t.Errorf("%d bytes in use after Close", m.InUse)
	}
}

// Dropout is the identity except in training, and differs from place to place.
func TestDrop(t *testing.T) {
	p := trained(t, Sequences(1))
	x := p.Zeros(8, 8).Exp()
	if p.Drop(0.5, x) != x {
		t.Error("dropout outside training")
	}
	p.Train, p.Seed = true, 1
	if p.Drop(0, x) != x {
		t.Error("dropout at a rate of zero")
	}
	a, b := p.Drop(0.5, x).Float32s(), p.Drop(0.5, x).Float32s()
	if slices.Equal(a, b) {
		t.Error("two places drop the same")
	}
	q := trained(t, Sequences(1))
	q.Train, q.Seed = true, 1
	if !slices.Equal(q.Drop(0.5, q.Zeros(8, 8).Exp()).Float32s(), a) {
		t.Error("the same place drops something else in another pass")
	}
}

// First and Last pick rows; an empty sequence has zeros.
func TestFirstLast(t *testing.T) {
	p := trained(t, Sequences(2, 0, 1))
	x := p.Of([]float32{1, 2, 3}, 3, 1)
	if f, l := p.First(x).Float32s(), p.Last(x).Float32s(); !slices.Equal(f, []float32{1, 0, 3}) || !slices.Equal(l, []float32{2, 0, 3}) {
		t.Errorf("first %v, last %v", f, l)
	}
}

// note is an entry of a memory that writes down what happens to it.
type note struct {
	rows   []int
	closed bool
}

func (n *note) Select(rows []int) { n.rows = rows }
func (n *note) Close()            { n.closed = true }

// A memory keeps an entry a site, and passes Select and Close on to all.
func TestMemory(t *testing.T) {
	var m Memory
	made := 0
	create := func() Entry { made++; return new(note) }
	a, b := m.Recall("a", create), m.Recall("b", create)
	if m.Recall("a", create) != a || a == b || made != 2 {
		t.Errorf("%d entries made, want 2", made)
	}
	m.Select([]int{1, 1})
	m.Close()
	for _, e := range []Entry{a, b} {
		if n := e.(*note); !slices.Equal(n.rows, []int{1, 1}) || !n.closed {
			t.Errorf("entry has %+v", n)
		}
	}
	if m.Recall("a", create) == a {
		t.Error("a closed entry is recalled")
	}
	m.Close()
}

// Once makes a table a single time in a pass, and it outlives layers.
func TestOnce(t *testing.T) {
	p := NewPass(t.Context(), Sequences(1), Options{})
	defer p.Close()
	made := 0
	table := func() *tensor.Tensor { made++; return p.Zeros(1, 2).Exp() }
	first := p.Once("a", table)
	p.Layer(0, p.Zeros(1, 1))
	if p.Once("a", table) != first || made != 1 || first.Row(0)[1] != 1 {
		t.Errorf("made %d times", made)
	}
	if p.Once("b", table) == first {
		t.Error("two keys share a table")
	}
}
