package zoo_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/qkvgo/qkv/lora"
	"github.com/qkvgo/qkv/model"
	"github.com/qkvgo/qkv/nn"
	"github.com/qkvgo/qkv/zoo"
	"github.com/qkvgo/qkv/zoo/zootest"
)

// A folder of adapters opens as the model that it adapts, with the head that its
// own config names.
func TestOpenAdapted(t *testing.T) {
	root := t.TempDir()
	base, dir := filepath.Join(root, "base"), filepath.Join(root, "adapters")
	for _, d := range []string{base, dir} {
		if err := os.Mkdir(d, 0o777); err != nil {
			t.Fatal(err)
		}
	}
	if err := zootest.Make("bert-masked", base); err != nil {
		t.Fatal(err)
	}
	config := strings.Replace(zootest.Configs["bert-masked"], "BertForMaskedLM", "BertForSequenceClassification", 1)
	m, fresh, err := zoo.OpenBody(base, []byte(config))
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	for name, w := range nn.Params(m.Model) {
		if w.Name = name; slices.Contains(fresh, name) {
			nn.InitNormal(w, 0.3, 2)
		}
	}
	attach := func(save ...string) {
		a, err := lora.Attach(m.Model, lora.Config{Save: save}, 3)
		if err != nil {
			t.Fatal(err)
		}
		for _, w := range a.Named() {
			x := w.Own()
			for i := range x {
				x[i] += float32(i%5) / 10
			}
			w.Changed()
		}
		if err := a.Save(dir, base, "SEQ_CLS"); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, "config.json"), []byte(config), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	answer := func(m model.Model) []float32 {
		p := nn.NewPass(t.Context(), nn.Sequences(3, 2), nn.Options{})
		defer p.Close()
		return m.Run(p, &model.Input{IDs: []int32{2, 5, 3, 2, 3}})[0].Value.Float32s()
	}
	attach("classifier", "pooler.dense")
	want := answer(m.Model)
	for _, name := range []string{base, "../base"} {
		raw, err := os.ReadFile(filepath.Join(dir, lora.ConfigName))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, lora.ConfigName), []byte(strings.Replace(string(raw), base, name, 1)), 0o666); err != nil {
			t.Fatal(err)
		}
		l, err := zoo.Open(dir)
		if err != nil {
			t.Fatal(err)
		}
		if have := answer(l.Model); !slices.Equal(have, want) {
			t.Errorf("from %s: have %v, want %v", name, have, want)
		}
		if l.Architecture != "BertForSequenceClassification" || string(l.Folder.Config) != config {
			t.Errorf("opened %s with %s", l.Architecture, l.Folder.Config)
		}
		l.Close()
	}
	attach("classifier")
	if _, err := zoo.Open(dir); err == nil || !strings.Contains(err.Error(), "neither the adapters nor their base have bert.pooler.dense.weight") {
		t.Errorf("a pooler that nobody has: %v", err)
	}
	if err := os.RemoveAll(base); err != nil {
		t.Fatal(err)
	}
	if _, err := zoo.Open(dir); err == nil || !strings.Contains(err.Error(), "which is not a folder here") {
		t.Errorf("without a base: %v", err)
	}
}
