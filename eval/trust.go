package eval

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/qkvgo/qkv/internal/philox"
)

// Interval is a figure and the range that holds its true value at the stated level
// of confidence.
type Interval struct {
	Point float64 `json:"point"`
	Low   float64 `json:"low"`
	High  float64 `json:"high"`
	Level float64 `json:"level"` // such as 0.95
}

// String is like "0.912 [0.890, 0.931]".
func (i Interval) String() string { return fmt.Sprintf("%.3f [%.3f, %.3f]", i.Point, i.Low, i.High) }

// Wilson is the score interval of a share, such as an accuracy, of n independent
// rows (Wilson 1927; proportion_confint of statsmodels with method="wilson"). It
// stays inside [0, 1] and is honest for few rows and for shares near 0 and 1.
// Level 0 means 0.95.
func Wilson(right, n int, level float64) (Interval, error) {
	if n < 1 || right < 0 || right > n {
		return Interval{}, fmt.Errorf("eval: wilson: %d right of %d rows", right, n)
	}
	level, err := confidence("wilson", level)
	if err != nil {
		return Interval{}, err
	}
	z := math.Sqrt2 * math.Erfinv(level)
	p, rows, zz := float64(right)/float64(n), float64(n), float64(z*z)
	center := (p + zz/(2*rows)) / (1 + zz/rows)
	half := float64(z / (1 + zz/rows) * math.Sqrt(float64(p*(1-p)/rows)+zz/(4*rows*rows)))
	i := Interval{p, max(center-half, 0), min(center+half, 1), level}
	if right == 0 {
		i.Low = 0
	}
	if right == n {
		i.High = 1
	}
	return i, nil
}

// confidence fills in and checks a level.
func confidence(what string, level float64) (float64, error) {
	if level == 0 {
		level = 0.95
	}
	if !(level > 0 && level < 1) {
		return 0, fmt.Errorf("eval: %s: level %v: want above 0 and below 1, such as 0.95", what, level)
	}
	return level, nil
}

// Resampling says how a bootstrap draws. The zero value is 1,000 rounds, level
// 0.95, seed 0.
type Resampling struct {
	Rounds int
	Level  float64
	Seed   uint64
}

func (r Resampling) filled() (Resampling, error) {
	if r.Rounds == 0 {
		r.Rounds = 1000
	}
	if r.Rounds < 1 {
		return r, fmt.Errorf("eval: bootstrap: %d rounds: want at least one", r.Rounds)
	}
	var err error
	r.Level, err = confidence("bootstrap", r.Level)
	return r, err
}

// A Statistic is a figure of some rows of a set, named by index, some of them more
// than once.
type Statistic func(rows []int) (float64, error)

// resample draws n of n rows with replacement for each round, and gives the
// statistic of all rows and of each draw. Draw i of a round comes from Philox's
// counter (i, round), so the same seed draws the same rows everywhere. Draws on
// which the statistic is undefined, such as one without a positive row, are left
// out; if all are, that is the error.
func (r Resampling) resample(n int, f Statistic) (point float64, draws []float64, err error) {
	if n < 1 {
		return 0, nil, errors.New("eval: bootstrap: no rows")
	}
	rows := make([]int, n)
	for i := range rows {
		rows[i] = i
	}
	if point, err = f(rows); err != nil {
		return 0, nil, fmt.Errorf("eval: bootstrap: all rows: %w", err)
	}
	var last error
	for round := range r.Rounds {
		for i := range rows {
			rows[i] = int(philox.Uniform(r.Seed, [4]uint32{uint32(i), uint32(i >> 32), uint32(round), uint32(round >> 32)}) * float64(n))
		}
		v, err := f(rows)
		switch {
		case errors.Is(err, ErrUndefined):
			last = err
		case err != nil:
			return 0, nil, fmt.Errorf("eval: bootstrap: round %d: %w", round, err)
		default:
			draws = append(draws, v)
		}
	}
	if len(draws) == 0 {
		return 0, nil, fmt.Errorf("eval: bootstrap: no round of %d: %w", r.Rounds, last)
	}
	return point, draws, finite("bootstrap", "the statistic of round", draws)
}

