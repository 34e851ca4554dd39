package check

import (
	"context"
	"fmt"
	"strings"

	"github.com/qkvgo/qkv/checkpoint"
	"github.com/qkvgo/qkv/device"
	"github.com/qkvgo/qkv/nn"
	"github.com/qkvgo/qkv/safetensors"
	"github.com/qkvgo/qkv/tensor"
)

// layer gives a layer's outputs, and the gradients of Σ output·cotangent.
func (c *part) layer(ctx context.Context, d device.Device) (map[string][]float32, error) {
	switch class := c.meta.Class[strings.LastIndex(c.meta.Class, ".")+1:]; class {
	case "RNN", "LSTM", "GRU":
		return c.recurrent(ctx, d, class)
	case "MultiheadAttention":
		return c.multiHead(ctx, d)
	case "TransformerEncoder", "TransformerEncoderLayer":
		return c.encoder(ctx, d)
	case "TransformerDecoder", "TransformerDecoderLayer":
		return c.decoder(ctx, d)
	}
	return nil, &checkpoint.Unsupported{What: "the layer " + c.meta.Class}
}

// bind gives the parameters of m the part's weights.
func (c *part) bind(m any) error {
	f, err := safetensors.OpenModel(c.dir)
	if err != nil {
		return err
	}
	defer f.Close()
	count := 0
	for name, w := range nn.Params(m) {
		t, ok := f.Tensor(name)
		if !ok || t.Len() != w.Len() {
			return fmt.Errorf("the weights lack %s of shape %v", name, w.Shape)
		}
		data, err := floats(t)
		if err != nil {
			return err
		}
		w.Name = name
		w.Set(data)
		count++
	}
	if count != f.Len() {
		return &checkpoint.Unsupported{What: fmt.Sprintf("%d weights of which the layer has %d", f.Len(), count)}
	}
	return nil
}

// grid is the places of a padded batch that a part's tensors have, and the rows
// that stand for them.
type grid struct {
	lengths    []int
	sequences  int
	wide       int
	batchFirst bool
}

// place is where row t of sequence i stands among the padded places.
func (g *grid) place(i, t int) int {
	if g.batchFirst {
		return i*g.wide + t
	}
	return t*g.sequences + i
}

// pack is the rows of a padded x that sequences have.
func (g *grid) pack(x *tensor.Tensor) *tensor.Tensor {
	var ids []int32
	for i, n := range g.lengths {
		for t := range n {
			ids = append(ids, int32(g.place(i, t)))
		}
	}
	return x.Gather(ids)
}

// pad puts packed rows back to their places, zeros elsewhere.
func (g *grid) pad(y *tensor.Tensor) *tensor.Tensor {
	ids := make([]int32, g.sequences*g.wide)
	for i := range ids {
		ids[i] = -1
	}
	row := int32(0)
	for i, n := range g.lengths {
		for t := range n {
			ids[g.place(i, t)] = row
			row++
		}
	}
	return y.Gather(ids)
}

// gridOf reads the layout of an input of two axes and a width.
func (c *part) gridOf(name string) (*grid, error) {
	first, err := arg(c, "batch_first", false)
	shape := c.in[name].Shape
	if err != nil || len(shape) != 3 {
		return nil, &checkpoint.Unsupported{What: fmt.Sprintf("the input %s of shape %v", name, shape)}
	}
	g := &grid{sequences: shape[1], wide: shape[0], batchFirst: first}
	if first {
		g.sequences, g.wide = shape[0], shape[1]
	}
	g.lengths = make([]int, g.sequences)
	for i := range g.lengths {
		g.lengths[i] = g.wide
	}
	return g, nil
}

// input is an input that gets a gradient.
func (c *part) input(p *nn.Pass, name string) (*tensor.Tensor, error) {
	t, ok := c.in[name]
	if !ok {
		return nil, nil
	}
	v, err := floats(t)
	return p.Input(v, t.Shape...), err
}

// gathered runs backward from Σ output·cotangent and gives all numbers by name.
func (c *part) gathered(p *nn.Pass, m any, in, out map[string]*tensor.Tensor) (map[string][]float32, error) {
	all := map[string][]float32{}
	var sum *tensor.Tensor
	for _, name := range sortedNames(out) {
		if out[name] == nil {
			continue
		}
		all[name] = out[name].Float32s()
		t, ok := c.in["cotangent."+name]
		if !ok {
			continue
		}
		v, err := floats(t)
		if err != nil {
			return nil, err
		}
		if len(v) != len(all[name]) {
			return nil, fmt.Errorf("cotangent.%s has %d numbers, the output %d", name, len(v), len(all[name]))
		}
		part := out[name].Mul(p.Of(v, out[name].Shape()...)).Sum()
		if sum != nil {
			part = sum.Add(part)
		}
		sum = part
	}
	if sum == nil {
		return all, nil
	}
	sum.Backward()
	for name, x := range in {
		if x != nil && x.Grad() != nil {
			all[gradientOf+"input."+name] = x.Grad().Float32s()
		}
	}
	for name, w := range nn.Params(m) {
		if g := p.Grad(w); g != nil {
			all[gradientOf+name] = g.Float32s()
		}
	}
	return all, nil
}
