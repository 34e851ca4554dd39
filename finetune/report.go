package finetune

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/qkvgo/qkv/batch"
	"github.com/qkvgo/qkv/data"
	"github.com/qkvgo/qkv/eval"
)

// Report is how good a model was on labelled examples.
type Report struct {
	Kind        batch.Kind        `json:"kind"`
	Labels      data.Labels       `json:"labels,omitempty"`
	Examples    int               `json:"examples"`
	Cut         int               `json:"cut,omitempty"` // examples that were too long and lost their end
	Loss        float64           `json:"loss"`          // mean over labels
	Figures     []Figure          `json:"figures"`       // the first is the one that models of the kind are compared by
	Classes     *eval.Report      `json:"report,omitempty"`
	Confusion   *eval.Confusion   `json:"confusion,omitempty"`
	Entities    *eval.Entities    `json:"entities,omitempty"`
	Calibration *eval.Calibration `json:"calibration,omitempty"`

	rounds int
	right  []bool                            // of each example: it was got right
	main   func(rows []int) (float64, error) // the first figure, of some examples
}

// Figure is a metric, with the interval that holds its true value 19 times in 20
// where one was computed: Wilson's for an accuracy, else a bootstrap over the
// examples, 1,000 rounds.
type Figure struct {
	Name  string   `json:"name"`
	Value float64  `json:"value"`
	Low   *float64 `json:"low,omitempty"`
	High  *float64 `json:"high,omitempty"`
}

// String is the figure with its interval.
func (f Figure) String() string {
	if f.Low == nil {
		return fmt.Sprintf("%-22s %.4f", f.Name, f.Value)
	}
	return fmt.Sprintf("%-22s %.4f [%.4f, %.4f]", f.Name, f.Value, *f.Low, *f.High)
}

// Figure is the value of a metric by name.
func (r *Report) Figure(name string) (float64, bool) {
	for _, f := range r.Figures {
		if f.Name == name {
			return f.Value, true
		}
	}
	return 0, false
}

// NewReport holds what a model says of a set against the set's labels.
func NewReport(s *batch.Set, p *batch.Predictions) (*Report, error) { return newReport(s, p, 1000) }

// newReport has intervals by so many rounds of bootstrap; 0: none.
func newReport(s *batch.Set, p *batch.Predictions, rounds int) (*Report, error) {
	r := &Report{Kind: s.Kind, Labels: s.Labels, Examples: s.Len(), Cut: s.Cut, Loss: p.Loss, rounds: rounds}
	if s.Len() == 0 || !s.Labelled() {
		return nil, errors.New("there is nothing to evaluate: no example has a label")
	}
	var err error
	switch s.Kind {
	case batch.Classes:
		err = r.classes(s.Classes(), p)
	case batch.Labels:
		err = r.labels(s.Targets(), p)
	case batch.Regression:
		err = r.regression(s.Targets(), p)
	case batch.Tags:
		err = r.tags(s, p)
	}
	if err != nil {
		return nil, err
	}
	return r, nil
}

// add computes a figure; one that has no value on these examples is left out.
func (r *Report) add(name string, value float64, err error) error {
	if err == nil {
		r.Figures = append(r.Figures, Figure{Name: name, Value: value})
	}
	if errors.Is(err, eval.ErrUndefined) {
		return nil
	}
	return err
}

// resampled adds a figure with its bootstrap interval.
func (r *Report) resampled(name string, f eval.Statistic) error {
	if r.rounds == 0 {
		all := make([]int, r.Examples)
		for i := range all {
			all[i] = i
		}
		value, err := f(all)
		return r.add(name, value, err)
	}
	i, err := eval.Bootstrap(r.Examples, f, eval.Resampling{Rounds: r.rounds})
	if err == nil {
		r.Figures = append(r.Figures, Figure{name, i.Point, &i.Low, &i.High})
	}
	if errors.Is(err, eval.ErrUndefined) {
		return nil
	}
	return err
}

// accuracy adds the share of right examples, or of whatever right counts.
func (r *Report) accuracy(name string, right []bool) error {
	i, err := eval.Wilson(sum(right), len(right), 0)
	if err == nil {
		r.Figures = append(r.Figures, Figure{name, i.Point, &i.Low, &i.High})
	}
	return err
}

