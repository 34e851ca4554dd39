package kernel

import (
	"fmt"
	"math/rand/v2"
	"testing"
)

// product is one matrix product to test.
type product struct {
	m, n, k    int
	transA     bool
	transB     bool
	gap        int // unused elements between rows
	accumulate bool
	epilogue   int
}

// naive is the definition.
func (p product) naive(a, b View, c []float32, ldc int, e *Epilogue) {
	s := goSet()
	for i := range p.m {
		for j := range p.n {
			acc := float32(0)
			if p.accumulate {
				acc = c[i*ldc+j]
			}
			for q := range p.k {
				acc = FMA(a.Data[i*a.RowStride+q*a.ColStride], b.Data[q*b.RowStride+j*b.ColStride], acc)
			}
			if e != nil {
				if e.Bias != nil {
					acc += e.Bias[j]
				}
				one := []float32{acc}
				s.Activate(e.Act, one, one)
				acc = one[0]
				if e.Residual != nil {
					acc += e.Residual[i*e.ResidualStride+j]
				}
			}
			c[i*ldc+j] = acc
		}
	}
}

// stored returns a rows × cols matrix, perhaps stored transposed, with exactly
// the memory that it needs.
func stored(r *rand.Rand, rows, cols int, transposed bool, gap int) View {
	if transposed {
		return stored(r, cols, rows, false, gap).T()
	}
	v := View{RowStride: cols + gap, ColStride: 1}
	if rows > 0 && cols > 0 {
		v.Data = make([]float32, (rows-1)*v.RowStride+cols)
		fillValues(r, v.Data, 0)
	}
	return v
}

func (p product) check(t *testing.T, r *rand.Rand, ws *Workspace) {
	t.Helper()
	a := stored(r, p.m, p.k, p.transA, p.gap)
	b := stored(r, p.k, p.n, p.transB, p.gap)
	ldc := p.n + p.gap
	before := make([]float32, p.m*ldc+50)
	fillValues(r, before, 0)
	var e *Epilogue
	if p.epilogue > 0 {
		e = &Epilogue{Act: Activation(p.epilogue % int(Sigmoid+1)), ResidualStride: p.n + 3}
		if p.epilogue%2 == 0 {
			e.Bias = make([]float32, p.n)
			fillValues(r, e.Bias, 0)
		}
		if p.epilogue%3 == 0 {
			e.Residual = make([]float32, p.m*e.ResidualStride)
			fillValues(r, e.Residual, 0)
		}
	}
	want := append([]float32(nil), before...)
	p.naive(a, b, want, ldc, e)
	for _, s := range Sets() {
		have := append([]float32(nil), before...)
		s.Gemm(p.m, p.n, p.k, a, b, have, ldc, p.accumulate, e, ws)
		if err := sameBits(have, want); err != nil {
			t.Fatalf("%s Gemm %+v: %v", s.Name, p, err)
		}

		packed := s.Pack(p.k, p.n, b)
		copy(have, before)
		split := 0 // at a random panel's edge
		if p.n > 0 {
			split = r.IntN(p.n) / packed.Width() * packed.Width()
		}
		s.GemmPacked(p.m, a, packed, split, p.n, have, ldc, p.accumulate, e, ws)
		for i := range p.m { // nothing outside the columns asked for
			if err := sameBits(have[i*ldc:][:split], before[i*ldc:][:split]); err != nil {
				t.Fatalf("%s GemmPacked %+v columns from %d: row %d: %v", s.Name, p, split, i, err)
			}
		}
		s.GemmPacked(p.m, a, packed, 0, split, have, ldc, p.accumulate, e, ws)
		if err := sameBits(have, want); err != nil {
			t.Fatalf("%s GemmPacked %+v split at %d: %v", s.Name, p, split, err)
		}
	}
}

// TestGemm compares products of all shapes, layouts and epilogues with the
// triple loop, bit for bit.
func TestGemm(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	ws := new(Workspace)
	for i := range 250 {
		p := product{
			m: r.IntN(40), n: r.IntN(150), k: r.IntN(70),
			transA: i&1 != 0, transB: i&2 != 0, accumulate: i&4 != 0,
			gap: r.IntN(2) * r.IntN(20), epilogue: r.IntN(2) * r.IntN(24),
		}
		p.check(t, r, ws)
	}
	for _, p := range []product{
		{m: 1, n: 300, k: 1000}, {m: 2, n: 65, k: 1000, transB: true}, {m: 13, n: 33, k: 900, transA: true},
		{m: 0, n: 5, k: 5}, {m: 5, n: 0, k: 5}, {m: 5, n: 70, k: 0}, {m: 5, n: 70, k: 0, accumulate: true, epilogue: 6},
		{m: 1, n: 1, k: 1}, {m: 29, n: 200, k: 512}, {m: 512, n: 200, k: 19, transA: true}, {m: 3, n: 1, k: 777}, {m: 300, n: 17, k: 3}, {m: 197, n: 64, k: 64, transB: true},
	} {
		p.check(t, r, ws)
	}
}

