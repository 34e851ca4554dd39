package generate

import (
	"math"

	"github.com/qkvgo/qkv/internal/portable"
)

// power is n^p for n ≥ 1, exact while p is whole and the result fits.
func power(n int, p float64) float64 {
	whole := math.Trunc(p)
	if math.Abs(whole) > 64 {
		return portable.Exp(p * portable.Log(float64(n)))
	}
	y := 1.0
	for range int(math.Abs(whole)) {
		y *= float64(n)
	}
	if whole < 0 {
		y = 1 / y
	}
	if frac := p - whole; frac != 0 {
		y *= portable.Exp(frac * portable.Log(float64(n)))
	}
	return y
}

// highest is the greatest of row; −Inf if row holds only −Inf and NaN.
func highest(row []float32) float32 {
	best := float32(math.Inf(-1))
	for _, x := range row {
		if x > best {
			best = x
		}
	}
	return best
}

// expSum is Σ exp(x − top) over row, in the order of the ids; NaN counts as −Inf.
func expSum(row []float32, top float32) float64 {
	var sum float64
	for _, x := range row {
		if x >= -math.MaxFloat32 {
			sum += portable.Exp(float64(x) - float64(top))
		}
	}
	return sum
}

// logSoftmax turns scores into log-probabilities in place. A row without a finite score stays.
func logSoftmax(row []float32) {
	top := highest(row)
	if math.IsInf(float64(top), 0) {
		return
	}
	norm := float64(top) + portable.Log(expSum(row, top))
	for i, x := range row {
		row[i] = float32(float64(x) - norm)
	}
}

// entropy is −Σ p ln p in nats, for p = exp(x − top)/sum over row.
func entropy(row []float32, top float32, sum float64) float64 {
	var weighted float64
	for _, x := range row {
		if x >= -math.MaxFloat32 {
			below := float64(top) - float64(x)
			weighted += float64(portable.Exp(-below) * below)
		}
	}
	return portable.Log(sum) + weighted/sum
}
