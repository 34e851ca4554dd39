package eval

import (
	"fmt"
	"math"
	"sort"
	"strings"
)

// epsilon keeps log loss finite: the spacing of float64 at 1, as scikit-learn.
const epsilon = 0x1p-52

// probabilities checks that every value lies in [0, 1].
func probabilities(metric string, values []float64) error {
	for i, p := range values {
		if !(p >= 0 && p <= 1) {
			return fmt.Errorf("eval: %s: probability %d is %v: want 0 to 1", metric, i, p)
		}
	}
	return nil
}

// LogLoss is the mean of -ln p(wanted class), in nats: cross-entropy
// (log_loss of scikit-learn). Probabilities [rows][classes] are cut to
// [2⁻⁵², 1-2⁻⁵²] and each row is divided by its sum.
func LogLoss(want []int, p [][]float64) (float64, error) {
	if err := matrix("log loss", want, p); err != nil {
		return 0, err
	}
	var loss float64
	for i, row := range p {
		if err := probabilities(fmt.Sprintf("log loss: row %d", i), row); err != nil {
			return 0, err
		}
		var sum float64
		for _, v := range row {
			sum += clip(v)
		}
		loss -= math.Log(clip(row[want[i]]) / sum)
	}
	return loss / float64(len(want)), nil
}

func clip(p float64) float64 { return min(max(p, epsilon), 1-epsilon) }

// Brier is the mean of (p - y)² with y 1 for positive rows and 0 for the others
// (Brier 1950; brier_score_loss of scikit-learn): 0 is best, 1 worst.
func Brier(positive []bool, p []float64) (float64, error) {
	if err := pairs("brier", len(positive), len(p)); err != nil {
		return 0, err
	}
	if err := probabilities("brier", p); err != nil {
		return 0, err
	}
	var sum float64
	for i, v := range p {
		if positive[i] {
			v = 1 - v
		}
		sum += float64(v * v)
	}
	return sum / float64(len(p)), nil
}

// Calibration compares how sure a model was with how often it was right.
type Calibration struct {
	// ECE is the expected calibration error Σ |B_m| / n · |right(B_m) - sure(B_m)|
	// (Guo et al. 2017, "On calibration of modern neural networks", eq. 3).
	ECE  float64 `json:"ece"`
	MCE  float64 `json:"mce"` // the largest of the differences (eq. 5)
	Bins []Bin   `json:"bins"`
}

// Bin holds the rows whose confidence lies in (Low, High]; the first one has 0 too.
type Bin struct {
	Low   float64 `json:"low"`
	High  float64 `json:"high"`
	Count int     `json:"count"`
	Right float64 `json:"right"` // share of right rows; 0 in an empty bin
	Sure  float64 `json:"sure"`  // mean confidence; 0 in an empty bin
}

// Calibrate sorts rows by confidence, 0 to 1, into bins of equal width.
func Calibrate(right []bool, confidence []float64, bins int) (Calibration, error) {
	if err := pairs("calibration", len(right), len(confidence)); err != nil {
		return Calibration{}, err
	}
	if err := probabilities("calibration", confidence); err != nil {
		return Calibration{}, err
	}
	if bins < 1 {
		return Calibration{}, fmt.Errorf("eval: calibration: %d bins: want at least one", bins)
	}
	c := Calibration{Bins: make([]Bin, bins)}
	for m := range c.Bins {
		c.Bins[m].Low, c.Bins[m].High = float64(m)/float64(bins), float64(m+1)/float64(bins)
	}
	for i, p := range confidence {
		b := &c.Bins[sort.Search(bins-1, func(m int) bool { return p <= c.Bins[m].High })]
		b.Count++
		b.Sure += p
		if right[i] {
			b.Right++
		}
	}
	for m := range c.Bins {
		b := &c.Bins[m]
		b.Right, b.Sure = ratio(b.Right, float64(b.Count)), ratio(b.Sure, float64(b.Count))
		gap := math.Abs(b.Right - b.Sure)
		c.ECE += float64(gap * float64(b.Count) / float64(len(right)))
		c.MCE = max(c.MCE, gap)
	}
	return c, nil
}

// String is the reliability table: a line for each bin that has rows.
func (c Calibration) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%-13s %8s %8s %8s %8s\n", "confidence", "rows", "sure", "right", "gap")
	for _, bin := range c.Bins {
		if bin.Count > 0 {
			fmt.Fprintf(&b, "%5.3f – %5.3f %8d %8.3f %8.3f %+8.3f\n", bin.Low, bin.High, bin.Count, bin.Sure, bin.Right, bin.Right-bin.Sure)
		}
	}
	fmt.Fprintf(&b, "expected calibration error %.4f, largest %.4f\n", c.ECE, c.MCE)
	return b.String()
}

// Confidence gives for scores [rows][classes] whether the top class is the wanted
// one, and its probability: what Calibrate takes.
func Confidence(want []int, p [][]float64) (right []bool, confidence []float64, err error) {
	if err := matrix("confidence", want, p); err != nil {
		return nil, nil, err
	}
	top, err := Top(p)
	if err != nil {
		return nil, nil, err
	}
	for i, row := range p {
		right, confidence = append(right, top[i] == want[i]), append(confidence, row[top[i]])
	}
	return right, confidence, nil
}

// surprise is -Σ ln p of at least one token, in nats.
func surprise(metric string, logProbs []float64) (float64, error) {
	if len(logProbs) == 0 {
		return 0, fmt.Errorf("eval: %s: no tokens", metric)
	}
	var sum float64
	for i, l := range logProbs {
		if math.IsNaN(l) || math.IsInf(l, 1) {
			return 0, fmt.Errorf("eval: %s: log-probability %d is %v", metric, i, l)
		}
		sum -= l
	}
	return sum, nil
}

// Perplexity is e^(-mean ln p) over tokens (Jelinek et al. 1977): how many equally
// likely tokens would be as surprising. Natural logarithms; a token of probability
// 0 makes it +Inf.
func Perplexity(logProbs []float64) (float64, error) {
	sum, err := surprise("perplexity", logProbs)
	if err != nil {
		return 0, err
	}
	return math.Exp(sum / float64(len(logProbs))), nil
}

// BitsPer is -Σ log₂ p over the tokens of a text, for each of its units: bits per
// character where units counts characters, per byte where it counts bytes. Unlike
// perplexity it compares models with different tokens. logProbs are natural
// logarithms; a token of probability 0 makes it +Inf.
func BitsPer(logProbs []float64, units int) (float64, error) {
	sum, err := surprise("bits per unit", logProbs)
	if err != nil {
		return 0, err
	}
	if units < 1 {
		return 0, fmt.Errorf("eval: bits per unit: %d units: want at least one", units)
	}
	return sum / math.Ln2 / float64(units), nil
}
