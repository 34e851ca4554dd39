package check

import (
	"context"
	"fmt"

	"github.com/qkvgo/qkv/attention"
	"github.com/qkvgo/qkv/checkpoint"
	"github.com/qkvgo/qkv/device"
	"github.com/qkvgo/qkv/model/transformer"
	"github.com/qkvgo/qkv/nn"
	"github.com/qkvgo/qkv/tensor"
)

// stream is an input of rows that a mask may hide from queries.
type stream struct {
	*grid
	x    *tensor.Tensor
	rows nn.Batch
}

// rowsOf is the batch of the input name, with the places that the mask hides
// carried: the reference computes them too.
func (c *part) rowsOf(name, mask string) (nn.Batch, *grid, error) {
	g, err := c.gridOf(name)
	if err != nil {
		return nn.Batch{}, nil, err
	}
	rows := nn.Sequences(g.lengths...)
	if t, ok := c.in[mask]; ok {
		rows.Hidden, err = c.truths(mask)
		if len(rows.Hidden) != rows.Rows() {
			return rows, nil, &checkpoint.Unsupported{What: fmt.Sprintf("%s of shape %v", mask, t.Shape)}
		}
	}
	return rows, g, err
}

// stream puts an input into the pass.
func (c *part) stream(p *nn.Pass, name, mask string) (s stream, err error) {
	if s.rows, s.grid, err = c.rowsOf(name, mask); err != nil {
		return s, err
	}
	if s.x, err = c.input(p, name); err != nil {
		return s, err
	}
	return s, nil
}

// truths reads a mask of booleans, or of numbers that are 0 or very negative.
func (c *part) truths(name string) ([]bool, error) {
	t := c.in[name]
	out := make([]bool, t.Len())
	if v, err := integers(t); err == nil {
		for i, x := range v {
			out[i] = x != 0
		}
		return out, nil
	}
	v, err := floats(t)
	for i, x := range v {
		out[i] = x < -1e30
		if x != 0 && !out[i] {
			return nil, &checkpoint.Unsupported{What: name + " of other numbers than 0 and -inf"}
		}
	}
	return out, err
}

// square is a mask of queries and keys, the same for all sequences and heads.
type square struct {
	apart []bool
	keys  int
}

// Cover is Pattern's.
func (square) Cover(attention.Place, int, int, int, int) attention.Cover { return attention.Some }

// Row is Pattern's.
func (s square) Row(_ attention.Place, q, k0 int) (word uint64) {
	for k := k0; k < min(k0+attention.Tile, s.keys); k++ {
		if !s.apart[q*s.keys+k] {
			word |= 1 << (k - k0)
		}
	}
	return word
}

// pattern is the first of the named masks that the part has.
func (c *part) pattern(names ...string) (attention.Pattern, error) {
	for _, name := range names {
		t, ok := c.in[name]
		if !ok {
			continue
		}
		if len(t.Shape) != 2 {
			return nil, &checkpoint.Unsupported{What: fmt.Sprintf("%s of shape %v", name, t.Shape)}
		}
		apart, err := c.truths(name)
		return square{apart, t.Shape[1]}, err
	}
	return nil, nil
}

func (c *part) multiHead(ctx context.Context, d device.Device) (map[string][]float32, error) {
	width, heads, bias := 0, 0, true
	var kdim, vdim *int
	known := map[string]any{"embed_dim": &width, "num_heads": &heads, "bias": &bias, "kdim": &kdim, "vdim": &vdim,
		"dropout": nil, "batch_first": nil, "need_weights": nil, "average_attn_weights": nil}
	if err := c.args(known); err != nil {
		return nil, err
	}
	m := transformer.NewMultiHead(width, heads, 0)
	if kdim != nil || vdim != nil {
		keys, values := width, width
		if kdim != nil {
			keys = *kdim
		}
		if vdim != nil {
			values = *vdim
		}
		if keys != width || values != width {
			m.Split(keys, values)
		}
	}
	if !bias {
		m.Bias, m.Out.Bias = nil, nil
	}
	if err := c.bind(m); err != nil {
		return nil, err
	}
	mask := "key_padding_mask"
	if c.in["key"].Shape == nil {
		rows, g, err := c.rowsOf("query", mask)
		if err != nil {
			return nil, err
		}
		return c.look(ctx, d, m, rows, g, rows, g)
	}
	rows, g, err := c.rowsOf("query", "")
	if err != nil {
		return nil, err
	}
	keys, gk, err := c.rowsOf("key", mask)
	if err != nil {
		return nil, err
	}
	return c.look(ctx, d, m, rows, g, keys, gk)
}

// look runs attention with its weights in hand.
func (c *part) look(ctx context.Context, d device.Device, m *transformer.MultiHead, rows nn.Batch, g *grid, keyRows nn.Batch, gk *grid) (map[string][]float32, error) {
	p := nn.NewPass(ctx, rows, nn.Options{Device: d, Tape: true})
	defer p.Close()
	in := map[string]*tensor.Tensor{}
	for _, name := range []string{"query", "key", "value"} {
		x, err := c.input(p, name)
		if err != nil {
			return nil, err
		}
		in[name] = x
	}
	pattern, err := c.pattern("attn_mask")
	if err != nil {
		return nil, err
	}
	h := g.pack(in["query"])
	keys, values := h, h
	if in["key"] != nil {
		keys = gk.pack(in["key"])
		values = keys
	}
	if in["value"] != nil {
		values = gk.pack(in["value"])
	}
	y, weights := m.Look(p, h, keys, values, keyRows, pattern)
	return c.gathered(p, m, in, map[string]*tensor.Tensor{"output": g.pad(y), "weights": c.laidOut(weights, rows.Len())})
}

