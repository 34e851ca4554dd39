// Package eval measures how good answers are: metrics on plain slices, equal to
// the implementations that papers report, and the intervals and tests that say
// how far a number can be trusted.
//
//	classes      Classes → Confusion: accuracy, F1, MCC, kappa, Report
//	scores       ROCAUC, AveragePrecision, TopK
//	probability  LogLoss, Brier, Calibrate, Perplexity, BitsPer
//	numbers      MSE, MAE, R2, Pearson, Spearman, Kendall
//	spans        Spans, NamedEntities (as seqeval)
//	answers      ExactMatch, AnswerF1, SQuAD
//	texts        BLEU, ChrF (as sacrebleu), Rouge (as rouge_score)
//	search       NDCG, Ranked, Searches: reciprocal rank, recall@k, precision@k, MAP
//	trust        Wilson, Bootstrap, PairedBootstrap, McNemar
//
// In every function what is wanted (the truth, the references) comes before what
// was got (the model's answer), and row i of one belongs to row i of the other.
//
// Input that makes no sense, such as slices of different lengths, no rows, or a
// label out of range, is an error that names it. Where a metric has no value, as
// the area under the curve of a single class, the error wraps ErrUndefined. A
// ratio with nothing below the line, as the precision of a class that was never
// predicted, is 0, which is scikit-learn's default. No function returns NaN.
package eval

import (
	"errors"
	"fmt"
	"math"
)

// ErrUndefined is wrapped by the errors of metrics that have no value on their
// input, although the input itself is in order.
var ErrUndefined = errors.New("undefined")

// undefined says which metric has no value, and why.
func undefined(metric, why string) error {
	return fmt.Errorf("eval: %s is %w: %s", metric, ErrUndefined, why)
}

// pairs checks that two slices have the same length, which is not 0.
func pairs(metric string, want, got int) error {
	switch {
	case want != got:
		return fmt.Errorf("eval: %s: %d wanted but %d got: give one answer for each row", metric, want, got)
	case want == 0:
		return fmt.Errorf("eval: %s: no rows", metric)
	}
	return nil
}

// finite checks that every number is one: no NaN, no infinity.
func finite(metric, what string, values []float64) error {
	for i, v := range values {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return fmt.Errorf("eval: %s: %s %d is %v: want a finite number", metric, what, i, v)
		}
	}
	return nil
}

// inRange hands on a figure, unless it left the range of float64 on the way.
func inRange(metric string, v float64) (float64, error) {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return 0, undefined(metric, "the numbers are too large for float64")
	}
	return v, nil
}

// ratio is a / b, and 0 where b is 0.
func ratio(a, b float64) float64 {
	if b == 0 {
		return 0
	}
	return a / b
}

// mean is the arithmetic mean of at least one value.
func mean(values []float64) float64 {
	var sum float64
	for _, v := range values {
		sum += v
	}
	return sum / float64(len(values))
}
