package task

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"image"
	"image/png"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/qkvgo/qkv/model"
	"github.com/qkvgo/qkv/nn"
)

func openClassifier(t *testing.T, dir string) *Classifier {
	t.Helper()
	c, err := OpenClassifier(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	c.Device = checkedDevice(t)
	return c
}

// logits are a text's, straight from the model.
func logits(t *testing.T, c *Classifier, text string) []float64 {
	t.Helper()
	ids, err := c.Tokenizer.Encode(text)
	if err != nil {
		t.Fatal(err)
	}
	p := nn.NewPass(t.Context(), nn.Sequences(ids.Len()), nn.Options{Device: c.Device})
	defer p.Close()
	var x []float64
	for _, v := range c.loaded.Run(p, &model.Input{IDs: ids.IDs})[0].Value.Row(0) {
		x = append(x, float64(v))
	}
	return x
}

// Scores are the logits' softmax, or sigmoids where labels are independent, or the
// logits themselves of a regression, the greatest first. Functions are within 2
// ulp: 1e-6 is more than that.
func TestScores(t *testing.T) {
	for _, c := range []struct {
		kind, problem string
		score         func(x []float64, i int) float64
	}{
		{"bert-classifier", "", softmax},
		{"bert-classifier", "single_label_classification", softmax},
		{"bert-labels", "multi_label_classification", func(x []float64, i int) float64 { return 1 / (1 + math.Exp(-x[i])) }},
		{"bert-classifier", "regression", func(x []float64, i int) float64 { return x[i] }},
	} {
		cl := openClassifier(t, tiny(t, c.kind))
		cl.labels.ProblemType = c.problem
		have, err := cl.Texts(t.Context(), texts...)
		if err != nil {
			t.Fatal(err)
		}
		for i, text := range texts {
			x := logits(t, cl, text)
			if !slices.IsSortedFunc(have[i], func(a, b Score) int { return cmp.Compare(b.Score, a.Score) }) || len(have[i]) != len(x) {
				t.Errorf("%s: %v is not all, in order", c.kind, have[i])
			}
			for k := range x {
				at := slices.IndexFunc(have[i], func(s Score) bool { return s.Label == cl.labels.Name(k) })
				if want := c.score(x, k); math.Abs(float64(have[i][at].Score)-want) > 1e-6 {
					t.Errorf("%s %s: %q is %v, want %g", c.kind, c.problem, text, have[i][at], want)
				}
			}
		}
	}
}

func softmax(x []float64, i int) float64 {
	sum := 0.0
	for _, v := range x {
		sum += math.Exp(v - x[i])
	}
	return 1 / sum
}

// Texts have the same scores alone and together, and a pair is not its texts
// joined.
func TestTextsAndPairs(t *testing.T) {
	c := openClassifier(t, tiny(t, "bert-classifier"))
	all, err := c.Texts(t.Context(), texts...)
	if err != nil {
		t.Fatal(err)
	}
	for i, text := range texts {
		if one, err := c.Texts(t.Context(), text); err != nil || !slices.Equal(one[0], all[i]) {
			t.Errorf("%q: %v (%v) alone, %v among others", text, one, err, all[i])
		}
	}
	joined, err := c.Texts(t.Context(), "the cat the dog")
	if err != nil {
		t.Fatal(err)
	}
	pairs, err := c.Pairs(t.Context(), [2]string{"the cat", "the dog"}, [2]string{"the dog", "the cat"})
	if err != nil || slices.Equal(pairs[0], joined[0]) || slices.Equal(pairs[0], pairs[1]) {
		t.Errorf("have %v (%v), joined %v", pairs, err, joined)
	}
	if _, err := c.Images(t.Context(), strings.NewReader("")); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("a classifier of texts takes a picture: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := c.Texts(ctx, "the cat"); !errors.Is(err, context.Canceled) {
		t.Errorf("after cancel: %v", err)
	}
}

// picture is a grey PNG.
func picture(t *testing.T, width, height int, pix []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := png.Encode(&b, &image.Gray{Pix: pix, Stride: width, Rect: image.Rect(0, 0, width, height)}); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// Pictures of any size have the same scores alone and among more than a pass
// takes.
func TestImages(t *testing.T) {
	c := openClassifier(t, tiny(t, "vit"))
	if !c.Pictures() {
		t.Error("does not take pictures")
	}
	var files [][]byte
	var readers []io.Reader
	for range passImages + 3 {
		w, h := 1+rand.IntN(20), 1+rand.IntN(20)
		pix := make([]byte, w*h)
		for i := range pix {
			pix[i] = byte(rand.IntN(256))
		}
		files = append(files, picture(t, w, h, pix))
		readers = append(readers, bytes.NewReader(files[len(files)-1]))
	}
	all, err := c.Images(t.Context(), readers...)
	if err != nil || len(all) != len(files) {
		t.Fatalf("%d results (%v)", len(all), err)
	}
	for i, f := range files {
		if one, err := c.Images(t.Context(), bytes.NewReader(f)); err != nil || !slices.Equal(one[0], all[i]) {
			t.Errorf("%v (%v) alone, %v among others", one, err, all[i])
		}
	}
	if none, err := c.Images(t.Context()); err != nil || len(none) != 0 {
		t.Errorf("of no pictures: %v (%v)", none, err)
	}
	if _, err := c.Images(t.Context(), bytes.NewReader(files[0]), strings.NewReader("no picture")); err == nil || !strings.Contains(err.Error(), "picture 2") {
		t.Errorf("of what is no picture: %v", err)
	}
	if _, err := c.Texts(t.Context(), "the cat"); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("a classifier of pictures takes a text: %v", err)
	}
}

// A real model reads handwritten digits from PNG files as the reference did.
func TestDigits(t *testing.T) {
	shared := os.Getenv("QKV_SHARED")
	if shared == "" {
		shared = filepath.Join("..", "..", "shared")
	}
	dir := filepath.Join(shared, "data", "weights", "vit-mnist")
	text, err := os.ReadFile(filepath.Join(dir, "golden.json"))
	if err != nil {
		t.Skip("no ../shared beside the checkout")
	}
	var golden struct {
		Predictions string `json:"predictions_first_1000"`
	}
	if err := json.Unmarshal(text, &golden); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(filepath.Join(shared, "data", "datasets", "mnist", "t10k-images-idx3-ubyte.gz"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	unzipped, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	const n, size, head = 100, 28 * 28, 16
	pix := make([]byte, head+n*size)
	if _, err := io.ReadFull(unzipped, pix); err != nil {
		t.Fatal(err)
	}
	var readers []io.Reader
	for i := range n {
		at := head + i*size
		readers = append(readers, bytes.NewReader(picture(t, 28, 28, pix[at:at+size])))
	}
	results, err := openClassifier(t, dir).Images(t.Context(), readers...)
	if err != nil {
		t.Fatal(err)
	}
	for i, scores := range results {
		if want := golden.Predictions[i : i+1]; scores[0].Label != want {
			t.Errorf("picture %d is read as %s, by the reference as %s", i, scores[0].Label, want)
		}
	}
}
