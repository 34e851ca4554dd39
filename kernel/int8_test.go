package kernel

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
)

// untouched stands around what a kernel may write.
const untouched = float32(-12345.5)

// guarded is n floats with untouched ones on both sides, and a check that they live.
func guarded(n int) (x []float32, check func(t *testing.T, what string)) {
	const around = 40
	all := make([]float32, n+2*around)
	for i := range all {
		all[i] = untouched
	}
	return all[around : around+n], func(t *testing.T, what string) {
		t.Helper()
		for i, v := range all {
			if (i < around || i >= around+n) && v != untouched {
				t.Fatalf("%s: wrote outside its memory, %d floats from its start", what, i-around)
			}
		}
	}
}

func random32(r *rand.Rand, n int) []float32 {
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(r.NormFloat64())
	}
	return x
}

// An int8Case is a product and its epilogue.
type int8Case struct {
	m, n, k        int
	a, b           []float32
	bias, residual []float32
	act            Activation
}

func randomInt8Case(r *rand.Rand, m, n, k int) int8Case {
	c := int8Case{m: m, n: n, k: k, a: random32(r, m*k), b: random32(r, k*n)}
	if r.IntN(2) == 0 {
		c.bias = random32(r, n)
	}
	if r.IntN(3) == 0 {
		c.residual = random32(r, m*n)
	}
	c.act = []Activation{None, GELU, ReLU}[r.IntN(3)]
	for i := range m { // some rows that are shifted, tiny, zero or odd
		row := c.a[i*k:][:k]
		for p := range row {
			switch i % 7 {
			case 1:
				row[p] = row[p]*0.1 + 3
			case 3:
				row[p] *= 1e-38
			case 5:
				row[p] = 0
			}
		}
		if k > 0 && r.IntN(12) == 0 {
			row[r.IntN(k)] = []float32{float32(math.NaN()), float32(math.Inf(1)), float32(math.Inf(-1)), math.MaxFloat32}[r.IntN(4)]
		}
	}
	return c
}

// packInt8 prepares all columns of B.
func packInt8(s *Set, k, n int, b View) *PackedInt8 {
	p := s.NewPackedInt8(k, n)
	s.PackInt8(p, 0, n, b)
	return p
}

// product runs the case on a set; whole says whether in one call or in parts.
func (c int8Case) product(t *testing.T, s *Set, transposed, whole bool) []float32 {
	b := View{c.b, c.n, 1}
	if transposed {
		turned := make([]float32, len(c.b))
		for i := range c.k {
			for j := range c.n {
				turned[j*c.k+i] = c.b[i*c.n+j]
			}
		}
		b = View{turned, 1, c.k}
	}
	packed := packInt8(s, c.k, c.n, b)
	if packed.Bytes() != s.PackedInt8Bytes(c.k, c.n) {
		t.Fatalf("%s: packed takes %d bytes, said %d", s.Name, packed.Bytes(), s.PackedInt8Bytes(c.k, c.n))
	}
	q := NewQuantized(nil, c.m, c.k)
	ldc := c.n + 3
	out, check := guarded(max(0, (c.m-1)*ldc+c.n))
	e := &Epilogue{Bias: c.bias, Act: c.act, Residual: c.residual, ResidualStride: c.n}
	if whole {
		s.Quantize(q, 0, c.m, View{c.a, c.k, 1})
		s.GemmInt8(q, 0, c.m, packed, 0, c.n, out, ldc, e)
	} else {
		for i := range c.m {
			s.Quantize(q, i, i+1, View{c.a, c.k, 1})
			for j := 0; j < c.n; j += packed.Width() {
				s.GemmInt8(q, i, i+1, packed, j, min(j+packed.Width(), c.n), out, ldc, e)
			}
		}
	}
	check(t, s.Name)
	var tight []float32
	for i := range c.m {
		tight = append(tight, out[i*ldc:][:c.n]...)
		if i+1 < c.m {
			for _, v := range out[i*ldc+c.n : (i+1)*ldc] {
				if v != untouched {
					t.Fatalf("%s: wrote between the rows of C", s.Name)
				}
			}
		}
	}
	return tight
}

func sameFloats(x, y []float32) error {
	for i := range x {
		if math.Float32bits(x[i]) != math.Float32bits(y[i]) && (x[i] == x[i] || y[i] == y[i]) {
			return fmt.Errorf("element %d: have %v, want %v", i, x[i], y[i])
		}
	}
	return nil
}

// Every set gives the bits of plain Go, whole or in parts, whichever way B is
// stored.
func TestGemmInt8Conforms(t *testing.T) {
	r := rand.New(rand.NewPCG(8, 8))
	plain, err := Choose("go")
	if err != nil {
		t.Fatal(err)
	}
	sets := Sets()
	if s := sets[0]; s.Name == "avx512" { // which leaves AVX2's to processors without VNNI
		other := *s
		other.Name = "avx512 without VNNI"
		other.int8 = sets[1].int8
		sets = append(sets, &other)
	}
	sets = append(sets, plainInt8()...)
	shapes := [][3]int{{0, 3, 4}, {2, 0, 5}, {3, 4, 0}, {1, 1, 1}, {5, 33, 7}, {13, 64, 64}, {25, 300, 130}}
	for range 40 {
		shapes = append(shapes, [3]int{1 + r.IntN(30), 1 + r.IntN(80), 1 + r.IntN(150)})
	}
	for _, shape := range shapes {
		c := randomInt8Case(r, shape[0], shape[1], shape[2])
		want := c.product(t, plain, false, true)
		for _, s := range sets {
			for _, transposed := range []bool{false, true} {
				for _, whole := range []bool{false, true} {
					if err := sameFloats(c.product(t, s, transposed, whole), want); err != nil {
						t.Fatalf("%s %v, transposed %v, whole %v: %v", s.Name, shape, transposed, whole, err)
					}
				}
			}
		}
	}
}

