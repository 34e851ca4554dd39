package zoo

import (
	"context"

	"github.com/qkvgo/qkv/device/cpu"
	"github.com/qkvgo/qkv/kernel"
	"github.com/qkvgo/qkv/model"
	"github.com/qkvgo/qkv/nn"
	"github.com/qkvgo/qkv/tensor"
)

// Forecast is what a pass costs, found without running it.
type Forecast struct {
	Rows    int   `json:"rows"`    // tokens, or pictures' pixels, that go in
	Weights int64 `json:"weights"` // bytes of the file's weights: views of it, not copies
	Panels  int64 `json:"panels"`  // bytes of weights prepared for the kernels, at most
	Pass    int64 `json:"pass"`    // bytes that the pass takes at its peak
	Work    int64 `json:"work"`    // multiply–adds of its products, attention's own left out
}

// ForecastOf is the cost of one inference pass over a sequence of n tokens, or
// over n pictures, on the machine's cores. It runs the page on a device that
// computes nothing.
func ForecastOf(m model.Model, n int) (f Forecast, err error) {
	defer tensor.Guard(&err)
	d := cpu.NewDry(cpu.Options{})
	defer d.Close()
	in, rows := &model.Input{}, nn.Sequences(n)
	if v, ok := m.(model.Vision); ok {
		h, w, c := v.PictureSize()
		grids := make([]nn.Grid, n)
		for i := range grids {
			grids[i] = nn.Grid{Height: h, Width: w}
		}
		rows = nn.Pictures(grids...)
		in.Pixels = make([]float32, rows.Rows()*c)
	} else {
		in.IDs = make([]int32, n)
	}
	f.Rows = rows.Rows()
	dryRun(d, m, in, rows)
	f.Pass, f.Work = d.Memory().Peak, d.Work()
	for _, w := range nn.Params(m) {
		_, raw := w.Raw()
		f.Weights += int64(len(raw))
		if n := len(w.Shape); n >= 2 {
			f.Panels += 4 * int64(kernel.Best().PackedLen(w.Shape[n-1], w.Len()/max(w.Shape[n-1], 1)))
		}
	}
	return f, nil
}

// Work is the multiply–adds of the products of one forward pass, attention's own
// left out.
func Work(m model.Model, in *model.Input, rows nn.Batch) (n float64, err error) {
	defer tensor.Guard(&err)
	d := cpu.NewDry(cpu.Options{})
	defer d.Close()
	dryRun(d, m, in, rows)
	return float64(d.Work()), nil
}

func dryRun(d *cpu.Dry, m model.Model, in *model.Input, rows nn.Batch) {
	p := nn.NewPass(context.Background(), rows, nn.Options{Device: d})
	defer p.Close()
	m.Run(p, in)
}
