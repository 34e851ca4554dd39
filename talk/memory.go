package talk

import (
	"context"
	"fmt"
	"math"

	"github.com/qkvgo/qkv/model/rnn"
	"github.com/qkvgo/qkv/nn"
	"github.com/qkvgo/qkv/talk/report"
	"github.com/qkvgo/qkv/token"
)

// memory looks into the LSTM while it reads.
func (r *run) memory(ctx context.Context) (*report.Section, error) {
	g := r.rung("lstm")
	if g == nil {
		return nil, nil
	}
	c, ok := g.model.Model.(*rnn.Classifier)
	if !ok {
		return nil, nil
	}
	s := report.Slider{Caption: "The gates of the first layer, mean over its units, token by token: how open each is. And how far the state moved.", Label: "document"}
	sentences := r.sentences(3)
	for i, text := range sentences {
		e, err := r.pieces.EncodeWith(token.Input{Text: text}, token.Options{AddSpecialTokens: true})
		if err != nil {
			return nil, err
		}
		p := nn.NewPass(ctx, nn.Sequences(len(e.IDs)), nn.Options{Device: r.Device})
		x := c.Words.Forward(p, e.IDs)
		steps := LSTMSteps(c.Net.Directions[0], x.Float32s(), x.Width())
		p.Close()
		heat := report.Heat{Caption: report.Quote(text), Rows: []string{"input gate", "forget gate", "output gate", "state moves"}, Columns: e.Tokens, Most: 1, Digits: 2}
		heat.Values = make([]report.Numbers, 4)
		last := make([]float64, c.Hidden)
		for _, at := range steps {
			heat.Values[0] = append(heat.Values[0], mean(at.I))
			heat.Values[1] = append(heat.Values[1], mean(at.F))
			heat.Values[2] = append(heat.Values[2], mean(at.O))
			heat.Values[3] = append(heat.Values[3], distance(at.H, last))
			last = at.H
		}
		most := 1e-9
		for _, v := range heat.Values[3] {
			most = max(most, v)
		}
		for j := range heat.Values[3] {
			heat.Values[3][j] /= most
		}
		s.Frames = append(s.Frames, report.Frame{Name: report.Text(fmt.Sprintf("%d of %d", i+1, len(sentences))), Block: heat})
	}
	return &report.Section{ID: "lstm", Title: "Inside an LSTM", Blocks: []report.Block{
		report.Paragraph{Text: "An LSTM carries a cell c from word to word. Three gates, numbers from 0 to 1, decide what happens to it: c′ = f·c + i·g, what was there times the forget gate plus what is new times the input gate; h′ = o·tanh(c′) is what it shows. The last h is the document’s vector."},
		s, report.Note{Text: report.Text(fmt.Sprintf("The longest way through this network is as many cells as a document has tokens: %.0f for half of the documents here, %.0f for the longest.", first(r.lengths()), second(r.lengths())))}}}, nil
}

func first(a, _ float64) float64  { return a }
func second(_, b float64) float64 { return b }

// distance is the Euclidean distance of two vectors.
func distance(a, b []float64) float64 {
	sum := 0.0
	for i := range a {
		d := a[i] - b[i]
		sum += float64(d * d)
	}
	return math.Sqrt(sum)
}

// LSTMStep is the gates and the state of an LSTM after a token.
type LSTMStep struct{ I, F, G, O, C, H []float64 }

// LSTMSteps reads x, [tokens, width], by the equations, one number after the other:
//
//	i, f, o = σ(W·x + b + U·h + b′),  g = tanh(…),  c′ = f·c + i·g,  h′ = o·tanh(c′)
func LSTMSteps(d *rnn.Direction, x []float32, width int) []LSTMStep {
	n := d.WeightHH.Shape[1]
	w, u, b, b2 := d.WeightIH.Float32(), d.WeightHH.Float32(), d.BiasIH.Float32(), d.BiasHH.Float32()
	h, c := make([]float64, n), make([]float64, n)
	var all []LSTMStep
	for t := range len(x) / width {
		z := make([]float64, 4*n)
		for j := range z {
			z[j] = float64(b[j]) + float64(b2[j])
			for k := range width {
				z[j] += float64(float64(w[j*width+k]) * float64(x[t*width+k]))
			}
			for k := range n {
				z[j] += float64(float64(u[j*n+k]) * h[k])
			}
		}
		s := LSTMStep{make([]float64, n), make([]float64, n), make([]float64, n), make([]float64, n), make([]float64, n), make([]float64, n)}
		for j := range n {
			s.I[j], s.F[j], s.G[j], s.O[j] = sigmoid(z[j]), sigmoid(z[n+j]), math.Tanh(z[2*n+j]), sigmoid(z[3*n+j])
			s.C[j] = float64(s.F[j]*c[j]) + float64(s.I[j]*s.G[j])
			s.H[j] = s.O[j] * math.Tanh(s.C[j])
		}
		h, c = s.H, s.C
		all = append(all, s)
	}
	return all
}

func sigmoid(x float64) float64 { return 1 / (1 + math.Exp(-x)) }
