package check

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/qkvgo/qkv/checkpoint"
	"github.com/qkvgo/qkv/generate"
	"github.com/qkvgo/qkv/model"
	"github.com/qkvgo/qkv/nn"
)

// generated decodes as the case's options say and compares ids and scores.
func (r *report) generated(ctx context.Context, c *testCase, o Options) error {
	for _, option := range slices.Sorted(mapsKeys(c.meta.Options)) {
		rest, ok := strings.CutPrefix(option, "generate")
		if !ok {
			continue
		}
		lm, ok := c.model.Model.(model.CausalLM)
		if !ok {
			return &checkpoint.Unsupported{What: "generation with " + c.model.Architecture}
		}
		if err := r.generate(ctx, c, lm, "generated"+rest, c.meta.Options[option], o); err != nil {
			return fmt.Errorf("%s: %w", option, err)
		}
	}
	return nil
}

func mapsKeys[V any](m map[string]V) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		for k := range m {
			if !yield(k) {
				return
			}
		}
	}
}

func (r *report) generate(ctx context.Context, c *testCase, lm model.CausalLM, name string, raw json.RawMessage, o Options) error {
	var arguments map[string]json.RawMessage
	if err := json.Unmarshal(raw, &arguments); err != nil {
		return err
	}
	var inputs []string
	if err := json.Unmarshal(arguments["inputs"], &inputs); err != nil {
		return err
	}
	for _, input := range inputs {
		if input != "input_ids" && input != "attention_mask" {
			return &checkpoint.Unsupported{What: "generation from " + input}
		}
	}
	delete(arguments, "inputs")
	raw, err := json.Marshal(arguments)
	if err != nil {
		return err
	}
	options, err := generate.ReadOptions(os.DirFS(c.dir))
	if err != nil {
		return err
	}
	if err := json.Unmarshal(raw, &options); err != nil {
		return err
	}
	ids, ok := c.inputs.Tensor("input_ids")
	if !ok || len(ids.Shape) != 2 {
		return &checkpoint.Unsupported{What: "generation without input_ids"}
	}
	given, err := integers(ids)
	if err != nil {
		return err
	}
	visible, err := c.visible(inputs, given, options)
	if err != nil {
		return err
	}
	start, prompts := promptsOf(lm, given, visible, ids.Shape[0], ids.Shape[1])
	start.Device = o.Device
	sequences, err := generate.Generate(ctx, start, prompts, options)
	if err != nil {
		return err
	}
	return r.compareIDs(c, name, given, ids.Shape[1], sequences, options)
}

// visible says which places of the padded batch hold tokens: the mask where it
// is given, else what the reference infers from the padding token.
func (c *testCase) visible(inputs []string, ids []int64, o generate.Options) ([]bool, error) {
	visible := make([]bool, len(ids))
	if slices.Contains(inputs, "attention_mask") {
		t, ok := c.inputs.Tensor("attention_mask")
		if !ok || t.Len() != len(ids) {
			return nil, fmt.Errorf("attention_mask does not fit input_ids")
		}
		mask, err := integers(t)
		for i, m := range mask {
			visible[i] = m != 0
		}
		return visible, err
	}
	inferred := o.Pad != nil && !slices.Contains(o.EOS, *o.Pad)
	for i, id := range ids {
		visible[i] = !inferred || id != int64(*o.Pad)
	}
	return visible, nil
}

// promptsOf drops the padding of [n, wide] ids. Where a row ends in padding the
// reference predicts the first token from that last, padded place: it stays, as
// a row that no query sees.
func promptsOf(lm model.CausalLM, ids []int64, visible []bool, n, wide int) (generate.LM, [][]int32) {
	_, columns := lm.(model.ColumnPositions)
	prompts := make([][]int32, n)
	lengths := make([]int, n)
	rows := nn.Batch{Off: []int{0}}
	m := generate.LM{Model: lm, Rows: &rows}
	for i := range n {
		count := int32(0)
		for j := range wide {
			at := i*wide + j
			if !visible[at] && j < wide-1 {
				continue
			}
			place := count
			if !visible[at] {
				place = 1 // as the reference numbers masked places
			}
			if columns {
				place = int32(j)
			}
			prompts[i] = append(prompts[i], int32(ids[at]))
			rows.Positions = append(rows.Positions, place)
			rows.Hidden = append(rows.Hidden, !visible[at])
			if visible[at] {
				count++
			}
		}
		if columns {
			count = int32(wide)
		}
		m.Next = append(m.Next, count)
		lengths[i] = len(prompts[i])
		rows.Off = append(rows.Off, len(rows.Positions))
	}
	if !slices.Contains(rows.Hidden, true) {
		rows.Hidden = nil
	}
	return m, prompts
}

// compareIDs holds the new ids, padded as the reference pads them, and the
// beams' scores against the recorded ones.
func (r *report) compareIDs(c *testCase, name string, prompt []int64, wide int, got []generate.Sequence, o generate.Options) error {
	t, ok := c.outputs.Tensor(name)
	if !ok {
		return fmt.Errorf("outputs.safetensors has no %s", name)
	}
	if len(t.Shape) != 2 {
		return fmt.Errorf("%s has shape %v, want [sequences, tokens]", name, t.Shape)
	}
	want, err := integers(t)
	if err != nil {
		return err
	}
	length := t.Shape[1]
	if len(got)*length != len(want) {
		r.fail(fmt.Sprintf("%s: %d sequences, the reference has %d", name, len(got), t.Shape[0]))
		return nil
	}
	r.Tensors++
	pad := int64(0)
	switch { // as the reference fills up sequences that ended early
	case o.Pad != nil:
		pad = int64(*o.Pad)
	case len(o.EOS) > 0:
		pad = int64(o.EOS[0])
	}
	each := max(len(got)*wide/max(len(prompt), 1), 1) // sequences a prompt
	for i, s := range got {
		full := slices.Clone(prompt[i/each*wide:][:wide])
		for _, id := range s.IDs {
			full = append(full, int64(id))
		}
		for len(full) < length {
			full = append(full, pad)
		}
		if ref := want[i*length : (i+1)*length]; !slices.Equal(full, ref) {
			r.fail(fmt.Sprintf("%s: sequence %d is %v, the reference %v", name, i, full[wide:], ref[wide:]))
			r.Worst = name
		}
	}
	scores, ok := c.outputs.Tensor(name + "_scores")
	if !ok {
		return nil
	}
	ref, err := floats(scores)
	if err != nil {
		return err
	}
	ours := make([]float32, len(got))
	for i, s := range got {
		ours[i] = s.Score
	}
	n := c.meta.Noise[name+"_scores"]
	r.compare(name+"_scores", ours, ref, nil, 2*(10*n[0]+2e-6*n[1]))
	return nil
}
