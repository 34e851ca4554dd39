package task

import (
	"context"
	"errors"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/qkvgo/qkv/model"
	"github.com/qkvgo/qkv/nn"
)

func openEmbedder(t *testing.T, dir string) *Embedder {
	t.Helper()
	e, err := OpenEmbedder(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { e.Close() })
	e.Device = checkedDevice(t)
	return e
}

// hidden gives the last hidden states of a text, a row a token.
func hidden(t *testing.T, e *Embedder, text string) (rows [][]float32) {
	t.Helper()
	ids, err := e.Tokenizer.Encode(text)
	if err != nil {
		t.Fatal(err)
	}
	p := nn.NewPass(t.Context(), nn.Sequences(ids.Len()), nn.Options{Device: e.Device})
	defer p.Close()
	x := e.encoder.Encode(p, &model.Input{IDs: ids.IDs})
	for i := range x.Rows() {
		rows = append(rows, slices.Clone(x.Row(i)))
	}
	return rows
}

// oracle pools rows in float64, by the ways' definitions.
func oracle(way Pooling, rows [][]float32) []float64 {
	n := float64(len(rows))
	y := make([]float64, len(rows[0]))
	for d := range y {
		var sum, by float64
		greatest := math.Inf(-1)
		for i, row := range rows {
			sum += float64(row[d])
			by += float64(i+1) * float64(row[d])
			greatest = max(greatest, float64(row[d]))
		}
		switch way {
		case Mean:
			y[d] = sum / n
		case MeanSqrt:
			y[d] = sum / math.Sqrt(n)
		case WeightedMean:
			y[d] = by / (n * (n + 1) / 2)
		case Max:
			y[d] = greatest
		case CLS:
			y[d] = float64(rows[0][d])
		case Last:
			y[d] = float64(rows[len(rows)-1][d])
		}
	}
	return y
}

// Every way of pooling is its definition, with vectors as they are and of length
// 1; several give one after the other. The numbers are below 4, and at most 14
// are summed, each sum rounded: 1e-5 is more than that can cost.
func TestPooling(t *testing.T) {
	e := openEmbedder(t, tiny(t, "bert"))
	for _, pooling := range []Pooling{Mean, CLS, Last, Max, MeanSqrt, WeightedMean, "cls+max+mean"} {
		for _, unit := range []bool{false, true} {
			e.Pooling, e.Normalize = pooling, unit
			have, err := e.Embed(t.Context(), texts...)
			if err != nil || len(have) != len(texts) {
				t.Fatalf("%s: %d vectors (%v)", pooling, len(have), err)
			}
			for i, text := range texts {
				var want []float64
				rows := hidden(t, e, text)
				for _, way := range strings.Split(string(pooling), "+") {
					want = append(want, oracle(Pooling(way), rows)...)
				}
				length := 1.0
				if unit {
					length = 0
					for _, v := range want {
						length += v * v
					}
					length = math.Sqrt(length)
				}
				if len(have[i]) != len(want) {
					t.Fatalf("%s: %d numbers, want %d", pooling, len(have[i]), len(want))
				}
				for d, v := range have[i] {
					if diff := math.Abs(float64(v) - want[d]/length); diff > 1e-5 {
						t.Errorf("%s, unit length %v, %q: number %d is %g, want %g", pooling, unit, text, d, v, want[d]/length)
					}
				}
			}
		}
	}
}

// A text's vector has the same bits alone, among others, and from many
// goroutines at once.
func TestEmbedBatchIsSingles(t *testing.T) {
	for _, kind := range []string{"bert", "bert-masked", "llama", "gpt2"} {
		e := openEmbedder(t, tiny(t, kind))
		if kind == "llama" || kind == "gpt2" { // whose tokenizer gives an empty text no token
			e.Pooling = Last
		}
		some := slices.DeleteFunc(slices.Clone(texts), func(s string) bool { return s == "" })
		all, err := e.Embed(t.Context(), some...)
		if err != nil {
			t.Fatal(err)
		}
		var calls sync.WaitGroup
		for i, text := range some {
			calls.Go(func() {
				one, err := e.Embed(t.Context(), text)
				if err != nil || !slices.Equal(one[0], all[i]) {
					t.Errorf("%s, %q: %v (%v) alone, %v among others", kind, text, one, err, all[i])
				}
			})
		}
		calls.Wait()
	}
}

// More texts than a pass holds go through in several, with the same result.
func TestEmbedManyPasses(t *testing.T) {
	e := openEmbedder(t, tiny(t, "bert"))
	many := slices.Repeat([]string{texts[4], texts[0]}, PassRows/16)
	have, err := e.Embed(t.Context(), many...)
	if err != nil || len(have) != len(many) {
		t.Fatalf("%d vectors (%v), want %d", len(have), err, len(many))
	}
	want, err := e.Embed(t.Context(), many[:2]...)
	if err != nil {
		t.Fatal(err)
	}
	for i := range have {
		if !slices.Equal(have[i], want[i%2]) {
			t.Fatalf("vector %d differs", i)
		}
	}
}

