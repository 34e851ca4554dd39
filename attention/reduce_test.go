package attention_test

import (
	"context"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/qkvgo/qkv/attention"
	"github.com/qkvgo/qkv/nn"
	"github.com/qkvgo/qkv/tensor"
)

// mix is the result of a core over made-up rows, and the gradients of q, k and v.
func mix(t *testing.T, core attention.Core, lengths []int, seed uint64) (out, dq, dk, dv []float32) {
	t.Helper()
	p := nn.NewPass(context.Background(), nn.Sequences(lengths...), nn.Options{Tape: true})
	defer p.Close()
	r, n := rand.New(rand.NewPCG(seed, 1)), p.Rows.Rows()
	draw := func(width int) *tensor.Tensor {
		x := make([]float32, n*width)
		for i := range x {
			x[i] = r.Float32() - 0.5
		}
		return p.Input(x, n, width)
	}
	q, k, v := draw(12), draw(6), draw(10)
	y := core.Attend(p, q, k, v, attention.Full)
	out = y.Float32s()
	y.Mul(y).Sum().Backward()
	return out, q.Grad().Float32s(), k.Grad().Float32s(), v.Grad().Float32s()
}

// Runs of one key are all keys, to the bit, gradients included.
func TestPoolOfOne(t *testing.T) {
	lengths := []int{5, 0, 1, 70}
	core := attention.Core{Heads: 4, KVHeads: 2}
	a, aq, ak, av := mix(t, core, lengths, 3)
	core.Reduce = attention.Pool{Size: 1}
	b, bq, bk, bv := mix(t, core, lengths, 3)
	for name, two := range map[string][2][]float32{"out": {a, b}, "dq": {aq, bq}, "dk": {ak, bk}, "dv": {av, bv}} {
		for i := range two[0] {
			if math.Float32bits(two[0][i]) != math.Float32bits(two[1][i]) {
				t.Fatalf("%s: number %d is %v, want %v", name, i, two[1][i], two[0][i])
			}
		}
	}
}

// One run as long as the text leaves one key: every query gets the mean value of
// its sequence, whatever the others hold.
func TestPoolOfAll(t *testing.T) {
	lengths := []int{3, 7}
	p := nn.NewPass(context.Background(), nn.Sequences(lengths...), nn.Options{})
	defer p.Close()
	x := make([]float32, 10*4)
	for i := range x {
		x[i] = float32(i)
	}
	v := p.Of(x, 10, 4)
	core := attention.Core{Heads: 2, Reduce: attention.Pool{Size: 7}}
	got, want := core.Attend(p, v, v, v, attention.Full), v.MeanRows(p.Rows.Off)
	for i := range lengths {
		for r := p.Rows.Off[i]; r < p.Rows.Off[i+1]; r++ {
			for j, w := range want.Row(i) {
				if got.Row(r)[j] != w {
					t.Fatalf("row %d is %v, want the mean %v", r, got.Row(r), want.Row(i))
				}
			}
		}
	}
}

// What speaks of single keys is refused by name.
func TestPoolRefuses(t *testing.T) {
	core := attention.Core{Heads: 1, Reduce: attention.Pool{Size: 2}}
	refused := func(f func(p *nn.Pass, x *tensor.Tensor)) (err error) {
		defer tensor.Guard(&err)
		p := nn.NewPass(context.Background(), nn.Sequences(3), nn.Options{})
		defer p.Close()
		f(p, p.Of(make([]float32, 6), 3, 2))
		return nil
	}
	for name, f := range map[string]func(p *nn.Pass, x *tensor.Tensor){
		"a pattern": func(p *nn.Pass, x *tensor.Tensor) { core.Attend(p, x, x, x, attention.Causal) },
		"a memory": func(p *nn.Pass, x *tensor.Tensor) {
			p.Memory = &nn.Memory{}
			core.Attend(p, x, x, x, attention.Full)
		},
		"no size": func(p *nn.Pass, x *tensor.Tensor) {
			c := attention.Core{Heads: 1, Reduce: attention.Pool{}}
			c.Attend(p, x, x, x, attention.Full)
		},
	} {
		if refused(f) == nil {
			t.Errorf("%s is not refused", name)
		}
	}
}
