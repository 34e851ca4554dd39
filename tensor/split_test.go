package tensor

import (
	"math"
	"slices"
	"testing"

	"github.com/qkvgo/qkv/device/cpu"
)

// Pieces cover every output once, meet at the edges of panels, and differ by at
// most a row and a panel, for any number of threads.
func TestGridCovers(t *testing.T) {
	shapes := [][2]int{{1, 1}, {1, 4096}, {5, 33}, {12, 32}, {197, 768}, {197, 197}, {3072, 64}, {1000, 31}}
	for _, pack := range []bool{false, true} {
		for _, threads := range []int{1, 2, 3, 4, 7, 8, 13, 31, 64} {
			for _, shape := range shapes {
				const width = 32
				m, n := shape[0], shape[1]
				g := gridFor(m, 768, n, width, threads, pack)
				seen := make([]int, m*n)
				most, cols := g.largest()
				for i := range g.rows * g.cols {
					r0, r1, n0, n1 := g.piece(i)
					if n0%width != 0 || n1%width != 0 && n1 != n || r0 == r1 || n0 == n1 {
						t.Fatalf("%d threads, %d×%d, piece %d: rows %d:%d, columns %d:%d", threads, m, n, i, r0, r1, n0, n1)
					}
					if r1-r0 > most || r1-r0 < most-1 || n1-n0 > cols || (n1 != n && n1-n0 < cols-width) {
						t.Fatalf("%d threads, %d×%d, piece %d: %d×%d, the largest is %d×%d", threads, m, n, i, r1-r0, n1-n0, most, cols)
					}
					for r := r0; r < r1; r++ {
						for c := n0; c < n1; c++ {
							seen[r*n+c]++
						}
					}
				}
				for i, times := range seen {
					if times != 1 {
						t.Fatalf("%d threads, %d×%d: output %d computed %d times", threads, m, n, i, times)
					}
				}
			}
		}
	}
}

// Whoever is free takes the next piece: simulated, 2 to 64 threads lose at most a
// fifth to waiting beyond what a last, incomplete tile for each would cost, where
// whole panels do not divide, and 8 or fewer at most a seventh.
func TestGridBalances(t *testing.T) {
	shapes := [][3]int{
		{197, 768, 768}, {197, 3072, 768}, {197, 768, 3072}, {1576, 768, 768}, {512, 4096, 1024}, {1024, 1024, 1024},
		{3072, 768, 1024}, {768, 768, 1024}, {32, 1536, 384}, {4096, 384, 384}, {128, 50257, 768},
	}
	const width, height = 32, 12
	for threads := 2; threads <= 64; threads++ {
		for _, s := range shapes {
			m, n, k := s[0], s[1], s[2]
			g := gridFor(m, k, n, width, threads, false)
			busy := make([]int, threads)
			for i := range g.rows * g.cols {
				first := 0
				for j, b := range busy {
					if b < busy[first] {
						first = j
					}
				}
				r0, r1, n0, n1 := g.piece(i)
				busy[first] += (r1 - r0) * ((n1 - n0 + width - 1) / width * width)
			}
			last := 0
			for _, b := range busy {
				last = max(last, b)
			}
			fair := float64(m*n) / float64(threads)
			share := fair / float64(last)
			tiles := fair / (width * height)
			want := 0.8 * tiles / (tiles + 1)
			if threads <= 8 {
				want = 6 * tiles / (tiles + 1) / 7
			}
			if share < want {
				t.Errorf("%d threads, %d×%d: %d×%d pieces, %.1f tiles a thread, share %.3f, want %.3f",
					threads, m, n, g.rows, g.cols, tiles, share, want)
			}
		}
	}
}

// A product of two threads is cut in halves.
func TestGridOfTwo(t *testing.T) {
	for _, s := range [][3]int{{197, 768, 768}, {1024, 1024, 1024}, {512, 4096, 1024}, {768, 3072, 1024}} {
		g := gridFor(s[0], s[2], s[1], 32, 2, true)
		rows, cols := g.largest()
		if part := float64(rows*cols*g.rows*g.cols) / float64(s[0]*s[1]); part > 1.01 || g.rows*g.cols%2 != 0 {
			t.Errorf("%v: %+v: the largest piece is %.2f of a fair one", s, g, part)
		}
	}
}

// Rows stay with a core where its L2 can hold all of B; elsewhere, and where rows
// are few, columns do, so that B comes from memory once.
func TestGridKeepsRows(t *testing.T) {
	for _, c := range []struct{ m, k, n, rows int }{
		{197, 192, 192, 2}, {197, 192, 768, 2}, {197, 768, 192, 2}, {197, 768, 768, 1}, {32, 384, 384, 1},
	} {
		if g := gridFor(c.m, c.k, c.n, 32, 2, false); g.rows != c.rows || g.cols != 3-c.rows {
			t.Errorf("%d×%d×%d: %d×%d pieces, want %d×%d", c.m, c.k, c.n, g.rows, g.cols, c.rows, 3-c.rows)
		}
	}
}

// However many threads share a product, with B packed by each or by all together
// or beforehand, its bits are those of one.
func TestSplitKeepsBits(t *testing.T) {
	var want [][]float32
	for _, threads := range []int{1, 2, 3, 7, 64} {
		d := cpu.New(cpu.Options{Threads: threads})
		s := NewScope(d, nil)
		at := 0
		for _, shape := range [][3]int{{1, 200, 300}, {30, 97, 64}, {200, 64, 70}, {300, 130, 40}, {700, 33, 16}} {
			m, n, k := shape[0], shape[1], shape[2]
			x, w, b := s.Of(waves(m*k), m, k), s.Of(waves(n*k), n, k), s.Of(waves(n), 1, n)
			z := s.Of(waves(n*k), k, n)
			kept := s.Weight(waves(n*k), new(Panels), false, n, k)
			for _, y := range []*Tensor{x.Linear(w, b, GELU), x.MatMul(z), x.Linear(kept, b, ReLU)} {
				have := append([]float32(nil), y.Data()...)
				if threads == 1 {
					want = append(want, have)
				} else if !slices.Equal(have, want[at]) {
					t.Errorf("%d threads, %v: other bits", threads, shape)
				}
				at++
			}
			if threads == 7 && m == 200 || threads == 64 && m >= 200 {
				g := gridFor(m, k, n, 32, threads, true)
				if rows, _ := g.largest(); g.rows == 1 || rows >= 16*packCost {
					t.Errorf("%d threads, %v: %+v would not pack together", threads, shape, g)
				}
			}
		}
		s.Close()
		if err := d.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// waves is n made-up floats.
func waves(n int) []float32 {
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(math.Sin(float64(i*i%1009))) * 0.25
	}
	return x
}
