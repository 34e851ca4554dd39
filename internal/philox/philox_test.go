package philox

import (
	"math"
	"testing"
)

// The known answers that the authors of Philox publish with Random123.
func TestBlockKnownAnswers(t *testing.T) {
	for _, c := range []struct {
		key           uint64
		counter, want [4]uint32
	}{
		{0, [4]uint32{}, [4]uint32{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
		{math.MaxUint64, [4]uint32{math.MaxUint32, math.MaxUint32, math.MaxUint32, math.MaxUint32},
			[4]uint32{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
		{0x299f31d0_a4093822, [4]uint32{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344},
			[4]uint32{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
	} {
		if have := Block(c.key, c.counter); have != c.want {
			t.Errorf("key %x counter %x: have %x, want %x", c.key, c.counter, have, c.want)
		}
	}
}

func TestUniformFillsTheUnitInterval(t *testing.T) {
	const n = 20000
	var sum float64
	var bins [16]int
	for i := range uint32(n) {
		u := Uniform(7, [4]uint32{i})
		if u < 0 || u >= 1 {
			t.Fatalf("draw %d is %v, outside [0, 1)", i, u)
		}
		sum += u
		bins[int(u*16)]++
	}
	// Six standard deviations: 0.289/√n for the mean, √(n·15/256) for a bin.
	if d := math.Abs(sum/n - 0.5); d > 6*0.289/math.Sqrt(n) {
		t.Errorf("mean is off by %v", d)
	}
	for i, have := range bins {
		if d := math.Abs(float64(have) - n/16.0); d > 6*math.Sqrt(n*15.0/256) {
			t.Errorf("bin %d holds %d of %d draws", i, have, n)
		}
	}
}
