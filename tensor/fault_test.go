package tensor_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/qkvgo/qkv/device/cpu"
	"github.com/qkvgo/qkv/tensor"
)

// A fault names the op, the parameter and all shapes.
func TestFaults(t *testing.T) {
	dev := cpu.New(cpu.Options{Threads: 1})
	defer dev.Close()
	s := tensor.NewScope(dev, new(tensor.Tape))
	defer s.Close()
	x := s.Zeros(2, 3, 4)
	w := s.Weight(make([]float32, 30), nil, true, 6, 5).Named("h.0.weight")
	row := s.Zeros(5)
	for _, c := range []struct {
		f    func()
		want string
	}{
		{func() { x.Add(w) }, "Add with h.0.weight: [2 3 4] and [6 5]: shapes differ"},
		{func() { x.Sub(w) }, "Sub with h.0.weight: [2 3 4] and [6 5]: shapes differ"},
		{func() { x.Mul(s.Zeros(5, 4)) }, "Mul: [2 3 4] and [5 4]: shapes differ"},
		{func() { x.AddRow(row) }, "AddRow: [2 3 4] and [5]: the second must be one row as wide as the first"},
		{func() { x.Linear(w, nil, tensor.Identity) }, "Linear with h.0.weight: [2 3 4] and [6 5]: the inner sizes differ"},
		{func() { x.Conv1D(w, nil, tensor.Identity) }, "Conv1D with h.0.weight: [2 3 4] and [6 5]: the inner sizes differ"},
		{func() { s.Zeros(1, 6).Conv1D(w, x, tensor.Identity) }, "Conv1D with h.0.weight: [1 6] and [6 5] and [2 3 4]: the bias does not fit"},
		{func() { x.MatMul(w) }, "MatMul with h.0.weight: [2 3 4] and [6 5]: the inner sizes differ"},
		{func() { x.MatMulT(w.Cols(0, 3)) }, "MatMulT with h.0.weight: [2 3 4] and [6 3]: the inner sizes differ"},
		{func() { x.LayerNorm(row, nil, 1) }, "LayerNorm: [2 3 4] and [5]: the scale or shift is not as wide as the rows"},
		{func() { x.RMSNorm(row, 1) }, "RMSNorm: [2 3 4] and [5]: the scale or shift is not as wide as the rows"},
		{func() { x.Gather([]int32{0, 6}) }, "Gather: [2 3 4]: id 6 at place 1 is not a row"},
		{func() { x.Gather([]int32{-2}) }, "Gather: [2 3 4]: id -2 at place 0 is not a row"},
		{func() { tensor.Concat(x, row) }, "Concat: [2 3 4] and [5]: heights differ"},
		{func() { tensor.Stack(x, row) }, "Stack: [2 3 4] and [5]: widths differ"},
		{func() { x.MeanRows([]int{0, 7}) }, "MeanRows: [2 3 4]: the runs do not ascend within its rows"},
		{func() { x.MaxRows([]int{0, 7}) }, "MaxRows: [2 3 4]: the runs do not ascend within its rows"},
		{func() { x.MeanRows([]int{3, 2, 6}) }, "MeanRows: [2 3 4]: the runs do not ascend within its rows"},
		{func() { x.Mix([][]int32{{6}}, [][]float32{{1}}) }, "Mix: [2 3 4]: place 0 takes what is not a row, or not one weight a row"},
		{func() { x.Repeat(2) }, "Repeat: [2 3 4]: repeats a single row"},
		{func() { x.Column() }, "Column: [2 3 4]: takes a single column"},
		{func() { x.CrossEntropy([]int32{1}) }, "CrossEntropy: [2 3 4] and [1]: there must be one target a row"},
		{func() { row.CrossEntropy([]int32{5}) }, "CrossEntropy: [5]: target 5 of row 0 is not a class"},
		{func() { row.MSE(nil) }, "MSE: [5] and [0]: there must be one target an element"},
		{func() { row.Cols(2, 6) }, "Cols: [5]: columns 2:6 are not in it"},
		{func() { x.Slice(-1, 2) }, "Slice: [2 3 4]: rows -1:2 are not in it"},
		{func() { x.Reshape(5, 5) }, "Reshape: [2 3 4] and [5 5]: sizes differ, or the rows have gaps"},
		{func() { x.Cols(0, 2).Reshape(12) }, "Reshape: [2 3 2] and [12]: sizes differ, or the rows have gaps"},
		{func() { s.Of([]float32{1}, 2) }, "Of: [1] and [2]: the data do not fill the shape"},
		{func() { x.Scalar() }, "Scalar: [2 3 4]: has more than one element"},
		{func() { x.Backward() }, "Backward: [2 3 4]: starts from a single number"},
		{func() { tensor.NewScope(dev, nil).Of([]float32{1}).Backward() }, "Backward: []: the pass has no tape"},
		{func() { tensor.Activation("swosh").Apply(x) }, "activation: no activation is named swosh"},
	} {
		err := faultOf(c.f)
		var f *tensor.Fault
		if !errors.As(err, &f) {
			t.Errorf("have %v, want a fault: %s", err, c.want)
		} else if err.Error() != c.want {
			t.Errorf("have %v\nwant %s", err, c.want)
		}
	}
}

// Guard turns what it must into errors, joined to the one there is, and lets
// the rest fly.
func TestGuard(t *testing.T) {
	before := errors.New("before")
	guarded := func(f func()) (err error) {
		defer tensor.Guard(&err)
		err = before
		f()
		return nil
	}
	if err := guarded(func() { panic(&tensor.Canceled{Err: context.Canceled}) }); !errors.Is(err, context.Canceled) || !errors.Is(err, before) {
		t.Errorf("have %v", err)
	}
	if err := guarded(func() {}); err != nil {
		t.Errorf("have %v", err)
	}
	defer func() {
		if e := recover(); e == nil || !strings.Contains(e.(error).Error(), "index out of range") {
			t.Errorf("a mistake of ours became %v", e)
		}
	}()
	var empty []int
	_ = guarded(func() { _ = empty[len(empty)] })
}

// A fault in a piece of a parallel loop is a fault of its op.
func TestFaultInWorker(t *testing.T) {
	dev := cpu.New(cpu.Options{Threads: 3})
	defer dev.Close()
	s := tensor.NewScope(dev, nil)
	defer s.Close()
	x := s.Zeros(300, 300)
	s.Mark("the end of layer 0")
	y := s.Zeros(300, 300)
	if err := faultOf(func() { y.Cols(0, 200).Add(x.Cols(0, 200)) }); err == nil {
		t.Error("no fault")
	}
}

// Activations apply what they name, and all names are known.
func TestActivations(t *testing.T) {
	dev := cpu.New(cpu.Options{Threads: 1})
	defer dev.Close()
	s := tensor.NewScope(dev, nil)
	defer s.Close()
	x := newDraw(1, false).away(3, 7)
	for a, f := range activations {
		if !a.Known() {
			t.Errorf("%q is not known", a)
		}
		for i, v := range a.Apply(s.Of(x.float32s(), 3, 7)).Float32s() {
			if !within(float64(v), f(x.v[i]), 16*unit) {
				t.Errorf("%q of %v: have %v, want %v", a, x.v[i], v, f(x.v[i]))
			}
		}
	}
	if tensor.Activation("swosh").Known() {
		t.Error("swosh is known")
	}
}
