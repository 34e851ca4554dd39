package safetensors

import (
	"encoding/binary"
	"math"
	"testing"
)

// half returns the value of a half-precision number by its definition.
func half(h uint16) float64 {
	sign, exponent, fraction := 1-2*float64(h>>15), int(h>>10&0x1f), float64(h&0x3ff)
	switch exponent {
	case 0:
		return sign * math.Ldexp(fraction, -24)
	case 31:
		if fraction != 0 {
			return math.NaN()
		}
		return sign * math.Inf(1)
	}
	return sign * math.Ldexp(1024+fraction, exponent-25)
}

// same32 tells whether a and b are the same number, zeros by sign, NaNs all alike.
func same32(a, b float32) bool {
	return a != a && b != b || math.Float32bits(a) == math.Float32bits(b)
}

// All 65536 numbers of each narrow type widen to their value and come back.
func TestEveryNarrowNumber(t *testing.T) {
	const n = 1 << 16
	data := make([]byte, 2*n)
	for i := range n {
		binary.LittleEndian.PutUint16(data[2*i:], uint16(i))
	}
	wide := make([]float32, n)
	for dtype, value := range map[DType]func(h uint16) float32{
		F16:  func(h uint16) float32 { return float32(half(h)) },
		BF16: func(h uint16) float32 { return math.Float32frombits(uint32(h) << 16) },
	} {
		if err := (Tensor{Name: "w", DType: dtype, Shape: []int{n}, Data: data}).ToFloat32(wide); err != nil {
			t.Fatal(err)
		}
		back, err := FromFloat32("w", dtype, []int{n}, wide)
		if err != nil {
			t.Fatal(err)
		}
		for i, have := range wide {
			if want := value(uint16(i)); !same32(have, want) {
				t.Fatalf("%v %#04x: have %g, want %g", dtype, i, have, want)
			}
			if h := binary.LittleEndian.Uint16(back.Data[2*i:]); have == have && h != uint16(i) {
				t.Fatalf("%v %#04x comes back as %#04x", dtype, i, h)
			} else if have != have && value(h) == value(h) {
				t.Fatalf("%v %#04x, not a number, comes back as %#04x", dtype, i, h)
			}
		}
	}
}

// Between two neighbours the nearer one is taken, half-way the even one.
func TestNarrowRounds(t *testing.T) {
	for dtype, narrow := range map[DType]func(float32) uint16{F16: narrowF16, BF16: narrowBF16} {
		widen := map[DType]func(uint16) float32{
			F16:  widenF16,
			BF16: func(h uint16) float32 { return math.Float32frombits(uint32(h) << 16) },
		}[dtype]
		largest := map[DType]uint16{F16: 0x7bff, BF16: 0x7f7f}[dtype]
		for h := uint16(0); h < largest; h++ {
			low, high := float64(widen(h)), float64(widen(h+1))
			middle := float32((low + high) / 2) // exact
			even := h + h&1
			for _, c := range []struct {
				v    float32
				want uint16
			}{
				{math.Nextafter32(middle, 0), h},
				{middle, even},
				{math.Nextafter32(middle, float32(high)), h + 1},
			} {
				if have := narrow(c.v); have != c.want {
					t.Fatalf("%v: %g becomes %#04x, want %#04x", dtype, c.v, have, c.want)
				}
				if have := narrow(-c.v); have != c.want|0x8000 {
					t.Fatalf("%v: %g becomes %#04x, want %#04x", dtype, -c.v, have, c.want|0x8000)
				}
			}
		}
	}
	if have := narrowF16(65519.996); have != 0x7bff {
		t.Errorf("65519.996 becomes %#04x, want the largest number", have)
	}
	if have := narrowF16(65520); have != 0x7c00 {
		t.Errorf("65520 becomes %#04x, want infinity", have)
	}
}