func sum(right []bool) (n int) {
	for _, ok := range right {
		if ok {
			n++
		}
	}
	return n
}

// share is the part of right rows among some.
func share(right []bool) eval.Statistic {
	return func(rows []int) (float64, error) {
		n := 0
		for _, i := range rows {
			if right[i] {
				n++
			}
		}
		return float64(n) / float64(len(rows)), nil
	}
}

// classes is about one class of several.
func (r *Report) classes(want []int, p *batch.Predictions) error {
	got, scores, n := p.Classes(), p.Probabilities(), len(r.Labels)
	c, err := eval.Classes(want, got, n)
	if err != nil {
		return err
	}
	report, err := c.Report(r.Labels)
	if err != nil {
		return err
	}
	r.Classes, r.Confusion = &report, &c
	r.right = make([]bool, len(want))
	for i := range want {
		r.right[i] = want[i] == got[i]
	}
	r.main = share(r.right)
	some := func(f func(c eval.Confusion) float64) eval.Statistic {
		return func(rows []int) (float64, error) {
			c, err := eval.Classes(pick(want, rows), pick(got, rows), n)
			return f(c), err
		}
	}
	err = errors.Join(r.accuracy("accuracy", r.right),
		r.resampled("macro F1", some(func(c eval.Confusion) float64 { return c.Macro().F1 })),
		r.resampled("weighted F1", some(func(c eval.Confusion) float64 { return c.Weighted().F1 })),
		r.resampled("MCC", some(eval.Confusion.MCC)))
	kappa, bad := c.Kappa(0)
	err = errors.Join(err, r.add("kappa", kappa, bad))
	if n == 2 {
		err = errors.Join(err, r.binary(want, scores))
	} else {
		_, macro, _, bad := eval.ROCAUCs(want, scores)
		err = errors.Join(err, r.add("ROC AUC (macro)", macro, bad))
	}
	if n > 5 {
		top, bad := eval.TopK(want, scores, 5)
		err = errors.Join(err, r.add("accuracy of top 5", top, bad))
	}
	loss, bad := eval.LogLoss(want, scores)
	err = errors.Join(err, r.add("log loss", loss, bad))
	right, sure, bad := eval.Confidence(want, scores)
	if bad != nil {
		return errors.Join(err, bad)
	}
	calibration, bad := eval.Calibrate(right, sure, 10)
	r.Calibration = &calibration
	return errors.Join(err, r.add("calibration error", calibration.ECE, bad))
}

// binary adds what only two classes have; the second is the positive one.
func (r *Report) binary(want []int, scores [][]float64) error {
	positive, score := make([]bool, len(want)), make([]float64, len(want))
	for i := range want {
		positive[i], score[i] = want[i] == 1, scores[i][1]
	}
	err := r.resampled("ROC AUC", func(rows []int) (float64, error) {
		return eval.ROCAUC(pick(positive, rows), pick(score, rows))
	})
	precision, bad := eval.AveragePrecision(positive, score)
	err = errors.Join(err, r.add("average precision", precision, bad))
	brier, bad := eval.Brier(positive, score)
	return errors.Join(err, r.add("Brier score", brier, bad))
}

