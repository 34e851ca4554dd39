package progress

import (
	"math"
	"strings"
	"testing"
)

func TestBars(t *testing.T) {
	for _, c := range []struct {
		xs   []float64
		n    int
		want string
	}{
		{nil, 8, ""},
		{[]float64{3}, 8, "▁"},
		{[]float64{8, 4, 1, 1}, 8, "█▄▁▁"},
		{[]float64{7, 9, 4, 4, 0, 2}, 3, "█▄▁"},
		{[]float64{1, math.Inf(1), 0}, 3, "███"[:3] + "█▁"},
	} {
		if have := Bars(c.xs, c.n); have != c.want {
			t.Errorf("%v: have %q, want %q", c.xs, have, c.want)
		}
	}
}

func TestPlot(t *testing.T) {
	xs := make([]float64, 100)
	for i := range xs {
		xs[i] = 100 - float64(i)
	}
	have := Plot("loss", xs, 10, 4)
	lines := strings.Split(have, "\n")
	if len(lines) != 7 || !strings.HasPrefix(lines[0], "      95.5 ┤█") || !strings.HasPrefix(lines[3], "       5.5 ┤██████████"[:20]) || !strings.HasSuffix(lines[5], "100") {
		t.Errorf("have\n%s", have)
	}
	if Plot("loss", nil, 10, 4) != "" {
		t.Error("nothing has a plot")
	}
}
