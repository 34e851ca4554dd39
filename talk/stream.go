package talk

import (
	"context"
	"fmt"
	"time"

	"github.com/qkvgo/qkv/model"
	"github.com/qkvgo/qkv/nn"
	"github.com/qkvgo/qkv/scratch"
	"github.com/qkvgo/qkv/talk/report"
)

// StreamFigures are what a network needs to read on and on, token by token.
type StreamFigures struct {
	Network string    `json:"network"`
	At      []int     `json:"tokens"`  // read so far
	Bytes   []float64 `json:"bytes"`   // that it remembers
	Seconds []float64 `json:"seconds"` // for the next token
}

// stream reads one endless document token by token.
func (r *run) stream(ctx context.Context) (*report.Section, error) {
	z := r.size
	n := z.stream
	ids := r.long(n, 1)[0]
	memory := report.Lines{Caption: "Bytes that must be kept to read on.", X: report.Axis{Label: "tokens read"}, Y: report.Axis{Label: "bytes", Log: true, Format: report.Bytes}}
	wait := report.Lines{Caption: "Time for the next token, the middle of the tokens around it.", X: report.Axis{Label: "tokens read"}, Y: report.Axis{Label: "seconds", Format: report.Clock, Min: report.At(0)}}
	for _, c := range []struct {
		name  string
		made  scratch.Options
		bytes func(n int) float64
	}{
		{"LSTM", scratch.Options{Kind: "lstm", Task: nextToken, Width: z.width, Layers: z.layers, Seed: r.Seed}, func(int) float64 { return LSTMBytes(z.layers, z.width) }},
		{"Transformer", scratch.Options{Kind: "transformer", Task: nextToken, Width: z.width, Layers: z.layers, Heads: z.heads, Length: n, Seed: r.Seed},
			func(n int) float64 { return CacheBytes(z.layers, n, z.width) }},
	} {
		m, err := c.made.With(r.pieces.Tokenizer, nil, nil)
		if err != nil {
			return nil, err
		}
		lm, ok := m.Model.(model.CausalLM)
		if !ok {
			return nil, fmt.Errorf("%s does not read token by token", c.name)
		}
		took, err := r.step(ctx, lm, ids)
		if err != nil {
			return nil, err
		}
		f := StreamFigures{Network: c.name}
		a, b := report.Series{Name: report.Text(c.name)}, report.Series{Name: report.Text(c.name)}
		const points = 12
		for i := 1; i <= points; i++ {
			at := n * i / points
			part := took[n*(i-1)/points : at]
			f.At, f.Bytes, f.Seconds = append(f.At, at), append(f.Bytes, c.bytes(at)), append(f.Seconds, middle(part).Seconds())
			a.X, a.Y = append(a.X, float64(at)), append(a.Y, c.bytes(at))
			b.X, b.Y = append(b.X, float64(at)), append(b.Y, middle(part).Seconds())
		}
		memory.Series, wait.Series = append(memory.Series, a), append(wait.Series, b)
		r.figures.Streams = append(r.figures.Streams, f)
	}
	return &report.Section{ID: "stream", Title: "When an LSTM still fits", Blocks: []report.Block{
		report.Paragraph{Text: "A text without end, a robot that must answer now, a small machine: an LSTM carries a state of fixed size from token to token and forgets the rest. A Transformer keeps the keys and values of all it has read, 2 · layers · n · width numbers, and looks at all of them for each new token."},
		memory, wait,
		report.Note{Text: report.Text(fmt.Sprintf("One token at a time, %d tokens, networks of %d layers of width %d. At a million tokens the state of this LSTM still takes %s, the cache of this Transformer %s.",
			n, z.layers, z.width, report.Size(LSTMBytes(z.layers, z.width)), report.Size(CacheBytes(z.layers, 1e6, z.width))))}}}, nil
}

// LSTMBytes is what an LSTM of float32 remembers of a text of any length: h and c of
// each layer.
func LSTMBytes(layers, width int) float64 { return float64(2 * layers * width * 4) }

// CacheBytes is what a Transformer of float32 remembers of n tokens: keys and values
// of each layer.
func CacheBytes(layers, n, width int) float64 { return float64(2 * layers * n * width * 4) }

// step reads ids one by one with a memory, and gives the time of each.
func (r *run) step(ctx context.Context, lm model.CausalLM, ids []int32) ([]time.Duration, error) {
	memory := &nn.Memory{}
	defer memory.Close()
	took := make([]time.Duration, len(ids))
	for i := range ids {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		p := nn.NewPass(ctx, nn.Batch{Off: []int{0, 1}, Positions: []int32{int32(i)}}, nn.Options{Device: r.Device})
		p.Memory = memory
		start := r.Now()
		lm.Hidden(p, ids[i:i+1])
		took[i] = r.Now().Sub(start)
		p.Close()
	}
	return took, nil
}

// middle is the median of times.
func middle(x []time.Duration) time.Duration {
	s := make([]float64, len(x))
	for i, d := range x {
		s[i] = float64(d)
	}
	return time.Duration(median(s))
}