func TestFloat32s(t *testing.T) {
	values := []float32{0, 1, -2.5, math.MaxFloat32, float32(math.Inf(-1)), math.SmallestNonzeroFloat32}
	x, err := FromFloat32("w", F32, []int{2, 3}, values)
	if err != nil {
		t.Fatal(err)
	}
	aligned := append(make([]byte, 0, 32), x.Data...)
	shifted := append(make([]byte, 0, 32), 0)
	shifted = append(shifted, x.Data...)[1:]
	for name, data := range map[string][]byte{"aligned": aligned, "shifted": shifted} {
		x.Data = data
		view, ok := x.Float32s()
		if ok != (name == "aligned" && littleEndian) {
			t.Errorf("%s: a view is possible: %v", name, ok)
		}
		dst := make([]float32, len(values))
		if err := x.ToFloat32(dst); err != nil {
			t.Fatal(err)
		}
		for i, want := range values {
			if dst[i] != want || ok && view[i] != want {
				t.Errorf("%s: element %d: have %g, want %g", name, i, dst[i], want)
			}
		}
	}
	empty := Tensor{Name: "w", DType: F32, Shape: []int{0}}
	if view, ok := empty.Float32s(); ok != littleEndian || len(view) != 0 {
		t.Errorf("empty: have %v, %v", view, ok)
	}
}

func TestFloat64(t *testing.T) {
	data := binary.LittleEndian.AppendUint64(nil, math.Float64bits(1.0/3))
	dst := make([]float32, 1)
	if err := (Tensor{Name: "w", DType: F64, Data: data}).ToFloat32(dst); err != nil {
		t.Fatal(err)
	}
	if third := 1.0 / 3; dst[0] != float32(third) {
		t.Errorf("have %g, want %g", dst[0], float32(third))
	}
}

func TestToInt64(t *testing.T) {
	ones := []byte{255, 255, 255, 255, 255, 255, 255, 255}
	for dtype, want := range map[DType]int64{
		Bool: 1, U8: 255, I8: -1, I16: -1, U16: 65535, I32: -1, U32: math.MaxUint32, I64: -1,
	} {
		data := ones[:dtype.Size()]
		if dtype == Bool {
			data = []byte{1}
		}
		dst := make([]int64, 1)
		if err := (Tensor{Name: "w", DType: dtype, Data: data}).ToInt64(dst); err != nil {
			t.Errorf("%v: %v", dtype, err)
		}
		if dst[0] != want {
			t.Errorf("%v: have %d, want %d", dtype, dst[0], want)
		}
	}
	if err := (Tensor{Name: "w", DType: U64, Data: ones}).ToInt64(make([]int64, 1)); err == nil {
		t.Error("U64: the largest fits an int64")
	}
}

func TestConversionsRefuse(t *testing.T) {
	one := Tensor{Name: "w", DType: F32, Shape: []int{1}, Data: make([]byte, 4)}
	if err := one.ToFloat32(make([]float32, 2)); err == nil {
		t.Error("two floats were read from one")
	}
	if err := one.ToInt64(make([]int64, 1)); err == nil {
		t.Error("an integer was read from a float")
	}
	one.Data = one.Data[:3]
	if err := one.ToFloat32(make([]float32, 1)); err == nil {
		t.Error("a float was read from three bytes")
	}
	for _, dtype := range []DType{F8E4M3, F8E5M2, F8E8M0, I8, Bool} {
		if err := (Tensor{Name: "w", DType: dtype, Data: []byte{0}}).ToFloat32(make([]float32, 1)); err == nil {
			t.Errorf("%v: a float was read", dtype)
		}
	}
	if _, err := FromFloat32("w", I8, []int{1}, []float32{1}); err == nil {
		t.Error("integers were made of floats")
	}
	if _, err := FromFloat32("w", F32, []int{2}, []float32{1}); err == nil {
		t.Error("two values were made of one")
	}
}

func TestDTypes(t *testing.T) {
	for d := DType(1); d.known(); d++ {
		if have, ok := ParseDType(d.String()); !ok || have != d || d.Size() == 0 {
			t.Errorf("%v: comes back as %v, size %d", d, have, d.Size())
		}
	}
	if d := DType(200); d.String() != "DType(200)" || d.Size() != 0 {
		t.Errorf("have %v of %d bytes", d, d.Size())
	}
}
