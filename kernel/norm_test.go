package kernel

import (
	"math"
	"math/rand/v2"
	"testing"
)

// TestNormsAndSoftmaxEqualGo compares the composed row operations across sets.
func TestNormsAndSoftmaxEqualGo(t *testing.T) {
	r := rand.New(rand.NewPCG(15, 16))
	plain := Sets()[len(Sets())-1]
	for n := 1; n < 100; n++ {
		for values := range valueKinds {
			v := make([][]float32, 4)
			for i := range v {
				v[i] = make([]float32, n)
				fillValues(r, v[i], values)
			}
			want := rowOperations(plain, v)
			for _, s := range Sets() {
				for i, have := range rowOperations(s, v) {
					if err := sameBits(have, want[i]); err != nil {
						t.Fatalf("%s n=%d values=%d: result %d: %v", s.Name, n, values, i, err)
					}
				}
			}
		}
	}
}

func rowOperations(s *Set, v [][]float32) (results [][]float32) {
	x, g, gamma, beta := v[0], v[1], v[2], v[3]
	n := len(x)
	keep := func(y []float32, scalars ...float32) {
		results = append(results, append([]float32(nil), y...), scalars)
	}
	y := make([]float32, n)
	for _, p := range [][2][]float32{{gamma, beta}, {gamma, nil}, {nil, beta}, {nil, nil}} {
		mean, rstd := s.LayerNorm(y, x, p[0], p[1], 1e-5)
		keep(y, mean, rstd)
		s.LayerNormBack(y, g, x, p[0], mean, rstd)
		keep(y)
		rstd = s.RMSNorm(y, x, p[0], 1e-6)
		keep(y, rstd)
		s.RMSNormBack(y, g, x, p[0], rstd)
		keep(y)
		dgamma, dbeta := append([]float32(nil), g...), append([]float32(nil), x...)
		s.NormGrad(dgamma, dbeta, g, x, mean, rstd)
		keep(dgamma)
		keep(dbeta)
	}
	s.Softmax(y, x)
	keep(y, s.LogSumExp(x))
	s.SoftmaxBack(y, g, y)
	keep(y)
	copy(y, x)
	m, l, c := s.SoftmaxTile(y, float32(math.Inf(-1)), 0)
	keep(y, m, l, c)
	copy(y, g)
	m, l, c = s.SoftmaxTile(y, m, l)
	keep(y, m, l, c)
	return results
}

// TestNormGradients compares the adjoints with differences of the norms
// themselves, in float64.
func TestNormGradients(t *testing.T) {
	const n, h = 37, 1e-5
	r := rand.New(rand.NewPCG(17, 18))
	x, g, gamma := make([]float32, n), make([]float32, n), make([]float32, n)
	for _, v := range [][]float32{x, g, gamma} {
		fillValues(r, v, 0)
	}
	loss := func(x []float64, center bool) (sum float64) {
		mean, square := 0.0, 0.0
		for _, v := range x {
			if center {
				mean += v / n
			}
		}
		for _, v := range x {
			square += (v - mean) * (v - mean) / n
		}
		for i, v := range x {
			sum += float64(g[i]) * float64(gamma[i]) * (v - mean) / math.Sqrt(square+1e-5)
		}
		return sum
	}
	dx, y := make([]float32, n), make([]float32, n)
	for _, center := range []bool{true, false} {
		s := Best()
		if center {
			mean, rstd := s.LayerNorm(y, x, gamma, nil, 1e-5)
			s.LayerNormBack(dx, g, x, gamma, mean, rstd)
		} else {
			s.RMSNormBack(dx, g, x, gamma, s.RMSNorm(y, x, gamma, 1e-5))
		}
		wide := make([]float64, n)
		for i, v := range x {
			wide[i] = float64(v)
		}
		for i := range n {
			at := wide[i]
			wide[i] = at + h
			up := loss(wide, center)
			wide[i] = at - h
			want := (up - loss(wide, center)) / (2 * h)
			wide[i] = at
			if math.Abs(float64(dx[i])-want) > 1e-4 {
				t.Errorf("center=%v dx[%d]: have %v, want %v", center, i, dx[i], want)
			}
		}
	}
}

// TestSoftmaxTiles: tile after tile gives the softmax, and hidden keys change
// nothing.
func TestSoftmaxTiles(t *testing.T) {
	inf := float32(math.Inf(-1))
	s := Best()
	x := []float32{1, 2, inf, -1, 5, inf, inf, 0.5}
	m, l := inf, float32(0)
	hidden := []float32{inf, inf, inf}
	var p []float32
	for i := 0; i < len(x); i += 2 {
		tile := append([]float32(nil), x[i:i+2]...)
		var corr float32
		m, l, corr = s.SoftmaxTile(tile, m, l)
		for j := range p {
			p[j] *= corr
		}
		p = append(p, tile...)

		copy(hidden, []float32{inf, inf, inf})
		m2, l2, corr := s.SoftmaxTile(hidden, m, l)
		if m2 != m || l2 != l || corr != 1 || hidden[0] != 0 {
			t.Errorf("a hidden tile changed the state: %v %v %v %v", m2, l2, corr, hidden)
		}
	}
	want := make([]float32, len(x))
	s.Softmax(want, x)
	for i := range p {
		if math.Abs(float64(p[i]/l-want[i])) > 1e-6 || x[i] == inf && p[i] != 0 {
			t.Errorf("p[%d]: have %v, want %v", i, p[i]/l, want[i])
		}
	}
	if lse := s.LogSumExp(x); math.Abs(float64(lse)-float64(m)-math.Log(float64(l))) > 1e-6 {
		t.Errorf("LogSumExp: have %v", lse)
	}
	m, l, corr := s.SoftmaxTile([]float32{inf, inf}, inf, 0)
	if m != inf || l != 0 || corr != 1 {
		t.Errorf("nothing visible yet: have %v %v %v, want -Inf 0 1", m, l, corr)
	}
	nan := float32(math.NaN())
	if _, l, _ := s.SoftmaxTile([]float32{inf, nan, inf}, inf, 0); l == l {
		t.Errorf("a NaN among hidden scores is lost: l = %v", l)
	}
	if lse := s.LogSumExp([]float32{inf, nan}); lse == lse {
		t.Errorf("LogSumExp loses a NaN: %v", lse)
	}
	if lse := s.LogSumExp(nil); lse != inf {
		t.Errorf("LogSumExp of nothing: have %v", lse)
	}
}
