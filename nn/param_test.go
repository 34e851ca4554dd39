package nn

import (
	"encoding/binary"
	"math"
	"slices"
	"strings"
	"sync"
	"testing"
	"unsafe"

	"github.com/qkvgo/qkv/device/cpu"
	"github.com/qkvgo/qkv/tensor"
)

// stored are the same numbers in every storage type; all are exact in the
// narrowest.
func stored(t DType) (raw []byte, values []float32) {
	values = []float32{1, -2, 0.5, 0, 3.5, -0.25}
	bits := map[DType][]uint16{
		BF16: {0x3f80, 0xc000, 0x3f00, 0, 0x4060, 0xbe80},
		F16:  {0x3c00, 0xc000, 0x3800, 0, 0x4300, 0xb400},
	}
	if t == F32 {
		for _, v := range values {
			raw = binary.LittleEndian.AppendUint32(raw, math.Float32bits(v))
		}
	}
	for _, b := range bits[t] {
		raw = binary.LittleEndian.AppendUint16(raw, b)
	}
	return raw, values
}

// Bytes of any type at any address give their values and stay as they are.
func TestParamStorage(t *testing.T) {
	for _, dtype := range []DType{F32, BF16, F16} {
		raw, values := stored(dtype)
		for shift := range 5 {
			memory := evenBytes(shift + len(raw))
			copy(memory[shift:], raw)
			w := NewParam(2, 3)
			w.Bind(dtype, memory[shift:])
			if !slices.Equal(w.Float32(), values) {
				t.Errorf("%s at %d: have %v, want %v", dtype, shift, w.Float32(), values)
			}
			kind, back := w.Raw()
			if kind != dtype || w.DType() != dtype || !slices.Equal(back, raw) || &back[0] != &memory[shift] {
				t.Errorf("%s at %d: storage changed or copied", dtype, shift)
			}
			w.Own()[0] = 7
			w.Changed()
			if kind, back = w.Raw(); kind != F32 || len(back) != 24 || w.Float32()[0] != 7 || w.Float32()[1] != -2 {
				t.Errorf("%s at %d: own storage is %s of %d bytes", dtype, shift, kind, len(back))
			}
			if !slices.Equal(memory[shift:], raw) {
				t.Errorf("%s at %d: Own writes into the file", dtype, shift)
			}
		}
	}
}

// A parameter has values once it is bound or set, and says so before.
func TestParamUnbound(t *testing.T) {
	w := NewParam(2)
	w.Name = "h.0.weight"
	p := trained(t, Sequences(1))
	if err := fault(func() { p.Use(w) }); err == nil || err.Error() != "Use with h.0.weight: [2]: the parameter has no values yet" {
		t.Errorf("have %v", err)
	}
	if w.Bound() {
		t.Error("bound to nothing")
	}
	w.Set([]float32{1, 2})
	if !w.Bound() || !slices.Equal(p.Use(w).Float32s(), []float32{1, 2}) {
		t.Error("Set does not bind")
	}
	if none := NewParam(0, 4); !none.Bound() || p.Use(none).Rows() != 0 {
		t.Error("a parameter of no numbers needs a value")
	}
	for name, f := range map[string]func(){
		"few bytes":   func() { w.Bind(F32, make([]byte, 7)) },
		"many values": func() { w.Set(make([]float32, 3)) },
	} {
		func() {
			defer func() {
				if e, ok := recover().(string); !ok || !strings.Contains(e, "h.0.weight") {
					t.Errorf("%s: %v", name, e)
				}
			}()
			f()
		}()
	}
}

// What is prepared from values is made anew after they change.
func TestParamChanged(t *testing.T) {
	l := NewLinear(2, 1, false)
	l.Weight.Set([]float32{1, 2})
	apply := func() float32 {
		p := NewPass(t.Context(), Sequences(1), Options{})
		defer p.Close()
		return l.Forward(p, p.Of([]float32{1, 1}, 1, 2)).Scalar()
	}
	if y := apply(); y != 3 {
		t.Errorf("have %v, want 3", y)
	}
	l.Weight.Own()[1] = 5
	l.Weight.Changed()
	if y := apply(); y != 6 {
		t.Errorf("have %v, want 6 after Changed", y)
	}
	l.Weight.Set([]float32{7, 7})
	if y := apply(); y != 14 {
		t.Errorf("have %v, want 14 after Set", y)
	}
	raw, _ := stored(BF16)
	l.Weight.Bind(BF16, raw[:4])
	if y := apply(); y != -1 {
		t.Errorf("have %v, want -1 after Bind", y)
	}
}

// Many passes may read a parameter at once, the first use among them.
func TestParamConcurrent(t *testing.T) {
	dev := cpu.New(cpu.Options{Threads: 2})
	defer dev.Close()
	for _, dtype := range []DType{F32, BF16, F16} {
		raw, values := stored(dtype)
		l := &Linear{Weight: NewParam(2, 3)}
		l.Weight.Bind(dtype, raw)
		want := []float32{values[0] + values[1] + values[2], values[3] + values[4] + values[5]}
		var passes sync.WaitGroup
		for range 8 {
			passes.Go(func() {
				p := NewPass(t.Context(), Sequences(1), Options{Device: dev})
				defer p.Close()
				if y := l.Forward(p, p.Of([]float32{1, 1, 1}, 1, 3)).Float32s(); !slices.Equal(y, want) {
					t.Errorf("have %v, want %v", y, want)
				}
			})
		}
		passes.Wait()
	}
}