// Bootstrap is the percentile interval of any statistic of n rows (Efron 1979;
// Efron & Tibshirani 1993, section 13.3): the statistic on many samples of the
// rows, drawn with replacement, of which the middle part of the stated level
// remains. It asks only that rows are independent. A statistic whose mean over
// samples is far from its value on all rows may lie outside its own interval.
func Bootstrap(n int, f Statistic, r Resampling) (Interval, error) {
	r, err := r.filled()
	if err != nil {
		return Interval{}, err
	}
	point, draws, err := r.resample(n, f)
	if err != nil {
		return Interval{}, err
	}
	return percentiles(point, draws, r.Level), nil
}

func percentiles(point float64, draws []float64, level float64) Interval {
	sorted := slices.Sorted(slices.Values(draws))
	tail := float64((1 - level) / 2)
	return Interval{point, quantile(sorted, tail), quantile(sorted, 1-tail), level}
}

// quantile lies between the two nearest of the sorted values, as percentile of
// NumPy.
func quantile(sorted []float64, q float64) float64 {
	at := float64(q * float64(len(sorted)-1))
	below := int(at)
	above := below + 1
	if above == len(sorted) {
		return sorted[below]
	}
	return sorted[below] + float64((sorted[above]-sorted[below])*(at-float64(below)))
}

// Paired compares two models on the same rows.
type Paired struct {
	Difference Interval `json:"difference"` // of the second model over the first
	P          float64  `json:"p"`          // two-sided
}

// PairedBootstrap tests whether two models differ by more than the choice of rows
// explains: both are scored on the same draws (Koehn 2004, "Statistical
// significance tests for machine translation evaluation"). f is the second model's
// figure less the first's on the given rows. The p-value is how often a draw's
// difference d*, moved so that it is 0 in the middle, is as large as the one seen
// (Riezler & Maxwell 2005): (1 + #{|d* - d| ≥ |d|}) / (1 + rounds).
func PairedBootstrap(n int, f Statistic, r Resampling) (Paired, error) {
	r, err := r.filled()
	if err != nil {
		return Paired{}, err
	}
	d, draws, err := r.resample(n, f)
	if err != nil {
		return Paired{}, err
	}
	extreme := 0
	for _, v := range draws {
		if math.Abs(v-d) >= math.Abs(d) {
			extreme++
		}
	}
	return Paired{percentiles(d, draws, r.Level), float64(1+extreme) / float64(1+len(draws))}, nil
}

// McNemarTest compares two classifiers on the same rows by those that only one of
// them got right.
type McNemarTest struct {
	OnlyFirst  int     `json:"only_first"`  // rows that the first alone got right
	OnlySecond int     `json:"only_second"` // rows that the second alone got right
	Exact      float64 `json:"exact_p"`     // binomial p-value, two-sided: right for any number of rows
	ChiSquare  float64 `json:"chi_square"`  // with Edwards' continuity correction, one degree of freedom
	P          float64 `json:"p"`           // p-value of ChiSquare: for 25 such rows or more
}

// McNemar tests whether two classifiers are equally often right (McNemar 1947;
// mcnemar of statsmodels). With b and c rows that only one got right, were they
// equally good each of the b + c would be a fair coin: Exact is
// min(1, 2 P(X ≤ min(b, c))), ChiSquare is max(0, |b - c| - 1)² / (b + c). Without
// such rows the p-values are 1.
func McNemar(first, second []bool) (McNemarTest, error) {
	if err := pairs("mcnemar", len(first), len(second)); err != nil {
		return McNemarTest{}, err
	}
	var t McNemarTest
	for i := range first {
		switch {
		case first[i] && !second[i]:
			t.OnlyFirst++
		case second[i] && !first[i]:
			t.OnlySecond++
		}
	}
	n := t.OnlyFirst + t.OnlySecond
	t.Exact = min(1, 2*coins(min(t.OnlyFirst, t.OnlySecond), n))
	excess := max(0, math.Abs(float64(t.OnlyFirst-t.OnlySecond))-1)
	t.ChiSquare = ratio(excess*excess, float64(n))
	t.P = math.Erfc(math.Sqrt(t.ChiSquare / 2))
	return t, nil
}

// coins is the chance of at most k heads of n fair coins.
func coins(k, n int) float64 {
	log := -float64(n) * math.Ln2 // ln of the chance of exactly i heads
	sum := math.Exp(log)
	for i := range k {
		log += math.Log(float64(n-i) / float64(i+1))
		sum += math.Exp(log)
	}
	return sum
}
