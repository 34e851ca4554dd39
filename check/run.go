package check

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/qkvgo/qkv/attention"
	"github.com/qkvgo/qkv/checkpoint"
	"github.com/qkvgo/qkv/model"
	"github.com/qkvgo/qkv/nn"
	"github.com/qkvgo/qkv/tensor"
)

// value is an output copied out of its pass.
type value struct {
	data  []float32
	axis  model.Axis
	width int
	rows  nn.Batch // of the pass when the output was made
}

// seen is what one pass showed: its outputs, the hidden states after each layer
// and the attention maps of each core.
type seen struct {
	outputs map[string]value
	layers  []value
	cores   []*attention.Core
	maps    map[*attention.Core]*maplist
}

// maplist is the weights of a core: [sequence][head][row][key].
type maplist [][][][]float32

// Layer keeps the hidden states.
func (s *seen) Layer(p *nn.Pass, i int, x *tensor.Tensor) *tensor.Tensor {
	s.layers = append(s.layers, value{x.Float32s(), model.PerRow, x.Width(), p.Rows})
	return x
}

// Wants asks for every weight.
func (s *seen) Wants(*attention.Core, int, int, int) bool { return true }

// Weights keeps one query's weights.
func (s *seen) Weights(c *attention.Core, seq, head, row int, w []float32) {
	m := s.maps[c]
	if m == nil {
		m = new(maplist)
		s.maps[c] = m
		s.cores = append(s.cores, c)
	}
	put := *m
	for len(put) <= seq {
		put = append(put, nil)
	}
	for len(put[seq]) <= head {
		put[seq] = append(put[seq], nil)
	}
	for len(put[seq][head]) <= row {
		put[seq][head] = append(put[seq][head], nil)
	}
	put[seq][head][row] = slices.Clone(w)
	*m = put
}

// look runs the call once and copies out all that it shows.
func look(ctx context.Context, m model.Model, k *call, o nn.Options) (s *seen, err error) {
	defer tensor.Guard(&err)
	p := nn.NewPass(ctx, k.rows, o)
	defer p.Close()
	s = &seen{outputs: map[string]value{}, maps: map[*attention.Core]*maplist{}}
	p.Probe = s
	for _, o := range m.Run(p, k.in) {
		s.outputs[o.Name] = value{o.Value.Float32s(), o.Axis, o.Value.Width(), p.Rows}
	}
	return s, nil
}

// outputs compares everything that the reference returned.
func (r *report) outputs(ctx context.Context, c *testCase, k *call, o Options) error {
	s, err := look(ctx, c.model.Model, k, nn.Options{Device: o.Device})
	if err != nil {
		return err
	}
	for _, name := range outputOrder(c) {
		t, _ := c.outputs.Tensor(name)
		want, err := floats(t)
		if err != nil {
			return err
		}
		got, defined, err := k.reference(name, c.meta.Dims[name], t.Shape, s)
		if err != nil {
			return err
		}
		n := c.meta.Noise[name]
		r.compare(name, got, want, defined, 2*(10*n[0]+2e-6*n[1]))
	}
	return nil
}

// outputOrder is the names of the outputs with numbers, hidden states first and
// in order, so that the first that diverges is the first layer that does.
func outputOrder(c *testCase) []string {
	var names []string
	for _, name := range c.outputs.Names() {
		if !strings.HasPrefix(name, "generated") {
			names = append(names, name)
		}
	}
	rank := func(name string) (int, int) {
		var i int
		switch {
		case number(name, "hidden_states.", &i):
			return 0, i
		case number(name, "attentions.", &i):
			return 1, i
		}
		return 2, 0
	}
	slices.SortStableFunc(names, func(a, b string) int {
		ra, ia := rank(a)
		rb, ib := rank(b)
		if ra != rb {
			return ra - rb
		}
		return ia - ib
	})
	return names
}

// number reads the i of prefix+i.
func number(name, prefix string, i *int) bool {
	rest, ok := strings.CutPrefix(name, prefix)
	if !ok {
		return false
	}
	_, err := fmt.Sscan(rest, i)
	return err == nil
}

