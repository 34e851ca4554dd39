package check_test

import (
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/qkvgo/qkv/check"
	"github.com/qkvgo/qkv/generate"
	"github.com/qkvgo/qkv/model"
	"github.com/qkvgo/qkv/nn"
	"github.com/qkvgo/qkv/tensor"
	"github.com/qkvgo/qkv/zoo"
)

// shared is a folder of the reference's records, beside the checkout or where
// QKV_SHARED says; without it the test is skipped.
func shared(t *testing.T, path ...string) string {
	t.Helper()
	root := os.Getenv("QKV_SHARED")
	if root == "" {
		root = filepath.Join("..", "..", "shared")
	}
	dir := filepath.Join(append([]string{root}, path...)...)
	if _, err := os.Stat(dir); err != nil {
		t.Skip("no reference records: ", err)
	}
	return dir
}

// Every recorded case of the families in the zoo, and of single layers, optimizers,
// schedules and losses, passes.
func TestGoldenCases(t *testing.T) {
	dirs := []string{shared(t, "golden", "core"), shared(t, "golden", "layers")}
	vision, err := filepath.Glob(filepath.Join(shared(t, "golden", "vision"), "vit-*"))
	if err != nil {
		t.Fatal(err)
	}
	dirs = append(dirs, shared(t, "golden", "vision", "bit-base"))
	cases, err := check.Find(append(dirs, vision...)...)
	if err != nil {
		t.Fatal(err)
	}
	for _, dir := range cases {
		if r := check.Run(t.Context(), dir, check.Options{}); r.Status != check.OK || r.Tensors == 0 {
			t.Errorf("%+v", r)
		}
	}
}

func readJSON(t *testing.T, path string, into any) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err == nil {
		err = json.Unmarshal(b, into)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func open(t *testing.T, dir string) *zoo.Loaded {
	t.Helper()
	m, err := zoo.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Close() })
	return m
}

// story is what the reference made of a prompt.
type story struct {
	Prompt    string    `json:"prompt"`
	PromptIDs []int32   `json:"prompt_ids"`
	Greedy    []int32   `json:"greedy_ids"`
	Logits    []float32 `json:"last_prompt_logits"`
	Beams     []struct {
		IDs   []int32 `json:"ids"`
		Score float32 `json:"score"`
	} `json:"beam4"`

	Mode    string          `json:"mode"`
	Options json.RawMessage `json:"options"`
	NewIDs  [][]int32       `json:"new_ids"`
	Scores  []float32       `json:"sequences_scores"`
}

// scored is a text with the logarithms of its tokens' probabilities.
type scored struct {
	IDs      []int32   `json:"ids"`
	LogProbs []float32 `json:"logprobs"`
}

type stories struct {
	Results []story  `json:"results"`
	Scored  []scored `json:"scored_texts"`
	Padded  struct {
		IDs    [][]int32 `json:"input_ids"`
		Mask   [][]int32 `json:"attention_mask"`
		NewIDs [][]int32 `json:"new_ids"`
	} `json:"left_padded_batch"`
}

// A real model tells the reference's stories, word for word.
func TestStories(t *testing.T) {
	dir := shared(t, "data", "weights", "stories260K-hf")
	m := open(t, dir).Model.(model.CausalLM)
	var g stories
	readJSON(t, filepath.Join(dir, "golden.json"), &g)
	for _, s := range g.Results {
		near(t, s.Prompt+" logits", scores(t, m, s.PromptIDs)[len(s.PromptIDs)-1], s.Logits, 2e-4)
		compare(t, s.Prompt+" greedy", decode(t, m, generate.Options{MaxNewTokens: 200}, s.PromptIDs), [][]int32{s.Greedy})
		o := options(t, dir, []byte(`{"num_beams": 4, "num_return_sequences": 4}`))
		beams := decode(t, m, o, s.PromptIDs)
		for i, b := range s.Beams {
			compare(t, s.Prompt+" beam", beams[i:i+1], [][]int32{b.IDs})
			near(t, s.Prompt+" score", []float32{beams[i].Score}, []float32{b.Score}, 1e-5)
		}
	}
	logProbs(t, m, g.Scored)
}

// Every way of decoding chooses the reference's ids.
func TestStoriesGenerate(t *testing.T) {
	dir := shared(t, "data", "weights", "stories260K-hf")
	m := open(t, dir).Model.(model.CausalLM)
	var g stories
	readJSON(t, filepath.Join(dir, "golden_generate.json"), &g)
	for _, s := range g.Results {
		name := s.Prompt + " " + s.Mode
		got := decode(t, m, options(t, dir, s.Options), s.PromptIDs)
		compare(t, name, got, s.NewIDs)
		for i, score := range s.Scores {
			near(t, name, []float32{got[i].Score}, []float32{score}, 1e-5)
		}
	}
	var prompts [][]int32
	for i, ids := range g.Padded.IDs {
		prompts = append(prompts, ids[slices.Index(g.Padded.Mask[i], 1):])
	}
	o := options(t, dir, nil)
	o.MaxNewTokens = 40
	compare(t, "batch", decode(t, m, o, prompts...), g.Padded.NewIDs)
	logProbs(t, m, g.Scored)
}

