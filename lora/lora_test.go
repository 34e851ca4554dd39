package lora_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/qkvgo/qkv/lora"
	"github.com/qkvgo/qkv/model"
	"github.com/qkvgo/qkv/nn"
	"github.com/qkvgo/qkv/safetensors"
	"github.com/qkvgo/qkv/zoo"
	"github.com/qkvgo/qkv/zoo/zootest"
)

// open makes a tiny model of a kind.
func open(t *testing.T, kind string) model.Model {
	t.Helper()
	dir := t.TempDir()
	if err := zootest.Make(kind, dir); err != nil {
		t.Fatal(err)
	}
	m, err := zoo.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Close() })
	return m.Model
}

// input is two sequences, or two pictures.
func input(kind string) (nn.Batch, *model.Input) {
	if kind == "vit" {
		in := &model.Input{Pixels: make([]float32, 2*64), Labels: []int32{0, 1}}
		for i := range in.Pixels {
			in.Pixels[i] = float32(i%7)/7 - 0.4
		}
		return nn.Pictures(nn.Grid{Height: 8, Width: 8}, nn.Grid{Height: 8, Width: 8}), in
	}
	in := &model.Input{IDs: []int32{2, 4, 5, 7, 3, 2, 6, 8, 3}}
	switch kind {
	case "bert-classifier":
		in.Labels = []int32{0, 2}
	case "bert-labels":
		in.Targets = []float32{1, 0, 1, 1}
	default:
		in.Labels = slices.Clone(in.IDs)
	}
	return nn.Sequences(5, 4), in
}

// answer is the logits, and what each adapter's B gets as gradient where asked.
func answer(t *testing.T, kind string, m model.Model, a *lora.Adapters) (logits []float32, grads map[string]bool) {
	t.Helper()
	rows, in := input(kind)
	p := nn.NewPass(t.Context(), rows, nn.Options{Tape: a != nil})
	defer p.Close()
	out := m.Run(p, in)
	for _, o := range out {
		if o.Name == "logits" || o.Name == "last_hidden_state" {
			logits = o.Value.Float32s()
		}
	}
	if a != nil && out[0].Name == "loss" {
		out[0].Value.Backward()
		grads = map[string]bool{}
		for name, w := range a.Named() {
			grads[name] = p.Grad(w) != nil
		}
		for name, w := range nn.Params(m) {
			if p.Grad(w) != nil {
				grads["of the model: "+name] = true
			}
		}
	}
	return logits, grads
}

// fill gives the adapters values, as training would.
func fill(a *lora.Adapters) {
	for name, w := range a.Named() {
		x := w.Own()
		for i := range x {
			x[i] += float32((i*7+len(name))%11)/22 - 0.25
		}
		w.Changed()
	}
}

func distance(a, b []float32) (most float64) {
	for i := range a {
		most = max(most, math.Abs(float64(a[i])-float64(b[i])))
	}
	return most
}

// On every kind of model: fresh adapters change no bit, every adapter and nothing
// else is trained, merged weights answer as adapters do, and files keep all bits.
func TestLaws(t *testing.T) {
	for kind := range zootest.Configs {
		t.Run(kind, func(t *testing.T) {
			m := open(t, kind)
			before, _ := answer(t, kind, m, nil)
			a, err := lora.Attach(m, lora.Config{Rank: 3, Alpha: 6, Targets: lora.Targets{Pattern: "all-linear"}}, 5)
			if err != nil {
				t.Fatal(err)
			}
			fresh, grads := answer(t, kind, m, a)
			for i := range before {
				if math.Float32bits(before[i]) != math.Float32bits(fresh[i]) {
					t.Fatalf("fresh adapters change output %d from %v to %v", i, before[i], fresh[i])
				}
			}
			for name, has := range grads {
				// The pooler of a model that looks at rows has none.
				if has != strings.HasPrefix(name, "base_model.model.") && !strings.Contains(name, "pooler") {
					t.Errorf("%s has a gradient: %v", name, has)
				}
			}
			fill(a)
			adapted, _ := answer(t, kind, m, nil)
			if distance(adapted, before) < 1e-3 {
				t.Fatal("filled adapters change nothing")
			}
			dir := t.TempDir()
			if err := a.Save(dir, "some/base", "SEQ_CLS"); err != nil {
				t.Fatal(err)
			}
			other := open(t, kind)
			if b, err := lora.Open(dir, other); err != nil || b.Size() != a.Size() {
				t.Fatal(err)
			}
			if loaded, _ := answer(t, kind, other, nil); !slices.Equal(loaded, adapted) {
				t.Error("loaded adapters answer otherwise")
			}
			if base, err := lora.Base(dir); base != "some/base" || err != nil || !lora.Is(dir) {
				t.Errorf("the base is %q, %v", base, err)
			}
			if err := a.Merge(); err != nil {
				t.Fatal(err)
			}
			if merged, _ := answer(t, kind, m, nil); distance(merged, adapted) > 1e-5 {
				t.Errorf("merged weights are off by %v", distance(merged, adapted))
			}
		})
	}
}