// laidOut is all weights, [sequences·heads·queries, keys], or their means over
// heads where the reference has these.
func (c *part) laidOut(weights [][]*tensor.Tensor, sequences int) *tensor.Tensor {
	var all []*tensor.Tensor
	average := len(c.want["weights"].Shape) == 3
	for _, heads := range weights {
		if !average {
			all = append(all, heads...)
			continue
		}
		sum := heads[0]
		for _, w := range heads[1:] {
			sum = sum.Add(w)
		}
		all = append(all, sum.Scale(1/float32(len(heads))))
	}
	if sequences == 0 {
		return nil
	}
	return tensor.Stack(all...)
}

// layerConfig reads the arguments that encoders and decoders share; layers is nil
// for a single layer.
func (c *part) layerConfig() (config transformer.Config, layers *int, err error) {
	eps := 0.0
	known := map[string]any{"d_model": &config.Width, "nhead": &config.Heads, "dim_feedforward": &config.Inner, "activation": &config.Act,
		"layer_norm_eps": &eps, "norm_first": &config.NormFirst, "layers": &layers, "num_layers": &layers, "batch_first": nil, "dropout": nil,
		"enable_nested_tensor": nil}
	err = c.args(known)
	config.Eps = float32(eps)
	if err == nil && config.Act != "" && !config.Act.Known() {
		err = &checkpoint.Unsupported{What: "the activation " + string(config.Act)}
	}
	return config, layers, err
}

// endsInNorm says whether the stack's weights have a norm behind the layers.
func (c *part) endsInNorm() bool {
	for name := range c.grad {
		if name == "norm.weight" {
			return true
		}
	}
	return false
}

func (c *part) encoder(ctx context.Context, d device.Device) (map[string][]float32, error) {
	config, layers, err := c.layerConfig()
	if err != nil {
		return nil, err
	}
	var m any
	var forward func(*nn.Pass, *tensor.Tensor, attention.Pattern) *tensor.Tensor
	if layers == nil {
		l := transformer.NewEncoderLayer(config)
		m, forward = l, l.Forward
	} else {
		e := transformer.NewEncoder(config, *layers, c.endsInNorm())
		m, forward = e, e.Forward
	}
	if err := c.bind(m); err != nil {
		return nil, err
	}
	rows, _, err := c.rowsOf("src", "src_key_padding_mask")
	if err != nil {
		return nil, err
	}
	p := nn.NewPass(ctx, rows, nn.Options{Device: d, Tape: true})
	defer p.Close()
	src, err := c.stream(p, "src", "src_key_padding_mask")
	if err != nil {
		return nil, err
	}
	pattern, err := c.pattern("src_mask", "mask")
	if err != nil {
		return nil, err
	}
	y := forward(p, src.pack(src.x), pattern)
	return c.gathered(p, m, map[string]*tensor.Tensor{"src": src.x}, map[string]*tensor.Tensor{"output": src.pad(y)})
}

func (c *part) decoder(ctx context.Context, d device.Device) (map[string][]float32, error) {
	config, layers, err := c.layerConfig()
	if err != nil {
		return nil, err
	}
	if _, ok := c.in["memory_mask"]; ok {
		return nil, &checkpoint.Unsupported{What: "the input memory_mask"}
	}
	var m any
	var forward func(*nn.Pass, *tensor.Tensor, attention.Pattern, *tensor.Tensor, nn.Batch) *tensor.Tensor
	if layers == nil {
		l := transformer.NewDecoderLayer(config)
		m, forward = l, l.Forward
	} else {
		e := transformer.NewDecoder(config, *layers, c.endsInNorm())
		m, forward = e, e.Forward
	}
	if err := c.bind(m); err != nil {
		return nil, err
	}
	rows, _, err := c.rowsOf("tgt", "tgt_key_padding_mask")
	if err != nil {
		return nil, err
	}
	p := nn.NewPass(ctx, rows, nn.Options{Device: d, Tape: true})
	defer p.Close()
	tgt, err := c.stream(p, "tgt", "tgt_key_padding_mask")
	if err != nil {
		return nil, err
	}
	memory, err := c.stream(p, "memory", "memory_key_padding_mask")
	if err != nil {
		return nil, err
	}
	pattern, err := c.pattern("tgt_mask")
	if err != nil {
		return nil, err
	}
	y := forward(p, tgt.pack(tgt.x), pattern, memory.pack(memory.x), memory.rows)
	in := map[string]*tensor.Tensor{"tgt": tgt.x, "memory": memory.x}
	return c.gathered(p, m, in, map[string]*tensor.Tensor{"output": tgt.pad(y)})
}