// What does not fit is cut off, and told.
func TestEmbedCutsOff(t *testing.T) {
	e := openEmbedder(t, tiny(t, "bert"))
	if e.MaxLength != 16 {
		t.Errorf("the most tokens are %d, want the 16 positions", e.MaxLength)
	}
	fits, long := strings.Repeat("cat ", 14), strings.Repeat("cat ", 40)
	var told []string
	e.Cut = func(text string) { told = append(told, text) }
	v, err := e.Embed(t.Context(), fits, long)
	if err != nil || !slices.Equal(v[0], v[1]) {
		t.Errorf("have %v (%v)", v, err)
	}
	if !slices.Equal(told, []string{long}) {
		t.Errorf("told of %q", told)
	}
}

// Nothing is no work, and what ended before it began says so.
func TestEmbedEdges(t *testing.T) {
	e := openEmbedder(t, tiny(t, "llama"))
	if v, err := e.Embed(t.Context()); err != nil || len(v) != 0 {
		t.Errorf("of no texts: %v (%v)", v, err)
	}
	if _, err := e.Embed(t.Context(), "the cat", ""); err == nil || !strings.Contains(err.Error(), "text 2 is empty") {
		t.Errorf("of an empty text: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := e.Embed(ctx, "the cat"); !errors.Is(err, context.Canceled) {
		t.Errorf("after cancel: %v", err)
	}
}

const pooling = `{"word_embedding_dimension": 8, "pooling_mode_cls_token": true, "pooling_mode_mean_tokens": false,
 "pooling_mode_max_tokens": true, "pooling_mode_mean_sqrt_len_tokens": false}`

// A folder of sentence-transformers is obeyed.
func TestSentenceTransformers(t *testing.T) {
	e := openEmbedder(t, tiny(t, "bert",
		"modules.json", `[{"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"},
			{"idx": 1, "name": "1", "path": "1_Pooling", "type": "sentence_transformers.models.Pooling"},
			{"idx": 2, "name": "2", "path": "2_Normalize", "type": "sentence_transformers.models.Normalize"}]`,
		"1_Pooling/config.json", pooling,
		"sentence_bert_config.json", `{"max_seq_length": 7, "do_lower_case": false}`))
	if e.Pooling != "cls+max" || !e.Normalize || e.MaxLength != 7 {
		t.Errorf("have pooling %s, normalize %v, at most %d tokens", e.Pooling, e.Normalize, e.MaxLength)
	}

	// The model may lie in a folder of its own.
	root := t.TempDir()
	if err := os.Rename(tiny(t, "bert"), filepath.Join(root, "0_BERT")); err != nil {
		t.Fatal(err)
	}
	modules := `[{"path": "0_BERT", "type": "sentence_transformers.models.Transformer"}]`
	if err := os.WriteFile(filepath.Join(root, "modules.json"), []byte(modules), 0o666); err != nil {
		t.Fatal(err)
	}
	if e := openEmbedder(t, root); e.Pooling != Mean || e.Normalize || e.MaxLength != 16 {
		t.Errorf("have pooling %s, normalize %v, at most %d tokens", e.Pooling, e.Normalize, e.MaxLength)
	}
}

// What is not obeyed is an error that names it.
func TestSentenceTransformersRefused(t *testing.T) {
	for _, c := range []struct {
		files       []string
		unsupported bool
		message     string
	}{
		{[]string{"modules.json", `[{"path": "", "type": "sentence_transformers.models.Dense"}]`}, true, "models.Dense"},
		{[]string{"modules.json", `[{"path": "../x", "type": "sentence_transformers.models.Transformer"}]`}, false, `"../x" is not inside`},
		{[]string{"modules.json", `[{`}, false, "modules.json"},
		{[]string{"modules.json", `[{"path": "p", "type": "Pooling"}]`, "p/config.json", `{"pooling_mode_attention": true}`}, true, "pooling_mode_attention"},
		{[]string{"modules.json", `[{"path": "", "type": "Transformer"}]`, "sentence_bert_config.json", `{"do_lower_case": true}`}, true, "do_lower_case"},
	} {
		_, err := OpenEmbedder(tiny(t, "bert", c.files...))
		if err == nil || errors.Is(err, errors.ErrUnsupported) != c.unsupported || !strings.Contains(err.Error(), c.message) {
			t.Errorf("%q: %v", c.files, err)
		}
	}
}
