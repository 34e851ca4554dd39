package eval

import (
	"fmt"
	"math"
)

// Confusion is the confusion matrix of a classifier over n classes: row w, column
// g counts the rows of class w that were called g. Build it with Classes; the zero
// value has no classes, and all its scores are 0.
type Confusion struct {
	Counts [][]int `json:"counts"` // [n][n]
}

// Classes counts what was got against what was wanted, in n² counts. Labels are
// 0 … n-1.
func Classes(want, got []int, n int) (Confusion, error) {
	if err := pairs("classes", len(want), len(got)); err != nil {
		return Confusion{}, err
	}
	if n < 1 {
		return Confusion{}, fmt.Errorf("eval: classes: %d classes: want at least one", n)
	}
	for i := range want {
		if w := want[i]; w < 0 || w >= n {
			return Confusion{}, fmt.Errorf("eval: classes: row %d wants label %d, outside 0 to %d", i, w, n-1)
		}
		if g := got[i]; g < 0 || g >= n {
			return Confusion{}, fmt.Errorf("eval: classes: row %d got label %d, outside 0 to %d", i, g, n-1)
		}
	}
	counts := make([][]int, n)
	for k := range counts {
		counts[k] = make([]int, n)
	}
	for i := range want {
		counts[want[i]][got[i]]++
	}
	return Confusion{counts}, nil
}

// Accuracy is the share of labels got right. To count nothing but hits there is
// no need for a matrix.
func Accuracy(want, got []int) (float64, error) {
	if err := pairs("accuracy", len(want), len(got)); err != nil {
		return 0, err
	}
	right := 0
	for i := range want {
		if want[i] == got[i] {
			right++
		}
	}
	return float64(right) / float64(len(want)), nil
}

// Total is the number of rows that were counted.
func (c Confusion) Total() int {
	total := 0
	for k := range c.Counts {
		total += c.Support(k)
	}
	return total
}

// Right is the number of rows on the diagonal: those called what they are.
func (c Confusion) Right() int {
	right := 0
	for k := range c.Counts {
		right += c.Counts[k][k]
	}
	return right
}

// Support is the number of rows that are of class k.
func (c Confusion) Support(k int) int {
	sum := 0
	for _, count := range c.Counts[k] {
		sum += count
	}
	return sum
}

// Called is the number of rows that were called k, rightly or not.
func (c Confusion) Called(k int) int {
	sum := 0
	for _, row := range c.Counts {
		sum += row[k]
	}
	return sum
}

// Accuracy is Right / Total.
func (c Confusion) Accuracy() float64 { return ratio(float64(c.Right()), float64(c.Total())) }

// Score is how well one class, or the average of several, was found.
type Score struct {
	Precision float64 `json:"precision"` // of those called so, the share that is so
	Recall    float64 `json:"recall"`    // of those that are so, the share called so
	F1        float64 `json:"f1"`        // harmonic mean: 2PR / (P + R)
	Support   int     `json:"support"`   // how many are so
}

// score makes a Score of counts: hits among called and among support.
func score(hits, called, support int) Score {
	return Score{Precision: ratio(float64(hits), float64(called)), Recall: ratio(float64(hits), float64(support)), Support: support}.harmonic()
}

// harmonic fills in F1 from precision and recall.
func (s Score) harmonic() Score {
	s.F1 = ratio(2*s.Precision*s.Recall, s.Precision+s.Recall)
	return s
}

// average is the weighted mean of each figure; support is added up. Without
// weight all figures are 0.
func average(scores []Score, weight func(Score) float64) Score {
	var sum Score
	var total float64
	for _, s := range scores {
		w := weight(s)
		sum.Precision += float64(w * s.Precision)
		sum.Recall += float64(w * s.Recall)
		sum.F1 += float64(w * s.F1)
		sum.Support += s.Support
		total += w
	}
	return Score{ratio(sum.Precision, total), ratio(sum.Recall, total), ratio(sum.F1, total), sum.Support}
}

