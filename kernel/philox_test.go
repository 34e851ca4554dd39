package kernel

import (
	"math"
	"testing"
)

// TestPhilox uses the known answers that its authors publish (Random123,
// kat_vectors, philox4x32 with 10 rounds).
func TestPhilox(t *testing.T) {
	cases := []struct {
		key     uint64
		counter [2]uint64
		want    [4]uint32
	}{
		{0, [2]uint64{0, 0}, [4]uint32{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
		{math.MaxUint64, [2]uint64{math.MaxUint64, math.MaxUint64}, [4]uint32{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
		{0x299f31d0a4093822, [2]uint64{0x85a308d3243f6a88, 0x0370734413198a2e}, [4]uint32{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
	}
	for _, c := range cases {
		if have := Philox(c.key, c.counter); have != c.want {
			t.Errorf("Philox(%x, %x): have %x, want %x", c.key, c.counter, have, c.want)
		}
	}
}

// TestUniform: any part of a sequence can be drawn alone.
func TestUniform(t *testing.T) {
	whole := make([]float32, 203)
	Uniform(whole, 7, 8, 5)
	sum := float32(0)
	for i, u := range whole {
		one := make([]float32, 1)
		Uniform(one, 7, 8, 5+uint64(i))
		if one[0] != u || u < 0 || u >= 1 {
			t.Fatalf("number %d: alone %v, in the sequence %v", i, one[0], u)
		}
		sum += u
	}
	if mean := sum / 203; mean < 0.4 || mean > 0.6 {
		t.Errorf("mean %v", mean)
	}
	other := make([]float32, 203)
	Uniform(other, 7, 9, 5)
	if sameBits(other, whole) == nil {
		t.Error("another site gives the same numbers")
	}
}

func TestDropout(t *testing.T) {
	const n, rate = 1000, 0.25
	x, y, u := make([]float32, n), make([]float32, n), make([]float32, n)
	for i := range x {
		x[i] = float32(i + 1)
	}
	Dropout(y, x, rate, 1, 2, 3)
	Uniform(u, 1, 2, 3)
	kept := 0
	for i := range y {
		want := float32(0)
		if u[i] >= rate {
			kept++
			want = x[i] * (1 / float32(1-rate))
		}
		if y[i] != want {
			t.Fatalf("y[%d]: have %v, want %v", i, y[i], want)
		}
	}
	if kept < 700 || kept > 800 {
		t.Errorf("kept %d of %d at rate %v", kept, n, rate)
	}
	Dropout(x, x, 0, 1, 2, 3)
	if x[n-1] != n {
		t.Error("rate 0 is not the identity")
	}
}
