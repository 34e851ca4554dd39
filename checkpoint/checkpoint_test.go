package checkpoint_test

import (
	"encoding/binary"
	"errors"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/qkvgo/qkv/checkpoint"
	"github.com/qkvgo/qkv/nn"
	"github.com/qkvgo/qkv/safetensors"
	"github.com/qkvgo/qkv/tensor"
)

// headed is a page with a head: h.w, h.b, and out unless it is tied to h.w.
type headed struct {
	Net *net       `ckpt:"net"`
	Out *nn.Linear `ckpt:"out"`
}

type net struct {
	Layer *nn.Linear    `ckpt:"h"`
	Norm  *nn.LayerNorm `ckpt:"norm"`
}

func newNet() *net { return &net{nn.NewLinear(2, 3, true), nn.NewLayerNorm(3, 1)} }

var rules = checkpoint.Rules{Base: "net", Rename: []string{".gamma", ".weight", ".beta", ".bias"}, Ignore: []string{".mask"},
	Spare: []string{"cls."}, Tied: map[string]string{"out.weight": "net.h.weight", "cls.words.decoder.weight": "net.h.weight"}}

// array is an array whose numbers count from first.
func array(t *testing.T, name string, dtype safetensors.DType, first float32, shape ...int) safetensors.Tensor {
	t.Helper()
	n := 1
	for _, d := range shape {
		n *= d
	}
	v := make([]float32, n)
	for i := range v {
		v[i] = first + float32(i)
	}
	x, err := safetensors.FromFloat32(name, dtype, shape, v)
	if err != nil {
		t.Fatal(err)
	}
	return x
}

// full is the arrays of a net under prefix.
func full(t *testing.T, prefix string) []safetensors.Tensor {
	return []safetensors.Tensor{array(t, prefix+"h.weight", safetensors.F32, 1, 3, 2), array(t, prefix+"h.bias", safetensors.F32, 10, 3),
		array(t, prefix+"norm.weight", safetensors.F32, 20, 3), array(t, prefix+"norm.bias", safetensors.F32, 30, 3)}
}

