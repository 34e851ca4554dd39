package zoo_test

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/qkvgo/qkv/nn"
	"github.com/qkvgo/qkv/zoo"
	"github.com/qkvgo/qkv/zoo/zootest"
)

// A network takes another head: what the file has is bound, what the head adds is
// named, and a network that does not fit is refused as ever.
func TestOpenBody(t *testing.T) {
	for _, c := range []struct {
		kind, from, to string
		fresh          []string
	}{
		{"bert-masked", "BertForMaskedLM", "BertForSequenceClassification", []string{"bert.pooler.dense.weight", "bert.pooler.dense.bias", "classifier.weight", "classifier.bias"}},
		{"bert-classifier", `"2": "neither"`, `"2": "neither", "3": "both"`, []string{"classifier.weight", "classifier.bias"}},
		{"bert-classifier", "none", "none", nil},
		{"gpt2", "GPT2LMHeadModel", "GPT2ForTokenClassification", []string{"classifier.weight", "classifier.bias"}},
		{"llama", "LlamaForCausalLM", "LlamaForSequenceClassification", []string{"score.weight"}},
	} {
		dir := t.TempDir()
		if err := zootest.Make(c.kind, dir); err != nil {
			t.Fatal(err)
		}
		config := strings.Replace(zootest.Configs[c.kind], c.from, c.to, 1)
		m, fresh, err := zoo.OpenBody(dir, []byte(config))
		if err != nil {
			t.Errorf("%s to %s: %v", c.kind, c.to, err)
			continue
		}
		slices.Sort(fresh)
		slices.Sort(c.fresh)
		if !slices.Equal(fresh, c.fresh) {
			t.Errorf("%s to %s: have %q, want %q", c.kind, c.to, fresh, c.fresh)
		}
		for name, w := range nn.Params(m.Model) {
			if w.Bound() == slices.Contains(fresh, name) {
				t.Errorf("%s to %s: %s is bound: %v", c.kind, c.to, name, w.Bound())
			}
		}
		m.Close()
		wider := strings.Replace(config, `: 12`, `: 16`, 1) // the inner width
		if _, _, err := zoo.OpenBody(dir, []byte(wider)); err == nil && wider != config {
			t.Errorf("%s: another network is taken", c.kind)
		}
		if err := os.Remove(dir + "/model.safetensors"); err != nil {
			t.Fatal(err)
		}
		if _, _, err := zoo.OpenBody(dir, []byte(config)); err == nil {
			t.Errorf("%s: a folder without weights is taken", c.kind)
		}
	}
}

func TestSibling(t *testing.T) {
	for _, c := range [][3]string{
		{"BertForMaskedLM", "ForSequenceClassification", "BertForSequenceClassification"},
		{"GPT2LMHeadModel", "ForTokenClassification", "GPT2ForTokenClassification"},
		{"ViTModel", "ForImageClassification", "ViTForImageClassification"},
		{"ViTModel", "ForSequenceClassification", ""},
		{"NoModel", "ForSequenceClassification", ""},
	} {
		if have, _ := zoo.Sibling(c[0], c[1]); have != c[2] {
			t.Errorf("%s %s: have %q, want %q", c[0], c[1], have, c[2])
		}
	}
}
