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