// Whole numbers of the right range come out exactly.
func TestGemmInt8IsExactOnWholeNumbers(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 9))
	for _, s := range Sets() {
		m, n, k := 7, 45, 61
		a, b, want := make([]float32, m*k), make([]float32, k*n), make([]float32, m*n)
		for i := range a {
			a[i] = float32(r.IntN(256) - 100)
			if p := i % k; p < 2 { // a row's extremes make its step 1
				a[i] = []float32{-100, 155}[p]
			}
		}
		for i := range b {
			b[i] = float32(r.IntN(255) - 127)
			if i < n {
				b[i] = 127
			}
		}
		for i := range m {
			for j := range n {
				for p := range k {
					want[i*n+j] += a[i*k+p] * b[p*n+j]
				}
			}
		}
		c := int8Case{m: m, n: n, k: k, a: a, b: b}
		if err := sameFloats(c.product(t, s, false, true), want); err != nil {
			t.Errorf("%s: %v", s.Name, err)
		}
	}
}

// Half a step of A times |B|, half a step of B times |A|, and half a step of
// each bound the error.
func TestGemmInt8Error(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 5))
	s := Best()
	m, n, k := 9, 40, 200
	c := int8Case{m: m, n: n, k: k, a: random32(r, m*k), b: random32(r, k*n)}
	have := c.product(t, s, false, true)
	q := NewQuantized(nil, m, k)
	s.Quantize(q, 0, m, View{c.a, k, 1})
	packed := packInt8(s, k, n, View{c.b, n, 1})
	for i := range m {
		for j := range n {
			var want, bound float64
			// The zero point is rounded too, which clamps the ends by half a step.
			half, other := float64(q.scale[i]), 0.5*float64(packed.scale[j])
			for p := range k {
				x, w := float64(c.a[i*k+p]), float64(c.b[p*n+j])
				want += x * w
				bound += half*math.Abs(w) + other*math.Abs(x) + half*other
			}
			if diff := math.Abs(float64(have[i*n+j]) - want); diff > bound {
				t.Errorf("(%d, %d): off by %g, bound %g", i, j, diff, bound)
			} else if diff > 0.2*math.Sqrt(float64(k)) {
				t.Errorf("(%d, %d): off by %g, far more than rounding explains", i, j, diff)
			}
		}
	}
}

// What is not finite shows, in its row and column only.
func TestGemmInt8ShowsWhatIsNotFinite(t *testing.T) {
	for _, s := range Sets() {
		for _, bad := range []float32{float32(math.NaN()), float32(math.Inf(1)), float32(math.Inf(-1))} {
			a, b := random32(rand.New(rand.NewPCG(1, 1)), 3*20), random32(rand.New(rand.NewPCG(2, 2)), 20*5)
			a[20+7], b[4*5+2] = bad, bad
			got := int8Case{m: 3, n: 5, k: 20, a: a, b: b}.product(t, s, false, true)
			for i, v := range got {
				if want := i/5 == 1 || i%5 == 2; want != (v != v) {
					t.Errorf("%s: %v: c[%d, %d] = %v", s.Name, bad, i/5, i%5, v)
				}
			}
		}
	}
}

func BenchmarkGemmInt8(b *testing.B) {
	s := Best()
	b.Run("peak", func(b *testing.B) {
		done := 0
		for b.Loop() {
			done += s.SaturateInt8(1 << 14)
		}
		b.ReportMetric(2*float64(done)/b.Elapsed().Seconds()/1e9, "GOP/s")
	})
	for _, shape := range [][3]int{{197, 768, 768}, {197, 3072, 768}, {197, 768, 3072}, {1576, 768, 768}, {512, 4096, 1024}, {1, 4096, 4096}} {
		m, n, k := shape[0], shape[1], shape[2]
		r := rand.New(rand.NewPCG(1, 2))
		a, packed := random32(r, m*k), packInt8(s, k, n, View{random32(r, n*k), 1, k})
		q, c := NewQuantized(nil, m, k), make([]float32, m*n)
		for _, quantize := range []bool{false, true} {
			b.Run(fmt.Sprintf("%dx%dx%d/quantize=%v", m, n, k, quantize), func(b *testing.B) {
				s.Quantize(q, 0, m, View{a, k, 1})
				for b.Loop() {
					if quantize {
						s.Quantize(q, 0, m, View{a, k, 1})
					}
					s.GemmInt8(q, 0, m, packed, 0, n, c, n, nil)
				}
				b.ReportMetric(2*float64(m)*float64(n)*float64(k)*float64(b.N)/b.Elapsed().Seconds()/1e9, "GOP/s")
			})
		}
	}
}
