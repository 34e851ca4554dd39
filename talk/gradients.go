package talk

import (
	"context"
	"fmt"
	"math"
	"slices"

	"github.com/qkvgo/qkv/model"
	"github.com/qkvgo/qkv/nn"
	"github.com/qkvgo/qkv/talk/report"
	"github.com/qkvgo/qkv/tensor"
)

// GradientFigures say how far back the gradient of a network reaches.
type GradientFigures struct {
	Key     string    `json:"key"`
	Trained bool      `json:"trained"`
	Norms   []float64 `json:"norms"` // of the loss's gradient by a token so many tokens before the last, mean over documents, as a share of the greatest
	Path    int       `json:"path"`  // the longest way from a token to the document's vector, in cells or layers
}

// wordProbe makes the word vectors that enter a network a leaf of the tape, so that
// they have a gradient.
type wordProbe struct{ words *tensor.Tensor }

func (w *wordProbe) Layer(p *nn.Pass, i int, x *tensor.Tensor) *tensor.Tensor {
	if i != 0 || w.words != nil {
		return x
	}
	w.words = p.Input(x.Float32s(), x.Shape()...)
	return w.words
}

// reach is the norms of the gradient of a classifier's loss by each word vector, by
// distance from the last token: the mean over documents, [tokens].
func (r *run) reach(ctx context.Context, m model.Model, documents [][]int32) ([]float64, error) {
	n := len(documents[0])
	norms := make([]float64, n)
	for i, ids := range documents {
		p := nn.NewPass(ctx, nn.Sequences(n), nn.Options{Device: r.Device, Tape: true})
		probe := &wordProbe{}
		p.Probe = probe
		out := m.Run(p, &model.Input{IDs: ids, Labels: []int32{int32(i % len(r.set.Labels))}})
		out[0].Value.Backward()
		g := probe.words.Grad()
		if g == nil {
			p.Close()
			return nil, fmt.Errorf("%T: the loss does not depend on the words", m)
		}
		for t := range n {
			sum := 0.0
			for _, v := range g.Row(t) {
				sum += float64(float64(v) * float64(v))
			}
			norms[n-1-t] += math.Sqrt(sum) / float64(len(documents))
		}
		p.Close()
	}
	return norms, nil
}

// long is documents of exactly n tokens, made of test documents one after the other.
func (r *run) long(n, count int) [][]int32 {
	var all []int32
	for i := 0; len(all) < n*count; i++ {
		all = append(all, r.pieces.AppendIDs(nil, r.set.Test[i%len(r.set.Test)].Text)...)
	}
	out := make([][]int32, count)
	for i := range out {
		out[i] = slices.Clone(all[i*n : (i+1)*n])
	}
	return out
}

// least is the least share of a gradient that is drawn.
const least = 1e-12

