package check

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/qkvgo/qkv/device"
	"github.com/qkvgo/qkv/model/rnn"
	"github.com/qkvgo/qkv/nn"
	"github.com/qkvgo/qkv/tensor"
)

// recurrent runs a recurrent network on packed sequences.
func (c *part) recurrent(ctx context.Context, d device.Device, class string) (map[string][]float32, error) {
	kind, function, bias := rnn.Cell(class), "tanh", true
	config := rnn.Config{}
	known := map[string]any{"input_size": &config.Input, "hidden_size": &config.Hidden, "num_layers": &config.Layers, "bias": &bias,
		"bidirectional": &config.Bidirectional, "batch_first": nil, "lengths": nil, "dropout": nil}
	if class == "RNN" {
		known["nonlinearity"] = &function
	}
	if err := c.args(known); err != nil {
		return nil, err
	}
	if class == "RNN" {
		kind = rnn.Cell("RNN_" + strings.ToUpper(function))
	}
	config.Cell, config.NoBias = kind, !bias
	n := rnn.New(config)
	if err := c.bind(n); err != nil {
		return nil, err
	}
	g, err := c.gridOf("input")
	if err != nil {
		return nil, err
	}
	if _, ok := c.in["lengths"]; ok {
		lengths, err := ids(c, "lengths")
		if err != nil {
			return nil, err
		}
		if len(lengths) != g.sequences || len(lengths) == 0 {
			return nil, fmt.Errorf("%d lengths for %d sequences", len(lengths), g.sequences)
		}
		for i, n := range lengths {
			g.lengths[i] = int(n)
		}
	}
	p := nn.NewPass(ctx, nn.Sequences(g.lengths...), nn.Options{Device: d, Tape: true})
	defer p.Close()
	packed := *g
	packed.wide = slices.Max(g.lengths) // the reference's output is no longer
	in := map[string]*tensor.Tensor{}
	for _, name := range []string{"input", "h0", "c0"} {
		if in[name], err = c.input(p, name); err != nil {
			return nil, err
		}
	}
	var first *rnn.State
	if in["h0"] != nil {
		first = &rnn.State{H: in["h0"], C: in["c0"]}
	}
	y, last := n.Forward(p, g.pack(in["input"]), first)
	return c.gathered(p, n, in, map[string]*tensor.Tensor{"output": packed.pad(y), "h_n": last.H, "c_n": last.C})
}