// folder writes a checkpoint of the arrays, in files of at most shard bytes.
func folder(t *testing.T, shard int64, arrays ...safetensors.Tensor) *checkpoint.Folder {
	t.Helper()
	dir := t.TempDir()
	err := errors.Join(safetensors.WriteModel(dir, arrays, nil, shard), os.WriteFile(filepath.Join(dir, "config.json"), []byte("{}"), 0o666))
	if err != nil {
		t.Fatal(err)
	}
	f, err := checkpoint.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

// A network loads from its own file and from one with a head, a model with a head
// from a file of the network alone, under old names and new, from one file or
// many, beside what is no parameter.
func TestBind(t *testing.T) {
	old := []safetensors.Tensor{array(t, "h.weight", safetensors.F32, 1, 3, 2), array(t, "h.bias", safetensors.F32, 10, 3),
		array(t, "norm.gamma", safetensors.F32, 20, 3), array(t, "norm.beta", safetensors.F32, 30, 3)}
	for name, arrays := range map[string][]safetensors.Tensor{
		"bare":         full(t, ""),
		"prefixed":     full(t, "net."),
		"old names":    old,
		"stored masks": append(full(t, "net."), array(t, "net.h.mask", safetensors.F32, 0, 9)),
		"spare":        append(full(t, "net."), array(t, "cls.bias", safetensors.F32, 0, 9)),
		"repeated":     append(full(t, "net."), array(t, "out.weight", safetensors.F32, 1, 3, 2)),
		"alias only":   append(full(t, "net.")[1:], array(t, "out.weight", safetensors.F32, 1, 3, 2)),
	} {
		for _, shard := range []int64{1 << 30, 20} {
			for _, m := range []any{newNet(), &headed{Net: newNet()}} {
				if err := folder(t, shard, arrays...).Bind(m, rules); err != nil {
					t.Errorf("%s: %v", name, err)
					continue
				}
				var got []float32
				for _, w := range nn.Params(m) {
					got = append(got, w.Float32()...)
				}
				if want := []float32{1, 2, 3, 4, 5, 6, 10, 11, 12, 20, 21, 22, 30, 31, 32}; !slices.Equal(got, want) {
					t.Errorf("%s: have %v, want %v", name, got, want)
				}
			}
		}
	}
}

// Every kind of float becomes the same float32, and narrow ones stay as they are
// in memory.
func TestFloats(t *testing.T) {
	for dtype, want := range map[safetensors.DType]nn.DType{safetensors.F32: nn.F32, safetensors.F16: nn.F16, safetensors.BF16: nn.BF16, safetensors.F64: nn.F32} {
		l := nn.NewLinear(2, 3, false)
		w := array(t, "weight", safetensors.F32, -2, 3, 2)
		if dtype == safetensors.F64 {
			w = safetensors.Tensor{Name: "weight", DType: dtype, Shape: []int{3, 2}}
			for i := range 6 {
				w.Data = binary.LittleEndian.AppendUint64(w.Data, math.Float64bits(float64(i-2)))
			}
		} else {
			w = array(t, "weight", dtype, -2, 3, 2)
		}
		if err := folder(t, 1<<30, w).Bind(l, checkpoint.Rules{}); err != nil {
			t.Fatal(err)
		}
		if got := l.Weight.Float32(); !slices.Equal(got, []float32{-2, -1, 0, 1, 2, 3}) || l.Weight.DType() != want {
			t.Errorf("%v: have %v of %v", dtype, got, l.Weight.DType())
		}
	}
}

// The network alone has no use for a file's head; a model with a head has one for
// every array.
func TestHeads(t *testing.T) {
	arrays := append(full(t, "net."), array(t, "score.weight", safetensors.F32, 0, 4))
	if err := folder(t, 1<<30, arrays...).Bind(newNet(), rules); err != nil {
		t.Error(err)
	}
	var p *checkpoint.Problems
	if err := folder(t, 1<<30, arrays...).Bind(&headed{Net: newNet()}, rules); !errors.As(err, &p) || !slices.Equal(p.Unused, []string{"score.weight"}) {
		t.Error(err)
	}
	arrays = append(full(t, ""), array(t, "score.weight", safetensors.F32, 0, 4))
	if err := folder(t, 1<<30, arrays...).Bind(newNet(), rules); !errors.As(err, &p) || !slices.Equal(p.Unused, []string{"score.weight"}) {
		t.Error(err)
	}
}

// All that is wrong comes in one error.
func TestProblems(t *testing.T) {
	f := folder(t, 1<<30,
		array(t, "net.h.weight", safetensors.F32, 1, 2, 3),                                                      // misshapen
		safetensors.Tensor{Name: "net.h.bias", DType: safetensors.I8, Shape: []int{3}, Data: []byte{1, 2, 3}},   // not of floats
		array(t, "net.norm.weight", safetensors.F32, 20, 3), array(t, "net.norm.gamma", safetensors.F32, 20, 3), // one of them too many
		array(t, "net.extra", safetensors.F32, 0, 1), array(t, "out.weight", safetensors.F32, 2, 2, 3)) // unused, and other numbers
	err := f.Bind(&headed{Net: newNet()}, rules)
	var p *checkpoint.Problems
	if !errors.As(err, &p) {
		t.Fatal(err)
	}
	if len(p.Missing) != 1 || p.Missing[0] != "net.norm.bias" || len(p.Shapes) != 1 || len(p.Types) != 1 || len(p.Unused) != 2 || len(p.Untied) != 1 {
		t.Errorf("%+v", p)
	}
	for _, part := range []string{"missing: net.norm.bias", "misshapen: net.h.weight: have [2 3], want [3 2]", "not of floats: net.h.bias", "unused: net.extra",
		"the same as", "repeated with other numbers: out.weight: config.json ties it to net.h.weight"} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("%q is not in %v", part, err)
		}
	}
}

// An untied head is never taken for the embeddings, and one that the page does
// not have may differ from them.
func TestUntied(t *testing.T) {
	arrays := append(full(t, "net.")[1:], array(t, "out.weight", safetensors.F32, 1, 3, 2))
	err := folder(t, 1<<30, arrays...).Bind(&headed{newNet(), nn.NewLinear(2, 3, false)}, rules)
	var p *checkpoint.Problems
	if !errors.As(err, &p) || !slices.Equal(p.Missing, []string{"net.h.weight"}) {
		t.Errorf("%v", err)
	}
	other := append(full(t, "net."), array(t, "cls.words.decoder.weight", safetensors.F32, 7, 3, 2))
	if err := folder(t, 1<<30, other...).Bind(&headed{Net: newNet()}, rules); err != nil {
		t.Error(err)
	}
	type words struct {
		Net  *net      `ckpt:"net"`
		Bias *nn.Param `ckpt:"cls.words.bias"`
	}
	other = append(other, array(t, "cls.words.bias", safetensors.F32, 1, 2))
	if err := folder(t, 1<<30, other...).Bind(&words{newNet(), nn.NewParam(2)}, rules); !errors.As(err, &p) || len(p.Untied) != 1 {
		t.Errorf("%v", err)
	}
}

// What is long is cut short.
func TestProblemsAreFew(t *testing.T) {
	p := &checkpoint.Problems{Dir: "m", Missing: slices.Repeat([]string{"x"}, 25)}
	if s := p.Error(); strings.Count(s, "\n") != 21 || !strings.HasSuffix(s, "and 5 more missing") {
		t.Errorf("%q", s)
	}
}