// gradients compares how far back networks learn.
func (r *run) gradients(ctx context.Context) (*report.Section, error) {
	n := r.size.probe
	documents := r.long(n, 8)
	lines := report.Lines{Caption: report.Text(fmt.Sprintf("How strongly a token k places before the end moves the loss: the norm of ∂loss/∂x, mean over %d texts of %d tokens, as a share of the greatest. Solid: after training; with gaps: before. A straight line down on this axis is an exponential; what falls below 10⁻¹² leaves the picture.", len(documents), n)),
		X: report.Axis{Label: "distance k from the last token", Min: report.At(0), Max: report.At(float64(n - 1))}, Y: report.Axis{Label: "share of the gradient", Log: true, Format: report.Power, Min: report.At(least), Max: report.At(1)}}
	table := report.Table{Caption: "The same in figures, the longest way a gradient must go, and the greatest norm of all gradients together that training met, before it was clipped.", Columns: []report.Column{{Name: "Network"}, {Name: "longest way", Right: true}, {Name: report.Text(fmt.Sprintf("gradient %d back against 1 back, before training", n-1)), Right: true}, {Name: "after training", Right: true}, {Name: "steepest step in training", Right: true}}}
	for _, key := range []string{"rnn", "lstm", "transformer"} {
		g := r.rung(key)
		if g == nil {
			continue
		}
		fresh, err := r.make(g.recipe, r.Seed)
		if err != nil {
			return nil, err
		}
		path, way := n, report.Text(fmt.Sprintf("%d cells, one a token", n))
		if key == "transformer" {
			path, way = g.made.Layers, report.Text(fmt.Sprintf("%d layers, at any length", g.made.Layers))
		}
		row := []report.Text{report.Text(g.name), way}
		for _, m := range []struct {
			model   model.Model
			trained bool
		}{{fresh.Model, false}, {g.model.Model, true}} {
			norms, err := r.reach(ctx, m.model, documents)
			if err != nil {
				return nil, err
			}
			row = append(row, number(norms[n-1]/norms[1]))
			most := slices.Max(norms)
			s := report.Series{Name: report.Text(g.name), Dash: !m.trained, Bare: true}
			if m.trained {
				s.Kin = 1
			}
			if !m.trained {
				s.Name += ", untrained"
			}
			for k, v := range norms {
				norms[k] = v / most
				if norms[k] >= least { // what lies below the axis is left out
					s.X, s.Y = append(s.X, float64(k)), append(s.Y, norms[k])
				}
			}
			lines.Series = append(lines.Series, s)
			r.figures.Gradients = append(r.figures.Gradients, GradientFigures{key, m.trained, norms, path})
		}
		table.Rows = append(table.Rows, append(row, number(g.steepest)))
	}
	if len(lines.Series) == 0 {
		return nil, nil
	}
	return &report.Section{ID: "gradients", Title: "Vanishing gradients", Blocks: []report.Block{
		report.Paragraph{Text: "A recurrent network reads a text of a hundred words like a net of a hundred layers. What it should learn from an early word must come back through every cell in between, and each one multiplies: ∂h_t/∂h_(t−k) is a product of k matrices. If they shrink a little, the product vanishes; if they grow a little, it explodes. Clipping the gradient cures the second and not the first; here every step longer than 1 was cut to 1."},
		lines, table,
		report.Paragraph{Text: "The LSTM adds to its cell instead: c′ = f·c + i·g. Along the cell the gradient is only multiplied by the forget gates f, so an open gate is a way with little loss; in effect a residual network over time. How much is left after k tokens is the product of the gates:"},
		forgetSlider(),
		report.Paragraph{Text: "In the Transformer every token is one step from every other one. The way back has as many steps as there are layers, whatever the distance. Its curve has bumps, words that matter more or less, but no slope."},
	}}, nil
}

// forgetSlider is the gradient that is left along an LSTM's cell for some biases of
// the forget gate: σ(b)^k.
func forgetSlider() report.Block {
	s := report.Slider{Caption: "σ(b)ᵏ: the gradient along the cell after k tokens, if the forget gate stands at its bias b. This is why a forget bias of 1 or more is a good start.", Label: "bias b of the forget gate", First: 2}
	for _, bias := range []float64{-1, 0, 1, 2, 3, 4, 5} {
		gate := 1 / (1 + math.Exp(-bias))
		line := report.Series{Name: "σ(b)ᵏ", Bare: true}
		for k := 0; k <= 100; k += 2 {
			line.X, line.Y = append(line.X, float64(k)), append(line.Y, max(math.Pow(gate, float64(k)), 1e-30))
		}
		s.Frames = append(s.Frames, report.Frame{Name: number(bias), Block: report.Lines{
			Caption: report.Text(fmt.Sprintf("Gate open to %s; after 100 tokens %s of the gradient is left.", report.Share(gate), report.Figure(math.Pow(gate, 100)))),
			X:       report.Axis{Label: "tokens k"}, Y: report.Axis{Label: "gradient left", Log: true, Format: report.Power, Min: report.At(1e-30), Max: report.At(1)}, Series: []report.Series{line}}})
	}
	return s
}
