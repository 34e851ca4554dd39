package kernel

import (
	"fmt"
	"testing"
)

// BenchmarkLoops reports elements per second on rows of 3072, which stay in the
// caches.
func BenchmarkLoops(b *testing.B) {
	const n = 3072
	for _, s := range Sets() {
		for _, l := range loops {
			b.Run(fmt.Sprintf("%s/%s", s.Name, l.entry), func(b *testing.B) {
				v := make([][]float32, l.out+l.in)
				for i := range v {
					v[i] = make([]float32, n)
					for j := range v[i] {
						v[i][j] = float32(j%100)/25 - 2 + float32(i)
					}
				}
				c := []float32{0.5, 0.25, 0.125, -2}
				for b.Loop() {
					l.call(s, v, c)
				}
				b.ReportMetric(n*float64(b.N)/float64(b.Elapsed().Nanoseconds()), "Gelem/s")
			})
		}
	}
}

// BenchmarkEpilogue reports how fast products with prepared weights are, on one
// thread, without and with what follows them.
func BenchmarkEpilogue(b *testing.B) {
	s := Sets()[0]
	for _, size := range [][3]int{{197, 3072, 768}, {512, 1536, 384}} {
		m, n, k := size[0], size[1], size[2]
		x, w, c := make([]float32, m*k), make([]float32, k*n), make([]float32, m*n)
		for i := range x {
			x[i] = float32(i%17)/17 - 0.5
		}
		for i := range w {
			w[i] = float32(i%19)/19 - 0.5
		}
		packed := s.Pack(k, n, View{w, n, 1})
		for _, e := range []struct {
			name string
			*Epilogue
		}{{"none", nil}, {"bias", &Epilogue{Bias: w[:n]}}, {"bias+gelu", &Epilogue{Bias: w[:n], Act: GELU}}} {
			b.Run(fmt.Sprintf("%dx%dx%d/%s", m, n, k, e.name), func(b *testing.B) {
				ws := new(Workspace)
				for b.Loop() {
					s.GemmPacked(m, View{x, k, 1}, packed, 0, n, c, n, false, e.Epilogue, ws)
				}
				b.ReportMetric(2*float64(m)*float64(n)*float64(k)*float64(b.N)/float64(b.Elapsed().Nanoseconds()), "GFLOP/s")
			})
		}
	}
}