// TestGemmRowAlone: a row of C depends on nothing but its row of A.
func TestGemmRowAlone(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 8))
	const m, n, k = 61, 83, 517
	a, b := stored(r, m, k, false, 0), stored(r, k, n, false, 0)
	for _, s := range Sets() {
		all := make([]float32, m*n)
		s.Gemm(m, n, k, a, b, all, n, false, nil, nil)
		for rows := range 14 {
			i := r.IntN(m - rows)
			part := make([]float32, rows*n)
			s.Gemm(rows, n, k, a.at(i, 0), b, part, n, false, nil, nil)
			if err := sameBits(part, all[i*n:(i+rows)*n]); err != nil {
				t.Errorf("%s: %d rows from %d: %v", s.Name, rows, i, err)
			}
			j := r.IntN(n)
			column := make([]float32, m)
			s.Gemm(m, 1, k, a, b.at(0, j), column, 1, false, nil, nil)
			for i := range m {
				if err := sameBits(column[i:i+1], all[i*n+j:][:1]); err != nil {
					t.Fatalf("%s: column %d alone, row %d: %v", s.Name, j, i, err)
				}
			}
		}
	}
}

// TestGemmBlocking: neither the caches nor the block lengths matter, nor where
// rows of A and C lie.
func TestGemmBlocking(t *testing.T) {
	r := rand.New(rand.NewPCG(9, 10))
	const m, n, k = 50, 200, 300
	for _, s := range Sets() {
		for _, gap := range []int{0, 1024} {
			for layout := range 4 {
				wide := func(rows, cols int, transposed bool) View {
					if gap == 0 {
						return stored(r, rows, cols, transposed, 0)
					}
					if transposed {
						return stored(r, rows, cols, true, gap-rows)
					}
					return stored(r, rows, cols, false, gap-cols)
				}
				a, b := wide(m, k, layout&1 != 0), wide(k, n, layout&2 != 0)
				ldc := max(n, gap)
				before := make([]float32, m*ldc)
				fillValues(r, before, 0)
				want, accumulate := append([]float32(nil), before...), layout >= 2
				product{m: m, n: n, k: k, accumulate: accumulate}.naive(a, b, want, ldc, nil)
				p := s.Pack(k, n, b)
				for _, size := range []blocks{{1, 12, 32}, {7, 50, 64}, {64, 13, 256}, {299, 1, 32}, {300, 24, 96}, {1000, 1000, 1024}} {
					for _, op := range []operand{{k: k, view: b}, {k: k, panels: p.data}} {
						size.n = max(size.n/s.tiles.width, 1) * s.tiles.width
						have := append([]float32(nil), before...)
						w := walk{s.tiles, size, m, n, a, op, false, have, ldc, accumulate, new(Workspace)}
						w.run(func(int, int, int, int) {})
						if err := sameBits(have, want); err != nil {
							t.Errorf("%s: layout %d, rows %d apart, blocks %+v: %v", s.Name, layout, gap, size, err)
						}
					}
				}
			}
		}
	}
}

