package check

import (
	"encoding/json"
	"fmt"

	"github.com/qkvgo/qkv/checkpoint"
	"github.com/qkvgo/qkv/model"
	"github.com/qkvgo/qkv/nn"
	"github.com/qkvgo/qkv/safetensors"
)

// call is a case's arguments as a model takes them, and the way back: which
// place of the reference's padded batch each row had.
type call struct {
	in   *model.Input
	rows nn.Batch
	at   [][]int // the columns of each sequence's rows in the padded batch, nil for pictures
	wide int     // the padded length
	hide []bool  // [sequences·wide] places that padding holds; nil without
}

// call drops the padding of the inputs. Where the case says that padded rows
// change the family's numbers, they are carried, hidden from every query.
func (c *testCase) call() (*call, error) {
	k := &call{in: &model.Input{}}
	var mask []int64
	carried := len(c.meta.Leaks) > 0
	for name, value := range c.options() {
		switch name {
		case "interpolate_pos_encoding":
			k.in.InterpolatePositions = string(value) == "true"
		default:
			return nil, &checkpoint.Unsupported{What: "the argument " + name}
		}
	}
	read := map[string]safetensors.Tensor{}
	for t := range c.inputs.All() {
		read[t.Name] = t
	}
	if t, ok := read["attention_mask"]; ok {
		if len(t.Shape) != 2 {
			return nil, &checkpoint.Unsupported{What: fmt.Sprintf("an attention_mask of shape %v", t.Shape)}
		}
		var err error
		if mask, err = integers(t); err != nil {
			return nil, err
		}
		k.hide = make([]bool, len(mask))
		for i, m := range mask {
			k.hide[i] = m == 0
		}
	}
	if t, ok := read["input_ids"]; ok {
		if len(t.Shape) != 2 {
			return nil, &checkpoint.Unsupported{What: fmt.Sprintf("input_ids of shape %v", t.Shape)}
		}
		k.lay(t.Shape[0], t.Shape[1], carried)
	}
	for name, t := range read {
		if err := k.take(name, t); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
	}
	return k, nil
}

// options are the further keyword arguments of the call.
func (c *testCase) options() map[string]json.RawMessage {
	var o map[string]json.RawMessage
	if raw := c.meta.Options["forward"]; raw != nil {
		if json.Unmarshal(raw, &o) != nil {
			return nil
		}
	}
	return o
}

// lay makes the batch of n sequences of wide places: those that padding holds
// are left out, or carried and hidden. Positions count places, as the reference
// has them when none are given.
func (k *call) lay(n, wide int, carried bool) {
	k.wide = wide
	lengths := make([]int, n)
	k.at = make([][]int, n)
	var positions []int32
	var hidden []bool
	for i := range n {
		for j := range wide {
			padding := k.hide != nil && k.hide[i*wide+j]
			if padding && !carried {
				continue
			}
			k.at[i] = append(k.at[i], j)
			positions = append(positions, int32(j))
			hidden = append(hidden, padding)
		}
		lengths[i] = len(k.at[i])
	}
	k.rows = nn.Sequences(lengths...)
	k.rows.Positions = positions
	k.rows.Context = make([]int, n)
	for i := range n {
		k.rows.Context[i] = wide
	}
	if carried && k.hide != nil {
		k.rows.Hidden = hidden
	}
}

// take puts one argument in its place.
func (k *call) take(name string, t safetensors.Tensor) error {
	switch name {
	case "attention_mask", "encoder_attention_mask":
		return nil
	case "generated":
		return nil
	case "input_ids":
		return k.perRow(t, &k.in.IDs)
	case "token_type_ids":
		return k.perRow(t, &k.in.Types)
	case "position_ids":
		return k.perRow(t, &k.rows.Positions)
	case "labels":
		if t.DType == safetensors.F32 {
			v, err := floats(t)
			k.in.Targets = v
			return err
		}
		if len(t.Shape) == 2 && k.at != nil && t.Shape[1] == k.wide {
			return k.perRow(t, &k.in.Labels)
		}
		return perSequence(t, &k.in.Labels)
	case "next_sentence_label":
		return perSequence(t, &k.in.Next)
	case "start_positions":
		return k.places(t, &k.in.Starts)
	case "end_positions":
		return k.places(t, &k.in.Ends)
	case "pixel_values":
		return k.pictures(t)
	case "bool_masked_pos":
		v, err := integers(t)
		for _, x := range v {
			k.in.Masked = append(k.in.Masked, x != 0)
		}
		return err
	case "encoder_hidden_states":
		return k.encoder(t)
	}
	return &checkpoint.Unsupported{What: "the input " + name}
}

