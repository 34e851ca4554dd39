package talk

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"github.com/qkvgo/qkv/attention"
	"github.com/qkvgo/qkv/data"
	"github.com/qkvgo/qkv/model"
	"github.com/qkvgo/qkv/nn"
	"github.com/qkvgo/qkv/talk/report"
	"github.com/qkvgo/qkv/tensor"
	"github.com/qkvgo/qkv/token"
	"github.com/qkvgo/qkv/train"
)

// HeadFigures are what switching each head off does to the loss on the test documents.
type HeadFigures struct {
	Key    string      `json:"key"`
	Loss   float64     `json:"loss"`   // with all heads
	Change [][]float64 `json:"change"` // [layers][heads], of the loss
}

// gazer receives the weights of all heads for one sequence: [cores][heads][queries].
type gazer struct {
	cores   []*attention.Core
	weights [][][][]float32
}

func (*gazer) Layer(_ *nn.Pass, _ int, x *tensor.Tensor) *tensor.Tensor { return x }

func (*gazer) Wants(*attention.Core, int, int, int) bool { return true }

func (g *gazer) Weights(c *attention.Core, _, head, row int, weights []float32) {
	layer := slices.Index(g.cores, c)
	for len(g.weights[layer]) <= head {
		g.weights[layer] = append(g.weights[layer], nil)
	}
	g.weights[layer][head] = append(g.weights[layer][head], slices.Clone(weights))
}

// gaze is what every head of a model looks at in a text: [layers][heads][query][key].
func (r *run) gaze(ctx context.Context, m model.Model, ids []int32) [][][][]float32 {
	g := &gazer{cores: nn.Find[*attention.Core](m)}
	g.weights = make([][][][]float32, len(g.cores))
	p := nn.NewPass(ctx, nn.Sequences(len(ids)), nn.Options{Device: r.Device})
	defer p.Close()
	p.Probe = g
	m.Run(p, &model.Input{IDs: ids})
	return g.weights
}

// attends is the best of the rungs that have attention.
func (r *run) attends() *rung {
	var best *rung
	for _, g := range r.rungs {
		if len(nn.Find[*attention.Core](g.model.Model)) > 0 && (best == nil || g.Point > best.Point) {
			best = g
		}
	}
	return best
}

// heads shows attention: the sum itself, then the run's own heads.
func (r *run) heads(ctx context.Context) (*report.Section, error) {
	blocks := []report.Block{
		report.Paragraph{Text: "Each word asks a question, its query; each word offers a key and a value. The dot product of a query and a key says how much the two have to do with each other; a softmax makes weights of these numbers that add up to 1; and the word’s new vector is the sum of all values by these weights: softmax(Q Kᵀ/√d) V. It is a dictionary that need not decide: with sharp weights it returns one value, with flat ones the mean of all."},
		r.dictionary(ctx),
		report.Paragraph{Text: report.Text(r.loops(ctx))},
	}
	if g := r.attends(); g != nil {
		more, err := r.headMaps(ctx, g)
		if err != nil {
			return nil, err
		}
		blocks = append(blocks, more...)
	}
	return &report.Section{ID: "attention", Title: "Attention, and what its heads do", Blocks: blocks}, nil
}