// labels is about any number of labels each. A label is given from probability
// 1/2 on.
func (r *Report) labels(want [][]float32, p *batch.Predictions) error {
	scores, k := p.Probabilities(), len(r.Labels)
	r.right = make([]bool, len(want))
	hits := make([][3][]int, len(want)) // of each example: labels that are there and given, given, there
	for i := range want {
		r.right[i] = true
		for c := range k {
			there, given := want[i][c] == 1, scores[i][c] >= 0.5
			r.right[i] = r.right[i] && there == given
			for what, ok := range [3]bool{there && given, given, there} {
				if ok {
					hits[i][what] = append(hits[i][what], c)
				}
			}
		}
	}
	counts := func(rows []int) [3][]int {
		var n [3][]int
		for what := range n {
			n[what] = make([]int, k)
			for _, i := range rows {
				for _, c := range hits[i][what] {
					n[what][c]++
				}
			}
		}
		return n
	}
	r.main = func(rows []int) (float64, error) {
		var all [3]int
		for what, list := range counts(rows) {
			for _, n := range list {
				all[what] += n
			}
		}
		return f1(all[0], all[1], all[2]), nil
	}
	err := errors.Join(r.resampled("micro F1", r.main),
		r.resampled("macro F1", func(rows []int) (float64, error) {
			mean, n := 0.0, counts(rows)
			for c := range k {
				mean += f1(n[0][c], n[1][c], n[2][c]) / float64(k)
			}
			return mean, nil
		}),
		r.accuracy("all labels right", r.right))
	all := make([]int, len(want))
	for i := range all {
		all[i] = i
	}
	n := counts(all)
	r.Classes = &eval.Report{Accuracy: float64(sum(r.right)) / float64(len(want)), Total: len(want)}
	area, precision, defined := 0.0, 0.0, 0
	for c, name := range r.Labels {
		r.Classes.Lines = append(r.Classes.Lines, eval.Line{Name: name, Score: eval.Score{
			Precision: ratio(n[0][c], n[1][c]), Recall: ratio(n[0][c], n[2][c]), F1: f1(n[0][c], n[1][c], n[2][c]), Support: n[2][c]}})
		positive, score := make([]bool, len(want)), make([]float64, len(want))
		for i := range want {
			positive[i], score[i] = want[i][c] == 1, scores[i][c]
		}
		a, bad := eval.ROCAUC(positive, score)
		b, worse := eval.AveragePrecision(positive, score)
		if bad == nil && worse == nil {
			area, precision, defined = area+a, precision+b, defined+1
		}
	}
	if defined > 0 {
		err = errors.Join(err, r.add("ROC AUC (macro)", area/float64(defined), nil),
			r.add("average precision", precision/float64(defined), nil))
	}
	return err
}

func ratio(a, b int) float64 {
	if b == 0 {
		return 0
	}
	return float64(a) / float64(b)
}

// f1 is 2·hits / (given + there).
func f1(hits, given, there int) float64 { return ratio(2*hits, given+there) }

// regression is about numbers.
func (r *Report) regression(want [][]float32, p *batch.Predictions) error {
	x, y := make([]float64, len(want)), make([]float64, len(want))
	for i := range want {
		x[i], y[i] = float64(want[i][0]), float64(p.Logits[i][0])
	}
	some := func(f func(want, got []float64) (float64, error)) eval.Statistic {
		return func(rows []int) (float64, error) { return f(pick(x, rows), pick(y, rows)) }
	}
	r.main = some(eval.Pearson)
	err := errors.Join(r.resampled("Pearson", r.main), r.resampled("Spearman", some(eval.Spearman)),
		r.resampled("mean squared error", some(eval.MSE)), r.resampled("mean absolute error", some(eval.MAE)))
	for _, f := range []struct {
		name string
		f    func(want, got []float64) (float64, error)
	}{{"Kendall", eval.Kendall}, {"R2", eval.R2}} {
		value, bad := f.f(x, y)
		err = errors.Join(err, r.add(f.name, value, bad))
	}
	return err
}

// tags is about a class for every word: spans where the tags spell some, and
// words. Words that were cut off count as outside.
func (r *Report) tags(s *batch.Set, p *batch.Predictions) error {
	want, got := make([][]string, s.Len()), make([][]string, s.Len())
	var words []bool
	counts := make([][3]int, s.Len())
	r.right = make([]bool, s.Len())
	spans := true
	for i := range want {
		want[i], got[i] = s.Tags(i), p.Tags(i)
		for w := range want[i] {
			if want[i][w] == "" {
				want[i][w] = outside(r.Labels)
			}
			words = append(words, want[i][w] == got[i][w])
		}
		r.right[i] = slices.Equal(want[i], got[i])
		a, err := eval.Spans(want[i], eval.Lenient)
		b, err2 := eval.Spans(got[i], eval.Lenient)
		if spans = spans && err == nil && err2 == nil; !spans {
			continue
		}
		for _, span := range b {
			if slices.Contains(a, span) {
				counts[i][0]++
			}
		}
		counts[i][1], counts[i][2] = len(b), len(a)
	}
	if !spans {
		r.main = share(r.right)
		return errors.Join(r.accuracy("accuracy of words", words), r.accuracy("whole sentences right", r.right))
	}
	r.main = func(rows []int) (float64, error) {
		var n [3]int
		for _, i := range rows {
			for k := range n {
				n[k] += counts[i][k]
			}
		}
		return f1(n[0], n[1], n[2]), nil
	}
	entities, err := eval.NamedEntities(want, got, eval.Lenient)
	if err != nil {
		return err
	}
	r.Entities = &entities
	return errors.Join(r.resampled("span F1", r.main), r.add("span precision", entities.Micro.Precision, nil),
		r.add("span recall", entities.Micro.Recall, nil), r.accuracy("accuracy of words", words),
		r.accuracy("whole sentences right", r.right))
}

