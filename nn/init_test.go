package nn

import (
	"math"
	"slices"
	"testing"
)

func named(name string, shape ...int) *Param {
	w := NewParam(shape...)
	w.Name = name
	return w
}

// moments are the mean, the deviation and the largest size of values.
func moments(v []float32) (mean, deviation, largest float64) {
	for _, x := range v {
		mean += float64(x) / float64(len(v))
		largest = max(largest, math.Abs(float64(x)))
	}
	for _, x := range v {
		deviation += (float64(x) - mean) * (float64(x) - mean) / float64(len(v))
	}
	return mean, math.Sqrt(deviation), largest
}

// The values have the distribution's mean and deviation, within five standard
// errors of 60,000 draws, and stay within its bounds.
func TestInitDistributions(t *testing.T) {
	w := named("w", 200, 300)
	const n = 200 * 300
	for _, c := range []struct {
		name      string
		init      func()
		deviation float64
		kurtosis  float64 // of the distribution: the error of the deviation follows from it
		bound     float64
	}{
		{"normal", func() { InitNormal(w, 0.02, 1) }, 0.02, 3, 0.02 * 5.8},
		{"uniform", func() { InitUniform(w, 0.3, 1) }, 0.3 / math.Sqrt(3), 1.8, 0.3},
		{"Xavier", func() { InitXavier(w, 1) }, math.Sqrt(2. / 500), 1.8, math.Sqrt(6. / 500)},
		{"Kaiming", func() { InitKaiming(w, 0, 1) }, math.Sqrt(2. / 300), 1.8, math.Sqrt(6. / 300)},
		{"Kaiming of linear layers", func() { InitKaiming(w, math.Sqrt(5), 1) }, 1 / math.Sqrt(900), 1.8, 1 / math.Sqrt(300)},
	} {
		c.init()
		mean, deviation, largest := moments(w.Float32())
		if math.Abs(mean) > 5*c.deviation/math.Sqrt(n) {
			t.Errorf("%s: mean %v", c.name, mean)
		}
		if math.Abs(deviation/c.deviation-1) > 5*math.Sqrt((c.kurtosis-1)/4/n) {
			t.Errorf("%s: deviation %v, want %v", c.name, deviation, c.deviation)
		}
		if largest > c.bound*(1+1e-6) || largest < c.bound/2 {
			t.Errorf("%s: largest %v, bound %v", c.name, largest, c.bound)
		}
	}
	if InitOnes(w); slices.Max(w.Float32()) != 1 || slices.Min(w.Float32()) != 1 {
		t.Error("InitOnes is not all ones")
	}
	if InitZeros(w); slices.Max(w.Float32()) != 0 || slices.Min(w.Float32()) != 0 {
		t.Error("InitZeros is not all zeros")
	}
}

// A convolution's further axes count for both sides.
func TestInitFans(t *testing.T) {
	if in, out := NewParam(5, 3, 2, 4).fans(""); in != 24 || out != 40 {
		t.Errorf("in %d, out %d, want 24 and 40", in, out)
	}
	if fault(func() { InitXavier(named("b", 3), 1) }) == nil {
		t.Error("a vector has no fans")
	}
}

// Values follow from seed, name and place: not from the order of parameters nor
// from how many there are; and they are these bits on every machine.
func TestInitDepends(t *testing.T) {
	values := func(name string, n int, seed uint64) []float32 {
		w := named(name, n)
		InitNormal(w, 1, seed)
		return w.Float32()
	}
	long := values("h.0.weight", 3001, 7)
	values("something else", 10, 7)
	if short := values("h.0.weight", 1025, 7); !slices.Equal(short, long[:1025]) {
		t.Error("a shorter parameter of the same name has other values")
	}
	if slices.Equal(values("h.1.weight", 3001, 7), long) || slices.Equal(values("h.0.weight", 3001, 8), long) {
		t.Error("another name or seed has the same values")
	}
	// The first of them, within 2⁻²² of Philox and Box–Muller in float64.
	bits := []uint32{}
	for _, v := range long[:4] {
		bits = append(bits, math.Float32bits(v))
	}
	if want := []uint32{0xbfb7be19, 0x3f627046, 0x3f5b7720, 0xbeb6fce8}; !slices.Equal(bits, want) {
		t.Errorf("have %#x, want %#x", bits, want)
	}
	if len(values("empty", 0, 1)) != 0 {
		t.Error("values of nothing")
	}
	if fault(func() { values("", 1, 1) }) == nil {
		t.Error("a parameter without a name has random values")
	}
}
