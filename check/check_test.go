package check_test

import (
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/qkvgo/qkv/check"
	"github.com/qkvgo/qkv/checkpoint"
	"github.com/qkvgo/qkv/model"
	"github.com/qkvgo/qkv/nn"
	"github.com/qkvgo/qkv/safetensors"
	"github.com/qkvgo/qkv/tensor"
	"github.com/qkvgo/qkv/zoo"
)

// configs are models small enough for cases of our own.
var configs = map[string]string{
	"gpt2": `{"architectures": ["GPT2LMHeadModel"], "vocab_size": 13, "n_positions": 9, "n_embd": 12, "n_layer": 2, "n_head": 3}`,
	"bert": `{"architectures": ["BertForMaskedLM"], "vocab_size": 13, "max_position_embeddings": 9, "hidden_size": 12, "intermediate_size": 17,
		"num_hidden_layers": 2, "num_attention_heads": 3, "position_embedding_type": "relative_key"}`,
	"llama": `{"architectures": ["LlamaForCausalLM"], "vocab_size": 13, "max_position_embeddings": 5, "hidden_size": 12, "intermediate_size": 17,
		"num_hidden_layers": 2, "num_attention_heads": 2, "num_key_value_heads": 1, "rope_scaling": {"rope_type": "dynamic", "factor": 2.0}}`,
}

// masks are paddings of three sequences of seven places.
var masks = map[string][]string{
	"none":  {"xxxxxxx", "xxxxxxx", "xxxxxxx"},
	"right": {"xxxxxxx", "xxx....", "x......"},
	"left":  {"....xxx", "xxxxxxx", ".xxxxxx"},
	"holes": {"x.xxx.x", "xxxx...", "..x.x.x"},
}

const wide = 7

// aCase is a case folder that a test writes from the model's own outputs.
type aCase struct {
	dir     string
	inputs  []safetensors.Tensor
	outputs []safetensors.Tensor
	meta    map[string]any
}

// newCase saves a model with drawn values, and records what it gives for padded
// ids: each sequence by itself, at its places; nonsense stands under padding.
func newCase(t *testing.T, config string, mask []string) *aCase {
	t.Helper()
	m, _, _, err := zoo.New([]byte(config), "")
	if err != nil {
		t.Fatal(err)
	}
	nn.Name(m)
	for _, w := range nn.Params(m) {
		nn.InitNormal(w, 0.3, 1)
	}
	c := &aCase{dir: t.TempDir()}
	if err := checkpoint.Save(c.dir, m, []byte(config)); err != nil {
		t.Fatal(err)
	}
	n := len(mask)
	ids, visible := make([]int64, n*wide), make([]int64, n*wide)
	recorded := map[string][]float32{}
	for i, row := range mask {
		var rows nn.Batch
		in := &model.Input{}
		for j := range wide {
			ids[i*wide+j] = int64((i*7 + j*3) % 13)
			if row[j] == 'x' {
				visible[i*wide+j] = 1
			}
			if row[j] == 'x' || strings.Contains(strings.Trim(row, "."), ".") {
				in.IDs = append(in.IDs, int32(ids[i*wide+j]))
				rows.Positions = append(rows.Positions, int32(j))
				rows.Hidden = append(rows.Hidden, row[j] != 'x')
			}
		}
		rows.Off, rows.Context = []int{0, len(in.IDs)}, []int{wide}
		p := nn.NewPass(t.Context(), rows, nn.Options{})
		seen := &layers{}
		p.Probe = seen
		seen.record(recorded, 0, m.Run(p, in)[0].Value.Float32s(), i, n, rows.Positions)
		for k, v := range seen.all {
			seen.record(recorded, k+1, v, i, n, rows.Positions)
		}
		p.Close()
	}
	c.inputs = []safetensors.Tensor{integers("input_ids", []int{n, wide}, ids), integers("attention_mask", []int{n, wide}, visible)}
	noise := map[string][2]float64{}
	for name, v := range recorded {
		c.outputs = append(c.outputs, number(t, name, []int{n, wide, len(v) / n / wide}, v))
		noise[name] = [2]float64{1e-7, 1}
	}
	c.meta = map[string]any{"cls": "a model", "task": "lm", "noise": noise}
	return c
}

// layers keeps the hidden states of a pass.
type layers struct{ all [][]float32 }

