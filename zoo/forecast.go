package zoo

import (
	"context"

	"github.com/qkvgo/qkv/attention"
	"github.com/qkvgo/qkv/device/cpu"
	"github.com/qkvgo/qkv/model"
	"github.com/qkvgo/qkv/nn"
	"github.com/qkvgo/qkv/tensor"
)

// Forecast is what a pass costs, found without running it: the page runs on a
// device that computes nothing.
type Forecast struct {
	Rows    int   `json:"rows"`    // tokens, or pictures' pixels, that go in
	Weights int64 `json:"weights"` // bytes of the file's weights: views of it, not copies
	Panels  int64 `json:"panels"`  // bytes of weights prepared for the kernels, once for all passes
	Widened int64 `json:"widened"` // bytes of 16-bit weights that are held in 32 bits too
	Pass    int64 `json:"pass"`    // bytes that the pass takes at its peak: a layer, the output, the cache
	Cache   int64 `json:"cache"`   // of these, what remains for the next token: keys and values
	Work    int64 `json:"work"`    // multiply–adds of its products
}

// ForecastOf is the cost of one inference pass over a sequence of n tokens, or
// over n pictures, on as many threads as the machine has cores. Of a causal
// language model it is the pass that reads a prompt: keys and values are kept,
// and only the last token is scored.
func ForecastOf(m model.Model, n int) (Forecast, error) {
	return ForecastOn(m, n, nn.Float32, nn.CacheFloat32, cpu.Options{})
}

// ForecastOn is ForecastOf for a precision of the projections, a way to keep keys
// and values, and other threads or kernels.
func ForecastOn(m model.Model, n int, precision nn.Precision, cache nn.CacheType, o cpu.Options) (f Forecast, err error) {
	defer tensor.Guard(&err)
	d := cpu.NewDry(o)
	defer d.Close()
	in, rows := blank(m, n)
	f.Rows = rows.Rows()
	if lm, ok := causal(m); ok {
		memory := &nn.Memory{Cache: cache}
		defer memory.Close()
		readPrompt(nn.Options{Device: d, Precision: precision}, lm, in, rows, memory)
		f.Cache = d.Memory().InUse
	} else {
		dryRun(nn.Options{Device: d, Precision: precision}, m, in, rows)
	}
	f.Pass, f.Work, f.Panels = d.Memory().Peak, d.Work(), d.Prepared()
	for _, w := range nn.Params(m) {
		_, raw := w.Raw()
		f.Weights += int64(len(raw))
		widened, _ := w.Copies()
		f.Widened += int64(widened)
	}
	return f, nil
}

// Work is the multiply–adds of the products of one forward pass.
func Work(m model.Model, in *model.Input, rows nn.Batch) (n float64, err error) {
	defer tensor.Guard(&err)
	d := cpu.NewDry(cpu.Options{})
	defer d.Close()
	dryRun(nn.Options{Device: d}, m, in, rows)
	return float64(d.Work()), nil
}

// blank is an input of n tokens, or pictures, that say nothing.
func blank(m model.Model, n int) (*model.Input, nn.Batch) {
	v, ok := m.(model.Vision)
	if !ok {
		return &model.Input{IDs: make([]int32, n)}, nn.Sequences(n)
	}
	h, w, c := v.PictureSize()
	grids := make([]nn.Grid, n)
	for i := range grids {
		grids[i] = nn.Grid{Height: h, Width: w}
	}
	rows := nn.Pictures(grids...)
	return &model.Input{Pixels: make([]float32, rows.Rows()*c)}, rows
}

// causal gives m as a language model that decodes with a cache, if it is one.
func causal(m model.Model) (model.CausalLM, bool) {
	lm, ok := m.(model.CausalLM)
	if d, directed := m.(model.Directed); directed && !d.Causal() {
		ok = false
	}
	return lm, ok
}

func dryRun(o nn.Options, m model.Model, in *model.Input, rows nn.Batch) {
	p := nn.NewPass(context.Background(), rows, o)
	defer p.Close()
	m.Run(p, in)
}

func readPrompt(o nn.Options, lm model.CausalLM, in *model.Input, rows nn.Batch, memory *nn.Memory) {
	p := nn.NewPass(context.Background(), rows, o)
	defer p.Close()
	p.Memory = memory
	lm.Unembed(p, p.Last(lm.Hidden(p, in.IDs)))
}

// Anatomy is what a model is made of.
type Anatomy struct {
	Layers     int `json:"layers"`
	Width      int `json:"width"` // of the hidden states
	Heads      int `json:"heads"` // of queries
	KVHeads    int `json:"kv_heads"`
	Positions  int `json:"positions,omitempty"`  // most rows of a sequence; 0: no table limits them
	Vocabulary int `json:"vocabulary,omitempty"` // tokens that a language model chooses from
	Classes    int `json:"classes,omitempty"`    // of a classifier
}

// AnatomyOf reads a model's anatomy off its page and a pass that computes
// nothing.
func AnatomyOf(m model.Model) (a Anatomy, err error) {
	defer tensor.Guard(&err)
	d := cpu.NewDry(cpu.Options{})
	defer d.Close()
	in, rows := blank(m, 1)
	p := nn.NewPass(context.Background(), rows, nn.Options{Device: d})
	defer p.Close()
	p.Probe = layers{&a}
	m.Run(p, in)
	for _, c := range nn.Find[*attention.Core](m) {
		a.Heads = max(a.Heads, c.Heads)
		a.KVHeads = max(a.KVHeads, c.KVHeads)
	}
	if a.KVHeads == 0 {
		a.KVHeads = a.Heads
	}
	a.Positions = Positions(m)
	if lm, ok := m.(model.CausalLM); ok {
		a.Vocabulary = lm.Vocabulary()
	}
	if l, ok := m.(model.Labelled); ok {
		a.Classes = l.ClassLabels().Count()
	}
	return a, nil
}

// layers is a probe that counts.
type layers struct{ *Anatomy }

// Layer notes a layer and its width.
func (l layers) Layer(_ *nn.Pass, i int, x *tensor.Tensor) *tensor.Tensor {
	l.Layers, l.Width = max(l.Layers, i), x.Width()
	return x
}

// Positions is the most rows that a sequence can have in the model, 0 where no
// table of positions limits them.
func Positions(m model.Model) int {
	limits := nn.Find[model.Limited](m)
	if l, ok := m.(model.Limited); ok {
		limits = append(limits, l)
	}
	n := 0
	for _, l := range limits {
		if p := l.Positions(); n == 0 || p < n {
			n = p
		}
	}
	return n
}
