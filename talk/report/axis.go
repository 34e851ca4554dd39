package report

import (
	"encoding/json"
	"math"
)

// Axis is one direction of a plot.
type Axis struct {
	Label  Text      `json:"label"`
	Log    bool      `json:"log,omitempty"`
	Min    *float64  `json:"min,omitempty"` // nil: from the data
	Max    *float64  `json:"max,omitempty"`
	Format Format    `json:"format,omitempty"`
	Ticks  []float64 `json:"ticks,omitempty"` // nil: round numbers
}

// At is a bound of an axis.
func At(x float64) *float64 { return &x }

// scale maps values to places from lo to hi.
type scale struct {
	Axis
	from, to float64 // values
	lo, hi   float64 // places
}

// fit makes the scale of an axis over values.
func (a Axis) fit(lo, hi float64, values ...Numbers) scale {
	s := scale{Axis: a, from: math.Inf(1), to: math.Inf(-1), lo: lo, hi: hi}
	for _, list := range values {
		for _, v := range list {
			if usable(v) && (!a.Log || v > 0) {
				s.from, s.to = min(s.from, v), max(s.to, v)
			}
		}
	}
	if s.from > s.to {
		s.from, s.to = 1, 10
	}
	if a.Min != nil {
		s.from = *a.Min
	}
	if a.Max != nil {
		s.to = *a.Max
	}
	switch {
	case a.Log && s.to/s.from < 1+1e-6:
		s.from, s.to = s.from/2, s.to*2
	case s.to-s.from <= 1e-9*math.Abs(s.to):
		s.from, s.to = s.from-1, s.to+1
	}
	if !a.Log {
		step := niceStep(s.from, s.to, 5)
		if a.Min == nil {
			s.from = step * math.Floor(s.from/step)
		}
		if a.Max == nil {
			s.to = step * math.Ceil(s.to/step)
		}
	}
	return s
}

// Numbers are values; those that are none are gaps.
type Numbers []float64

// MarshalJSON writes null for what is no number.
func (n Numbers) MarshalJSON() ([]byte, error) {
	out := make([]any, len(n))
	for i, v := range n {
		if usable(v) {
			out[i] = v
		}
	}
	return json.Marshal(out)
}

// tight makes an axis end where the values do.
func (a Axis) tight(values ...Numbers) Axis {
	lo, hi := math.Inf(1), math.Inf(-1)
	for _, list := range values {
		for _, v := range list {
			if usable(v) {
				lo, hi = min(lo, v), max(hi, v)
			}
		}
	}
	if a.Min == nil && lo < hi {
		a.Min = &lo
	}
	if a.Max == nil && lo < hi {
		a.Max = &hi
	}
	return a
}

// usable says whether x can be drawn.
func usable(x float64) bool { return !math.IsNaN(x) && !math.IsInf(x, 0) }

// place is where a value lies; values beyond the axis lie at its end.
func (s scale) place(x float64) float64 {
	at := func(x float64) float64 { return x }
	if s.Log {
		at = func(x float64) float64 { return math.Log10(max(x, 1e-300)) }
	}
	share := (at(x) - at(s.from)) / (at(s.to) - at(s.from))
	return s.lo + float64(min(max(share, 0), 1)*(s.hi-s.lo))
}

// ticks are the values with a line, about most of them.
func (s scale) ticks(most int) []float64 {
	if s.Ticks != nil {
		return s.Ticks
	}
	if s.Log {
		return s.decades(most)
	}
	step := niceStep(s.from, s.to, most)
	var out []float64
	for i := math.Ceil(s.from/step - 1e-9); i*step <= s.to+1e-9*step; i++ {
		out = append(out, i*step)
	}
	return out
}

// decades are powers of ten, or 1, 2 and 5 times them where there are few.
func (s scale) decades(most int) []float64 {
	first, last := math.Floor(math.Log10(s.from)), math.Ceil(math.Log10(s.to))
	factors := []float64{1}
	if last-first <= 2 {
		factors = []float64{1, 2, 5}
	}
	every := max(1, math.Ceil((last-first)/float64(most)))
	var out []float64
	for e := first; e <= last; e += every {
		for _, f := range factors {
			if v := f * math.Pow(10, e); v >= s.from*(1-1e-9) && v <= s.to*(1+1e-9) {
				out = append(out, v)
			}
		}
	}
	if len(out) < 2 { // less than a step of 1, 2, 5
		s.Log = false
		return s.ticks(most)
	}
	return out
}

// niceStep is 1, 2 or 5 times a power of ten that cuts a range into at most so
// many parts.
func niceStep(from, to float64, most int) float64 {
	rough := (to - from) / float64(most)
	unit := math.Pow(10, math.Floor(math.Log10(rough)))
	for _, f := range []float64{1, 2, 5, 10} {
		if f*unit >= rough*(1-1e-9) {
			return f * unit
		}
	}
	return 10 * unit
}