func evenly(Score) float64      { return 1 }
func bySupport(s Score) float64 { return float64(s.Support) }

// Class is the score of class k against all others (precision_recall_fscore_support
// of scikit-learn).
func (c Confusion) Class(k int) Score { return score(c.Counts[k][k], c.Called(k), c.Support(k)) }

// Occurring are the classes that were wanted or got, ascending. The averages and
// the report leave out the others, as scikit-learn does unless labels are listed.
func (c Confusion) Occurring() []int {
	var classes []int
	for k := range c.Counts {
		if c.Support(k) > 0 || c.Called(k) > 0 {
			classes = append(classes, k)
		}
	}
	return classes
}

func (c Confusion) scores() []Score {
	var scores []Score
	for _, k := range c.Occurring() {
		scores = append(scores, c.Class(k))
	}
	return scores
}

// Micro counts hits and misses over all classes together. With one label a row
// every miss is a false positive of one class and a false negative of another, so
// precision, recall and F1 all equal the accuracy.
func (c Confusion) Micro() Score { return score(c.Right(), c.Total(), c.Total()) }

// Macro is the plain mean over the classes that occur: each counts the same,
// however rare.
func (c Confusion) Macro() Score { return average(c.scores(), evenly) }

// Weighted is the mean over classes weighted by support. Its F1 need not lie
// between its precision and recall.
func (c Confusion) Weighted() Score { return average(c.scores(), bySupport) }

// MCC is Matthews' correlation coefficient, for any number of classes (Gorodkin
// 2004, "Comparing two K-category assignments by a K-category correlation
// coefficient", eq. 8): the correlation of wanted and got, each as a one-hot row,
//
//	(s·r - Σ p_k t_k) / √((s² - Σ p_k²)(s² - Σ t_k²))
//
// with s rows, r right ones, p_k called k and t_k that are k. It is 1 where all is
// right, 0 where nothing was learned, and 0 where one class alone was wanted or
// got, as matthews_corrcoef of scikit-learn.
func (c Confusion) MCC() float64 {
	s, r := float64(c.Total()), float64(c.Right())
	var both, called, support float64 // Σ p_k t_k, Σ p_k², Σ t_k²
	for k := range c.Counts {
		p, t := float64(c.Called(k)), float64(c.Support(k))
		both += float64(p * t)
		called += float64(p * p)
		support += float64(t * t)
	}
	square := float64(s * s)
	return ratio(float64(s*r)-both, math.Sqrt(max(square-called, 0))*math.Sqrt(max(square-support, 0)))
}

// Weights say how much a wrong label costs in Cohen's kappa.
type Weights int

// The costs of calling class i class j.
const (
	Unweighted Weights = iota // 1 if i ≠ j
	Linear                    // |i - j|
	Quadratic                 // (i - j)²
)

// Kappa is Cohen's kappa (Cohen 1960; 1968 for weights): 1 minus the cost of the
// disagreements over what two raters with the same habits would disagree by
// chance. Linear and quadratic costs take the labels as numbers, absent ones
// included, as cohen_kappa_score of scikit-learn with labels 0 … n-1. It is
// undefined where one class alone was both wanted and got.
func (c Confusion) Kappa(w Weights) (float64, error) {
	total := float64(c.Total())
	var seen, chance float64
	for i, row := range c.Counts {
		for j, count := range row {
			var cost float64
			switch {
			case w == Linear:
				cost = math.Abs(float64(i - j))
			case w == Quadratic:
				cost = float64((i - j) * (i - j))
			case i != j:
				cost = 1
			}
			seen += float64(cost * float64(count))
			chance += float64(cost * float64(c.Support(i)) * float64(c.Called(j)) / total)
		}
	}
	if chance == 0 || total == 0 {
		return 0, undefined("kappa", "chance alone would agree on every row")
	}
	return 1 - seen/chance, nil
}
