package talk

import (
	"context"
	"fmt"
	"math"

	"github.com/qkvgo/qkv/batch"
	"github.com/qkvgo/qkv/model/parts"
	"github.com/qkvgo/qkv/nn"
	"github.com/qkvgo/qkv/scratch"
	"github.com/qkvgo/qkv/talk/report"
	"github.com/qkvgo/qkv/tensor"
)

// activations trains with each activation in the feed-forward nets, and counts units
// that stopped learning.
func (r *run) activations(ctx context.Context) (*report.Section, error) {
	kinds := []struct {
		name string
		act  tensor.Activation
	}{{"ReLU", tensor.ReLU}, {"GELU", tensor.GELU}, {"SiLU", tensor.SiLU}, {"tanh", tensor.Tanh}, {"sigmoid", tensor.Sigmoid}}
	lines := report.Lines{Caption: "Training loss by step, smoothed, with each activation in the feed-forward nets; all else equal.", X: report.Axis{Label: "step"}, Y: report.Axis{Label: "loss, nats", Min: report.At(0)}}
	table := report.Table{Caption: "Flat: activations whose slope is below a hundredth of the greatest, over all tokens of the test documents. Dead: units that are flat on every one of them. For ReLU flat simply means off.",
		Columns: []report.Column{{Name: "Activation"}, {Name: "Accuracy", Right: true}, {Name: "95 % interval", Right: true}, {Name: "flat, by layer", Right: true}, {Name: "dead, by layer", Right: true}}}
	for i, k := range kinds {
		g, err := r.experiment(ctx, r.lab(func(o *scratch.Options) { o.FFN = string(k.act) }), r.pace.part(float64(i)/float64(len(kinds)), float64(i+1)/float64(len(kinds))))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", k.name, err)
		}
		flat, dead, err := r.saturation(ctx, g, k.act)
		if err != nil {
			return nil, err
		}
		x, y := smoothed(g.losses, 24)
		lines.Series = append(lines.Series, report.Series{Name: report.Text(k.name), X: x, Y: y, Bare: len(x) > 12})
		r.figures.Activations = append(r.figures.Activations, LabFigures{Name: k.name, Accuracy: g.Point, Low: g.Low, High: g.High, Losses: y, Flat: flat, Dead: dead})
		table.Rows = append(table.Rows, []report.Text{report.Text(k.name), report.Text(report.Share(g.Point)), report.Text(report.Share(g.Low) + " – " + report.Share(g.High)), shares(flat), shares(dead)})
	}
	low, err := r.precisions(ctx)
	if err != nil {
		return nil, err
	}
	return &report.Section{ID: "activations", Title: "ReLU, not sigmoid", Blocks: []report.Block{
		report.Paragraph{Text: "A sigmoid is flat at both ends, and where it is flat nothing is learned: its slope is 0.25 at best, so ten of them in a row pass on at most 0.25¹⁰, a millionth of the gradient. ReLU’s slope is 1 or 0. It costs a comparison, works in low precision, and its only vice is the unit that is off for every document and never comes back: a dead one. GELU, which BERT uses, rounds the corner off."},
		slopeLines(), lines, table,
		report.Paragraph{Text: depthText()}, low}}, nil
}

// precisions lets the best Transformer read the test documents in fewer bits.
func (r *run) precisions(ctx context.Context) (report.Block, error) {
	t := report.Table{Caption: "The same Transformer with its products in fewer bits: what they change in the calls of the test documents.", Columns: []report.Column{{Name: "Products in"}, {Name: "Accuracy", Right: true}, {Name: "calls that change", Right: true}}}
	g := r.attends()
	if g == nil {
		return report.Note{Text: "No Transformer was trained, so none was read in fewer bits."}, nil
	}
	set, err := r.encode(ctx, r.vocabulary(g.recipe), r.set.Test)
	if err != nil {
		return nil, err
	}
	for _, p := range []nn.Precision{nn.Float32, nn.BFloat16, nn.Int8} {
		said, err := batch.Predict(ctx, g.model.Model, set, batch.PredictOptions{Device: r.Device, Precision: p})
		if err != nil {
			return nil, err
		}
		right, changed := 0, 0
		for i, c := range said.Classes() {
			if c == set.Classes()[i] {
				right++
			}
			if c != g.called[i] {
				changed++
			}
		}
		t.Rows = append(t.Rows, []report.Text{report.Text(p.String()), report.Text(report.Share(float64(right) / float64(set.Len()))), report.Text(fmt.Sprintf("%d of %d", changed, set.Len()))})
	}
	return t, nil
}

