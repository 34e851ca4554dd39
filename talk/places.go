package talk

import (
	"context"
	"fmt"
	"math"

	"github.com/qkvgo/qkv/model/parts"
	"github.com/qkvgo/qkv/position"
	"github.com/qkvgo/qkv/scratch"
	"github.com/qkvgo/qkv/talk/report"
)

// PositionFigures are what a kind of positions reached in the lab.
type PositionFigures struct {
	Positions string  `json:"positions"`
	Accuracy  float64 `json:"accuracy"`
	Low       float64 `json:"low"`
	High      float64 `json:"high"`
	Pair      float64 `json:"work_to_live"` // greatest change of a score between the two sentences
}

// places shows how a Transformer knows where a word stands, and what it is worth here.
func (r *run) places(ctx context.Context) (*report.Section, error) {
	const rows, width = 64, 64
	table := position.Sinusoids(rows, width, false)
	heat := report.Heat{Caption: "The paper’s code: row p is added to the word at place p. Each pair of columns is a sine and a cosine of one wavelength, from 2π words at the left to 10,000 · 2π at the right; orange is above 0, blue below.", RowAxis: "place p", ColAxis: "dimension", Most: 1}
	at := func(p int) []float32 { return table[p*width : (p+1)*width] }
	for p := range rows {
		values := make(report.Numbers, width)
		for i, v := range at(p) {
			values[i] = float64(v)
		}
		heat.Values = append(heat.Values, values)
	}
	dots := report.Lines{Caption: "The dot product of the codes of two places depends on how far apart they are, and on nothing else: the two curves lie on each other. So a layer can learn “three words back” once and use it everywhere.",
		X: report.Axis{Label: "offset k"}, Y: report.Axis{Label: "PE(p) · PE(p + k)"}}
	for _, p := range []int{0, 20} {
		s := report.Series{Name: report.Text(fmt.Sprintf("from place %d", p)), Dash: p > 0, Bare: true}
		for k := 0; k < 40; k++ {
			s.X, s.Y = append(s.X, float64(k)), append(s.Y, dot(at(p), at(p+k)))
		}
		dots.Series = append(dots.Series, s)
	}
	blocks := []report.Block{
		report.Paragraph{Text: "Attention is a sum over all words, and a sum has no order: without more, a Transformer is a bag of words with better manners. So the place of each word is *added* to its vector. The paper’s places are fixed waves; the Transformers of this run, like BERT, learn a vector for each place."},
		heat, dots}
	if block := r.learnedPlaces(); block != nil {
		blocks = append(blocks, block)
	}
	lab, err := r.placeLab(ctx)
	if err != nil {
		return nil, err
	}
	other, err := r.blocks(ctx)
	if err != nil {
		return nil, err
	}
	lab = append(lab, report.Paragraph{Text: "A block is attention and a feed-forward net, each added to what was there and kept in bounds by a norm. The paper puts the norms behind the sums; most later models put them before the parts, where the way through all blocks is a plain sum and training starts more easily."}, other)
	return &report.Section{ID: "positions", Title: "Where a word stands, and what a block is", Blocks: append(blocks, lab...)}, nil
}

func dot(a, b []float32) float64 {
	sum := 0.0
	for i := range a {
		sum += float64(float64(a[i]) * float64(b[i]))
	}
	return sum
}

// learnedPlaces is how alike the learned places of a rung are.
func (r *run) learnedPlaces() report.Block {
	g := r.rung("transformer-pretrained")
	if g == nil {
		return nil
	}
	c, ok := g.model.Model.(*parts.Classifier)
	if !ok || c.Model.Places == nil {
		return nil
	}
	w := c.Model.Places.Weight
	e, n, d := w.Float32(), min(32, w.Shape[0]), w.Shape[1]
	heat := report.Heat{Caption: "The learned places of the pretrained Transformer: the cosine of each two. Places that the documents seldom reach have learned little.", RowAxis: "place", ColAxis: "place", Most: 1}
	for p := range n {
		values := make(report.Numbers, n)
		for q := range n {
			a, b := e[p*d:(p+1)*d], e[q*d:(q+1)*d]
			values[q] = dot(a, b) / math.Sqrt(dot(a, a)*dot(b, b))
		}
		heat.Values = append(heat.Values, values)
	}
	return heat
}

// placeLab trains a Transformer with each kind of positions, all else equal.
func (r *run) placeLab(ctx context.Context) ([]report.Block, error) {
	kinds := []struct {
		name, positions string
	}{{"none", "none"}, {"learned", "learned"}, {"sinusoidal", "sinusoidal"}, {"rotary", "rotary"}}
	t := report.Table{Caption: report.Text(fmt.Sprintf("A Transformer with the mean of its outputs as the document’s vector, %d steps, all else equal. Without positions, turning “work to live” round changes nothing but the last rounding.", r.size.lab)),
		Columns: []report.Column{{Name: "Positions"}, {Name: "Accuracy", Right: true}, {Name: "95 % interval", Right: true}, {Name: "“work to live”, turned round", Right: true}}}
	for i, k := range kinds {
		c := r.lab(func(o *scratch.Options) { o.Positions = k.positions })
		g, err := r.experiment(ctx, c, r.pace.part(0.5*float64(i)/float64(len(kinds)), 0.5*float64(i+1)/float64(len(kinds))))
		if err != nil {
			return nil, err
		}
		_, pair, err := r.ask(ctx, g, []string{workToLive, liveToWork})
		if err != nil {
			return nil, err
		}
		f := PositionFigures{k.name, g.Point, g.Low, g.High, apart(pair[0], pair[1])}
		r.figures.Positions = append(r.figures.Positions, f)
		t.Rows = append(t.Rows, []report.Text{report.Text(k.name), report.Text(report.Share(g.Point)), report.Text(report.Share(g.Low) + " – " + report.Share(g.High)), number(f.Pair)})
	}
	return []report.Block{report.Paragraph{Text: "What are they worth on these documents?"}, t}, nil
}

// blocks trains Transformers with other parts: where the norms stand, and what the
// feed-forward net is.
func (r *run) blocks(ctx context.Context) (report.Block, error) {
	kinds := []struct {
		name   report.Text
		change func(o *scratch.Options)
	}{
		{"norms before the parts, ReLU", nil},
		{"norms behind them, as in the paper", func(o *scratch.Options) { o.Norm = "post-layernorm" }},
		{"RMS norms, SwiGLU, rotary, as in Llama", func(o *scratch.Options) { o.Norm, o.FFN, o.Positions = "pre-rmsnorm", "swiglu", "rotary" }},
	}
	t := report.Table{Caption: "Other parts in the same place, all else equal.", Columns: []report.Column{{Name: "Block"}, {Name: "Parameters", Right: true}, {Name: "Last loss", Right: true}, {Name: "Accuracy", Right: true}, {Name: "95 % interval", Right: true}}}
	for i, k := range kinds {
		g, err := r.experiment(ctx, r.lab(k.change), r.pace.part(0.5+float64(i)/6, 0.5+float64(i+1)/6))
		if err != nil {
			return nil, err
		}
		_, losses := smoothed(g.losses, 24)
		r.figures.Blocks = append(r.figures.Blocks, LabFigures{Name: string(k.name), Accuracy: g.Point, Low: g.Low, High: g.High, Losses: losses})
		t.Rows = append(t.Rows, []report.Text{k.name, number(float64(g.parameters)), number(losses[len(losses)-1]), report.Text(report.Share(g.Point)), report.Text(report.Share(g.Low) + " – " + report.Share(g.High))})
	}
	return t, nil
}
