package tensor_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/qkvgo/qkv/device"
	"github.com/qkvgo/qkv/device/cpu"
	"github.com/qkvgo/qkv/tensor"
)

// An inference pass through any number of layers holds one layer and its output.
func TestInferenceHoldsOneLayer(t *testing.T) {
	peak := map[int]int64{}
	for _, layers := range []int{2, 40} {
		dev := cpu.New(cpu.Options{Threads: 1})
		s := tensor.NewScope(dev, nil)
		w := s.Of(make([]float32, 64*64), 64, 64)
		x := s.Zeros(128, 64)
		for i := range layers {
			x = x.Add(x.LayerNorm(nil, nil, 1).Linear(w, nil, tensor.GELU).Cols(0, 64))
			s.Mark(fmt.Sprint("the end of layer ", i), x.Slice(0, 128)) // a view keeps its whole
		}
		peak[layers] = dev.Memory().Peak
		if want := int64(128 * 64 * 4); dev.Memory().InUse != want {
			t.Errorf("%d layers leave %d bytes, want %d", layers, dev.Memory().InUse, want)
		}
		s.Close()
		if m := dev.Memory(); m.InUse != 0 {
			t.Errorf("%d bytes in use after Close", m.InUse)
		}
		dev.Close()
	}
	if peak[2] != peak[40] {
		t.Errorf("2 layers need %d bytes, 40 need %d", peak[2], peak[40])
	}
}

// Training keeps between layers what adjoints read and nothing else; Backward
// gives it back on the way, until only the gradients of the leaves are left.
func TestTrainingMemory(t *testing.T) {
	const one = 128 * 64 * 4 // bytes of a value
	for _, c := range []struct {
		name      string
		trainable bool
		saved     int64 // values kept by a layer
	}{
		{"trained", true, 2}, // its input and the activation's result; the norm's is made again
		{"frozen", false, 2}, // the norm's result went to a frozen weight alone
	} {
		t.Run(c.name, func(t *testing.T) {
			dev := cpu.New(cpu.Options{Threads: 1})
			defer dev.Close()
			s := tensor.NewScope(dev, new(tensor.Tape))
			const layers = 20
			weight := make([]float32, 64*64)
			first := s.Weight(make([]float32, 64), nil, true, 64)
			x := s.Zeros(128, 64).AddRow(first)
			var leaves []*tensor.Tensor
			for i := range layers {
				w := s.Weight(weight, nil, c.trainable, 64, 64)
				leaves = append(leaves, w)
				x = x.Add(x.LayerNorm(nil, nil, 1).Linear(w, nil, tensor.Tanh).Linear(w, nil, tensor.Identity))
				s.Mark(fmt.Sprint("the end of layer ", i), x)
			}
			held := dev.Memory().InUse
			const stats = 2 * 128 * 4 // mean and deviation of each row
			if want := layers*(c.saved*one+stats) + one; held != want {
				t.Errorf("%d bytes held before Backward, want %d with the output", held, want)
			}
			loss := x.Sum()
			dev.ResetPeak()
			loss.Backward()
			if peak := dev.Memory().Peak; peak > held+6*one {
				t.Errorf("Backward reaches %d bytes above the %d held", peak-held, held)
			}
			gradients := int64(64 + 64*4) // loss, and the first gradient
			if c.trainable {
				gradients += layers * 64 * 64 * 4
			}
			if left := dev.Memory().InUse; left != gradients {
				t.Errorf("%d bytes left, want the gradients' %d", left, gradients)
			}
			for _, w := range leaves {
				if (w.Grad() != nil) != c.trainable {
					t.Error("wrong leaves have gradients")
				}
			}
			s.Close()
			if m := dev.Memory(); m.InUse != 0 {
				t.Errorf("%d bytes in use after Close", m.InUse)
			}
		})
	}
}

