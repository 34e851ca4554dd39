package kernel

import (
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
