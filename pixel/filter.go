package pixel

import (
	"fmt"
	"math"
)

// Filter is a way to resize, under Pillow's number, as configurations give it.
type Filter int

// Pillow's filters. All but Nearest widen when they make a picture smaller, so
// that every source pixel counts.
const (
	Nearest  Filter = 0
	Lanczos  Filter = 1 // sinc of 3 lobes, windowed by its middle one
	Bilinear Filter = 2 // triangle
	Bicubic  Filter = 3 // Keys's cubic, a = −1/2
	Box      Filter = 4 // mean
	Hamming  Filter = 5 // sinc of one lobe in a Hamming window
)

var filterNames = [...]string{"nearest", "lanczos", "bilinear", "bicubic", "box", "hamming"}

// known tells whether f is one of the constants.
func (f Filter) known() bool { return f >= 0 && int(f) < len(filterNames) }

// String returns the filter's name in lower case.
func (f Filter) String() string {
	if !f.known() {
		return fmt.Sprintf("Filter(%d)", int(f))
	}
	return filterNames[f]
}

// support returns how many source pixels the filter reaches to each side.
func (f Filter) support() float64 {
	return [...]float64{Lanczos: 3, Bilinear: 1, Bicubic: 2, Box: 0.5, Hamming: 1}[f]
}

// at returns the filter's weight at distance x. The conversions to float64 keep
// the compiler from fusing products and sums, which would round otherwise.
func (f Filter) at(x float64) float64 {
	switch f {
	case Box:
		if x > -0.5 && x <= 0.5 {
			return 1
		}
		return 0
	case Lanczos:
		if x < -3 || x >= 3 {
			return 0
		}
		return sinc(x) * sinc(x/3)
	}
	x = math.Abs(x)
	switch {
	case f == Bilinear && x < 1:
		return 1 - x
	case f == Hamming && x < 1:
		if x == 0 {
			return 1
		}
		x *= math.Pi
		return math.Sin(x) / x * (hamming0 + float64(hamming1*math.Cos(x)))
	case f == Bicubic && x < 1:
		t := float64(1.5*x) - 2.5
		return float64(t*x*x) + 1
	case f == Bicubic && x < 2:
		t := float64((x-5)*x) + 8
		return (float64(t*x) - 4) * -0.5
	}
	return 0
}

// The Hamming window's constants as Pillow has them, in single precision.
var hamming0, hamming1 = float64(float32(0.54)), float64(float32(0.46))

// sinc is sin(πx)/(πx).
func sinc(x float64) float64 {
	if x == 0 {
		return 1
	}
	x *= math.Pi
	return math.Sin(x) / x
}