// reference lays what was seen under name out as the reference has it, padding
// put back, and says which numbers are defined.
func (k *call) reference(name string, dims []string, shape []int, s *seen) ([]float32, func(int) bool, error) {
	var i int
	switch {
	case number(name, "hidden_states.", &i):
		if i >= len(s.layers) {
			return nil, nil, fmt.Errorf("%s: the model has only %d layers", name, len(s.layers)-1)
		}
		v := s.layers[i]
		if len(shape) == 4 && v.rows.Grids != nil {
			return v.maps(), nil, nil
		}
		got, defined := k.spread(v)
		return got, defined, nil
	case number(name, "attentions.", &i):
		return k.spreadMaps(name, s.coresOf(k, false), i, shape, k.at, s)
	case number(name, "cross_attentions.", &i):
		return k.spreadMaps(name, s.coresOf(k, true), i, shape, k.encoded, s)
	}
	v, ok := s.outputs[name]
	if !ok {
		return nil, nil, &checkpoint.Unsupported{What: fmt.Sprintf("the output %s (the model gives %s)", name,
			strings.Join(slices.Sorted(maps.Keys(s.outputs)), ", "))}
	}
	switch v.axis {
	case model.PerRow:
		out, defined := k.spread(v)
		return out, defined, nil
	case model.PerPixel:
		return v.maps(), nil, nil
	}
	return v.data, nil, nil
}

// maps lays the places of pictures of one size out as [pictures, channels,
// height, width].
func (v value) maps() []float32 {
	n := len(v.data) / max(v.width, 1) / max(v.rows.Len(), 1)
	return channelsFirst(v.data, v.rows.Len(), v.width, n)
}

// channelsFirst turns [n, places, c] into [n, c, places].
func channelsFirst(v []float32, n, c, places int) []float32 {
	out := make([]float32, len(v))
	for i := range n {
		for j := range places {
			for k := range c {
				out[(i*c+k)*places+j] = v[(i*places+j)*c+k]
			}
		}
	}
	return out
}

// spread puts rows back to their places of the padded batch, [sequences, wide,
// width].
func (k *call) spread(v value) ([]float32, func(int) bool) {
	if k.at == nil || v.rows.Rows() != k.rows.Rows() {
		return v.data, nil
	}
	out := make([]float32, len(k.at)*k.wide*v.width)
	for i, columns := range k.at {
		for r, j := range columns {
			from := (v.rows.Off[i] + r) * v.width
			copy(out[(i*k.wide+j)*v.width:], v.data[from:from+v.width])
		}
	}
	if k.hide == nil {
		return out, nil
	}
	return out, func(i int) bool { return !k.hide[i/v.width] }
}

// coresOf are the cores that attended, in the order of the layers: those that
// met the pass's own rows, or another stream's.
func (s *seen) coresOf(k *call, cross bool) []*attention.Core {
	var cores []*attention.Core
	for i, c := range s.cores {
		if (k.in.Encoded != nil && i%2 == 1) == cross {
			cores = append(cores, c)
		}
	}
	return cores
}

// spreadMaps lays the weights of core i out as [sequences, heads, queries, keys]
// of the padded batch. places, or nil, are the keys' places in it.
func (k *call) spreadMaps(name string, cores []*attention.Core, i int, shape []int, places [][]int, s *seen) ([]float32, func(int) bool, error) {
	if i >= len(cores) || len(shape) != 4 {
		return nil, nil, fmt.Errorf("%s: the model attends %d times", name, len(cores))
	}
	heads, queries, keys := shape[1], shape[2], shape[3]
	for b, sequence := range *s.maps[cores[i]] {
		fits := b < shape[0] && len(sequence) <= heads && (k.at == nil || queries == k.wide)
		for _, rows := range sequence {
			fits = fits && (k.at != nil || len(rows) <= queries)
			for _, weights := range rows {
				fits = fits && len(weights) <= keys && (places == nil || len(weights) <= len(places[b]))
			}
		}
		if !fits {
			return nil, nil, fmt.Errorf("%s: the model's maps do not fit the recorded shape %v", name, shape)
		}
	}
	out := make([]float32, shape[0]*heads*queries*keys)
	for b, sequence := range *s.maps[cores[i]] {
		for h, rows := range sequence {
			for r, weights := range rows {
				q := r
				if k.at != nil {
					q = k.at[b][r]
				}
				for n, w := range weights {
					key := n
					if places != nil {
						key = places[b][n]
					}
					out[((b*heads+h)*queries+q)*keys+key] = w
				}
			}
		}
	}
	if k.hide == nil {
		return out, nil, nil
	}
	return out, func(i int) bool {
		b, q := i/(heads*queries*keys), i/keys%queries
		return !k.hide[b*k.wide+q]
	}, nil
}
