package attention_test

import (
	"context"
	"math"
	"testing"

	"github.com/qkvgo/qkv/attention"
	"github.com/qkvgo/qkv/nn"
)

// Rows before a text that see nothing attend evenly to all rows, hidden ones
// among them, forward and backward; the others are as without them.
func TestBlindRowsAttendEvenly(t *testing.T) {
	const heads, group, width = 4, 2, 3
	rows := nn.Sequences(5, 2)
	rows.Hidden, rows.Even = []bool{true, true, false, false, false, false, false}, true
	p := nn.NewPass(context.Background(), rows, nn.Options{Tape: true})
	defer p.Close()
	numbers := func(n int) []float32 {
		x := make([]float32, 7*n)
		for i := range x {
			x[i] = float32(math.Sin(float64(3*i + n)))
		}
		return x
	}
	q, k := p.Input(numbers(heads*width), 7, heads*width), p.Input(numbers(group*width), 7, group*width)
	v := p.Input(numbers(group*width), 7, group*width)
	core := attention.Core{Heads: heads, KVHeads: group}
	out := core.Attend(p, q, k, v, attention.Causal)
	for r := range 2 {
		for h := range heads {
			for d := range width {
				mean := float32(0)
				for i := range 5 {
					mean += v.Row(i)[h/2*width+d] / 5
				}
				if got := out.Row(r)[h*width+d]; math.Abs(float64(got-mean)) > 1e-6 {
					t.Errorf("row %d, head %d: %v, want the mean %v", r, h, got, mean)
				}
			}
		}
	}
	if got, want := out.Row(2)[0], v.Row(2)[0]; got != want {
		t.Errorf("the first row of the text gives %v, want its own value %v", got, want)
	}
	// The gradient of the blind rows' sum: each value of the sequence a fifth
	// for each blind row and each head that reads it.
	out.Slice(0, 2).Sum().Backward()
	for i := range 7 {
		want := float32(2 * 2.0 / 5)
		if i >= 5 {
			want = 0
		}
		if got := v.Grad().Row(i)[0]; math.Abs(float64(got-want)) > 1e-6 {
			t.Errorf("gradient of value %d is %v, want %v", i, got, want)
		}
	}
}
