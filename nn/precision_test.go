package nn_test

import (
	"encoding/binary"
	"errors"
	"math"
	"slices"
	"testing"

	"github.com/qkvgo/qkv/kernel"
	"github.com/qkvgo/qkv/nn"
	"github.com/qkvgo/qkv/tensor"
)

func TestParsePrecision(t *testing.T) {
	for name, want := range map[string]nn.Precision{"f32": nn.Float32, "bf16": nn.BFloat16, "int8": nn.Int8, "int8-all": nn.Int8All} {
		if p, err := nn.ParsePrecision(name); p != want || err != nil {
			t.Errorf("%s: %v, %v", name, p, err)
		}
	}
	if _, err := nn.ParsePrecision("int4"); err == nil {
		t.Error("int4 is no precision")
	}
	if have := nn.Int8.String(); have != "int8" {
		t.Errorf("Int8 is called %q", have)
	}
}

// A pass that records for training is in float32, or none.
func TestTrainingRefusesInt8(t *testing.T) {
	err := func() (err error) {
		defer tensor.Guard(&err)
		nn.NewPass(t.Context(), nn.Sequences(1), nn.Options{Tape: true, Precision: nn.Int8}).Close()
		return nil
	}()
	if fault := (*tensor.Fault)(nil); !errors.As(err, &fault) {
		t.Errorf("have %v, want a fault", err)
	}
}

// bfloat16 keeps a weight that is stored so in half the bytes, in float32 too, and
// multiplies rows rounded to it where that is asked for.
func TestBFloat16Projections(t *testing.T) {
	const rows, in, out = 3, 64, 96
	linear := nn.NewLinear(in, out, true)
	nn.Name(linear)
	nn.InitNormal(linear.Weight, 0.3, 1)
	nn.InitNormal(linear.Bias, 0.3, 2)
	set := kernel.Best()
	set.RoundBF16(linear.Weight.Float32(), linear.Weight.Float32())
	stored := nn.NewLinear(in, out, true)
	nn.Name(stored)
	raw := make([]byte, 2*in*out)
	for i, v := range linear.Weight.Float32() {
		binary.LittleEndian.PutUint16(raw[2*i:], uint16(math.Float32bits(v)>>16))
	}
	stored.Weight.Bind(nn.BF16, raw)
	stored.Bias.Set(linear.Bias.Float32())
	x := make([]float32, rows*in)
	kernel.Uniform(x, 1, 2, 3)
	run := func(precision nn.Precision, l *nn.Linear, x []float32) []float32 {
		p := nn.NewPass(t.Context(), nn.Sequences(rows), nn.Options{Precision: precision})
		defer p.Close()
		return l.Forward(p, p.Of(x, rows, in)).Float32s()
	}
	if have, want := run(nn.Float32, stored, x), run(nn.Float32, linear, x); !slices.Equal(have, want) {
		t.Error("in float32, a weight stored in bfloat16 gives other numbers than its values")
	}
	if _, panels := stored.Weight.Copies(); set.ThinPairs() && panels != 2*in*out {
		t.Errorf("panels take %d bytes, want two a weight", panels)
	}
	rounded := slices.Clone(x)
	set.RoundBF16(rounded, x)
	want := run(nn.Float32, linear, rounded) // nothing is near zero: no sum is flushed
	for name, l := range map[string]*nn.Linear{"stored in float32": linear, "stored in bfloat16": stored} {
		if have := run(nn.BFloat16, l, x); !slices.Equal(have, want) {
			t.Errorf("%s: other numbers than float32's with rounded factors", name)
		}
	}
	if choice, why := nn.Automatic(stored, set); why == "" || choice == nn.BFloat16 != set.DotsBF16() {
		t.Errorf("automatically %s: %s", choice, why)
	}
	if choice, why := nn.Automatic(linear, set); why == "" || choice != nn.Float32 {
		t.Errorf("automatically %s for weights of float32: %s", choice, why)
	}
}

// Int8 prepares a projection once, in a byte a weight, and both ways of storing a
// weight give the same bits; scores stay in float32.
func TestInt8Projections(t *testing.T) {
	const rows, in, out = 5, 64, 96
	linear, conv := nn.NewLinear(in, out, true), nn.NewConv1D(in, out)
	nn.Name(linear)
	nn.InitNormal(linear.Weight, 0.3, 1)
	nn.InitNormal(linear.Bias, 0.3, 2)
	turned := make([]float32, in*out)
	for i, v := range linear.Weight.Float32() {
		turned[i%in*out+i/in] = v
	}
	conv.Weight.Set(turned)
	conv.Bias.Set(linear.Bias.Float32())
	x := make([]float32, rows*in)
	kernel.Uniform(x, 1, 2, 3)
	run := func(precision nn.Precision, f func(p *nn.Pass, x *tensor.Tensor) *tensor.Tensor) []float32 {
		p := nn.NewPass(t.Context(), nn.Sequences(rows), nn.Options{Precision: precision})
		defer p.Close()
		return f(p, p.Of(x, rows, in)).Float32s()
	}
	rounded := run(nn.Int8, linear.Forward)
	_, panels := linear.Weight.Copies()
	if want := kernel.Best().PackedInt8Bytes(in, out); panels != want {
		t.Errorf("panels take %d bytes, want %d", panels, want)
	}
	exact, scores := run(nn.Float32, linear.Forward), run(nn.Int8, linear.Scores)
	same := 0
	for i, v := range run(nn.Int8, conv.Forward) {
		if v != rounded[i] {
			t.Fatalf("element %d: Conv1D gives %v, Linear %v", i, v, rounded[i])
		}
		if diff := math.Abs(float64(exact[i] - v)); diff > 0.1 {
			t.Errorf("element %d is %v, in float32 %v", i, v, exact[i])
		}
		if exact[i] != scores[i] {
			t.Errorf("element %d of the scores is %v, in float32 %v", i, scores[i], exact[i])
		}
		if exact[i] == v {
			same++
		}
	}
	if same > rows*out/10 {
		t.Errorf("%d of %d numbers are float32's: nothing was rounded", same, rows*out)
	}
	linear.Weight.Changed()
	if _, panels := linear.Weight.Copies(); panels != 0 {
		t.Errorf("panels of a changed weight hold %d bytes", panels)
	}
}
