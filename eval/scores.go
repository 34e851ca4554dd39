package eval

import (
	"cmp"
	"fmt"
	"slices"
)

// byScore are the rows from the highest score to the lowest, equals in order of
// row.
func byScore(scores []float64) []int {
	order := make([]int, len(scores))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(scores[b], scores[a]) })
	return order
}

// groups cuts an order into runs of equal values and calls visit with each.
func groups(order []int, values []float64, visit func(run []int)) {
	for start := 0; start < len(order); {
		end := start + 1
		for end < len(order) && values[order[end]] == values[order[start]] {
			end++
		}
		visit(order[start:end])
		start = end
	}
}

func count(rows []int, positive []bool) int {
	n := 0
	for _, i := range rows {
		if positive[i] {
			n++
		}
	}
	return n
}

// binary checks scores against rows that are positive or not, and counts those
// that are.
func binary(metric string, positive []bool, scores []float64) (positives int, err error) {
	if err := pairs(metric, len(positive), len(scores)); err != nil {
		return 0, err
	}
	if err := finite(metric, "score", scores); err != nil {
		return 0, err
	}
	for _, p := range positive {
		if p {
			positives++
		}
	}
	return positives, nil
}

// ROCAUC is the area under the receiver operating characteristic: the chance that
// a positive row has a higher score than a negative one, ties counted as half
// (roc_auc_score of scikit-learn). It is undefined where all rows are positive or
// none is.
func ROCAUC(positive []bool, scores []float64) (float64, error) {
	p, err := binary("roc auc", positive, scores)
	if err != nil {
		return 0, err
	}
	n := len(positive) - p
	if p == 0 || n == 0 {
		return 0, undefined("roc auc", fmt.Sprintf("%d of %d rows are positive", p, p+n))
	}
	var area, below float64 // below: negatives with a higher score than this group
	groups(byScore(scores), scores, func(run []int) {
		hits := count(run, positive)
		misses := float64(len(run) - hits)
		area += float64(float64(hits) * (float64(n) - below - float64(misses/2)))
		below += misses
	})
	return area / float64(p) / float64(n), nil
}

// AveragePrecision is the area under the precision–recall steps, Σ (R_i - R_{i-1})
// P_i over the thresholds from the highest score down, ties taken together
// (average_precision_score of scikit-learn). It is undefined without a positive
// row, where scikit-learn warns and says 0.
func AveragePrecision(positive []bool, scores []float64) (float64, error) {
	p, err := binary("average precision", positive, scores)
	if err != nil {
		return 0, err
	}
	if p == 0 {
		return 0, undefined("average precision", "no row is positive")
	}
	var area float64
	hits, seen := 0, 0
	groups(byScore(scores), scores, func(run []int) {
		more := count(run, positive)
		hits, seen = hits+more, seen+len(run)
		area += float64(float64(more) / float64(p) * float64(hits) / float64(seen))
	})
	return area, nil
}

// matrix checks scores [rows][classes] against labels.
func matrix(metric string, want []int, scores [][]float64) error {
	if err := pairs(metric, len(want), len(scores)); err != nil {
		return err
	}
	n := len(scores[0])
	for i, row := range scores {
		if len(row) != n || n == 0 {
			return fmt.Errorf("eval: %s: row %d has %d scores, row 0 has %d: want one for each class", metric, i, len(row), n)
		}
		if want[i] < 0 || want[i] >= n {
			return fmt.Errorf("eval: %s: row %d wants label %d, outside 0 to %d", metric, i, want[i], n-1)
		}
		if err := finite(fmt.Sprintf("%s: row %d", metric, i), "score", row); err != nil {
			return err
		}
	}
	return nil
}

// TopK is the share of rows whose class is among the k highest scores
// (top_k_accuracy_score of scikit-learn, which lets the higher label win a tie).
// Scores are [rows][classes].
func TopK(want []int, scores [][]float64, k int) (float64, error) {
	if err := matrix("top k", want, scores); err != nil {
		return 0, err
	}
	if k < 1 {
		return 0, fmt.Errorf("eval: top k: k is %d: want at least 1", k)
	}
	hits := 0
	for i, row := range scores {
		better := 0
		for class, s := range row {
			if own := row[want[i]]; s > own || s == own && class > want[i] {
				better++
			}
		}
		if better < k {
			hits++
		}
	}
	return float64(hits) / float64(len(want)), nil
}

// Top is the label with the highest score of each row, the first of equals (argmax
// of NumPy). Scores are [rows][classes].
func Top(scores [][]float64) ([]int, error) {
	labels := make([]int, len(scores))
	for i, row := range scores {
		if len(row) == 0 {
			return nil, fmt.Errorf("eval: top: row %d has no scores", i)
		}
		if err := finite(fmt.Sprintf("top: row %d", i), "score", row); err != nil {
			return nil, err
		}
		for class, s := range row {
			if s > row[labels[i]] {
				labels[i] = class
			}
		}
	}
	return labels, nil
}

// ROCAUCs are the areas of each class against the rest with scores [rows][classes],
// and their means: plain, and weighted by how often each class was wanted
// (roc_auc_score of scikit-learn with multi_class="ovr"). They are undefined where
// a class was never wanted, or no other.
func ROCAUCs(want []int, scores [][]float64) (each []float64, macro, weighted float64, err error) {
	if err := matrix("roc auc", want, scores); err != nil {
		return nil, 0, 0, err
	}
	for class := range scores[0] {
		positive, column, support := make([]bool, len(want)), make([]float64, len(want)), 0
		for i := range want {
			if want[i] == class {
				positive[i] = true
				support++
			}
			column[i] = scores[i][class]
		}
		area, err := ROCAUC(positive, column)
		if err != nil {
			return nil, 0, 0, fmt.Errorf("eval: class %d against the rest: %w", class, err)
		}
		each = append(each, area)
		weighted += float64(area * float64(support) / float64(len(want)))
	}
	return each, mean(each), weighted, nil
}
