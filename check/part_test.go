package check_test

import (
	"fmt"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/qkvgo/qkv/check"
	"github.com/qkvgo/qkv/safetensors"
)

// writePart writes a case without a model. A name may end in the axes of its
// tensor, as in "logits 1 2".
func writePart(t *testing.T, meta string, files map[string]map[string][]float32) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "meta.json"), []byte(meta), 0o666); err != nil {
		t.Fatal(err)
	}
	for file, tensors := range files {
		var list []safetensors.Tensor
		for _, name := range slices.Sorted(maps.Keys(tensors)) {
			shape := []int{len(tensors[name])}
			words := strings.Fields(name)
			for i, word := range words[1:] {
				if i == 0 {
					shape = nil
				}
				n, err := strconv.Atoi(word)
				if err != nil {
					t.Fatal(err)
				}
				shape = append(shape, n)
			}
			x, err := safetensors.FromFloat32(words[0], safetensors.F32, shape, tensors[name])
			if err != nil {
				t.Fatal(err)
			}
			list = append(list, x)
		}
		if err := safetensors.Write(filepath.Join(dir, file+".safetensors"), list, nil); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

const sgdMeta = `{"cls": "torch.SGD", "task": "optimizer", "steps": 1, "args": {"lr": 0.5, "clip_grad_norm": null}}`

// A part passes where its numbers are the reference's, fails by name where they
// are not, and is unsupported where a class or an argument is not known.
func TestParts(t *testing.T) {
	sgd := func(after float32) map[string]map[string][]float32 {
		return map[string]map[string][]float32{
			"inputs":  {"param.w": {1, 2}, "grad1.w": {2, -4}},
			"outputs": {"step1.w": {0, after}},
		}
	}
	loss := map[string]map[string][]float32{
		"inputs":  {"input": {1, 5}, "const_target": {0, 2}},
		"outputs": {"loss": {1.5}},
		"grads":   {"input": {0.5, 0.5}},
	}
	entropy := map[string]map[string][]float32{
		"inputs":  {"logits 1 2": {0, 0}, "const_target 1 2": {1, 0}},
		"outputs": {"loss": {float32(math.Ln2)}},
		"grads":   {"logits": {-0.5, 0.5}},
	}
	for _, c := range []struct {
		meta  string
		files map[string]map[string][]float32
		want  check.Status
		count int
		worst string
	}{
		{sgdMeta, sgd(4), check.OK, 1, "step1.w"},
		{sgdMeta, sgd(4.1), check.Failed, 1, "step1.w"},
		{`{"cls": "torch.SGD", "task": "optimizer", "steps": 1, "args": {"lr": 0.5, "maximize": true}}`, sgd(4), check.Unsupported, 0, ""},
		{`{"cls": "torch.LBFGS", "task": "optimizer", "steps": 1, "args": {}}`, sgd(4), check.Unsupported, 0, ""},
		{`{"cls": "torch.nn.SmoothL1Loss", "task": "loss", "args": {"beta": 1.0}}`, loss, check.OK, 2, "loss"},
		{`{"cls": "torch.nn.SmoothL1Loss", "task": "loss", "args": {"beta": 3.0}}`, loss, check.Failed, 2, ""},
		{`{"cls": "torch.nn.KLDivLoss", "task": "loss", "args": {"reduction": "sum"}, "noise": {"loss": [0, 1]}}`, map[string]map[string][]float32{
			"inputs": {"input": {-1, -2}, "const_target": {1, 0}}, "outputs": {"loss": {1}}, "grads": {"input": {-1, 0}}}, check.OK, 2, ""},
		{`{"cls": "torch.nn.CrossEntropyLoss", "task": "loss", "args": {}, "noise": {"loss": [0, 1]}}`, entropy, check.OK, 2, ""},
		{`{"cls": "transformers.AdamW", "task": "optimizer", "args": {}}`, sgd(4), check.Unsupported, 0, ""},
		{`{"cls": "torch.nn.HingeEmbeddingLoss", "task": "loss", "args": {}}`, loss, check.Unsupported, 0, ""},
		{`{"cls": "torch.nn.Fold", "task": "layer", "args": {}}`, loss, check.Unsupported, 0, ""},
		{`{"cls": "schedules", "task": "schedule", "args": {"loss": {"function": "CyclicLR"}}}`, loss, check.Unsupported, 0, ""},
		{`{"cls": "a question", "task": "poem", "args": {}}`, loss, check.Unsupported, 0, ""},
		{`{"cls": "torch.SGD", "task": "optimizer", "args": {"lr": "much"}}`, sgd(4), check.Failed, 0, ""},
	} {
		dir := writePart(t, c.meta, c.files)
		r := check.Run(t.Context(), dir, check.Options{})
		if r.Status != c.want || r.Tensors != c.count || c.worst != "" && r.Worst != c.worst || c.want != check.OK && c.count == 0 && r.Why == "" {
			t.Errorf("%s: %+v", c.meta, r)
		}
		if c.want == check.OK {
			if r := check.Bits(t.Context(), dir); r.Status != check.OK || r.Runs == 0 {
				t.Errorf("%s: %s", c.meta, fmt.Sprint(r))
			}
		}
	}
}
