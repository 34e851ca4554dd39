package talk

import (
	"context"
	"fmt"
	"time"

	"github.com/qkvgo/qkv/eval"
	"github.com/qkvgo/qkv/talk/report"
)

// climb trains one rung on all labels.
func (r *run) climb(c recipe) func(ctx context.Context) (*report.Section, error) {
	return func(ctx context.Context) (*report.Section, error) {
		from := r.pretrained[c.pretext]
		g, err := r.learn(ctx, c, r.set.Train, from.body(), r.Seed, r.pace.to)
		if err != nil {
			return nil, err
		}
		if from != nil {
			g.before = from.took
		}
		r.rungs = append(r.rungs, g)
		return nil, nil
	}
}

// rung is the rung of a recipe's key, nil where it was not climbed.
func (r *run) rung(key string) *rung {
	for _, g := range r.rungs {
		if g.key == key {
			return g
		}
	}
	return nil
}

// best is the rung that got the most test documents right, the first of equals.
func (r *run) best() *rung {
	best := r.rungs[0]
	for _, g := range r.rungs {
		if g.Point > best.Point {
			best = g
		}
	}
	return best
}

// ladder shows all rungs beside each other.
func (r *run) ladder(context.Context) (*report.Section, error) {
	share, label := r.set.majority()
	dots := report.Dots{Caption: report.Text(fmt.Sprintf("Share of the %d test documents that each rung calls right. The bar is the 95 %% interval of %s bootstrap draws: where two bars overlap much, the test documents cannot tell the two apart.",
		len(r.set.Test), report.Whole(int64(r.size.resamplings)))),
		Axis:  report.Axis{Label: "accuracy", Format: report.Percent, Max: report.At(1)},
		Marks: []report.Mark{{Name: "always the most frequent class, " + report.Plain(label), Y: share}}}
	table := report.Table{Caption: "What each rung costs and gives. Times are of this machine, in this run.",
		Columns: []report.Column{{Name: "Rung"}, {Name: "Accuracy", Right: true}, {Name: "95 % interval", Right: true}, {Name: "Macro F1", Right: true},
			{Name: "Parameters", Right: true}, {Name: "Training", Right: true}, {Name: "of it without labels", Right: true}, {Name: "Documents read a second", Right: true}}}
	best := r.best()
	for _, g := range r.rungs {
		f := r.figuresOf(g)
		r.figures.Rungs = append(r.figures.Rungs, f)
		dots.Items = append(dots.Items, report.Item{Name: report.Text(g.name), Value: g.Point, Low: g.Low, High: g.High, Strong: g == best})
		before := report.Text("–")
		if g.before > 0 {
			before = report.Text(report.Duration(g.before))
		}
		table.Rows = append(table.Rows, []report.Text{report.Text(g.name), report.Text(report.Share(g.Point)),
			report.Text(report.Share(g.Low) + " – " + report.Share(g.High)), report.Text(report.Share(f.MacroF1)),
			report.Text(report.Whole(int64(g.parameters))), report.Text(report.Duration(g.took + g.before)), before,
			report.Text(report.Whole(int64(g.reads)))})
	}
	compared, err := r.compare()
	if err != nil {
		return nil, err
	}
	return &report.Section{ID: "ladder", Title: "The ladder", Blocks: []report.Block{
		report.Paragraph{Text: "Every rung does the same job: it turns a document of any length into one vector, and the vector into a score for each class. They differ in what the vector can know. A bag knows which words there are; pairs of words know a little of their order; a convolution sees windows; a recurrent network reads word by word and must remember; a Transformer lets every word look at every other one."},
		dots, table,
		report.Paragraph{Text: "Two accuracies can differ by luck. McNemar’s test looks only at the documents that one of two rungs got right and the other one wrong: if both were equally good, these would fall to either side like a fair coin."},
		compared,
	}}, nil
}

// figuresOf are a rung's figures.
func (r *run) figuresOf(g *rung) RungFigures {
	f := RungFigures{Key: g.key, Name: g.name, Labels: g.labels, Accuracy: g.Point, Low: g.Low, High: g.High, Parameters: g.parameters, Steps: g.steps,
		Seconds: seconds(g.took), Pretrain: seconds(g.before), PerSecond: g.reads}
	if c, err := eval.Classes(r.set.classes(r.set.Test), g.called, len(r.set.Labels)); err == nil {
		f.MacroF1 = c.Macro().F1
	}
	return f
}

func seconds(d time.Duration) float64 { return d.Seconds() }

// compare tests every rung against the one before it and against the best.
func (r *run) compare() (report.Block, error) {
	t := report.Table{Caption: "McNemar’s exact test. A small p says that the difference is hard to explain by luck; with this many comparisons, one below 5 % may still be.",
		Columns: []report.Column{{Name: "First"}, {Name: "Second"}, {Name: "only the first right", Right: true}, {Name: "only the second right", Right: true}, {Name: "p", Right: true}}}
	best := r.best()
	add := func(a, b *rung) error {
		m, err := eval.McNemar(a.right, b.right)
		if err != nil {
			return err
		}
		r.figures.Pairs = append(r.figures.Pairs, PairFigures{a.key, b.key, m.OnlyFirst, m.OnlySecond, m.Exact})
		t.Rows = append(t.Rows, []report.Text{report.Text(a.name), report.Text(b.name), report.Text(report.Whole(int64(m.OnlyFirst))),
			report.Text(report.Whole(int64(m.OnlySecond))), report.Text(chance(m.Exact))})
		return nil
	}
	for i, g := range r.rungs {
		if i > 0 {
			if err := add(r.rungs[i-1], g); err != nil {
				return nil, err
			}
		}
		if g != best && (i+1 >= len(r.rungs) || r.rungs[i+1] != best) && (i == 0 || r.rungs[i-1] != best) {
			if err := add(g, best); err != nil {
				return nil, err
			}
		}
	}
	return t, nil
}

// chance writes a probability.
func chance(p float64) string {
	if p < 0.0001 {
		return "below 0.0001"
	}
	return fmt.Sprintf("%.4f", p)
}