func (l *layers) Layer(_ *nn.Pass, _ int, x *tensor.Tensor) *tensor.Tensor {
	l.all = append(l.all, x.Float32s())
	return x
}

// record puts the rows of sequence i of n at their places.
func (l *layers) record(all map[string][]float32, k int, v []float32, i, n int, places []int32) {
	name := "logits"
	if k > 0 {
		name = "hidden_states." + string(rune('0'+k-1))
	}
	width := len(v) / len(places)
	if all[name] == nil {
		all[name] = slices.Repeat([]float32{777}, n*wide*width)
	}
	for r, place := range places {
		copy(all[name][(i*wide+int(place))*width:], v[r*width:(r+1)*width])
	}
}

func integers(name string, shape []int, v []int64) safetensors.Tensor {
	var raw []byte
	for _, x := range v {
		for b := range 8 {
			raw = append(raw, byte(x>>(8*b)))
		}
	}
	return safetensors.Tensor{Name: name, DType: safetensors.I64, Shape: shape, Data: raw}
}

func number(t *testing.T, name string, shape []int, v []float32) safetensors.Tensor {
	t.Helper()
	x, err := safetensors.FromFloat32(name, safetensors.F32, shape, v)
	if err != nil {
		t.Fatal(err)
	}
	return x
}

// run writes the case and checks it.
func (c *aCase) run(t *testing.T) check.Result {
	t.Helper()
	meta, err := json.Marshal(c.meta)
	if err != nil {
		t.Fatal(err)
	}
	for name, tensors := range map[string][]safetensors.Tensor{"inputs.safetensors": c.inputs, "outputs.safetensors": c.outputs} {
		if err := safetensors.Write(filepath.Join(c.dir, name), tensors, nil); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(c.dir, "meta.json"), meta, 0o666); err != nil {
		t.Fatal(err)
	}
	return check.Run(t.Context(), c.dir, check.Options{})
}

// change adds to one number of an output.
func (c *aCase) change(t *testing.T, name string, at int) {
	t.Helper()
	for i, o := range c.outputs {
		if o.Name == name {
			v := make([]float32, o.Len())
			if err := o.ToFloat32(v); err != nil {
				t.Fatal(err)
			}
			v[at] += 0.01
			c.outputs[i] = number(t, name, o.Shape, v)
			return
		}
	}
	t.Fatalf("no output is named %s", name)
}

// What a model gives sequence by sequence is what its padded batch must give,
// whatever the padding.
func TestOwnCasesPass(t *testing.T) {
	for family, config := range configs {
		for padding, mask := range masks {
			c := newCase(t, config, mask)
			if padding == "holes" && family != "bert" {
				continue // a causal row before the first visible one sees nothing
			}
			if r := c.run(t); r.Status != check.OK || r.Tensors != 4 {
				t.Errorf("%s padded %s: %+v", family, padding, r)
			}
			if r := check.Bits(t.Context(), c.dir); r.Status != check.OK || r.Runs < 4 {
				t.Errorf("%s padded %s: %+v", family, padding, r)
			}
		}
	}
}

// Any model folder will do for the bits, however few positions and tokens it has.
func TestBitsOfFolders(t *testing.T) {
	for family, config := range configs {
		c := newCase(t, config, masks["none"]) // not yet written: a folder with a model alone
		if r := check.Bits(t.Context(), c.dir); r.Status != check.OK || r.Tensors < 4 {
			t.Errorf("%s: %+v", family, r)
		}
	}
}

// One wrong number fails the case by the name of its tensor, and by the first
// layer where hidden states are wrong; a number under padding does not count.
func TestOneWrongNumberFails(t *testing.T) {
	for _, c := range []struct {
		output   string
		at       int
		status   check.Status
		diverges string
	}{
		{"logits", 3 * 13, check.OK, ""}, // under the padding on the left
		{"logits", 4 * 13, check.Failed, ""},
		{"hidden_states.1", 6*12 + 5, check.Failed, "hidden_states.1"},
	} {
		k := newCase(t, configs["gpt2"], masks["left"])
		k.change(t, c.output, c.at)
		r := k.run(t)
		if r.Status != c.status || r.Diverges != c.diverges {
			t.Errorf("%s: %+v", c.output, r)
		}
		if c.status == check.Failed && (r.Worst != c.output || math.Abs(r.Diff-0.01) > 1e-4) {
			t.Errorf("%s: %+v", c.output, r)
		}
	}
}