// options are the folder's, then those of the record, over 60 new tokens.
func options(t *testing.T, dir string, more []byte) generate.Options {
	t.Helper()
	o, err := generate.ReadOptions(os.DirFS(dir))
	o.MaxNewTokens = 60
	if err == nil && more != nil {
		err = json.Unmarshal(more, &o)
	}
	if err != nil {
		t.Fatal(err)
	}
	return o
}

func decode(t *testing.T, m model.CausalLM, o generate.Options, prompts ...[]int32) []generate.Sequence {
	t.Helper()
	s, err := generate.Generate(t.Context(), generate.LM{Model: m}, prompts, o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func compare(t *testing.T, name string, got []generate.Sequence, want [][]int32) {
	t.Helper()
	if len(got) != len(want) {
		t.Errorf("%s: %d sequences, want %d", name, len(got), len(want))
		return
	}
	for i, s := range got {
		if !slices.Equal(s.IDs, want[i]) {
			t.Errorf("%s: have %v, want %v", name, s.IDs, want[i])
		}
	}
}

// scores are the next token's after every token.
func scores(t *testing.T, m model.CausalLM, ids []int32) [][]float32 {
	p := nn.NewPass(t.Context(), nn.Sequences(len(ids)), nn.Options{})
	defer p.Close()
	return rows(m.Unembed(p, m.Hidden(p, ids)))
}

func rows(x *tensor.Tensor) (r [][]float32) {
	for i := range x.Rows() {
		r = append(r, slices.Clone(x.Row(i)))
	}
	return r
}

func logProbs(t *testing.T, m model.CausalLM, texts []scored) {
	t.Helper()
	for _, s := range texts {
		p := nn.NewPass(t.Context(), nn.Sequences(len(s.IDs)), nn.Options{})
		each := rows(m.Unembed(p, m.Hidden(p, s.IDs)).LogSoftmax())
		p.Close()
		var got []float32
		for i, id := range s.IDs[1:] {
			got = append(got, each[i][id])
		}
		near(t, fmt.Sprint(s.IDs[:4]), got, s.LogProbs, 2e-5)
	}
}

// near holds numbers to those recorded, which are rounded to six digits or five.
func near(t *testing.T, name string, got, want []float32, most float64) {
	t.Helper()
	if len(got) != len(want) || len(want) == 0 {
		t.Errorf("%s: %d numbers, want %d", name, len(got), len(want))
		return
	}
	for i, w := range want {
		if diff := math.Abs(float64(got[i] - w)); !(diff <= most) {
			t.Errorf("%s: number %d is %v, want %v", name, i, got[i], w)
			return
		}
	}
}

// digits are the test pictures of MNIST, 28 × 28 bytes each.
func digits(t *testing.T) []byte {
	f, err := os.Open(shared(t, "data", "datasets", "mnist", "t10k-images-idx3-ubyte.gz"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	return b[16:]
}

// Real vision models see what the reference sees in digits: the class row after
// each layer, the scores of the classes.
func TestDigits(t *testing.T) {
	for name, norm := range map[string][2]float32{"vit-mnist": {0.5, 0.5}, "vit-mnist-3class-hf": {0.1307, 0.3081}} {
		dir := shared(t, "data", "weights", name)
		m, pictures := open(t, dir), digits(t)
		var g struct {
			Results []struct {
				Index  int         `json:"index"`
				Logits []float32   `json:"logits"`
				Layers [][]float32 `json:"cls_after_layer"`
			} `json:"results"`
		}
		readJSON(t, filepath.Join(dir, "golden.json"), &g)
		for _, r := range g.Results {
			in := &model.Input{}
			for _, v := range pictures[r.Index*784:][:784] {
				in.Pixels = append(in.Pixels, (float32(v)/255-norm[0])/norm[1])
			}
			p := nn.NewPass(t.Context(), nn.Pictures(nn.Square(28)), nn.Options{})
			seen := &firsts{}
			p.Probe = seen
			logits := m.Run(p, in)[0].Value.Float32s()
			p.Close()
			near(t, fmt.Sprintf("%s picture %d", name, r.Index), logits, r.Logits, 2e-5)
			for i, want := range r.Layers {
				near(t, fmt.Sprintf("%s picture %d after layer %d", name, r.Index, i), seen.rows[i], want, 5e-5)
			}
		}
	}
}

// firsts keeps the first row after each layer.
type firsts struct{ rows [][]float32 }

func (f *firsts) Layer(_ *nn.Pass, _ int, x *tensor.Tensor) *tensor.Tensor {
	f.rows = append(f.rows, slices.Clone(x.Row(0)))
	return x
}