// The product is y + scale·(x·Aᵀ)·Bᵀ, in float64, and PEFT's scale.
func TestFormula(t *testing.T) {
	for _, c := range []struct {
		lora.Config
		scale float64
	}{{lora.Config{}, 1}, {lora.Config{Rank: 2, Alpha: 16}, 8}, {lora.Config{Rank: 4, Alpha: 16, RankStabilized: true}, 8}} {
		l := nn.NewLinear(5, 3, true)
		m := &struct {
			L *nn.Linear `ckpt:"l"`
		}{l}
		nn.Name(m)
		nn.InitKaiming(l.Weight, 1, 3)
		nn.InitOnes(l.Bias)
		c.Targets.List = []string{"l"}
		a, err := lora.Attach(m, c.Config, 1)
		if err != nil {
			t.Fatal(err)
		}
		fill(a)
		x := []float32{1, -2, 3, 0.5, -0.25}
		p := nn.NewPass(t.Context(), nn.Sequences(1), nn.Options{})
		defer p.Close()
		have := l.Forward(p, p.Of(x, 1, 5)).Float32s()
		down, up, w := l.Adapter.A.Float32(), l.Adapter.B.Float32(), l.Weight.Float32()
		for i := range 3 {
			want := 1.0
			for j := range 5 {
				want += float64(w[i*5+j]) * float64(x[j])
				for r := range len(down) / 5 {
					want += c.scale * float64(up[i*len(down)/5+r]) * float64(down[r*5+j]) * float64(x[j])
				}
			}
			if math.Abs(float64(have[i])-want) > 1e-5 {
				t.Errorf("%+v: output %d is %v, want %v", c.Config, i, have[i], want)
			}
		}
	}
}

