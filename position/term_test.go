package position_test

import (
	"context"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/qkvgo/qkv/attention/attentiontest"
	"github.com/qkvgo/qkv/device/cpu"
	"github.com/qkvgo/qkv/kernel"
	"github.com/qkvgo/qkv/nn"
	"github.com/qkvgo/qkv/position"
	"github.com/qkvgo/qkv/tensor"
)

// Every term adds to a tile, anywhere in the scores, what its definition in
// float64 says, and its adjoint gives the slopes of that. (Package attention runs
// them inside a mechanism.)
func TestTerms(t *testing.T) {
	dev := cpu.New(cpu.Options{Threads: 1})
	defer dev.Close()
	d := rand.New(rand.NewPCG(5, 6))
	const longest = 300
	for trial := range 60 {
		make := attentiontest.Biases[trial%len(attentiontest.Biases)]
		heads, dk := 1+d.IntN(13), 1+d.IntN(20)
		b := make(d, heads, dk, longest)
		p := nn.NewPass(context.Background(), nn.Sequences(), nn.Options{Device: dev, Tape: true})
		queries, keys := 1+d.IntN(64), 1+d.IntN(64)
		x := &tile{bias: b, term: b.Term.Bind(p), head: d.IntN(heads), query: d.IntN(longest - queries), key: d.IntN(longest - keys),
			scale: 0.5 + d.Float32(), dk: dk, queries: queries, keys: keys, before: normal(d, queries*keys), q: normal(d, queries*dk), k: normal(d, keys*dk),
			cotangent: normal(d, queries*keys)}
		x.heads = heads
		if what := x.check(p.Kernels(), d); what != "" {
			t.Errorf("trial %d, %s: %s", trial, b.Name, what)
		}
		p.Close()
	}
}

// tile is a tile of scores and what a term may do to it.
type tile struct {
	bias              attentiontest.Bias
	term              position.Bias
	head, heads       int
	query, key        int
	queries, keys, dk int
	scale             float32
	before, cotangent []float32
	q, k              []float32 // [queries, dk], [keys, dk]
}

func (x *tile) make(set *kernel.Set, scores []float32) *position.Tile {
	return &position.Tile{Kernels: set, Head: x.head, Heads: x.heads, Query: x.query, Queries: x.queries, Key: x.key, Keys: x.keys,
		Scores: scores, Scale: x.scale, Dk: x.dk, Q: kernel.View{Data: x.q, RowStride: x.dk, ColStride: 1}, K: kernel.View{Data: x.k, RowStride: 1, ColStride: x.dk}}
}

// score is Σ cotangent·what the term adds, or what it adds to one score.
func (x *tile) score(params [][]float64, q, k []float64, only int) (sum float64) {
	for i := range x.queries {
		for j := range x.keys {
			c := float64(x.cotangent[i*x.keys+j])
			switch {
			case only == i*x.keys+j:
				c = 1
			case only >= 0:
				continue
			}
			sum += c * x.bias.Score(params, x.head, x.query+i, x.key+j, q[i*x.dk:][:x.dk], k[j*x.dk:][:x.dk], float64(x.scale))
		}
	}
	return sum
}

func (x *tile) check(set *kernel.Set, d *rand.Rand) string {
	var params [][]float64
	var grads [][]float32
	for _, p := range x.bias.Params {
		params, grads = append(params, wide(p.Float32())), append(grads, make([]float32, p.Len()))
	}
	q, k := wide(x.q), wide(x.k)
	scores := append([]float32{}, x.before...)
	x.term.Add(x.make(set, scores))
	for i, s := range scores {
		if want := float64(x.before[i]) + x.score(params, q, k, i); !near(s, want, 64*unit) {
			return "a score is wrong"
		}
	}
	back := x.make(set, x.cotangent)
	dq, dk := make([]float32, len(x.q)), make([]float32, len(x.k))
	back.DQ = kernel.View{Data: dq, RowStride: x.dk, ColStride: 1}
	back.DK = kernel.View{Data: dk, RowStride: x.dk, ColStride: 1}
	x.term.Back(back, grads)
	for i := range dq { // the mechanism multiplies these by the scale
		dq[i] *= x.scale
	}
	for i := range dk {
		dk[i] *= x.scale
	}
	inputs, all := append(params, q, k), append(grads, dq, dk)
	for n, in := range inputs {
		for range 8 {
			i := d.IntN(len(in))
			value := in[i]
			in[i] = value + 0.5 // terms are linear in each number
			up := x.score(params, q, k, -1)
			in[i] = value - 0.5
			if want := up - x.score(params, q, k, -1); !near(all[n][i], want, 1024*unit) {
				return "a gradient is wrong"
			}
			in[i] = value
		}
	}
	again := x.make(set, x.cotangent)
	x.term.Back(again, make([][]float32, len(grads))) // nobody wants anything
	return ""
}

func wide(x []float32) []float64 {
	y := make([]float64, len(x))
	for i, v := range x {
		y[i] = float64(v)
	}
	return y
}

