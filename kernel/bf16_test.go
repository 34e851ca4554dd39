package kernel

import (
	"fmt"
	"math"
	"math/big"
	"math/rand/v2"
	"testing"
)

// bf16Sets are all sets, and AVX-512 as it is without AVX-512 BF16.
func bf16Sets() []*Set {
	sets := Sets()
	if s := sets[0]; s.bf16.dots != nil {
		other := *s
		other.Name = s.Name + " without BF16"
		t := *s.bf16
		t.dots, t.pair = nil, pairGo
		other.bf16 = &t
		sets = append(sets, &other)
	}
	return sets
}

// awkward is floats of all kinds: of one size, of any bits, and near the smallest
// normal number.
func awkward(r *rand.Rand, kind, n int) []float32 {
	x := make([]float32, n)
	for i := range x {
		switch kind {
		case 0:
			x[i] = float32(r.NormFloat64())
		case 1:
			x[i] = math.Float32frombits(r.Uint32())
		case 2: // products around 2⁻¹²⁶
			x[i] = float32(math.Ldexp(r.NormFloat64(), r.IntN(24)-75))
		case 3: // denormal, or nearly
			x[i] = math.Float32frombits(r.Uint32()&signBit | uint32(r.IntN(3))<<22 | r.Uint32()>>10)
		}
	}
	return x
}

// Every set gives the bits of plain Go in the fast mode, whole or in parts,
// whichever way B is stored, for all kinds of numbers.
func TestGemmBF16Conforms(t *testing.T) {
	r := rand.New(rand.NewPCG(16, 16))
	plain, err := Choose("go")
	if err != nil {
		t.Fatal(err)
	}
	shapes := [][3]int{{0, 3, 4}, {2, 0, 5}, {3, 4, 0}, {1, 1, 1}, {5, 33, 7}, {13, 64, 64}, {25, 300, 130}, {1, 400, 50}, {6, 170, 2100}}
	for range 60 {
		shapes = append(shapes, [3]int{1 + r.IntN(30), 1 + r.IntN(200), 1 + r.IntN(90)})
	}
	for i, shape := range shapes {
		m, n, k := shape[0], shape[1], shape[2]
		a, b := awkward(r, i%4, m*k), awkward(r, (i+i/4%2)%4, k*n)
		turned := make([]float32, len(b))
		for p := range k {
			for j := range n {
				turned[j*k+p] = b[p*n+j]
			}
		}
		e := &Epilogue{Act: []Activation{None, ReLU}[r.IntN(2)], ResidualStride: n}
		if r.IntN(2) == 0 {
			e.Bias = random32(r, n)
		}
		if r.IntN(2) == 0 {
			e.Residual = random32(r, m*n)
		}
		product := func(s *Set, b View, whole bool) []float32 {
			p := s.NewPairs(k, n)
			if p.Bytes() != s.PairsBytes(k, n) {
				t.Fatalf("%s: pairs take %d bytes, said %d", s.Name, p.Bytes(), s.PairsBytes(k, n))
			}
			rows := s.NewBF16Rows(nil, m, k)
			ldc := n + 3
			out, check := guarded(max(0, (m-1)*ldc+n))
			if whole {
				s.PackPairs(p, 0, n, b)
				s.RoundRows(rows, 0, m, View{a, k, 1})
				s.GemmBF16(rows, 0, m, p, 0, n, out, ldc, e, nil)
			} else {
				step := 2 * p.Width()
				for j := 0; j < n; j += step {
					s.PackPairs(p, j, min(j+step, n), b)
				}
				for i := 0; i < m; i += 5 {
					s.RoundRows(rows, i, min(i+5, m), View{a, k, 1})
					for j := 0; j < n; j += step {
						s.GemmBF16(rows, i, min(i+5, m), p, j, min(j+step, n), out, ldc, e, nil)
					}
				}
			}
			check(t, s.Name)
			var tight []float32
			for i := range m {
				tight = append(tight, out[i*ldc:][:n]...)
			}
			return tight
		}
		want := product(plain, View{b, n, 1}, true)
		for _, s := range bf16Sets() {
			for _, view := range []View{{b, n, 1}, {turned, 1, k}} {
				for _, whole := range []bool{true, false} {
					if err := sameFloats(product(s, view, whole), want); err != nil {
						t.Fatalf("%s %v, kind %d, B by %d, whole %v: %v", s.Name, shape, i%4, view.RowStride, whole, err)
					}
				}
			}
		}
	}
}

