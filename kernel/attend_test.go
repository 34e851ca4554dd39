package kernel

import (
	"math"
	"math/rand/v2"
	"testing"
)

// Turn and GemmPlain equal their definitions on every set, whatever the sizes.
func TestTurn(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for range 200 {
		n, width := r.IntN(70), r.IntN(70)
		stride, gap := n+r.IntN(20), r.IntN(9)
		x := View{make([]float32, n*(width+gap)), width + gap, 1}
		fillValues(r, x.Data, 0)
		if r.IntN(4) == 0 {
			x.Data, x.RowStride, x.ColStride = make([]float32, n*width), 1, n
			fillValues(r, x.Data, 0)
		}
		want := make([]float32, width*stride)
		fillValues(r, want, 0)
		before := append([]float32(nil), want...)
		for i := range n {
			for j := range width {
				want[j*stride+i] = x.Data[i*x.RowStride+j*x.ColStride]
			}
		}
		for _, s := range Sets() {
			have := append([]float32(nil), before...)
			s.Turn(have, stride, n, width, x)
			if err := sameBits(have, want); err != nil {
				t.Fatalf("%s n=%d width=%d stride=%d: %v", s.Name, n, width, stride, err)
			}
		}
	}
}

func TestGemmPlain(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	for range 200 {
		m, n, k, shift := r.IntN(30), r.IntN(70), r.IntN(40), 16*r.IntN(2)
		stride := shift + (n+15)/16*16 + 16*r.IntN(2)
		a := View{make([]float32, m*k), k, 1}
		if r.IntN(2) == 0 {
			a.RowStride, a.ColStride = 1, m
		}
		b := View{make([]float32, k*stride), stride, 1}
		c := make([]float32, m*(n+3))
		fillValues(r, a.Data, 0)
		fillValues(r, b.Data, 0)
		fillValues(r, c, 0)
		b.Data = b.Data[min(shift, len(b.Data)):]
		accumulate := r.IntN(2) == 0
		want := append([]float32(nil), c...)
		for i := range m {
			for j := range n {
				sum := want[i*(n+3)+j]
				if !accumulate {
					sum = 0
				}
				for p := range k {
					sum = FMA(a.Data[i*a.RowStride+p*a.ColStride], b.Data[p*stride+j], sum)
				}
				want[i*(n+3)+j] = sum
			}
		}
		for _, s := range Sets() {
			have := append([]float32(nil), c...)
			s.GemmPlain(m, n, k, a, b, have, n+3, accumulate)
			if err := sameBits(have, want); err != nil {
				t.Fatalf("%s %d×%d×%d: %v", s.Name, m, n, k, err)
			}
		}
	}
}

// SoftmaxRows is SoftmaxTile on each row.
func TestSoftmaxRows(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 8))
	for range 200 {
		rows, n, scale := r.IntN(20), r.IntN(70), float32(r.Float64())
		x := make([]float32, rows*n)
		m, l := make([]float32, rows), make([]float32, rows)
		fillValues(r, x, 0)
		for i := range x {
			if r.IntN(3) == 0 {
				x[i] = negInf
			}
		}
		for i := range rows {
			if m[i] = negInf; r.IntN(2) == 0 {
				m[i], l[i] = float32(r.NormFloat64()), 1+float32(r.Float64())
			}
		}
		for _, s := range Sets() {
			y, m2, l2 := append([]float32(nil), x...), append([]float32(nil), m...), append([]float32(nil), l...)
			corr := make([]float32, rows)
			s.SoftmaxRows(y, scale, m2, l2, corr, make([]float32, 2*rows))
			for i := range rows {
				row := append([]float32(nil), x[i*n:(i+1)*n]...)
				s.Scale(row, row, scale)
				wantM, wantL, wantCorr := s.SoftmaxTile(row, m[i], l[i])
				if err := sameBits(append([]float32{m2[i], l2[i], corr[i]}, y[i*n:(i+1)*n]...), append([]float32{wantM, wantL, wantCorr}, row...)); err != nil {
					t.Fatalf("%s row %d of %d×%d: %v", s.Name, i, rows, n, err)
				}
			}
		}
	}
}

// RowPlain and its narrow kin are chains over what they stand for, on every set.
func TestRowPlain(t *testing.T) {
	r := rand.New(rand.NewPCG(9, 10))
	plain := Sets()[len(Sets())-1]
	for range 200 {
		n, k := 1+r.IntN(150), r.IntN(70)
		wide := (n + 15) / 16 * 16
		bs := wide + r.IntN(20)
		a, b, c := make([]float32, k), make([]float32, k*bs), make([]float32, wide)
		fillValues(r, a, 0)
		fillValues(r, b, 0)
		fillValues(r, c, 0)
		accumulate := r.IntN(2) == 0
		half, small := make([]uint16, len(b)), make([]int8, len(b))
		plain.F32ToBF16(half, b)
		for i := range small {
			small[i] = int8(r.IntN(256) - 128)
		}
		halfWide, smallWide := make([]float32, len(b)), make([]float32, len(b))
		plain.BF16ToF32(halfWide, half)
		plain.Int8ToF32(smallWide, small)
		for _, s := range Sets() {
			widened := make([]float32, len(b))
			s.Int8ToF32(widened, small)
			if err := sameBits(widened, smallWide); err != nil {
				t.Fatalf("%s Int8ToF32: %v", s.Name, err)
			}
			for kind, of := range [][]float32{b, halfWide, smallWide} {
				want, have := append([]float32(nil), c...), append([]float32(nil), c...)
				plain.GemmPlain(1, wide, k, View{a, k, 1}, View{append(of, make([]float32, 16)...), bs, 1}, want, wide, accumulate)
				switch kind {
				case 0:
					s.RowPlain(n, a, b, bs, have, accumulate, nil)
				case 1:
					s.RowPlainBF16(n, a, half, bs, have, accumulate, nil)
				default:
					s.RowPlainInt8(n, a, small, bs, have, accumulate, nil)
				}
				if err := sameBits(have, want); err != nil {
					t.Fatalf("%s kind %d, %d columns, k %d: %v", s.Name, kind, n, k, err)
				}
			}
		}
	}
}

func TestQuantizeRow(t *testing.T) {
	x, q := []float32{1, -2, 0.5, 0, 1.99, -0.004}, make([]int8, 6)
	scale := QuantizeRow(q, x)
	for i, v := range x {
		if d := float64(float32(q[i])*scale - v); d > float64(scale)*0.5001 || d < -float64(scale)*0.5001 {
			t.Errorf("%v became %d·%v", v, q[i], scale)
		}
	}
	if q[1] != -127 {
		t.Errorf("the largest became %d, want -127", q[1])
	}
	if s := QuantizeRow(q, make([]float32, 6)); s != 0 || q[1] != 0 {
		t.Errorf("zeros became %d·%v", q[1], s)
	}
	for _, bad := range []float32{negInf, float32(math.NaN())} {
		if s := QuantizeRow(q, []float32{1, bad, 3}); s == s || q[0] != 0 {
			t.Errorf("a row with %v has the scale %v, want NaN", bad, s)
		}
	}
}