// TestPackWidens: packing 16-bit floats is widening, then packing.
func TestPackWidens(t *testing.T) {
	r := rand.New(rand.NewPCG(11, 12))
	for _, s := range Sets() {
		for _, strides := range [][2]int{{1, 0}, {0, 1}, {2, 3}} {
			for _, shape := range [][2]int{{0, 5}, {5, 0}, {1, 1}, {37, 53}, {64, 64}, {7, 200}} {
				k, n := shape[0], shape[1]
				v := View16{RowStride: strides[0], ColStride: strides[1]}
				switch strides {
				case [2]int{1, 0}:
					v.ColStride = k + 2
				case [2]int{0, 1}:
					v.RowStride = n + 2
				default:
					v.RowStride, v.ColStride = 3*n+2, 3
				}
				v.Data = make([]uint16, max(0, k-1)*v.RowStride+max(0, n-1)*v.ColStride+1)
				for i := range v.Data {
					v.Data[i] = uint16(r.Uint32())
				}
				wide := View{make([]float32, len(v.Data)), v.RowStride, v.ColStride}
				s.BF16ToF32(wide.Data, v.Data)
				if err := sameBits(s.PackBF16(nil, k, n, v).data, s.Pack(k, n, wide).data); err != nil {
					t.Errorf("%s bf16 %v strides %v: %v", s.Name, shape, strides, err)
				}
				s.F16ToF32(wide.Data, v.Data)
				memory := make([]float32, s.PackedLen(k, n))
				if err := sameBits(s.PackF16(memory, k, n, v).data, s.Pack(k, n, wide).data); err != nil {
					t.Errorf("%s f16 %v strides %v: %v", s.Name, shape, strides, err)
				}
			}
		}
	}
}

func TestGemmRefusesShortSlices(t *testing.T) {
	s := Best()
	ok := func(n int) View { return View{make([]float32, n), 4, 1} }
	p := s.Pack(4, 4, ok(16))
	cases := map[string]func(){
		"A":       func() { s.Gemm(4, 4, 4, ok(15), ok(16), make([]float32, 16), 4, false, nil, nil) },
		"B":       func() { s.Gemm(4, 4, 4, ok(16), ok(15), make([]float32, 16), 4, false, nil, nil) },
		"C":       func() { s.Gemm(4, 4, 4, ok(16), ok(16), make([]float32, 15), 4, false, nil, nil) },
		"ldc":     func() { s.Gemm(4, 4, 4, ok(16), ok(16), make([]float32, 16), 3, false, nil, nil) },
		"columns": func() { s.GemmPacked(4, ok(16), p, 0, 5, make([]float32, 20), 5, false, nil, nil) },
		"edge":    func() { s.GemmPacked(4, ok(16), p, 1, 4, make([]float32, 16), 4, false, nil, nil) },
		"memory":  func() { s.PackInto(make([]float32, 15), 4, 4, ok(16)) },
	}
	for name, f := range cases {
		if !panics(f) {
			t.Errorf("%s: no panic", name)
		}
	}
}

func BenchmarkGemm(b *testing.B) {
	for _, s := range Sets() {
		for _, shape := range [][3]int{{1, 768, 768}, {4, 768, 768}, {197, 768, 768}, {197, 3072, 768}, {197, 768, 3072}, {197, 197, 64}, {768, 768, 768}, {1, 197, 64}, {1, 64, 197}, {16, 64, 64}, {64, 64, 64}, {64, 128, 128}, {197, 64, 197}, {12, 768, 768}, {24, 768, 768}} {
			m, n, k := shape[0], shape[1], shape[2]
			r := rand.New(rand.NewPCG(13, 14))
			for _, how := range []string{"packed", "plain", "tb", "ta"} {
				b.Run(fmt.Sprintf("%s/%dx%dx%d/%s", s.Name, m, n, k, how), func(b *testing.B) {
					av, bv := stored(r, m, k, how == "ta", 0), stored(r, k, n, how == "tb", 0)
					c := make([]float32, m*n)
					ws := new(Workspace)
					p := s.Pack(k, n, bv)
					for b.Loop() {
						if how == "packed" {
							s.GemmPacked(m, av, p, 0, n, c, n, false, nil, ws)
						} else {
							s.Gemm(m, n, k, av, bv, c, n, false, nil, ws)
						}
					}
					b.ReportMetric(2*float64(m)*float64(n)*float64(k)*float64(b.N)/float64(b.Elapsed().Nanoseconds()), "GFLOP/s")
				})
			}
		}
	}
}

// BenchmarkPeak runs one full tile on operands that never leave the first
// cache lines: as many fused multiply–adds as the core can do.
func BenchmarkPeak(b *testing.B) {
	const k = 10000
	line := make([]float32, 2*lineFloats)
	for _, s := range Sets() {
		b.Run(s.Name, func(b *testing.B) {
			t := s.tiles
			c := make([]float32, t.rows*t.width)
			for b.Loop() {
				t.tile(t.rows, t.width, k, line, 0, 0, line, 0, nil, 0, c, t.width, ahead{})
			}
			b.ReportMetric(2*k*float64(t.rows*t.width)*float64(b.N)/float64(b.Elapsed().Nanoseconds()), "GFLOP/s")
		})
	}
}
