package train

import (
	"math"

	"github.com/qkvgo/qkv/kernel"
	"github.com/qkvgo/qkv/nn"
)

// Adafactor remembers of a matrix's squared gradients only the means of rows and
// of columns (Shazeer & Stern 2018, algorithms 4 and 5), as Hugging Face's
// optimizer of the name does. Decay is times the rate.
//
// Relative makes the rate follow from the number of steps alone: the rate of the
// options times min(1e-2, 1/√t), or min(1e-6·t, 1/√t) with WarmUp. Leave it at 1
// and the rate is Hugging Face's.
type Adafactor struct {
	Relative, WarmUp bool
	ScaleParameter   bool    // the rate times the parameter's root mean square
	Clip             float64 // most root mean square of an update; 0: 1
	DecayRate        float64 // exponent of the running means; 0: -0.8
	Beta1            float64 // of a running mean of updates; 0: none is kept
	Eps1             float64 // added to squared gradients; 0: 1e-30
	Eps2             float64 // least root mean square of a parameter; 0: 1e-3
}

func (Adafactor) whole() bool { return true }

func (r Adafactor) slots(w *nn.Param) []slot {
	slots := perWeight(w, "exp_avg_sq")
	if n := len(w.Shape); n >= 2 {
		column := append(append([]int{}, w.Shape[:n-2]...), w.Shape[n-1])
		slots = []slot{{name: "exp_avg_sq_row", shape: w.Shape[:n-1]}, {name: "exp_avg_sq_col", shape: column}}
	}
	if r.Beta1 != 0 {
		slots = append(slots, perWeight(w, "exp_avg")...)
	}
	return slots
}

func (r Adafactor) move(s *state, rate float64) move {
	t, shape, decay := float64(s.steps), s.w.Shape, s.decay
	if r.Relative {
		most := 1e-2
		if r.WarmUp {
			most = 1e-6 * t
		}
		rate *= min(most, 1/math.Sqrt(t))
	}
	beta2 := 1 - math.Pow(t, or(r.DecayRate, -0.8))
	return func(k *kernel.Set, w, g []float32, kept [][]float32, room [2][]float32) {
		rate := rate
		if r.ScaleParameter {
			rate *= max(or(r.Eps2, 1e-3), meanRoot(k, w))
		}
		square, update := room[0], room[1]
		k.Mul(square, g, g)
		k.AddConst(square, square, float32(or(r.Eps1, 1e-30)))
		if n := len(shape); n >= 2 {
			factored(k, update, square, kept[0], kept[1], shape[n-2], shape[n-1], beta2)
		} else {
			blend(k, kept[0], square, beta2)
			k.Rsqrt(update, kept[0])
		}
		k.Mul(update, update, g)
		k.Scale(update, update, float32(1/max(1, meanRoot(k, update)/or(r.Clip, 1))))
		k.Scale(update, update, float32(rate))
		if r.Beta1 != 0 {
			mean := kept[len(kept)-1]
			blend(k, mean, update, r.Beta1)
			update = mean
		}
		if decay != 0 {
			k.AddScaled(w, w, float32(-decay*rate))
		}
		k.Sub(w, w, update)
	}
}

// factored updates the running means of rows and columns of matrices of squares
// [rows, width], one behind the other, and makes update the inverse root of what
// they say of each element.
func factored(k *kernel.Set, update, square, byRow, byColumn []float32, rows, width int, beta float64) {
	for m := 0; m*rows*width < len(square); m++ {
		row, column := byRow[m*rows:(m+1)*rows], byColumn[m*width:(m+1)*width]
		at := func(x []float32, i int) []float32 { return x[(m*rows+i)*width:][:width] }
		k.Scale(column, column, float32(beta))
		for i := range row {
			mean := k.Sum(at(square, i)) / float32(width)
			row[i] = float32(row[i]*float32(beta)) + float32(mean*float32(1-beta))
			k.AddScaled(column, at(square, i), float32((1-beta)/float64(rows)))
		}
		mean := k.Sum(row) / float32(rows)
		for i, v := range row {
			k.Rsqrt(at(update, i), column)
			k.Scale(at(update, i), at(update, i), 1/float32(math.Sqrt(float64(v/mean))))
		}
	}
}

// meanRoot is the root mean square of x.
func meanRoot(k *kernel.Set, x []float32) float64 {
	sum := 0.0
	for lo := 0; lo < len(x); lo += pieceSize {
		sum += float64(k.SumSquares(x[lo:min(lo+pieceSize, len(x))]))
	}
	return math.Sqrt(sum / float64(max(len(x), 1)))
}