// ALiBi's slopes are those of the paper and its code.
func TestSlopes(t *testing.T) {
	for heads, want := range map[int][]float64{
		1: {1. / 256},
		2: {1. / 16, 1. / 256},
		3: {1. / 16, 1. / 256, 1. / 4},
		8: {1. / 2, 1. / 4, 1. / 8, 1. / 16, 1. / 32, 1. / 64, 1. / 128, 1. / 256},
		12: {1. / 2, 1. / 4, 1. / 8, 1. / 16, 1. / 32, 1. / 64, 1. / 128, 1. / 256,
			1 / math.Sqrt2, 1 / (2 * math.Sqrt2), 1 / (4 * math.Sqrt2), 1 / (8 * math.Sqrt2)},
	} {
		slopes := position.NewALiBi(heads, 8).Slopes
		if len(slopes) != heads {
			t.Fatalf("%d slopes for %d heads", len(slopes), heads)
		}
		for h, s := range slopes {
			if s != float32(want[h]) {
				t.Errorf("%d heads: slope %d is %v, want %v", heads, h, s, float32(want[h]))
			}
		}
	}
}

// The buckets of T5's own numbers, 32 buckets up to 128: what its code gives.
func TestBuckets(t *testing.T) {
	for _, c := range []struct {
		two      bool
		distance int // key − query
		bucket   int
	}{
		{true, 0, 0}, {true, -1, 1}, {true, -7, 7}, {true, -8, 8}, {true, -11, 8}, {true, -12, 9}, {true, -16, 10}, {true, -32, 12},
		{true, -63, 13}, {true, -64, 14}, {true, -90, 14}, {true, -91, 15}, {true, -128, 15}, {true, -900, 15},
		{true, 1, 17}, {true, 8, 24}, {true, 16, 26}, {true, 64, 30}, {true, 900, 31},
		{false, 5, 0}, {false, 0, 0}, {false, -15, 15}, {false, -16, 16}, {false, -20, 17}, {false, -64, 26}, {false, -127, 31}, {false, -900, 31},
	} {
		table := nn.NewParam(32, 1)
		values := make([]float32, 32)
		for i := range values {
			values[i] = float32(i)
		}
		table.Set(values)
		p := nn.NewPass(context.Background(), nn.Sequences(), nn.Options{})
		b := (&position.Buckets{Table: table, Farthest: 128, TwoSided: c.two}).Bind(p)
		score := []float32{0}
		b.Add(&position.Tile{Kernels: p.Kernels(), Heads: 1, Query: 1000, Queries: 1, Key: 1000 + c.distance, Keys: 1, Scores: score})
		p.Close()
		if int(score[0]) != c.bucket {
			t.Errorf("two sides %v, distance %d: bucket %v, want %d", c.two, c.distance, score[0], c.bucket)
		}
	}
}

// Tables that cannot hold the distances are faults.
func TestTermFaults(t *testing.T) {
	p := nn.NewPass(context.Background(), nn.Sequences(), nn.Options{})
	defer p.Close()
	table := func(rows, width int) *nn.Param {
		w := nn.NewParam(rows, width)
		w.Set(make([]float32, rows*width))
		return w
	}
	far := &position.Tile{Kernels: p.Kernels(), Query: 5, Queries: 1, Keys: 1, Scores: []float32{0}, Dk: 2,
		Q: kernel.View{Data: []float32{1, 2}, RowStride: 2, ColStride: 1}}
	for _, c := range []struct {
		does func()
		says string
	}{
		{func() { (&position.Buckets{Table: table(3, 1), Farthest: 128, TwoSided: true}).Bind(p) }, "0 distances with a bucket each"},
		{func() { (&position.Buckets{Table: table(32, 1), Farthest: 16}).Bind(p) }, "16 distances with a bucket each do not lie below the farthest, 16"},
		{func() { (&position.Shaw{Table: table(9, 2)}).Bind(p).Add(far) }, "longer than the 5 positions of the table"},
	} {
		err := func() (err error) {
			defer tensor.Guard(&err)
			c.does()
			return nil
		}()
		if err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("have %v, want a fault that says %q", err, c.says)
		}
	}
}

// The table of sines and cosines is the paper's, in both orders.
func TestSinusoids(t *testing.T) {
	for _, width := range []int{1, 2, 7, 64} {
		const rows = 2000
		mixed, halves := position.Sinusoids(rows, width, false), position.Sinusoids(rows, width, true)
		for pos := range rows {
			for column := range width {
				i := column / 2
				angle := float64(pos) / math.Pow(10000, 2*float64(i)/float64(width))
				want, at := math.Sin(angle), i
				if column%2 == 1 {
					want, at = math.Cos(angle), (width+1)/2+i
				}
				if h := mixed[pos*width+column]; !near(h, want, unit) || halves[pos*width+at] != h {
					t.Fatalf("width %d, position %d, column %d: have %v and %v, want %v", width, pos, column, h, halves[pos*width+at], want)
				}
			}
		}
	}
}
