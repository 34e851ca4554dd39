package talk

import (
	"context"
	"fmt"
	"math"
	"slices"

	"github.com/qkvgo/qkv/attention"
	"github.com/qkvgo/qkv/device"
	"github.com/qkvgo/qkv/device/cpu"
	"github.com/qkvgo/qkv/model/rnn"
	"github.com/qkvgo/qkv/nn"
	"github.com/qkvgo/qkv/talk/report"
)

// SpeedFigures are how fast a network reads one document.
type SpeedFigures struct {
	Network    string    `json:"network"`
	Threads    int       `json:"threads"`
	Parameters int       `json:"parameters"`
	Lengths    []int     `json:"lengths"`           // tokens of the document
	Rates      []float64 `json:"tokens_per_second"` // of one document of that length
	Batched    []float64 `json:"tokens_per_second_of_16"`
}

// CostFigures are exponents fitted to measured times.
type CostFigures struct {
	Attention float64 `json:"attention_exponent"` // of the time of scores and mix, by length
	LSTM      float64 `json:"lstm_exponent"`
}

// LayerCost is a row of table 1 of Vaswani et al. 2017: what a layer costs for n tokens
// of width d, with filters of k tokens and windows of w.
type LayerCost struct {
	Name   string
	Work   float64 // multiplications, about
	Serial float64 // steps that must wait for each other
	Path   float64 // the longest way between two tokens
}

// LayerCosts are the four kinds of layers for n tokens of width d.
func LayerCosts(n, d, k, w float64) []LayerCost {
	reach, layers := k, 1.0
	for reach < n {
		reach, layers = reach*k, layers+1
	}
	return []LayerCost{
		{"Self-attention", n * n * d, 1, 1},
		{"Recurrent", n * d * d, n, n},
		{"Convolution", k * n * d * d, 1, layers},
		{"Attention in a window", w * n * d, 1, math.Max(1, math.Ceil(n/w))},
	}
}

// costs prints the cost table with the run's own sizes, and times both networks.
func (r *run) costs(ctx context.Context) (*report.Section, error) {
	d := float64(r.size.width)
	half, longest := r.lengths()
	s := report.Slider{Caption: "Table 1 of the paper with your numbers in it: d is the width of this run’s networks; k = 5 tokens of a filter, r = 32 tokens of a window. Self-attention does less than a recurrent layer exactly as long as n is below d.", Label: "n, tokens of a document"}
	lengths := []float64{half, longest}
	for _, n := range r.size.lengths {
		lengths = append(lengths, float64(n))
	}
	for i, n := range lengths {
		t := report.Table{Columns: []report.Column{{Name: "Layer"}, {Name: "work", Right: true}, {Name: report.Text(fmt.Sprintf("for n = %.0f, d = %.0f", n, d)), Right: true}, {Name: "steps in a row", Right: true}, {Name: "longest way", Right: true}}}
		for j, c := range LayerCosts(n, d, 5, 32) {
			formula := []report.Text{"n²·d", "n·d²", "k·n·d²", "r·n·d"}[j]
			t.Rows = append(t.Rows, []report.Text{report.Text(c.Name), formula, number(c.Work), number(c.Serial), number(c.Path)})
		}
		name := number(n)
		switch i {
		case 0:
			name += " (half of your documents are no longer)"
		case 1:
			name += " (your longest)"
		}
		s.Frames = append(s.Frames, report.Frame{Name: name, Block: t})
	}
	race, err := r.race(ctx)
	if err != nil {
		return nil, err
	}
	fits := r.fits(ctx)
	return &report.Section{ID: "costs", Title: "Serial against parallel", Blocks: append([]report.Block{
		report.Paragraph{Text: "An LSTM must finish token t − 1 before it can begin token t: n tokens are n steps, one after the other, however many cores wait. Attention compares all pairs at once: more work for long texts, but work that does not wait. The paper’s table says what that means:"},
		s}, append(race, fits...)...)}, nil
}

// lengths are the middle and the greatest number of pieces of the documents.
func (r *run) lengths() (half, longest float64) {
	var all []float64
	for _, ids := range r.pieces.ids(texts(r.set.Train)) {
		all = append(all, float64(len(ids)+2))
	}
	slices.Sort(all)
	return all[len(all)/2], all[len(all)-1]
}