// The layers compute what they say and learn in all their parameters.
func TestLayers(t *testing.T) {
	linear, conv, table := NewLinear(2, 3, true), NewConv1D(2, 3), NewEmbedding(2, 2)
	linear.Weight.Set([]float32{1, 2, 3, 4, 5, 6})
	linear.Bias.Set([]float32{10, 20, 30})
	conv.Weight.Set([]float32{1, 3, 5, 2, 4, 6})
	conv.Bias.Set([]float32{10, 20, 30})
	table.Weight.Set([]float32{1, 2, 3, 4})
	layer, rms := NewLayerNorm(2, 0), NewRMSNorm(2, 0)
	layer.Weight.Set([]float32{2, 2})
	layer.Bias.Set([]float32{1, 1})
	rms.Weight.Set([]float32{5, 5})
	x := []float32{1, 7}
	for name, c := range map[string]struct {
		f    func(p *Pass) *tensor.Tensor
		want []float32
		uses []*Param
	}{
		"Linear": {func(p *Pass) *tensor.Tensor { return linear.Forward(p, p.Of(x, 1, 2)) }, []float32{25, 51, 77}, []*Param{linear.Weight, linear.Bias}},
		"Conv1D": {func(p *Pass) *tensor.Tensor { return conv.Forward(p, p.Of(x, 1, 2)) }, []float32{25, 51, 77}, []*Param{conv.Weight, conv.Bias}},
		"Activate": {func(p *Pass) *tensor.Tensor { return conv.Activate(p, p.Of(x, 1, 2).Scale(-1), tensor.ReLU) },
			[]float32{0, 0, 0}, []*Param{conv.Weight, conv.Bias}},
		"Embedding": {func(p *Pass) *tensor.Tensor { return table.Forward(p, []int32{1, 0, 1}) }, []float32{3, 4, 1, 2, 3, 4}, []*Param{table.Weight}},
		"Unembed":   {func(p *Pass) *tensor.Tensor { return table.Unembed(p, p.Of(x, 1, 2)) }, []float32{15, 31}, []*Param{table.Weight}},
		"LayerNorm": {func(p *Pass) *tensor.Tensor { return layer.Forward(p, p.Of(x, 1, 2)) }, []float32{-1, 3}, []*Param{layer.Weight, layer.Bias}},
		"RMSNorm":   {func(p *Pass) *tensor.Tensor { return rms.Forward(p, p.Of(x, 1, 2)) }, []float32{1, 7}, []*Param{rms.Weight}},
	} {
		p := trained(t, Sequences(1))
		y := c.f(p)
		if !slices.EqualFunc(y.Float32s(), c.want, func(a, b float32) bool { return math.Abs(float64(a-b)) < 1e-5 }) {
			t.Errorf("%s: have %v, want %v", name, y.Float32s(), c.want)
		}
		y.Sum().Backward()
		for _, w := range c.uses {
			if g := p.Grad(w); g == nil || !slices.Equal(g.Shape(), w.Shape) {
				t.Errorf("%s: no gradient of %v", name, w.Shape)
			}
		}
	}
}

// evenBytes is n bytes from an address that 8 divides.
func evenBytes(n int) []byte {
	words := make([]uint64, n/8+1)
	return unsafe.Slice((*byte)(unsafe.Pointer(&words[0])), n)
}

// Weights of 16 bits give the bits of the same weights in float32, and in
// inference layers never widen them as a whole.
func TestHalfWeights(t *testing.T) {
	for _, dtype := range []DType{BF16, F16} {
		raw, values := stored(dtype)
		for _, shift := range []int{0, 1} { // at an odd address there is no way around a copy
			memory := evenBytes(shift + len(raw))
			copy(memory[shift:], raw)
			half, full := NewParam(3, 2), NewParam(3, 2)
			half.Bind(dtype, memory[shift:])
			full.Set(values)
			results := func(w *Param, tape bool) (all []float32) {
				p := NewPass(t.Context(), Sequences(2), Options{Tape: tape})
				defer p.Close()
				table := &Embedding{w}
				for _, y := range []*tensor.Tensor{
					(&Linear{Weight: w}).Forward(p, p.Of([]float32{1, 3, -5, 7}, 2, 2)),
					(&Conv1D{Weight: w}).Activate(p, p.Of([]float32{1, 3, -5}, 1, 3), tensor.GELU),
					table.Forward(p, []int32{2, -1, 0, 2}),
					table.Unembed(p, p.Of([]float32{0.5, 3}, 1, 2)),
				} {
					all = append(all, y.Float32s()...)
				}
				return all
			}
			want := results(full, false)
			if have := results(half, false); !slices.Equal(have, want) {
				t.Errorf("%s: have %v, want %v", dtype, have, want)
			}
			if widened := half.f32 != nil; widened != (shift == 1) {
				t.Errorf("%s at %d: widened as a whole: %v", dtype, shift, widened)
			}
			if have := results(half, true); !slices.Equal(have, want) {
				t.Errorf("%s with a tape: have %v, want %v", dtype, have, want)
			}
		}
	}
	p := trained(t, Sequences(1))
	w := p.HalfWeight(tensor.Half{Bits: make([]uint16, 4)}, nil, 2, 2)
	if err := fault(func() { w.Softmax() }); err == nil || !strings.Contains(err.Error(), "16 bits") {
		t.Errorf("have %v", err)
	}
}