// shares writes shares of layers.
func shares(x []float64) report.Text {
	text := report.Text("")
	for i, v := range x {
		if i > 0 {
			text += " · "
		}
		text += report.Text(report.Share(v))
	}
	return text
}

// slopeOf is the slopes of an activation at the given places, by the tape.
func slopeOf(act tensor.Activation, at []float32) []float32 {
	p := nn.NewPass(context.Background(), nn.Sequences(1), nn.Options{Tape: true})
	defer p.Close()
	x := p.Input(at, 1, len(at))
	act.Apply(x).Sum().Backward()
	return x.Grad().Float32s()
}

// slopeLines draws the slopes of the activations.
func slopeLines() report.Block {
	l := report.Lines{Caption: "The slope of each activation. What comes back through a unit is multiplied by it.", X: report.Axis{Label: "input"}, Y: report.Axis{Label: "slope"}}
	var at []float32
	for x := -6.0; x <= 6.001; x += 0.1 {
		at = append(at, float32(x))
	}
	for _, k := range []struct {
		name report.Text
		act  tensor.Activation
	}{{"ReLU", tensor.ReLU}, {"GELU", tensor.GELU}, {"SiLU", tensor.SiLU}, {"tanh", tensor.Tanh}, {"sigmoid", tensor.Sigmoid}} {
		s := report.Series{Name: k.name, Bare: true}
		for i, v := range slopeOf(k.act, at) {
			s.X, s.Y = append(s.X, float64(at[i])), append(s.Y, float64(v))
		}
		l.Series = append(l.Series, s)
	}
	return l
}

// depthText says what ten layers in a row pass on at best.
func depthText() report.Text {
	at := []float32{0}
	s, t := float64(slopeOf(tensor.Sigmoid, at)[0]), float64(slopeOf(tensor.Tanh, at)[0])
	return report.Text(fmt.Sprintf("Measured here at the steepest point: the sigmoid has slope %s, tanh %s. Through ten layers that is %s and %s at best. The LSTM needs both of them for its gates, which must be open or shut; the feed-forward net needs neither.",
		report.Figure(s), report.Figure(t), report.Figure(math.Pow(s, 10)), report.Figure(math.Pow(t, 10))))
}

// innards keeps what enters each block of a network.
type innards struct{ at []*tensor.Tensor }

func (n *innards) Layer(_ *nn.Pass, _ int, x *tensor.Tensor) *tensor.Tensor {
	n.at = append(n.at, x.Keep())
	return x
}

// saturation is, by layer, the share of activations that are flat on the test
// documents, and of units that are flat on all of them.
func (r *run) saturation(ctx context.Context, g *rung, act tensor.Activation) (flat, dead []float64, err error) {
	c, ok := g.model.Model.(*parts.Classifier)
	if !ok {
		return nil, nil, fmt.Errorf("the lab's model is %T", g.model.Model)
	}
	set, err := r.encode(ctx, r.pieces, r.set.Test)
	if err != nil {
		return nil, nil, err
	}
	all := make([]int, set.Len())
	for i := range all {
		all[i] = i
	}
	b, err := set.Batch(all...)
	if err != nil {
		return nil, nil, err
	}
	p := nn.NewPass(ctx, b.Rows, nn.Options{Device: r.Device})
	defer p.Close()
	seen := &innards{}
	p.Probe = seen
	c.Model.Forward(p, b.Input.IDs)
	p.Probe = nil
	most := greatestSlope(act)
	for i, block := range c.Model.Blocks {
		h := seen.at[i]
		h = h.Add(block.Attn.Forward(p, block.N1.Forward(p, h)))
		u := block.FFN.Up.Forward(p, block.N2.Forward(p, h))
		f, d := flatShares(slopeOf(act, u.Float32s()), u.Width(), most/100)
		flat, dead = append(flat, f), append(dead, d)
	}
	return flat, dead, nil
}

// greatestSlope is the greatest slope of an activation.
func greatestSlope(act tensor.Activation) float64 {
	var at []float32
	for x := -6.0; x <= 6; x += 0.01 {
		at = append(at, float32(x))
	}
	most := 0.0
	for _, v := range slopeOf(act, at) {
		most = max(most, float64(v))
	}
	return most
}

// flatShares is the share of slopes, [rows][units], that are below least in size, and
// of units whose slopes all are.
func flatShares(slopes []float32, units int, least float64) (flat, dead float64) {
	alive := make([]bool, units)
	count := 0
	for i, v := range slopes {
		if math.Abs(float64(v)) < least {
			count++
		} else {
			alive[i%units] = true
		}
	}
	off := 0
	for _, a := range alive {
		if !a {
			off++
		}
	}
	return float64(count) / float64(max(len(slopes), 1)), float64(off) / float64(units)
}