// A product with pairs in float32 has the bits of the packed product of the
// widened values.
func TestGemmPairsIsGemm(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 16))
	for i := range 40 {
		m, n, k := 1+r.IntN(9), 1+r.IntN(300), 1+r.IntN(120)
		a, half := awkward(r, 3*(i%2), m*k), make([]uint16, k*n)
		for i := range half {
			half[i] = uint16(r.Uint32())
		}
		across := make([]uint16, k*n)
		for p := range k {
			for j := range n {
				across[p*n+j] = half[j*k+p]
			}
		}
		e := &Epilogue{Bias: random32(r, n)}
		for _, s := range bf16Sets() {
			want, have := make([]float32, m*n), make([]float32, m*n)
			s.GemmPacked(m, View{a, k, 1}, s.PackBF16(nil, k, n, View16{half, 1, k}), 0, n, want, n, false, e, nil)
			for _, view := range []View16{{half, 1, k}, {across, n, 1}} {
				p := s.NewPairs(k, n)
				s.PackPairs16(p, 0, n, view)
				s.GemmPairs(m, View{a, k, 1}, p, 0, n, have, n, e, nil)
				if err := sameFloats(have, want); err != nil {
					t.Fatalf("%s %dx%dx%d: %v", s.Name, m, n, k, err)
				}
			}
		}
	}
}

// A step of the chain is the exact sum, rounded to 24 bits at whatever exponent,
// and zero below 2⁻¹²⁶.
func TestFlushedFMA(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 7))
	smallest := big.NewFloat(smallestNormal)
	for range 200_000 {
		x := awkward(r, 2, 3)
		a, b := math.Float32frombits(uint32(roundBF16(x[0]))<<16), math.Float32frombits(uint32(roundBF16(x[1]))<<16)
		acc := zeroBF16(math.Float32frombits(uint32(r.IntN(4))<<23 | r.Uint32()&0x807fffff))
		if r.IntN(2) == 0 {
			acc = math.Float32frombits(r.Uint32()&signBit | 1<<23 | uint32(r.IntN(3)))
			a, b = float32(math.Ldexp(float64(1+r.IntN(8)), -75)), float32(math.Ldexp(float64(r.IntN(16)-8), -77))
		}
		exact := new(big.Float).SetPrec(400).Mul(big.NewFloat(float64(a)), big.NewFloat(float64(b)))
		exact.Add(exact, big.NewFloat(float64(acc)))
		exact.SetPrec(24) // to nearest, ties to even
		want := float32(0)
		if new(big.Float).Abs(exact).Cmp(smallest) >= 0 {
			want, _ = exact.Float32()
		}
		if have := FlushedFMA(a, b, acc); have != want {
			t.Fatalf("%g·%g + %g: have %g, want %g", a, b, acc, have, want)
		}
	}
}

func BenchmarkGemmBF16(b *testing.B) {
	s := Best()
	b.Run("peak", func(b *testing.B) {
		done := 0
		for b.Loop() {
			done += s.SaturateBF16(1 << 14)
		}
		b.ReportMetric(2*float64(done)/b.Elapsed().Seconds()/1e9, "GFLOP/s")
	})
	for _, shape := range [][3]int{{197, 768, 768}, {197, 3072, 768}, {197, 768, 3072}, {1576, 768, 768}, {512, 4096, 1024}, {1024, 1024, 1024}, {1, 4096, 4096}} {
		m, n, k := shape[0], shape[1], shape[2]
		r := rand.New(rand.NewPCG(1, 2))
		a, p := random32(r, m*k), s.NewPairs(k, n)
		s.PackPairs(p, 0, n, View{random32(r, n*k), 1, k})
		rows, c := s.NewBF16Rows(nil, m, k), make([]float32, m*n)
		for _, round := range []bool{false, true} {
			b.Run(fmt.Sprintf("%dx%dx%d/round=%v", m, n, k, round), func(b *testing.B) {
				s.RoundRows(rows, 0, m, View{a, k, 1})
				for b.Loop() {
					if round {
						s.RoundRows(rows, 0, m, View{a, k, 1})
					}
					s.GemmBF16(rows, 0, m, p, 0, n, c, n, nil, nil)
				}
				b.ReportMetric(2*float64(m)*float64(n)*float64(k)*float64(b.N)/b.Elapsed().Seconds()/1e9, "GFLOP/s")
			})
		}
	}
}