// outside is the tag of words that are in no span.
func outside(labels data.Labels) string { return labels[max(slices.Index(labels, "O"), 0)] }

// String is what a person reads: the figures, the table of classes, and the
// confusion matrix where it has few.
func (r *Report) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d examples, loss %.4f\n", r.Examples, r.Loss)
	for _, f := range r.Figures {
		fmt.Fprintln(&b, f)
	}
	if r.Classes != nil && r.Kind == batch.Classes {
		fmt.Fprintf(&b, "\n%s", r.Classes)
	}
	if r.Kind == batch.Labels {
		fmt.Fprintf(&b, "\n%22s %9s %9s %9s %9s\n", "", "precision", "recall", "f1-score", "support")
		for _, l := range r.Classes.Lines {
			fmt.Fprintf(&b, "%22s %9.2f %9.2f %9.2f %9d\n", l.Name, l.Precision, l.Recall, l.F1, l.Support)
		}
	}
	if r.Entities != nil {
		fmt.Fprintf(&b, "\n%s", r.Entities)
	}
	if r.Confusion != nil && len(r.Labels) <= 12 {
		fmt.Fprintf(&b, "\n%s", r.confusion())
	}
	return b.String()
}

// confusion is the matrix with the classes' names.
func (r *Report) confusion() string {
	width := 6
	for _, row := range r.Confusion.Counts {
		for _, n := range row {
			width = max(width, len(fmt.Sprint(n)))
		}
	}
	short := func(name string) string {
		if runes := []rune(name); len(runes) > width {
			return string(runes[:width])
		}
		return name
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%22s", `want \ got`)
	for _, name := range r.Labels {
		fmt.Fprintf(&b, " %*s", width, short(name))
	}
	for k, row := range r.Confusion.Counts {
		fmt.Fprintf(&b, "\n%22.22s", r.Labels[k])
		for _, n := range row {
			fmt.Fprintf(&b, " %*d", width, n)
		}
	}
	return b.String() + "\n"
}

// Comparison holds two models against each other on the same examples.
type Comparison struct {
	Figure  string            `json:"figure"`  // that Paired is about
	Paired  eval.Paired       `json:"paired"`  // the second model's less the first's
	McNemar *eval.McNemarTest `json:"mcnemar"` // nil where examples are neither right nor wrong
}

// Compare compares a second model with the first.
func Compare(first, second *Report) (*Comparison, error) {
	if first.Kind != second.Kind || first.Examples != second.Examples {
		return nil, fmt.Errorf("two reports on different things: %s of %d examples, %s of %d", first.Kind, first.Examples, second.Kind, second.Examples)
	}
	paired, err := eval.PairedBootstrap(first.Examples, func(rows []int) (float64, error) {
		a, err := first.main(rows)
		if err != nil {
			return 0, err
		}
		b, err := second.main(rows)
		return b - a, err
	}, eval.Resampling{})
	if err != nil {
		return nil, err
	}
	c := &Comparison{Figure: first.Figures[0].Name, Paired: paired}
	if first.right != nil {
		test, err := eval.McNemar(first.right, second.right)
		if err != nil {
			return nil, err
		}
		c.McNemar = &test
	}
	return c, nil
}

// String is what a person reads.
func (c *Comparison) String() string {
	s := fmt.Sprintf("%s: %+.4f [%+.4f, %+.4f] for the second model, p = %.3f by paired bootstrap\n", c.Figure,
		c.Paired.Difference.Point, c.Paired.Difference.Low, c.Paired.Difference.High, c.Paired.P)
	if m := c.McNemar; m != nil {
		s += fmt.Sprintf("McNemar: %d examples only the first got right, %d only the second, exact p = %.3g\n", m.OnlyFirst, m.OnlySecond, m.Exact)
	}
	return s
}
