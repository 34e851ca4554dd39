package talk

import (
	"context"
	"fmt"
	"math"

	"github.com/qkvgo/qkv/scratch"
	"github.com/qkvgo/qkv/talk/report"
)

// ScaleFigures are one size of a language model.
type ScaleFigures struct {
	Width      int     `json:"width"`
	Parameters int     `json:"parameters"`
	FLOPs      float64 `json:"flops"`  // of its training, 6·N·tokens
	Tokens     int     `json:"tokens"` // read
	Loss       float64 `json:"loss"`   // on held-out text, nats a hidden token
	Seconds    float64 `json:"seconds"`
}

// scaling pretrains three sizes on the same text.
func (r *run) scaling(ctx context.Context) (*report.Section, error) {
	widths := []int{r.size.width / 4, r.size.width / 2, r.size.width}
	byCount := report.Series{Name: "three sizes"}
	byWork := report.Series{Name: "three sizes"}
	table := report.Table{Caption: "Three sizes, the same text in the same order.", Columns: []report.Column{{Name: "Width", Right: true}, {Name: "Parameters", Right: true}, {Name: "FLOPs of training", Right: true}, {Name: "Held-out loss", Right: true}, {Name: "Perplexity", Right: true}, {Name: "Time", Right: true}}}
	passes := max(1, r.size.pretrain/4)
	for i, w := range widths {
		c := recipe{key: "scaling", name: "scaling", rate: 1e-3, pretext: maskedToken,
			made: scratch.Options{Kind: "transformer", Width: w, Layers: r.size.layers, Heads: r.size.heads, Length: r.size.length, Seed: r.Seed}}
		p, err := r.pretrain(ctx, c, passes, r.pace.part(float64(i)/3, float64(i+1)/3))
		if err != nil {
			return nil, err
		}
		n := parameters(p.Model.Model)
		f := ScaleFigures{w, n, 6 * float64(n) * float64(p.seen), p.seen, p.after, p.took.Seconds()}
		r.figures.Scaling = append(r.figures.Scaling, f)
		byCount.X, byCount.Y = append(byCount.X, float64(n)), append(byCount.Y, f.Loss)
		byWork.X, byWork.Y = append(byWork.X, f.FLOPs), append(byWork.Y, f.Loss)
		table.Rows = append(table.Rows, []report.Text{number(float64(w)), number(float64(n)), number(f.FLOPs), number(f.Loss), number(math.Exp(f.Loss)), report.Text(report.Duration(p.took))})
	}
	exponent, factor, rest := slope(byCount.X, byCount.Y)
	fit := report.Series{Name: "power law", Dash: true, Bare: true}
	for _, n := range byCount.X {
		fit.X, fit.Y = append(fit.X, n), append(fit.Y, factor*math.Pow(n, exponent))
	}
	return &report.Section{ID: "scaling", Title: "Does size help?", Blocks: []report.Block{
		report.Paragraph{Text: "One large model that has read much serves many tasks: that is where the talk ends, and where the years after it went. In small, on your text: a Transformer of three sizes learns to fill in hidden words."},
		report.Lines{Caption: report.Text(fmt.Sprintf("Loss on held-out text by parameters, both axes logarithmic. The line is loss = %s · N^%.3f; the points lie off it by %s in the logarithm (root mean square). Three points and a short training make no law.", report.Figure(factor), exponent, report.Figure(rest))),
			X: report.Axis{Label: "parameters", Log: true, Ticks: byCount.X}, Y: report.Axis{Label: "loss, nats", Log: true}, Series: []report.Series{byCount, fit}},
		report.Lines{Caption: "The same by the work of training: 6 operations for each parameter and token.", X: report.Axis{Label: "FLOPs", Log: true, Ticks: byWork.X}, Y: report.Axis{Label: "loss, nats", Log: true}, Series: []report.Series{byWork}},
		table}}, nil
}