// perRow drops the padded places of t, [sequences, wide].
func (k *call) perRow(t safetensors.Tensor, to *[]int32) error {
	v, err := integers(t)
	if err != nil {
		return err
	}
	if len(t.Shape) != 2 || len(t.Shape) == 2 && t.Shape[1] != k.wide {
		return &checkpoint.Unsupported{What: fmt.Sprintf("shape %v for a batch of %d sequences of %d", t.Shape, len(k.at), k.wide)}
	}
	rows := 0
	if t.Shape[0] == 1 {
		rows = 0 // one row of places serves all sequences
	} else {
		rows = k.wide
	}
	out := []int32{}
	for i, columns := range k.at {
		for _, j := range columns {
			out = append(out, int32(v[i*rows+j]))
		}
	}
	*to = out
	return nil
}

func perSequence(t safetensors.Tensor, to *[]int32) error {
	v, err := integers(t)
	for _, x := range v {
		*to = append(*to, int32(x))
	}
	return err
}

// places turns columns of the padded batch into rows of their sequences.
func (k *call) places(t safetensors.Tensor, to *[]int32) error {
	v, err := integers(t)
	if err != nil {
		return err
	}
	for i, x := range v {
		place := int32(-1)
		for r, column := range k.at[i] {
			if int64(column) == x {
				place = int32(r)
			}
		}
		*to = append(*to, place)
	}
	return nil
}

// pictures turns [pictures, channels, height, width] into rows of pixels.
func (k *call) pictures(t safetensors.Tensor) error {
	v, err := floats(t)
	if err != nil {
		return err
	}
	if len(t.Shape) != 4 {
		return &checkpoint.Unsupported{What: fmt.Sprintf("pixel_values of shape %v", t.Shape)}
	}
	n, c, h, w := t.Shape[0], t.Shape[1], t.Shape[2], t.Shape[3]
	grids := make([]nn.Grid, n)
	for i := range grids {
		grids[i] = nn.Grid{Height: h, Width: w}
	}
	k.rows = nn.Pictures(grids...)
	k.in.Pixels = channelsLast(v, n, c, h*w)
	return nil
}

// channelsLast turns [n, c, places] into [n, places, c].
func channelsLast(v []float32, n, c, places int) []float32 {
	out := make([]float32, 0, len(v))
	for i := range n {
		for j := range places {
			for k := range c {
				out = append(out, v[(i*c+k)*places+j])
			}
		}
	}
	return out
}

// encoder lays the rows of encoder_hidden_states, [sequences, places, width],
// without padding.
func (k *call) encoder(t safetensors.Tensor) error {
	v, err := floats(t)
	if err != nil {
		return err
	}
	if len(t.Shape) != 3 {
		return &checkpoint.Unsupported{What: fmt.Sprintf("encoder_hidden_states of shape %v", t.Shape)}
	}
	lengths := make([]int, t.Shape[0])
	for i := range lengths {
		lengths[i] = t.Shape[1]
	}
	k.in.Encoded, k.in.EncodedRows = v, nn.Sequences(lengths...)
	return nil
}

// alone is the call with sequence i only.
func (k *call) alone(i int) *call {
	lo, hi := k.rows.Off[i], k.rows.Off[i+1]
	one := &call{in: &model.Input{InterpolatePositions: k.in.InterpolatePositions}, wide: k.wide}
	one.rows = nn.Sequences(hi - lo)
	one.rows.Positions = k.rows.Positions[lo:hi]
	if k.rows.Grids != nil {
		one.rows.Grids = k.rows.Grids[i : i+1]
		c := len(k.in.Pixels) / max(k.rows.Rows(), 1)
		one.in.Pixels = k.in.Pixels[lo*c : hi*c]
	}
	if k.rows.Context != nil {
		one.rows.Context = k.rows.Context[i : i+1]
	}
	if k.rows.Hidden != nil {
		one.rows.Hidden = k.rows.Hidden[lo:hi]
	}
	one.in.IDs, one.in.Types = cut(k.in.IDs, lo, hi), cut(k.in.Types, lo, hi)
	if k.in.Masked != nil {
		n := len(k.in.Masked) / k.rows.Len()
		one.in.Masked = k.in.Masked[i*n : (i+1)*n]
	}
	if k.in.Encoded != nil {
		w := len(k.in.Encoded) / max(k.in.EncodedRows.Rows(), 1)
		from, to := k.in.EncodedRows.Off[i], k.in.EncodedRows.Off[i+1]
		one.in.Encoded, one.in.EncodedRows = k.in.Encoded[from*w:to*w], nn.Sequences(to-from)
	}
	return one
}

func cut(v []int32, lo, hi int) []int32 {
	if v == nil {
		return nil
	}
	return v[lo:hi]
}