// The files are PEFT's: names of tensors and keys of the config.
func TestFiles(t *testing.T) {
	m := open(t, "bert-classifier")
	a, err := lora.Attach(m, lora.Config{Dropout: 0.1, Save: []string{"classifier"}}, 1)
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "new")
	if err := a.Save(dir, "", ""); err != nil {
		t.Fatal(err)
	}
	f, err := safetensors.Open(filepath.Join(dir, lora.WeightsName))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var want []string
	for layer := range 2 {
		for _, part := range []string{"query", "value"} {
			for _, matrix := range []string{"A", "B"} {
				want = append(want, fmt.Sprintf("base_model.model.bert.encoder.layer.%d.attention.self.%s.lora_%s.weight", layer, part, matrix))
			}
		}
	}
	want = append(want, "base_model.model.classifier.bias", "base_model.model.classifier.weight")
	slices.Sort(want)
	if have := f.Names(); !slices.Equal(slices.Sorted(slices.Values(have)), want) {
		t.Errorf("have %q,\nwant %q", have, want)
	}
	if x, _ := f.Tensor(want[0]); !slices.Equal(x.Shape, []int{8, 8}) {
		t.Errorf("A is %v", x.Shape)
	}
	raw, err := os.ReadFile(filepath.Join(dir, lora.ConfigName))
	if err != nil {
		t.Fatal(err)
	}
	var config map[string]any
	if err := json.Unmarshal(raw, &config); err != nil {
		t.Fatal(err)
	}
	for key, value := range map[string]any{"peft_type": "LORA", "r": 8.0, "lora_alpha": 8.0, "lora_dropout": 0.1, "bias": "none", "task_type": nil,
		"base_model_name_or_path": nil, "fan_in_fan_out": false, "use_rslora": false, "use_dora": false} {
		if have, ok := config[key]; !ok || have != value {
			t.Errorf("%s is %v, want %v", key, have, value)
		}
	}
	if fmt.Sprint(config["target_modules"], config["modules_to_save"]) != "[query value] [classifier]" {
		t.Errorf("config %s", raw)
	}
	if b, err := lora.Open(dir, open(t, "bert-classifier")); err != nil || len(b.Config.Save) != 1 {
		t.Errorf("opened %v, %v", b, err)
	}
	gpt := open(t, "gpt2")
	if a, err = lora.Attach(gpt, lora.Config{Targets: lora.Targets{Pattern: `.*\.h\.[01]\.attn\.c_attn`}}, 1); err != nil {
		t.Fatal(err)
	}
	if s := a.String(); s != "2 layers of rank 8: transformer.h.0.attn.c_attn, transformer.h.1.attn.c_attn" {
		t.Error(s)
	}
	if l := nn.Find[*nn.Conv1D](gpt)[0].Adapter; l.A.Shape[1] != 8 || l.B.Shape[0] != 24 {
		t.Errorf("A %v, B %v", l.A.Shape, l.B.Shape)
	}
}

func TestRefuses(t *testing.T) {
	attach := func(c lora.Config) error { _, err := lora.Attach(open(t, "llama"), c, 1); return err }
	for want, err := range map[string]error{
		"the model has down_proj, gate_proj, k_proj, o_proj, q_proj, up_proj, v_proj": attach(lora.Config{Targets: lora.Targets{List: []string{"proj"}}}),
		"the model has no module score":                                               attach(lora.Config{Save: []string{"score"}}),
		"error parsing regexp":                                                        attach(lora.Config{Targets: lora.Targets{Pattern: "("}}),
		"lora_dropout 1":                                                              attach(lora.Config{Dropout: 1}),
	} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("have %v, want %q", err, want)
		}
	}
	a, err := lora.Attach(open(t, "llama"), lora.Config{Rank: 2}, 1)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := a.Save(dir, "", ""); err != nil {
		t.Fatal(err)
	}
	config, err := os.ReadFile(filepath.Join(dir, lora.ConfigName))
	if err != nil {
		t.Fatal(err)
	}
	for change, want := range map[[2]string]string{
		{`"use_dora": false`, `"use_dora": true`}:                     "adapter with use_dora true",
		{`"bias": "none"`, `"bias": "all"`}:                           `adapter with bias "all"`,
		{`"r": 2`, `"r": 4`}:                                          "q_proj.lora_A.weight: have [2 8], want [4 8]",
		{`"q_proj",`, ``}:                                             "q_proj.lora_A.weight is not of this model",
		{`"init_lora_weights": true`, `"init_lora_weights": "pissa"`}: "pissa",
		{`"revision"`, `"new_thing": 3, "revision"`}:                  "new_thing 3",
	} {
		changed := strings.Replace(string(config), change[0], change[1], 1)
		if err := os.WriteFile(filepath.Join(dir, lora.ConfigName), []byte(changed), 0o666); err != nil {
			t.Fatal(err)
		}
		m := open(t, "llama")
		_, err := lora.Open(dir, m)
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(want, "adapter with") && !errors.Is(err, errors.ErrUnsupported) {
			t.Errorf("have %v, want %q", err, want)
		}
		if l := nn.Find[*nn.Linear](m); l[0].Adapter != nil || l[0].Weight.Frozen {
			t.Error("the model was changed all the same")
		}
	}
}
