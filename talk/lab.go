package talk

import (
	"context"
	"fmt"

	"github.com/qkvgo/qkv/batch"
	"github.com/qkvgo/qkv/scratch"
	"github.com/qkvgo/qkv/talk/report"
	"github.com/qkvgo/qkv/train"
)

// lab is the recipe that the labs change one thing of: a Transformer from scratch, its
// norms before the parts and the mean of its outputs as the document's vector.
func (r *run) lab(change func(o *scratch.Options)) recipe {
	o := scratch.Options{Kind: "transformer", Width: r.size.width, Layers: r.size.layers, Heads: r.size.heads, Length: r.size.length, Dropout: 0.1,
		Norm: "pre-layernorm", Pooling: "mean", Positions: "learned", FFN: "relu", Seed: r.Seed}
	if change != nil {
		change(&o)
	}
	return recipe{key: "lab", name: "lab", made: o, rate: 1e-3}
}

// experiment trains a lab's recipe for the lab's number of steps.
func (r *run) experiment(ctx context.Context, c recipe, tell func(float64)) (*rung, error) {
	return r.experimentWith(ctx, c, train.Plan{Rate: c.rate}, tell)
}

// experimentWith is experiment with a plan of one's own.
func (r *run) experimentWith(ctx context.Context, c recipe, plan train.Plan, tell func(float64)) (*rung, error) {
	m, err := r.make(c, r.Seed)
	if err != nil {
		return nil, err
	}
	set, err := r.encode(ctx, r.pieces, r.set.Train)
	if err != nil {
		return nil, err
	}
	g := &rung{recipe: c, model: m, labels: set.Len(), parameters: scratch.Parameters(m.Model), steps: r.size.lab}
	plan.Steps, plan.Seed = r.size.lab, r.Seed
	if plan.WarmupRatio == 0 {
		plan.WarmupRatio = 0.1
	}
	start := r.Now()
	g.losses, err = r.train(ctx, train.Run{Plan: plan, Model: m.Model, Data: set.Source(batch.Plan{Examples: r.size.batch, Seed: r.Seed})}, tell)
	if err != nil {
		return nil, err
	}
	g.took = r.Now().Sub(start)
	return g, r.judge(ctx, g, r.pieces)
}

// LabFigures are what one choice in a lab reached.
type LabFigures struct {
	Name     string    `json:"name"`
	Accuracy float64   `json:"accuracy"`
	Low      float64   `json:"low"`
	High     float64   `json:"high"`
	Losses   []float64 `json:"losses"`              // smoothed
	Flat     []float64 `json:"saturated,omitempty"` // share of activations with hardly any slope, by layer
	Dead     []float64 `json:"dead,omitempty"`      // share of units with hardly any slope on all test documents, by layer
}

// smoothed is the mean of each value and those around it, about count points of it.
func smoothed(losses []float64, count int) (at, values []float64) {
	every := max(1, len(losses)/count)
	for lo := 0; lo+every <= len(losses); lo += every {
		at, values = append(at, float64(lo)+float64(every+1)/2), append(values, mean(losses[lo:lo+every]))
	}
	return at, values
}

// optimizers trains the same first weights by every rule.
func (r *run) optimizers(ctx context.Context) (*report.Section, error) {
	rules := []struct {
		name string
		plan train.Plan
		say  string
	}{
		{"SGD", train.Plan{Optimizer: "sgd", Rate: 0.05}, "plain steps against the gradient"},
		{"SGD, momentum 0.9", train.Plan{Optimizer: "sgd", Rate: 0.05, Momentum: 0.9, Nesterov: true}, "Nesterov’s"},
		{"SGD, learned rate", train.Plan{Optimizer: "sgd", Rate: 0.05, HyperRate: 1e-2}, "HD, AdaTune’s: the rate follows its own gradient"},
		{"RMSProp", train.Plan{Optimizer: "rmsprop", Rate: 1e-3}, "the step by its usual size"},
		{"Adam", train.Plan{Optimizer: "adam", Rate: 1e-3}, "momentum and RMSProp together"},
		{"Adam, learned rate", train.Plan{Optimizer: "adam", Rate: 1e-3, HyperRate: 1e-6}, "HD with Adam"},
		{"AdamW, SWA", train.Plan{Optimizer: "adamw", Rate: 1e-3, Decay: 0.01, Schedule: "constant", Average: "swa", AverageStart: 0.6}, "the mean of the last weights"},
		{"Lion", train.Plan{Optimizer: "lion", Rate: 2e-4, Decay: 0.01}, "only the sign of the step"},
	}
	lines := report.Lines{Caption: "Training loss by step, smoothed. Same first weights, same batches, same number of steps.", X: report.Axis{Label: "step"}, Y: report.Axis{Label: "loss, nats", Min: report.At(0)}}
	table := report.Table{Caption: "Where each ended.", Columns: []report.Column{{Name: "Optimizer"}, {Name: "Rate", Right: true}, {Name: "Last loss", Right: true}, {Name: "Accuracy", Right: true}, {Name: "95 % interval", Right: true}, {Name: "In a word"}}}
	for i, rule := range rules {
		g, err := r.experimentWith(ctx, r.lab(nil), rule.plan, r.pace.part(float64(i)/float64(len(rules)), float64(i+1)/float64(len(rules))))
		if err != nil && ctx.Err() == nil { // steps too long for these documents
			table.Rows = append(table.Rows, []report.Text{report.Text(rule.name), number(rule.plan.Rate), "–", "–", "–", report.Text("went astray: ") + report.Plain(err.Error())})
			continue
		}
		if err != nil {
			return nil, err
		}
		x, y := smoothed(g.losses, 24)
		lines.Series = append(lines.Series, report.Series{Name: report.Text(rule.name), X: x, Y: y, Bare: len(x) > 12, Dash: i%2 == 1})
		r.figures.Optimizers = append(r.figures.Optimizers, LabFigures{Name: rule.name, Accuracy: g.Point, Low: g.Low, High: g.High, Losses: y})
		table.Rows = append(table.Rows, []report.Text{report.Text(rule.name), number(rule.plan.Rate), number(y[len(y)-1]), report.Text(report.Share(g.Point)),
			report.Text(report.Share(g.Low) + " – " + report.Share(g.High)), report.Text(rule.say)})
	}
	return &report.Section{ID: "optimizers", Title: "The optimizer lab", Blocks: []report.Block{
		report.Paragraph{Text: report.Text(fmt.Sprintf("The talk’s advice: which activation hardly matters, which optimizer does. Adam is fast and fits closely; plain SGD is slow and often ends well; averaging weights (SWA) is an easy gain; a rate may learn itself (HD, which AdaTune brought). Here is all of it for %d steps of %d documents. A short race favours the fast: give SGD ten times the steps before you judge it.", r.size.lab, r.size.batch))},
		lines, table,
		report.Note{Text: "Each rate is a usual one for its rule, not searched for; a rule that does badly here may do better at another rate."}}}, nil
}
