package check

import (
	"encoding/json"
	"fmt"
	"slices"

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

	encoded [][]int // the places of each sequence's encoder rows among the reference's
}

// call drops the padding of the inputs. Where the case says that padded rows
// change the family's numbers, they are carried, hidden from every query.
func (c *testCase) call() (*call, error) {
	k := &call{in: &model.Input{}}
	carried := len(c.meta.Leaks) > 0
	options, err := c.options()
	if err != nil {
		return nil, err
	}
	for name, value := range options {
		switch name {
		case "interpolate_pos_encoding":
			k.in.InterpolatePositions = string(value) == "true"
		case "output_attentions", "output_hidden_states", "return_dict", "use_cache": // what is compared is what was recorded
		default:
			return nil, &checkpoint.Unsupported{What: "the argument " + name}
		}
	}
	read := map[string]safetensors.Tensor{}
	for t := range c.inputs.All() {
		read[t.Name] = t
	}
	if t, ok := read["input_ids"]; ok {
		n, wide, err := k.sequences(t)
		if err != nil {
			return nil, err
		}
		if mask, ok := read["attention_mask"]; ok {
			if k.hide, err = hidden(mask, t.Shape); err != nil {
				return nil, err
			}
		}
		k.lay(n, wide, carried || holes(k.hide, wide))
	}
	if t, ok := read["encoder_hidden_states"]; ok {
		if err := k.encoder(t, read["encoder_attention_mask"]); err != nil {
			return nil, err
		}
	}
	for name, t := range read {
		if err := k.take(name, t); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
	}
	return k, nil
}

// options are the further keyword arguments of the call.
func (c *testCase) options() (o map[string]json.RawMessage, err error) {
	if raw := c.meta.Options["forward"]; raw != nil {
		if err := json.Unmarshal(raw, &o); err != nil {
			return nil, fmt.Errorf("%s: options.forward: %w", metaName, err)
		}
	}
	return o, nil
}

// sequences is how many sequences of how many places input_ids holds: [sequences,
// places], or [questions, choices, places].
func (k *call) sequences(t safetensors.Tensor) (n, wide int, err error) {
	switch s := t.Shape; len(s) {
	case 2:
		return s[0], s[1], nil
	case 3:
		k.in.Choices = s[1]
		return s[0] * s[1], s[2], nil
	}
	return 0, 0, &checkpoint.Unsupported{What: fmt.Sprintf("input_ids of shape %v", t.Shape)}
}

// hidden says which places a mask of the given shape hides.
func hidden(t safetensors.Tensor, shape []int) ([]bool, error) {
	if !slices.Equal(t.Shape, shape) {
		return nil, &checkpoint.Unsupported{What: fmt.Sprintf("a mask of shape %v for %v", t.Shape, shape)}
	}
	hide := make([]bool, t.Len())
	if isFloat(t) {
		mask, err := floats(t)
		for i, m := range mask {
			hide[i] = m == 0
		}
		return hide, err
	}
	mask, err := integers(t)
	for i, m := range mask {
		hide[i] = m == 0
	}
	return hide, err
}

func isFloat(t safetensors.Tensor) bool {
	switch t.DType {
	case safetensors.F64, safetensors.F32, safetensors.F16, safetensors.BF16:
		return true
	}
	return false
}

// holes says whether hidden places stand between others, so that leaving them
// out would move the others.
func holes(hide []bool, wide int) bool {
	for at := 0; at < len(hide); at += wide {
		row := hide[at : at+wide]
		first := slices.Index(row, false)
		if first < 0 {
			continue
		}
		end := slices.Index(row[first:], true)
		if end >= 0 && slices.Contains(row[first+end:], false) {
			return true
		}
	}
	return false
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
		k.rows.Hidden, k.rows.Even = hidden, true
	}
}