// dictionary looks a query up among five orthogonal keys at several temperatures.
func (r *run) dictionary(ctx context.Context) report.Block {
	const n = 5
	words := []string{"work", "to", "live", "and", "play"}
	s := report.Slider{Caption: "A query that lies near the key of *live*, looked up among five keys at right angles to each other. Each row of values is one number here: 1 to 5.", Label: "temperature", First: 2}
	keys, values, query := make([]float32, n*n), make([]float32, n*n), make([]float32, n)
	for i := range n {
		keys[i*n+i], values[i*n] = 1, float32(i+1)
	}
	query[0], query[2], query[4] = 0.3, 1, 0.5
	for _, t := range []float64{0.05, 0.2, 0.5, 1, 5} {
		core := attention.Core{Heads: 1, Scale: float32(1 / t)}
		p := nn.NewPass(ctx, nn.Sequences(1), nn.Options{Device: r.Device})
		q, k, v := p.Of(query, 1, n), p.Of(keys, n, n), p.Of(values, n, n)
		out := core.Cross(p, q, k, v, nn.Sequences(n)).Row(0)[0]
		unit := make([]float32, n*n) // values that show the weights
		for i := range n {
			unit[i*n+i] = 1
		}
		weights := core.Cross(p, q, k, p.Of(unit, n, n), nn.Sequences(n)).Float32s()
		p.Close()
		b := report.Bars{Caption: report.Text(fmt.Sprintf("The value that comes out: %s.", report.Figure(float64(out)))), Axis: report.Axis{Label: "weight of each key", Format: report.Percent, Max: report.At(1)}}
		for i, w := range weights {
			b.Items = append(b.Items, report.Item{Name: report.Text(words[i]), Value: float64(w), Strong: i == 2})
		}
		s.Frames = append(s.Frames, report.Frame{Name: number(t), Block: b})
	}
	return s
}

// loops computes attention by loops and by matrices, and measures how dot products
// grow with the width.
func (r *run) loops(ctx context.Context) string {
	const n, d = 12, 64
	x := rows(3*n, d)
	q, k, v := x[:n*d], x[n*d:2*n*d], x[2*n*d:]
	p := nn.NewPass(ctx, nn.Sequences(n), nn.Options{Device: r.Device})
	defer p.Close()
	core := attention.Core{Heads: 1}
	matrix := core.Attend(p, p.Of(q, n, d), p.Of(k, n, d), p.Of(v, n, d), attention.Full).Float32s()
	far := apart(matrix, AttendByLoops(q, k, v, d))
	draw := rand.New(rand.NewPCG(r.Seed, 64))
	const times = 20000
	sum, squares := 0.0, 0.0
	for range times {
		s := 0.0
		for range d {
			s += float64(draw.NormFloat64() * draw.NormFloat64())
		}
		sum, squares = sum+s, squares+float64(s*s)
	}
	variance := squares/times - float64(sum/times*sum/times)
	return fmt.Sprintf("Written as two loops over words or as three products of matrices it is the same sum: on %d random words of width %d the two differ by %s at most, the rounding of the last bits. And why the √d: dot products of %d random numbers of variance 1 have variance %s here; divided by √%d it is %s, so that the softmax starts neither flat nor sharp.",
		n, d, report.Figure(far), d, report.Figure(variance), d, fmt.Sprintf("%.2f", variance/d))
}

// AttendByLoops is softmax(q·kᵀ/√d)·v, one query after the other, as the paper’s
// equation 1 says it; q, k and v are [rows, d].
func AttendByLoops(q, k, v []float32, d int) []float32 {
	out := make([]float32, len(q))
	n := len(k) / d
	for i := range len(q) / d {
		weights, sum, most := make([]float64, n), 0.0, math.Inf(-1)
		for j := range n {
			for c := range d {
				weights[j] += float64(float64(q[i*d+c]) * float64(k[j*d+c]))
			}
			weights[j] /= math.Sqrt(float64(d))
			most = max(most, weights[j])
		}
		for j := range weights {
			weights[j] = math.Exp(weights[j] - most)
			sum += weights[j]
		}
		for c := range d {
			mix := 0.0
			for j, w := range weights {
				mix += float64(w / sum * float64(v[j*d+c]))
			}
			out[i*d+c] = float32(mix)
		}
	}
	return out
}

