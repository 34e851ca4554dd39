package talk

import (
	"context"
	"math"
	"math/rand/v2"

	"github.com/qkvgo/qkv/device"
	"github.com/qkvgo/qkv/model/rnn"
	"github.com/qkvgo/qkv/model/transformer"
	"github.com/qkvgo/qkv/nn"
	"github.com/qkvgo/qkv/tensor"
)

// racer is a network that reads rows, for timing.
type racer struct {
	name    string
	width   int
	count   int // parameters
	forward func(p *nn.Pass, x *tensor.Tensor) *tensor.Tensor
}

// racers are an LSTM and a Transformer encoder of nearly as many parameters, with
// drawn weights: how fast they are does not depend on what they learned.
func (r *run) racers() [2]racer {
	z := r.size
	enc := transformer.NewEncoder(transformer.Config{Width: z.width, Heads: z.heads, Inner: 4 * z.width}, z.layers, false)
	fill(enc, r.Seed)
	want := parameters(enc)
	var net *rnn.Network
	for h := 8; ; h++ {
		if n := rnn.New(rnn.Config{Cell: rnn.LSTM, Input: z.width, Hidden: h, Layers: z.layers}); parameters(n) <= want || net == nil {
			net = n
			continue
		}
		break
	}
	net.Init(r.Seed)
	return [2]racer{
		{"LSTM", z.width, parameters(net), func(p *nn.Pass, x *tensor.Tensor) *tensor.Tensor {
			y, _ := net.Forward(p, x, nil)
			return y
		}},
		{"Transformer", z.width, want, func(p *nn.Pass, x *tensor.Tensor) *tensor.Tensor { return enc.Forward(p, x, nil) }},
	}
}

// fill draws small weights for all parameters of a model, ones for those of norms.
func fill(m any, seed uint64) {
	nn.Name(m)
	for _, w := range nn.Params(m) {
		if len(w.Shape) > 1 {
			nn.InitXavier(w, seed)
		} else {
			nn.InitZeros(w)
		}
	}
	for _, n := range nn.Find[*nn.LayerNorm](m) {
		nn.InitOnes(n.Weight)
	}
}

// parameters counts the numbers of a network.
func parameters(m any) int {
	n := 0
	for _, w := range nn.Params(m) {
		n += w.Len()
	}
	return n
}

// rows is drawn input for timing, [n, width].
func rows(n, width int) []float32 {
	draw, x := rand.New(rand.NewPCG(1, 2)), make([]float32, n*width)
	for i := range x {
		x[i] = float32(draw.NormFloat64())
	}
	return x
}

// clocked is the least time that f takes on a device, in seconds: f runs once to warm
// up, then as often as the run's size has it.
func (r *run) clocked(ctx context.Context, dev device.Device, batch nn.Batch, f func(p *nn.Pass)) float64 {
	least := math.Inf(1)
	for i := range r.size.timings + 1 {
		p := nn.NewPass(ctx, batch, nn.Options{Device: dev})
		start := r.Now()
		f(p)
		took := r.Now().Sub(start).Seconds()
		p.Close()
		if i > 0 || r.size.timings == 0 {
			least = min(least, took)
		}
	}
	return max(least, 1e-9)
}

// slope is the slope of the line of least squares through the logarithms of points:
// the exponent with which y grows with x. rest is the root mean square of what the
// line leaves, in natural logarithms.
func slope(x, y []float64) (exponent, factor, rest float64) {
	n := float64(len(x))
	var sx, sy, sxx, sxy float64
	for i := range x {
		a, b := math.Log(x[i]), math.Log(y[i])
		sx, sy, sxx, sxy = sx+a, sy+b, sxx+float64(a*a), sxy+float64(a*b)
	}
	exponent = (float64(n*sxy) - float64(sx*sy)) / (float64(n*sxx) - float64(sx*sx))
	at := (sy - float64(exponent*sx)) / n
	for i := range x {
		d := math.Log(y[i]) - at - float64(exponent*math.Log(x[i]))
		rest += d * d / n
	}
	return exponent, math.Exp(at), math.Sqrt(rest)
}
