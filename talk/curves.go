package talk

import (
	"context"
	"fmt"
	"math"
	"slices"

	"github.com/qkvgo/qkv/data"
	"github.com/qkvgo/qkv/talk/report"
)

// curveKeys are the rungs with a learning curve.
var curveKeys = []string{"bag", "ngrams", "lstm", "lstm-pretrained", "transformer", "transformer-pretrained"}

// curves trains rungs on fewer labels.
func (r *run) curves(ctx context.Context) (*report.Section, error) {
	lines := report.Lines{Caption: "Accuracy by the number of labels to learn from, with 95 % intervals over the test documents. Smaller sets lie inside larger ones, classes alike.",
		X: report.Axis{Label: "labels", Log: true}, Y: report.Axis{Label: "accuracy", Format: report.Percent, Min: report.At(0)}}
	share, _ := r.set.majority()
	lines.Marks = []report.Mark{{Name: "most frequent class", Y: share}}
	var rungs []*rung
	for _, key := range curveKeys {
		if g := r.rung(key); g != nil {
			rungs = append(rungs, g)
		}
	}
	sizes := r.curveSizes()
	runs := float64(len(rungs) * (len(sizes) + 1) * r.size.repeats)
	done := 0.0
	for _, g := range rungs {
		f := CurveFigures{Key: g.key}
		for _, each := range sizes {
			some := data.PerClass(r.set.Train, each, r.Seed)
			var right []bool
			for i := range r.size.repeats {
				one, err := r.learn(ctx, g.recipe, some, r.pretrained[g.pretext].body(), r.Seed+uint64(i), r.pace.part(done/runs, (done+1)/runs))
				if err != nil {
					return nil, err
				}
				done++
				right = append(right, one.right...)
				if g.rate == 0 { // nothing random to repeat
					done += float64(r.size.repeats - 1)
					break
				}
			}
			if err := r.point(&f, len(some), right); err != nil {
				return nil, err
			}
		}
		right := slices.Clone(g.right)
		for i := 1; i < r.size.repeats && g.rate != 0; i++ {
			one, err := r.learn(ctx, g.recipe, r.set.Train, r.pretrained[g.pretext].body(), r.Seed+uint64(i), r.pace.part(done/runs, (done+1)/runs))
			if err != nil {
				return nil, err
			}
			right = append(right, one.right...)
			done++
		}
		if err := r.point(&f, g.labels, right); err != nil {
			return nil, err
		}
		r.figures.Curves = append(r.figures.Curves, f)
		s := report.Series{Name: report.Text(g.name), Dash: g.pretext != ""}
		if s.Dash { // the colour of its network
			s.Kin = 1
		}
		for i := range f.Labels {
			s.X, s.Y, s.Low, s.High = append(s.X, float64(f.Labels[i])), append(s.Y, f.Accuracy[i]), append(s.Low, f.Low[i]), append(s.High, f.High[i])
			if len(lines.Series) == 0 {
				lines.X.Ticks = append(lines.X.Ticks, float64(f.Labels[i]))
			}
		}
		lines.Series = append(lines.Series, s)
	}
	return &report.Section{ID: "labels", Title: "How many labels does it take?", Blocks: []report.Block{
		report.Paragraph{Text: "Labels are what costs people time. The talk’s strongest claim is about them: a Transformer that has read text without labels needs fewer of them, while an LSTM never gained much from reading first. Here both read the same text, for the same number of passes, with nearly the same number of parameters; then each learns from few labels, with and without what it read before."},
		lines, r.transferTable(),
		report.Note{Text: report.Text(fmt.Sprintf("Each point of a network pools %d runs with different first weights, the ladder’s among them; so the last points need not lie where the ladder has them. The sign of a difference is printed as it came out.", r.size.repeats))},
	}}, nil
}