// Whatever is wrong with a case gives a status and a reason, never a panic.
func TestBrokenCases(t *testing.T) {
	for name, c := range map[string]struct {
		status check.Status
		why    string
		breaks func(c *aCase)
	}{
		"another input": {check.Unsupported, "head_mask", func(c *aCase) { c.inputs = append(c.inputs, integers("head_mask", []int{1}, []int64{1})) }},
		"another argument": {check.Unsupported, "the argument past", func(c *aCase) {
			c.meta["options"] = map[string]any{"forward": map[string]any{"past": true}}
		}},
		"another method": {check.Unsupported, "get_features", func(c *aCase) { c.meta["options"] = map[string]any{"method": "get_features"} }},
		"another output": {check.Unsupported, "scores", func(c *aCase) { c.outputs[0].Name = "scores" }},
		"more layers":    {check.Failed, "hidden_states.9", func(c *aCase) { c.outputs[0].Name = "hidden_states.9" }},
		"an output of another size": {check.Failed, "numbers", func(c *aCase) {
			c.outputs[0].Shape, c.outputs[0].Data = []int{2}, c.outputs[0].Data[:8]
		}},
		"maps of another shape": {check.Failed, "shape", func(c *aCase) {
			c.outputs = append(c.outputs, number(t, "attentions.0", []int{1, 1, 1, 1}, []float32{1}))
		}},
		"a mask of another shape": {check.Unsupported, "mask", func(c *aCase) { c.inputs[1].Shape = []int{wide, 3} }},
		"ids of one axis":         {check.Unsupported, "input_ids", func(c *aCase) { c.inputs[0].Shape = []int{3 * wide} }},
		"ids beyond the table": {check.Failed, "13", func(c *aCase) {
			c.inputs[0] = integers("input_ids", []int{3, wide}, slices.Repeat([]int64{13}, 3*wide))
		}},
		"ids beyond any table": {check.Failed, "no id", func(c *aCase) {
			c.inputs[0] = integers("input_ids", []int{3, wide}, slices.Repeat([]int64{1 << 40}, 3*wide))
		}},
		"more places than positions": {check.Failed, "", func(c *aCase) {
			c.inputs = []safetensors.Tensor{integers("input_ids", []int{1, 3 * wide}, make([]int64, 3*wide))}
		}},
		"answers for other sequences": {check.Unsupported, "start_positions", func(c *aCase) {
			c.inputs = append(c.inputs, integers("start_positions", []int{9}, make([]int64, 9)))
		}},
		"generation without options": {check.Failed, "generate", func(c *aCase) { c.meta["options"] = map[string]any{"generate": map[string]any{}} }},
		"broken meta":                {check.Failed, "meta.json", func(c *aCase) { c.meta["noise"] = 3 }},
		"no outputs": {check.Failed, "outputs.safetensors", func(c *aCase) {
			c.outputs = nil
			c.meta["broken"] = true
		}},
	} {
		k := newCase(t, configs["gpt2"], masks["right"])
		slices.SortFunc(k.outputs, func(a, b safetensors.Tensor) int { return strings.Compare(a.Name, b.Name) })
		c.breaks(k)
		r := k.run(t)
		if k.outputs == nil {
			if err := os.Remove(filepath.Join(k.dir, "outputs.safetensors")); err != nil {
				t.Fatal(err)
			}
			r = check.Run(t.Context(), k.dir, check.Options{})
		}
		if r.Status != c.status || !strings.Contains(r.Why, c.why) || r.Why == "" {
			t.Errorf("%s: %+v, want %s because of %s", name, r, c.status, c.why)
		}
	}
}

// Folders that are no cases are said to be none.
func TestFind(t *testing.T) {
	dir := t.TempDir()
	if _, err := check.Find(dir); err == nil {
		t.Error("an empty folder holds a case")
	}
	if _, err := check.Find(filepath.Join(dir, "none")); err == nil {
		t.Error("no folder holds a case")
	}
	for _, name := range []string{"b/one", "a/two"} {
		if err := os.MkdirAll(filepath.Join(dir, name), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name, "config.json"), []byte("{}"), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	cases, err := check.Find(dir)
	if want := []string{filepath.Join(dir, "a/two"), filepath.Join(dir, "b/one")}; err != nil || !slices.Equal(cases, want) {
		t.Errorf("have %v %v, want %v", cases, err, want)
	}
}