// take puts one argument in its place.
func (k *call) take(name string, t safetensors.Tensor) error {
	switch name {
	case "attention_mask", "encoder_attention_mask", "encoder_hidden_states":
		return nil // read before the others
	case "input_ids":
		return k.perRow(t, &k.in.IDs)
	case "token_type_ids":
		return k.perRow(t, &k.in.Types)
	case "position_ids":
		err := k.perRow(t, &k.rows.Positions)
		longest := 0
		for _, p := range k.rows.Positions {
			longest = max(longest, int(p)+1)
		}
		for i := range k.rows.Context {
			k.rows.Context[i] = longest
		}
		return err
	case "labels", "mc_labels":
		return k.labels(name, t)
	case "mc_token_ids":
		return k.places(t, &k.in.Summaries)
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
	}
	return &checkpoint.Unsupported{What: "the input " + name}
}

// labels are numbers, or classes of rows, of sequences or of questions.
func (k *call) labels(name string, t safetensors.Tensor) error {
	if name == "mc_labels" {
		return perSequence(t, &k.in.Chosen)
	}
	if isFloat(t) {
		v, err := floats(t)
		k.in.Targets = v
		return err
	}
	if k.at != nil && t.Len() == len(k.at)*k.wide && len(t.Shape) > 1 && t.Shape[len(t.Shape)-1] == k.wide {
		return k.perRow(t, &k.in.Labels)
	}
	return perSequence(t, &k.in.Labels)
}

// perRow drops the padded places of t, [sequences, wide], or [1, wide] for all.
func (k *call) perRow(t safetensors.Tensor, to *[]int32) error {
	v, err := integers(t)
	if err != nil {
		return err
	}
	rows := k.wide
	switch {
	case k.at == nil || len(t.Shape) < 2 || t.Shape[len(t.Shape)-1] != k.wide:
		rows = -1
	case t.Len() == k.wide:
		rows = 0
	case t.Len() != len(k.at)*k.wide:
		rows = -1
	}
	if rows < 0 {
		return &checkpoint.Unsupported{What: fmt.Sprintf("shape %v for a batch of %d sequences of %d", t.Shape, len(k.at), k.wide)}
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

// places turns columns of the padded batch into rows of their sequences. Columns
// before the first count as it, as the reference has it; those that are no row
// become -1.
func (k *call) places(t safetensors.Tensor, to *[]int32) error {
	v, err := integers(t)
	if err != nil {
		return err
	}
	if len(v) != len(k.at) {
		return &checkpoint.Unsupported{What: fmt.Sprintf("shape %v for a batch of %d sequences", t.Shape, len(k.at))}
	}
	for i, x := range v {
		x = max(x, 0)
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
// without those that mask, which may have no shape, hides.
func (k *call) encoder(t, mask safetensors.Tensor) error {
	v, err := floats(t)
	if err != nil {
		return err
	}
	if len(t.Shape) != 3 || t.Shape[0] != len(k.at) {
		return &checkpoint.Unsupported{What: fmt.Sprintf("encoder_hidden_states of shape %v", t.Shape)}
	}
	n, wide, width := t.Shape[0], t.Shape[1], t.Shape[2]
	hide := make([]bool, n*wide)
	if mask.Shape != nil {
		if hide, err = hidden(mask, t.Shape[:2]); err != nil {
			return err
		}
	}
	k.in.Encoded = []float32{}
	k.encoded = make([][]int, n)
	lengths := make([]int, n)
	for i := range n {
		for j := range wide {
			if !hide[i*wide+j] {
				k.encoded[i] = append(k.encoded[i], j)
				k.in.Encoded = append(k.in.Encoded, v[(i*wide+j)*width:(i*wide+j+1)*width]...)
			}
		}
		lengths[i] = len(k.encoded[i])
	}
	k.in.EncodedRows = nn.Sequences(lengths...)
	return nil
}

// alone is the call with sequence i only.
func (k *call) alone(i int) *call {
	lo, hi := k.rows.Off[i], k.rows.Off[i+1]
	one := &call{in: &model.Input{InterpolatePositions: k.in.InterpolatePositions, Choices: k.in.Choices}, wide: k.wide}
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
		one.rows.Hidden, one.rows.Even = k.rows.Hidden[lo:hi], k.rows.Even
	}
	one.in.IDs, one.in.Types, one.in.Summaries = cut(k.in.IDs, lo, hi), cut(k.in.Types, lo, hi), cut(k.in.Summaries, i, i+1)
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