// curveSizes are numbers of labels a class whose sums come near the sizes wanted,
// below all there are.
func (r *run) curveSizes() []int {
	var out []int
	for _, n := range r.size.labels {
		each := max(1, int(math.Round(float64(n)/float64(len(r.set.Labels)))))
		if some := len(data.PerClass(r.set.Train, each, r.Seed)); some < len(r.set.Train)*9/10 && (len(out) == 0 || each > out[len(out)-1]) {
			out = append(out, each)
		}
	}
	return out
}

// point adds an accuracy to a curve; runs on the same labels are one after the
// other in right, and the documents are what the interval is over.
func (r *run) point(f *CurveFigures, labels int, right []bool) error {
	i, err := r.interval(right)
	if err != nil {
		return err
	}
	f.Labels, f.Accuracy = append(f.Labels, labels), append(f.Accuracy, i.Point)
	f.Low, f.High = append(f.Low, i.Low), append(f.High, i.High)
	return nil
}

// transferTable is what reading first gave at each number of labels.
func (r *run) transferTable() report.Block {
	t := report.Table{Caption: "What reading first adds to the accuracy, in percentage points.", Columns: []report.Column{{Name: "Network"}}}
	of := map[string]CurveFigures{}
	for _, f := range r.figures.Curves {
		of[f.Key] = f
	}
	for _, pair := range []struct{ name, key string }{{"LSTM", "lstm"}, {"Transformer", "transformer"}} {
		alone, ok := of[pair.key]
		first, ok2 := of[pair.key+"-pretrained"]
		if !ok || !ok2 {
			continue
		}
		row := []report.Text{report.Text(pair.name)}
		for i, n := range alone.Labels {
			if len(t.Rows) == 0 {
				t.Columns = append(t.Columns, report.Column{Name: report.Text(report.Whole(int64(n)) + " labels"), Right: true})
			}
			row = append(row, report.Text(signed(100*(first.Accuracy[i]-alone.Accuracy[i]))))
		}
		t.Rows = append(t.Rows, row)
	}
	return t
}

// signed writes a number with its sign and one decimal.
func signed(x float64) string {
	s := fmt.Sprintf("%.1f", math.Abs(x))
	switch {
	case s == "0.0":
		return s
	case x < 0:
		return "−" + s
	}
	return "+" + s
}

// nextLabels is what the next hundred labels would likely buy: the learning curve of
// the best rung that has one, its last stretch drawn on as a straight line over the
// logarithm of the labels.
func (r *run) nextLabels() report.Text {
	var best *CurveFigures
	for i := range r.figures.Curves {
		f := &r.figures.Curves[i]
		if n := len(f.Accuracy); n > 1 && (best == nil || f.Accuracy[n-1] > best.Accuracy[len(best.Accuracy)-1]) {
			best = f
		}
	}
	if best == nil {
		return ""
	}
	n := len(best.Labels)
	more := gain(best.Labels[n-2], best.Labels[n-1], best.Accuracy[n-2], best.Accuracy[n-1])
	a := &r.figures.Advice
	a.More, a.Curve = &more, best.Key
	text := fmt.Sprintf("**The next hundred labels** would likely add %s percentage points to *%s*: between %s and %s labels its accuracy went from %s to %s, and the curve is drawn on at the same slope over the logarithm of their number.",
		signed(100*more), r.rung(best.Key).name, report.Whole(int64(best.Labels[n-2])), report.Whole(int64(best.Labels[n-1])), report.Share(best.Accuracy[n-2]), report.Share(best.Accuracy[n-1]))
	if more < 0.005 {
		text += " That is little: clean the doubtful labels below first."
	}
	return report.Text(text)
}

// gain is what a hundred labels more add where accuracy grows with the logarithm of
// the labels as it did from n labels to m, and not beyond 1.
func gain(n, m int, from, to float64) float64 {
	slope := (to - from) / math.Log(float64(m)/float64(n))
	return min(slope*math.Log(float64(m+100)/float64(m)), 1-to)
}