// Kept tensors outlive marks and Backward.
func TestKeep(t *testing.T) {
	dev := cpu.New(cpu.Options{Threads: 1})
	defer dev.Close()
	s := tensor.NewScope(dev, new(tensor.Tape))
	defer s.Close()
	x := s.Input([]float32{1, 2}, 1, 2)
	y := x.Scale(2)
	part := y.Cols(1, 2).Keep()
	z := y.Scale(3)
	s.Mark("the end of layer 0", z)
	z.Sum().Backward()
	if part.Scalar() != 4 || y.Float32s()[0] != 2 {
		t.Error("a kept value changed")
	}
	if err := faultOf(func() { z.Row(0) }); err == nil {
		t.Error("a value that was not kept is still there after Backward")
	}
}

// Every op refuses an operand whose memory went back, and says when it did.
func TestUseAfterReturn(t *testing.T) {
	dev := cpu.New(cpu.Options{Threads: 2})
	defer dev.Close()
	for n, o := range ops {
		c := o.draw(newDraw(uint64(n), true))
		for k := range c.in {
			s := tensor.NewScope(dev, nil)
			x := make([]*tensor.Tensor, len(c.in))
			for i, m := range c.in {
				x[i] = s.New(m.rows, m.width)
				copy(x[i].Data(), m.float32s())
				if i != k {
					x[i].Keep()
				}
			}
			s.Mark("the end of layer 3")
			err := faultOf(func() { c.op(x) })
			if err == nil || !strings.Contains(err.Error(), "the end of layer 3") {
				t.Errorf("%s with operand %d gone: %v", o.name, k, err)
			}
			s.Close()
		}
	}
}

// Every op refuses ids, and Ints refuses numbers.
func TestIdsAreNotNumbers(t *testing.T) {
	dev := cpu.New(cpu.Options{Threads: 1})
	defer dev.Close()
	s := tensor.NewScope(dev, nil)
	defer s.Close()
	ids := s.Ints([]int32{1, 2})
	if !slices.Equal(ids.Ints(), []int32{1, 2}) {
		t.Error("ids changed")
	}
	for name, f := range map[string]func(){
		"Row": func() { ids.Row(0) }, "Softmax": func() { ids.Softmax() }, "Ints": func() { s.Zeros(2).Ints() },
	} {
		if err := faultOf(f); err == nil || !strings.HasPrefix(err.Error(), "Ints") && !strings.Contains(err.Error(), "ids") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// faultOf is the error that f's panic becomes.
func faultOf(f func()) (err error) {
	defer tensor.Guard(&err)
	f()
	return nil
}

// failing is a device whose memory ends after some pieces.
type failing struct {
	*cpu.Device
	left int
}

var errSystem = errors.New("the system says no")

func (d *failing) Alloc(n int) []float32 {
	if d.left--; d.left < 0 {
		panic(&device.OutOfMemory{Bytes: int64(4 * n), InUse: d.Memory().InUse, Err: errSystem})
	}
	return d.Device.Alloc(n)
}

// Wherever memory ends, in a pass or in Backward, the caller has an error and
// Close gives everything back.
func TestOutOfMemory(t *testing.T) {
	dev := cpu.New(cpu.Options{Threads: 2})
	defer dev.Close()
	failed := 0
	for at := range 60 {
		d := &failing{dev, at}
		s := tensor.NewScope(d, new(tensor.Tape))
		err := faultOf(func() {
			x := s.Input(make([]float32, 12), 3, 4)
			w := s.Input(make([]float32, 16), 4, 4)
			for i := range 3 {
				x = x.LayerNorm(w.Slice(0, 1), nil, 1).Linear(w, nil, tensor.GELU).Add(x)
				s.Mark(fmt.Sprint("the end of layer ", i), x)
			}
			x.CrossEntropy([]int32{0, 1, 2}).Backward()
		})
		if err != nil {
			failed++
			var memory *device.OutOfMemory
			if !errors.As(err, &memory) || !errors.Is(err, errSystem) {
				t.Errorf("piece %d: %v", at, err)
			}
		}
		s.Close()
		if m := dev.Memory(); m.InUse != 0 {
			t.Fatalf("piece %d: %d bytes in use after Close", at, m.InUse)
		}
	}
	if failed == 0 || failed == 60 {
		t.Errorf("%d of 60 passes failed", failed)
	}
}
