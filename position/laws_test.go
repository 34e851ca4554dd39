package position_test

import (
	"math"
	"testing"

	"github.com/qkvgo/qkv/position"
)

// The laws of sinusoidal positions: all are of length √(width/2), the product of two
// depends on their distance alone, and k further on is a rotation of each pair by
// k·ω: talk A15.
func TestSinusoidLaws(t *testing.T) {
	const rows, width = 300, 64
	table := position.Sinusoids(rows, width, false)
	row := func(p int) []float32 { return table[p*width : (p+1)*width] }
	dot := func(x, y []float32) (sum float64) {
		for i := range x {
			sum += float64(x[i]) * float64(y[i])
		}
		return sum
	}
	for p := range rows {
		if have := dot(row(p), row(p)); math.Abs(have-width/2) > 1e-5 {
			t.Errorf("position %d: the square of its length is %v, want %d", p, have, width/2)
		}
	}
	for _, k := range []int{1, 7, 150} {
		want := dot(row(0), row(k))
		for p := range rows - k {
			if have := dot(row(p), row(p+k)); math.Abs(have-want) > 2e-5 {
				t.Errorf("positions %d and %d: product %v, want %v", p, p+k, have, want)
			}
			for i := range width / 2 {
				angle := float64(k) / math.Pow(10000, float64(2*i)/width)
				sin, cos := float64(row(p)[2*i]), float64(row(p)[2*i+1])
				turned := sin*math.Cos(angle) + cos*math.Sin(angle)
				if have := float64(row(p + k)[2*i]); math.Abs(have-turned) > 1e-6 {
					t.Errorf("position %d, %d further, pair %d: %v, turned %v", p, k, i, have, turned)
				}
			}
		}
	}
}