// Folders that are none, and files that are cut off, are errors that say so.
func TestOpen(t *testing.T) {
	if _, err := checkpoint.Open(t.TempDir()); !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), "not a model folder") {
		t.Errorf("%v", err)
	}
	whole := folder(t, 1<<30, full(t, "net.")...)
	b, err := os.ReadFile(filepath.Join(whole.Dir, "model.safetensors"))
	if err != nil {
		t.Fatal(err)
	}
	for n := 0; n < len(b); n += 7 {
		fsys := fstest.MapFS{"config.json": {Data: []byte("{}")}, "model.safetensors": {Data: b[:n]}}
		if _, err := checkpoint.OpenFS(fsys, "cut"); err == nil {
			t.Errorf("a file cut off after %d of %d bytes opens", n, len(b))
		}
	}
	if f, err := checkpoint.OpenFS(fstest.MapFS{"config.json": {Data: []byte("{}")}, "model.safetensors": {Data: b}}, "whole"); err != nil || f.Close() != nil {
		t.Error(err)
	}
}

// Parameters without values are not saved, and nothing is left behind.
func TestSaveUnset(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new")
	if err := checkpoint.Save(dir, newNet(), []byte("{}")); err == nil || !strings.Contains(err.Error(), "h.weight") {
		t.Errorf("%v", err)
	}
	if _, err := os.Stat(dir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a folder is there: %v", err)
	}
}

// Narrow parameters save as they are stored, trained ones as float32; a shared one
// once.
func TestSave(t *testing.T) {
	f := folder(t, 1<<30, array(t, "h.weight", safetensors.BF16, 1, 3, 2), array(t, "h.bias", safetensors.F16, 10, 3),
		array(t, "norm.weight", safetensors.F32, 20, 3), array(t, "norm.bias", safetensors.F32, 30, 3))
	m := newNet()
	if err := f.Bind(m, rules); err != nil {
		t.Fatal(err)
	}
	m.Layer.Bias.Own()[0] = 3
	type shared struct {
		Net  *net      `ckpt:"net"`
		Tied *nn.Param `ckpt:"head"`
	}
	dir := t.TempDir()
	if err := checkpoint.Save(dir, &shared{m, m.Layer.Weight}, []byte(`{"a": 1}`)); err != nil {
		t.Fatal(err)
	}
	saved, err := checkpoint.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer saved.Close()
	var have []string
	for x := range saved.Weights.All() {
		have = append(have, x.String())
	}
	want := []string{"h.bias F32[3]", "h.weight BF16[3 2]", "norm.bias F32[3]", "norm.weight F32[3]"}
	if slices.Sort(have); !slices.Equal(have, want) || string(saved.Config) != `{"a": 1}` {
		t.Errorf("have %v and %s, want %v", have, saved.Config, want)
	}
}

// settings is a config that shows every tag.
type settings struct {
	N     int               `json:"n" most:"10"`
	Wide  *int              `json:"wide"`
	Sizes []int             `json:"sizes"`
	Kind  string            `json:"kind" want:"a,b"`
	Act   tensor.Activation `json:"act"`
	Inner struct {
		M int `json:"m"`
	} `json:"inner"`
	_ struct{} `harmless:"old"`
}

// Keys are obeyed, harmless or errors; wrong values are errors; all at once.
func TestReadConfig(t *testing.T) {
	for config, want := range map[string]string{
		`{}`: "",
		`{"n": 10, "wide": null, "sizes": [1], "kind": "a", "act": "gelu", "old": 5, "torch_dtype": "float32", "other": false, "none": null, "list": []}`: "",
		`{"n": 11, "sizes": [1, -2], "act": "swosh"}`: `n is 11, want 0 to 10 AND sizes is -2 AND act "swosh"`,
		`{"wide": 300000000}`:                         "wide is 300000000",
		`{"inner": {"m": -1}}`:                        "m is -1",
		`{"other": 1, "kind": "c", "is_decoder": 1}`:  `other 1: this model does not obey the key AND kind "c": want a, b AND is_decoder 1`,
		`{"n": "ten"}`:                                "n",
		`{"n": 1.5}`:                                  "n",
		`[]`:                                          "config.json",
		`null`:                                        "want an object",
		`{"n": 1`:                                     "config.json",
	} {
		s := settings{N: 3}
		err := checkpoint.ReadConfig([]byte(config), &s)
		if want == "" {
			if err != nil {
				t.Errorf("%s: %v", config, err)
			}
			continue
		}
		for _, part := range strings.Split(want, " AND ") {
			if err == nil || !strings.Contains(err.Error(), part) {
				t.Errorf("%s: %v, want %s", config, err, part)
			}
		}
	}
	var s settings
	if err := checkpoint.ReadConfig([]byte(`{"other": 1}`), &s); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("%v is not unsupported", err)
	}
}

// Divides takes positive multiples.
func TestDivides(t *testing.T) {
	for _, c := range []struct {
		n, k int
		ok   bool
	}{{12, 3, true}, {3, 3, true}, {12, 5, false}, {0, 3, false}, {3, 0, false}, {-6, 3, false}, {6, -3, false}} {
		if err := checkpoint.Divides("whole", c.n, "part", c.k); (err == nil) != c.ok {
			t.Errorf("%d by %d: %v", c.n, c.k, err)
		}
	}
}