// headMaps shows the heads of a rung on the run's own sentences, and switches each
// off.
func (r *run) headMaps(ctx context.Context, g *rung) ([]report.Block, error) {
	s := report.Slider{Caption: report.Text("What the heads of *" + g.name + "* look at. A row is a word that asks, a column a word that is looked at; the weights of a row add up to 1, and the full colour is the greatest of all. What a head “does” is not written anywhere: look, and measure what is lost without it."), Label: "document"}
	sentences := r.sentences(3)
	for i, text := range sentences {
		e, err := r.pieces.EncodeWith(token.Input{Text: text}, token.Options{AddSpecialTokens: true})
		if err != nil {
			return nil, err
		}
		m := report.Maps{Caption: report.Quote(text)}
		for l, heads := range r.gaze(ctx, g.model.Model, e.IDs) {
			for h, queries := range heads {
				heat := report.Heat{Caption: report.Text(fmt.Sprintf("layer %d, head %d", l+1, h+1)), Rows: e.Tokens, Columns: e.Tokens, Most: 1}
				for _, w := range queries {
					row := make(report.Numbers, len(w))
					for j, v := range w {
						row[j] = float64(v)
					}
					heat.Values = append(heat.Values, row)
				}
				m.Panels = append(m.Panels, heat)
			}
		}
		most := 0.0
		for _, h := range m.Panels {
			for _, row := range h.Values {
				most = max(most, slices.Max(row))
			}
		}
		for j := range m.Panels {
			m.Panels[j].Most = most
		}
		s.Frames = append(s.Frames, report.Frame{Name: report.Text(fmt.Sprintf("%d of %d", i+1, len(sentences))), Block: m})
	}
	off, err := r.switchOff(ctx, g)
	if err != nil {
		return nil, err
	}
	return []report.Block{report.Paragraph{Text: "Several heads look at once, each in a part of the width, at the cost of one. The talk suggests that they may share out grammar, vocabulary, conjugation. Here they are, on your own documents:"}, s, off}, nil
}

// sentences are the user's own and short test documents, the talk's sentence first.
func (r *run) sentences(n int) []string {
	out := append([]string{workToLive}, r.Sentences...)
	n += len(r.Sentences)
	for _, e := range r.set.Test {
		if k := len(r.pieces.IDs(e.Text)); k >= 6 && k <= 12 && len(out) < n {
			out = append(out, e.Text)
		}
	}
	return out
}

// switchOff measures the loss on the test documents with each head silent: what it
// adds to the sum is made zero.
func (r *run) switchOff(ctx context.Context, g *rung) (report.Block, error) {
	set, err := r.encode(ctx, r.pieces, r.set.Test)
	if err != nil {
		return nil, err
	}
	all := make([]int, set.Len())
	for i := range all {
		all[i] = i
	}
	loss := func() (float64, error) {
		b, err := set.Batch(all...)
		if err != nil {
			return 0, err
		}
		s, err := train.Evaluate(ctx, train.Own(g.model.Model), data.Each([]data.Batch{b}), r.Device)
		return s.Loss, err
	}
	f := HeadFigures{Key: g.key}
	if f.Loss, err = loss(); err != nil {
		return nil, err
	}
	heat := report.Heat{Caption: report.Text(fmt.Sprintf("How much the loss on the test documents grows with one head switched off, from %s nats with all of them. Blue: it gets better without.", report.Figure(f.Loss))), RowAxis: "layer", ColAxis: "head", Digits: 3}
	heads := r.size.heads
	for h := range heads {
		heat.Columns = append(heat.Columns, fmt.Sprint(h+1))
	}
	for l, out := range outputs(g.model.Model) {
		heat.Rows = append(heat.Rows, fmt.Sprint(l+1))
		row := make([]float64, heads)
		for h := range heads {
			back := silence(out, h, heads)
			now, err := loss()
			back()
			if err != nil {
				return nil, err
			}
			row[h] = now - f.Loss
		}
		f.Change = append(f.Change, row)
		heat.Values = append(heat.Values, row)
	}
	r.figures.Heads = append(r.figures.Heads, f)
	return heat, nil
}

// silence makes the columns of an output projection that a head feeds zero, and gives
// what puts them back.
func silence(out *nn.Param, head, heads int) (back func()) {
	w := out.Own()
	before := slices.Clone(w)
	width := out.Shape[1]
	lo, hi := head*width/heads, (head+1)*width/heads
	for i := range out.Shape[0] {
		clear(w[i*width+lo : i*width+hi])
	}
	out.Changed()
	return func() {
		copy(w, before)
		out.Changed()
	}
}
