package eval

import (
	"cmp"
	"fmt"
	"math"
	"slices"
)

// columns checks two columns of finite numbers of the same length, at least least.
func columns(metric string, want, got []float64, least int) error {
	if err := pairs(metric, len(want), len(got)); err != nil {
		return err
	}
	if err := finite(metric, "wanted number", want); err != nil {
		return err
	}
	if err := finite(metric, "got number", got); err != nil {
		return err
	}
	if len(want) < least {
		return undefined(metric, fmt.Sprintf("%d rows, it takes %d", len(want), least))
	}
	return nil
}

// MSE is the mean squared error, Σ (want - got)² / n.
func MSE(want, got []float64) (float64, error) {
	if err := columns("mse", want, got, 1); err != nil {
		return 0, err
	}
	return inRange("mse", squares(want, got)/float64(len(want)))
}

func squares(want, got []float64) float64 {
	var sum float64
	for i := range want {
		d := want[i] - got[i]
		sum += float64(d * d)
	}
	return sum
}

// MAE is the mean absolute error, Σ |want - got| / n.
func MAE(want, got []float64) (float64, error) {
	if err := columns("mae", want, got, 1); err != nil {
		return 0, err
	}
	var sum float64
	for i := range want {
		sum += math.Abs(want[i] - got[i])
	}
	return inRange("mae", sum/float64(len(want)))
}

// R2 is the coefficient of determination 1 - Σ (want - got)² / Σ (want - mean)²: 1
// is perfect, 0 as good as always saying the mean, and there is no lower bound
// (r2_score of scikit-learn). Where all wanted numbers are equal it is 1 if all are
// met and 0 if not. It takes two rows.
func R2(want, got []float64) (float64, error) {
	if err := columns("r2", want, got, 2); err != nil {
		return 0, err
	}
	m := mean(want)
	var spread float64
	for _, w := range want {
		spread += float64((w - m) * (w - m))
	}
	missed := squares(want, got)
	switch {
	case missed == 0:
		return 1, nil
	case spread == 0:
		return 0, nil
	}
	return inRange("r2", 1-missed/spread)
}

// Pearson is the linear correlation, the cosine between the two columns less their
// means (pearsonr of SciPy). It takes two rows, and is undefined where a column is
// constant.
func Pearson(x, y []float64) (float64, error) { return pearson("pearson", x, y) }

func pearson(metric string, x, y []float64) (float64, error) {
	if err := columns(metric, x, y, 2); err != nil {
		return 0, err
	}
	if constant(x) || constant(y) {
		return 0, undefined(metric, "all numbers of a column are equal")
	}
	mx, my := mean(x), mean(y)
	var xy, xx, yy float64
	for i := range x {
		dx, dy := x[i]-mx, y[i]-my
		xy += float64(dx * dy)
		xx += float64(dx * dx)
		yy += float64(dy * dy)
	}
	if !(xx > 0 && xx <= math.MaxFloat64 && yy > 0 && yy <= math.MaxFloat64) {
		return 0, undefined(metric, "the spread of a column is outside the range of float64")
	}
	return min(max(xy/math.Sqrt(xx)/math.Sqrt(yy), -1), 1), nil
}

func constant(x []float64) bool { return slices.Min(x) == slices.Max(x) }

// Spearman is the Pearson correlation of ranks, ties ranked by their average
// (spearmanr of SciPy).
func Spearman(x, y []float64) (float64, error) {
	if err := columns("spearman", x, y, 2); err != nil {
		return 0, err
	}
	return pearson("spearman", ranks(x), ranks(y))
}

// ranks gives each value its place from the lowest, 1 … n; equals share the mean of
// their places (rankdata of SciPy).
func ranks(x []float64) []float64 {
	order := byScore(x)
	slices.Reverse(order)
	r := make([]float64, len(x))
	below := 0
	groups(order, x, func(run []int) {
		for _, i := range run {
			r[i] = float64(below) + float64(float64(len(run)+1)/2)
		}
		below += len(run)
	})
	return r
}

// Kendall is tau-b (Kendall 1945; kendalltau of SciPy): of all pairs of rows, those
// that both columns put in the same order less those in opposite order, over the
// geometric mean of the pairs that x and y order at all. It takes two rows, and is
// undefined where a column is constant. Knight's method (1966) makes it n log n.
func Kendall(x, y []float64) (float64, error) {
	if err := columns("kendall", x, y, 2); err != nil {
		return 0, err
	}
	if constant(x) || constant(y) {
		return 0, undefined("kendall", "all numbers of a column are equal")
	}
	order := make([]int, len(x))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int { return cmp.Or(cmp.Compare(x[a], x[b]), cmp.Compare(y[a], y[b])) })

	tiesX, tiesBoth := 0, 0
	groups(order, x, func(run []int) {
		tiesX += unordered(len(run))
		groups(run, y, func(equal []int) { tiesBoth += unordered(len(equal)) })
	})
	sorted := make([]float64, len(y))
	for i, row := range order {
		sorted[i] = y[row]
	}
	opposite := inversions(sorted, make([]float64, len(sorted))) // and sorts
	tiesY := 0
	all := make([]int, len(y))
	for i := range all {
		all[i] = i
	}
	groups(all, sorted, func(run []int) { tiesY += unordered(len(run)) })

	pairs := unordered(len(x))
	same := pairs - tiesX - tiesY + tiesBoth - opposite
	tau := float64(same-opposite) / math.Sqrt(float64(pairs-tiesX)) / math.Sqrt(float64(pairs-tiesY))
	return min(max(tau, -1), 1), nil
}

// unordered is the number of pairs among n things.
func unordered(n int) int { return n * (n - 1) / 2 }

// inversions merge-sorts values and counts the pairs that stood in the wrong order.
func inversions(values, scratch []float64) int {
	if len(values) < 2 {
		return 0
	}
	half := len(values) / 2
	left, right := values[:half], values[half:]
	count := inversions(left, scratch) + inversions(right, scratch)
	merged := scratch[:0]
	for len(left) > 0 && len(right) > 0 {
		if right[0] < left[0] {
			count += len(left)
			merged, right = append(merged, right[0]), right[1:]
		} else {
			merged, left = append(merged, left[0]), left[1:]
		}
	}
	merged = append(append(merged, left...), right...)
	copy(values, merged)
	return count
}
