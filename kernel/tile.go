package kernel

import (
	"math"

	"github.com/qkvgo/qkv/internal/cpu"
)

// tiling is how a set multiplies: by tiles of up to rows × width elements of C
// held in registers, from panels of B that are width columns wide.
type tiling struct {
	rows, width int
	tile        tileFunc
	pack        func(dst []float32, width, k, n int, b View)
	turn        func(dst []float32, stride, n, width int, x View)
}

// tileFunc computes m rows and n columns, at most a panel's width, each element by
// the chain acc = FMA(a, b, acc) over k ascending, from zero where from is nil:
//
//	to[i*ldt+j] = from[i*ldf+j] + Σ_p a[i*ar+p*ac] · b[p*bs+j]
//
// b may be read up to a whole width. from and to may be the same memory.
type tileFunc func(m, n, k int, a []float32, ar, ac int, b []float32, bs int, from []float32, ldf int, to []float32, ldt int, next ahead)

// ahead is memory that will be read soon, worth fetching while others compute:
// rows of so many floats, step floats apart.
type ahead struct {
	data              []float32
	rows, width, step int
}

func tileGo(m, n, k int, a []float32, ar, ac int, b []float32, bs int, from []float32, ldf int, to []float32, ldt int, _ ahead) {
	for i := range m {
		row := to[i*ldt:][:n]
		if from == nil {
			clear(row)
		} else {
			copy(row, from[i*ldf:])
		}
		for p := range k {
			v := a[i*ar+p*ac]
			wide := float64(v)
			for j, w := range b[p*bs:][:n] {
				// FMA by hand, since most of the time goes here.
				sum := wide*float64(w) + float64(row[j])
				if bits := math.Float64bits(sum); bits&(1<<29-1) != 1<<28 && bits<<1 >= normal<<1 {
					row[j] = float32(sum)
				} else {
					row[j] = fmaOdd(v, w, row[j])
				}
			}
		}
	}
}

// blocks are the lengths in which a product walks through its operands.
type blocks struct {
	k int // a panel of so many rows stays in L1
	m int // so many rows of A, k columns wide, stay in L2
	n int // columns of C that are finished together, their panels of k rows in L2
}

func (t *tiling) blocks(c cpu.Caches) blocks {
	k := max(64, c.L1*2/3/4/t.width)
	return blocks{
		k: k,
		m: max(t.rows, c.L2/4/4/k/t.rows*t.rows),
		n: 8 * t.width,
	}
}

// even cuts n into the fewest pieces of at most size, as equal as whole units
// allow, and calls f for each.
func even(n, size, unit int, f func(from, length int)) {
	units, pieces := (n+unit-1)/unit, (n+size-1)/size
	for i := range pieces {
		from, to := i*units/pieces*unit, min((i+1)*units/pieces*unit, n)
		if from < to {
			f(from, to-from)
		}
	}
}
