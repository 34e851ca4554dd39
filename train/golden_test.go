package train

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/qkvgo/qkv/nn"
	"github.com/qkvgo/qkv/safetensors"
)

// golden is a case of the reference's records in shared/golden/layers, beside
// the checkout or where QKV_SHARED says; without them the test is skipped.
type golden struct {
	Args struct {
		Rate  float64   `json:"lr"`
		Decay *float64  `json:"weight_decay"`
		Betas []float64 `json:"betas"`
		Eps   float64   `json:"eps"`
		Clip  float64   `json:"clip_grad_norm"`
	} `json:"args"`
	Steps int                   `json:"steps"`
	Noise map[string][2]float64 `json:"noise"`
}

func openGolden(t *testing.T, name string) string {
	t.Helper()
	root := os.Getenv("QKV_SHARED")
	if root == "" {
		root = filepath.Join("..", "..", "shared")
	}
	dir := filepath.Join(root, "golden", "layers", name)
	if _, err := os.Stat(dir); err != nil {
		t.Skip("no reference records: ", err)
	}
	return dir
}

func openTensors(t *testing.T, path string) *safetensors.File {
	t.Helper()
	f, err := safetensors.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

func numbers(t *testing.T, f *safetensors.File, name string) ([]int, []float32) {
	t.Helper()
	x, ok := f.Tensor(name)
	if !ok {
		t.Fatalf("no tensor %s", name)
	}
	out := make([]float32, x.Len())
	if err := x.ToFloat32(out); err != nil {
		t.Fatal(err)
	}
	return x.Shape, out
}

// AdamW with and without clipping gives PyTorch's parameters after every step.
func TestAdamWEqualsReference(t *testing.T) {
	for _, name := range []string{"optim-adamw", "optim-adamw-clip"} {
		dir := openGolden(t, name)
		var g golden
		raw, err := os.ReadFile(filepath.Join(dir, "meta.json"))
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(raw, &g); err != nil {
			t.Fatal(err)
		}
		o := AdamWOptions{Rate: g.Args.Rate, Eps: g.Args.Eps, Decay: 0.01}
		if g.Args.Betas != nil {
			o.Beta1, o.Beta2 = g.Args.Betas[0], g.Args.Betas[1]
		}
		if g.Args.Decay != nil {
			o.Decay = *g.Args.Decay
		}
		in, out := openTensors(t, filepath.Join(dir, "inputs.safetensors")), openTensors(t, filepath.Join(dir, "outputs.safetensors"))
		var params []*nn.Param
		names := []string{"weight", "bias", "conv", "scalar"}
		for _, name := range names {
			shape, data := numbers(t, in, "param."+name)
			w := nn.NewParam(shape...)
			w.Set(data)
			params = append(params, w)
		}
		a := NewAdamW(func(yield func(string, *nn.Param) bool) {
			for i, w := range params {
				if !yield(names[i], w) {
					return
				}
			}
		}, o)
		for step := 1; step <= g.Steps; step++ {
			a.grads.Reset()
			for i, name := range names {
				_, a.grads.sums[i] = numbers(t, in, fmt.Sprintf("grad%d.%s", step, name))
			}
			if g.Args.Clip > 0 {
				a.grads.Clip(g.Args.Clip)
			}
			a.Update(o.Rate)
			for i, name := range names {
				key := fmt.Sprintf("step%d.%s", step, name)
				_, want := numbers(t, out, key)
				for j, have := range params[i].Float32() {
					if d := math.Abs(float64(have) - float64(want[j])); d > 10*g.Noise[key][0]+1e-6 {
						t.Errorf("%s %s[%d]: have %v, want %v", name, key, j, have, want[j])
					}
				}
			}
		}
	}
}

// Schedules give the reference's factors at a hundred steps.
func TestSchedulesEqualReference(t *testing.T) {
	f := openTensors(t, filepath.Join(openGolden(t, "schedules"), "outputs.safetensors"))
	for name, s := range map[string]Schedule{
		"constant": Constant(0), "constant_warmup": Constant(10), "linear": Linear(10, 90, 0), "cosine": Cosine(7, 100, 0),
	} {
		_, want := numbers(t, f, name)
		have := make([]float32, len(want))
		for i := range have {
			have[i] = float32(s(i))
		}
		close := func(a, b float32) bool { return math.Abs(float64(a)-float64(b)) < 1e-7 }
		if len(want) != 100 || !slices.EqualFunc(have, want, close) {
			t.Errorf("%s: have %v, want %v", name, have, want)
		}
	}
}
