package kernel

import (
	"math"
	"testing"
)

// TestConversions: every 16-bit value comes back from float32; values between
// two neighbours go to the nearer, ties to the even one.
func TestConversions(t *testing.T) {
	s := Best()
	formats := []struct {
		name   string
		widen  func(dst []float32, src []uint16)
		narrow func(dst []uint16, src []float32)
	}{
		{"bf16", s.BF16ToF32, s.F32ToBF16},
		{"f16", s.F16ToF32, s.F32ToF16},
	}
	for _, f := range formats {
		all := make([]uint16, 1<<16)
		for i := range all {
			all[i] = uint16(i)
		}
		wide, back := make([]float32, len(all)), make([]uint16, len(all))
		f.widen(wide, all)
		f.narrow(back, wide)
		for i, v := range wide {
			if v == v && back[i] != all[i] {
				t.Fatalf("%s: %04x becomes %v becomes %04x", f.name, i, v, back[i])
			}
			if again := make([]float32, 1); v != v {
				if f.widen(again, back[i:]); again[0] == again[0] {
					t.Fatalf("%s: NaN %04x becomes %v", f.name, i, again[0])
				}
			}
		}
		for i := range 0x7f00 {
			low, high := wide[i], wide[i+1]
			if high-high != 0 {
				break
			}
			middle := float32((float64(low) + float64(high)) / 2)
			cases := []float32{math.Nextafter32(middle, low), middle, math.Nextafter32(middle, high)}
			f.narrow(back[:3], cases)
			if want := i + i&1; int(back[0]) != i || int(back[1]) != want || int(back[2]) != i+1 {
				t.Fatalf("%s: around %v: have %04x, want %04x %04x %04x", f.name, middle, back[:3], i, want, i+1)
			}
		}
	}
	half := make([]uint16, 3)
	s.F32ToF16(half, []float32{65519.996, 65520, -1e10})
	if half[0] != 0x7bff || half[1] != 0x7c00 || half[2] != 0xfc00 {
		t.Errorf("f16 overflow: have %04x", half)
	}
}