// race times both networks over lengths, on one thread and on all.
func (r *run) race(ctx context.Context) ([]report.Block, error) {
	racers := r.racers()
	axis := report.Axis{Label: "tokens of the document", Log: true}
	for _, n := range r.size.lengths {
		axis.Ticks = append(axis.Ticks, float64(n))
	}
	rate := report.Axis{Label: "tokens a second", Log: true}
	alone := report.Lines{Caption: report.Text(fmt.Sprintf("Reading one document: an LSTM of %s and a Transformer of %s parameters, %d layers each.", report.Whole(int64(racers[0].count)), report.Whole(int64(racers[1].count)), r.size.layers)), X: axis, Y: rate}
	many := report.Lines{Caption: "Reading 16 documents at once. A batch gives the LSTM rows to work on side by side; the steps stay one after the other.", X: axis, Y: rate}
	all := r.Device.Threads()
	one := device.Device(cpu.New(cpu.Options{Threads: 1, Kernels: r.Device.Kernels()}))
	defer one.(*cpu.Device).Close()
	devices := []device.Device{one}
	if all > 1 {
		devices = append(devices, r.Device)
	}
	table := report.Table{Caption: "How many times faster all threads are than one.", Columns: []report.Column{{Name: "Network"}}}
	for _, n := range r.size.lengths {
		table.Columns = append(table.Columns, report.Column{Name: report.Text(fmt.Sprintf("%d tokens", n)), Right: true})
	}
	done, parts := 0.0, float64(2*len(devices)*len(r.size.lengths))
	for _, c := range racers {
		var first []float64
		for _, dev := range devices {
			f := SpeedFigures{Network: c.name, Threads: dev.Threads(), Parameters: c.count, Lengths: r.size.lengths}
			name := report.Text(fmt.Sprintf("%s, %d thread", c.name, dev.Threads()))
			if dev.Threads() > 1 {
				name += "s"
			}
			a, b := report.Series{Name: name, Dash: dev != one}, report.Series{Name: name, Dash: dev != one}
			if dev != one {
				a.Kin, b.Kin = 1, 1
			}
			for _, n := range r.size.lengths {
				if ctx.Err() != nil {
					return nil, context.Cause(ctx)
				}
				x := rows(16*n, c.width)
				single := float64(n) / r.clocked(ctx, dev, nn.Sequences(n), func(p *nn.Pass) { c.forward(p, p.Of(x[:n*c.width], n, c.width)) })
				sixteen := make([]int, 16)
				for i := range sixteen {
					sixteen[i] = n
				}
				batched := float64(16*n) / r.clocked(ctx, dev, nn.Sequences(sixteen...), func(p *nn.Pass) { c.forward(p, p.Of(x, 16*n, c.width)) })
				f.Rates, f.Batched = append(f.Rates, single), append(f.Batched, batched)
				a.X, a.Y, b.X, b.Y = append(a.X, float64(n)), append(a.Y, single), append(b.X, float64(n)), append(b.Y, batched)
				done++
				r.pace.to(done / parts)
			}
			alone.Series, many.Series = append(alone.Series, a), append(many.Series, b)
			r.figures.Speed = append(r.figures.Speed, f)
			if first == nil {
				first = f.Rates
				continue
			}
			row := []report.Text{report.Text(c.name)}
			for i, v := range f.Rates {
				row = append(row, report.Text(fmt.Sprintf("%.2f ×", v/first[i])))
			}
			table.Rows = append(table.Rows, row)
		}
	}
	blocks := []report.Block{report.Paragraph{Text: "So much for counting; here is the clock. Both read the same rows, with nearly the same number of parameters:"}, alone, many}
	if len(table.Rows) > 0 {
		blocks = append(blocks, table)
	}
	return blocks, nil
}

// fits are the exponents of measured times: 2 for the scores of attention, 1 for the
// LSTM, once n is large enough.
func (r *run) fits(ctx context.Context) []report.Block {
	d := r.size.width
	core := attention.Core{Heads: r.size.heads}
	cell := rnn.New(rnn.Config{Cell: rnn.LSTM, Input: d, Hidden: d})
	cell.Init(r.Seed)
	var n, pairs, steps []float64
	for _, length := range r.size.lengths[len(r.size.lengths)/3:] {
		x := rows(length, d)
		n = append(n, float64(length))
		pairs = append(pairs, r.clocked(ctx, r.Device, nn.Sequences(length), func(p *nn.Pass) {
			h := p.Of(x, length, d)
			core.Attend(p, h, h, h, attention.Full)
		}))
		steps = append(steps, r.clocked(ctx, r.Device, nn.Sequences(length), func(p *nn.Pass) { cell.Forward(p, p.Of(x, length, d), nil) }))
	}
	a, fa, _ := slope(n, pairs)
	l, fl, _ := slope(n, steps)
	r.figures.Costs = CostFigures{a, l}
	line := func(name report.Text, factor, exponent float64) report.Series {
		s := report.Series{Name: name, Dash: true, Bare: true, Kin: 1}
		for _, v := range n {
			s.X, s.Y = append(s.X, v), append(s.Y, factor*math.Pow(v, exponent))
		}
		return s
	}
	axis := report.Axis{Label: "tokens n", Log: true, Ticks: n}
	return []report.Block{report.Lines{Caption: report.Text(fmt.Sprintf("Time of one layer over one document, and lines of least squares through the logarithms. The scores and the mix of attention grow like n to the power of %.2f (2 in theory), the LSTM like n to the power of %.2f (1 in theory).", a, l)),
		X: axis, Y: report.Axis{Label: "seconds", Log: true, Format: report.Clock},
		Series: []report.Series{{Name: "attention", X: n, Y: pairs}, line("attention, fitted", fa, a), {Name: "LSTM", X: n, Y: steps}, line("LSTM, fitted", fl, l)}}}
}
