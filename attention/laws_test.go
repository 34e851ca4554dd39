package attention_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/qkvgo/qkv/attention"
	"github.com/qkvgo/qkv/nn"
	"github.com/qkvgo/qkv/tensor"
)

// The laws of scaled dot-product attention that the talk names: talk A12.

func drawn(r *rand.Rand, n int) []float32 {
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(r.NormFloat64())
	}
	return x
}

// attend is attention of one sequence, [n, heads·d].
func attend(t *testing.T, c attention.Core, q, k, v []float32, n, width int, pattern attention.Pattern) []float32 {
	t.Helper()
	p := nn.NewPass(t.Context(), nn.Sequences(n), nn.Options{})
	defer p.Close()
	return c.Attend(p, p.Of(q, n, width), p.Of(k, n, width), p.Of(v, n, len(v)/n), pattern).Float32s()
}

// Attention is the loop of its definition: out_i = Σ_j softmax_j(q_i·k_j/√d)·v_j.
func TestIsItsLoop(t *testing.T) {
	const n, d = 13, 8
	r := rand.New(rand.NewPCG(1, 2))
	q, k, v := drawn(r, n*d), drawn(r, n*d), drawn(r, n*d)
	have := attend(t, attention.Core{Heads: 1}, q, k, v, n, d, nil)
	for i := range n {
		var weights [n]float64
		sum := 0.0
		for j := range n {
			dot := 0.0
			for a := range d {
				dot += float64(q[i*d+a]) * float64(k[j*d+a])
			}
			weights[j] = math.Exp(dot / math.Sqrt(d))
			sum += weights[j]
		}
		for a := range d {
			want := 0.0
			for j := range n {
				want += weights[j] / sum * float64(v[j*d+a])
			}
			if math.Abs(float64(have[i*d+a])-want) > 1e-6 {
				t.Errorf("row %d, column %d: %v, want %v", i, a, have[i*d+a], want)
			}
		}
	}
}

// Weights, which attention to the unit vectors shows, are not negative and add up to
// one; those of keys that are hidden are zero: talk A12, A16.
func TestWeights(t *testing.T) {
	const n, d = 21, 6
	r := rand.New(rand.NewPCG(3, 4))
	q, k, unit := drawn(r, n*d), drawn(r, n*d), make([]float32, n*n)
	for i := range n {
		unit[i*n+i] = 1
	}
	for _, pattern := range []attention.Pattern{attention.Full, attention.Causal, attention.Band{Left: 2, Right: 1}} {
		w := attend(t, attention.Core{Heads: 1}, q, k, unit, n, d, pattern)
		for i := range n {
			sum := 0.0
			for j, v := range w[i*n : (i+1)*n] {
				sum += float64(v)
				seen := pattern.Row(attention.Place{Keys: n}, i, 0)>>j&1 == 1
				if v < 0 || !seen && v != 0 {
					t.Errorf("%v: weight %v of key %d for query %d", pattern, v, j, i)
				}
			}
			if math.Abs(sum-1) > 1e-6 {
				t.Errorf("%v: the weights of query %d add up to %v", pattern, i, sum)
			}
		}
	}
	rows := nn.Sequences(n)
	rows.Hidden = make([]bool, n)
	rows.Hidden[4], rows.Hidden[20] = true, true
	p := nn.NewPass(t.Context(), rows, nn.Options{})
	defer p.Close()
	c := attention.Core{Heads: 1}
	w := c.Attend(p, p.Of(q, n, d), p.Of(k, n, d), p.Of(unit, n, n), attention.Full)
	for i := range n {
		if w.Row(i)[4] != 0 || w.Row(i)[20] != 0 {
			t.Errorf("query %d gives hidden keys the weights %v and %v", i, w.Row(i)[4], w.Row(i)[20])
		}
	}
}

// Attention is a soft dictionary: of orthonormal keys, a query that is a thousand
// times one of them returns its value.
func TestDictionary(t *testing.T) {
	const n = 8
	r := rand.New(rand.NewPCG(5, 6))
	k, q, v := make([]float32, n*n), make([]float32, n*n), drawn(r, n*3)
	for i := range n {
		k[i*n+(i+3)%n] = 1
		q[i*n+(i+3)%n] = 1000
	}
	for i, have := range attend(t, attention.Core{Heads: 1}, q, k, v, n, n, nil) {
		if math.Abs(float64(have-v[i])) > 1e-6 {
			t.Errorf("number %d is %v, want %v", i, have, v[i])
		}
	}
}

// The order of keys and values together says nothing; one head of width d is what two
// are not: each sees its own half.
func TestKeysAreASet(t *testing.T) {
	const n, d = 11, 4
	r := rand.New(rand.NewPCG(7, 8))
	q, k, v := drawn(r, n*d), drawn(r, n*d), drawn(r, n*d)
	k2, v2 := make([]float32, n*d), make([]float32, n*d)
	for i, to := range r.Perm(n) {
		copy(k2[to*d:(to+1)*d], k[i*d:(i+1)*d])
		copy(v2[to*d:(to+1)*d], v[i*d:(i+1)*d])
	}
	x, y := attend(t, attention.Core{Heads: 2}, q, k, v, n, d, nil), attend(t, attention.Core{Heads: 2}, q, k2, v2, n, d, nil)
	for i := range x {
		if math.Abs(float64(x[i]-y[i])) > 1e-6 {
			t.Errorf("number %d is %v, with keys in another order %v", i, x[i], y[i])
		}
	}
}

// Dot products of drawn vectors have variance d, and over √d variance 1: why scores
// are scaled (Vaswani et al. 2017, footnote 4).
func TestVariance(t *testing.T) {
	const n, d = 400, 64
	r := rand.New(rand.NewPCG(9, 10))
	p := nn.NewPass(t.Context(), nn.Sequences(n), nn.Options{})
	defer p.Close()
	var q, k *tensor.Tensor = p.Of(drawn(r, n*d), n, d), p.Of(drawn(r, n*d), n, d)
	square := 0.0
	for _, v := range q.MatMulT(k).Float32s() {
		square += float64(v) * float64(v)
	}
	if square /= n * n; math.Abs(square/d-1) > 0.03 {
		t.Errorf("variance %v, want about %d", square, d)
	}
}
