package progress

import (
	"fmt"
	"math"
	"strings"
)

// bars are eighths of a character's height.
var bars = []rune(" ▁▂▃▄▅▆▇█")

// means are at most n means of stretches of xs that are as long as each other.
func means(xs []float64, n int) []float64 {
	if len(xs) <= n {
		return xs
	}
	out := make([]float64, n)
	for i := range out {
		lo, hi := i*len(xs)/n, (i+1)*len(xs)/n
		for _, x := range xs[lo:hi] {
			out[i] += x / float64(hi-lo)
		}
	}
	return out
}

// span is the least and the greatest finite number of xs.
func span(xs []float64) (low, high float64) {
	low, high = math.Inf(1), math.Inf(-1)
	for _, x := range xs {
		if !math.IsNaN(x) && !math.IsInf(x, 0) {
			low, high = min(low, x), max(high, x)
		}
	}
	return low, high
}

// Bars is a curve as one line of at most n bars, from the first number to the last; each bar is the mean of its
// stretch, and the least of them is the lowest bar.
func Bars(xs []float64, n int) string {
	xs = means(xs, n)
	low, high := span(xs)
	var b strings.Builder
	for _, x := range xs {
		level := 1
		if high > low && x >= low {
			level = 1 + int(math.Round(min((x-low)/(high-low), 1)*7))
		}
		b.WriteRune(bars[level])
	}
	return b.String()
}

// Plot is a curve as a few lines of text, width columns of bars on an axis from the least to the greatest number.
func Plot(name string, xs []float64, width, height int) string {
	ys := means(xs, width)
	low, high := span(ys)
	if high < low {
		return ""
	}
	if high == low {
		high = low + 1
	}
	var b strings.Builder
	for row := height - 1; row >= 0; row-- {
		axis := ""
		switch row {
		case height - 1:
			axis = fmt.Sprintf("%.4g", high)
		case 0:
			axis = fmt.Sprintf("%.4g", low)
		case height / 2:
			axis = name
		}
		fmt.Fprintf(&b, "%10s ┤", axis)
		for _, y := range ys {
			eighths := 1 + int(math.Round(min(max((y-low)/(high-low), 0), 1)*float64(8*height-1)))
			if math.IsNaN(y) {
				eighths = 0
			}
			b.WriteRune(bars[min(max(eighths-8*row, 0), 8)])
		}
		b.WriteByte('\n')
	}
	fmt.Fprintf(&b, "%10s └%s\n%12s1%*d\n", "", strings.Repeat("─", len(ys)), "", max(len(ys)-1, 1), len(xs))
	return b.String()
}
