package task

import (
	"bytes"
	"compress/gzip"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/qkvgo/qkv/generate"
	"github.com/qkvgo/qkv/nn"
)

// sharedFolder is the reference material beside the checkout.
func sharedFolder() string {
	if dir := os.Getenv("QKV_SHARED"); dir != "" {
		return dir
	}
	return filepath.Join("..", "..", "shared")
}

// In whole numbers of 8 bits a real model still reads at least 99 of 100
// handwritten digits as in float32.
func TestDigitsInInt8(t *testing.T) {
	dir := filepath.Join(sharedFolder(), "data", "weights", "vit-mnist")
	f, err := os.Open(filepath.Join(sharedFolder(), "data", "datasets", "mnist", "t10k-images-idx3-ubyte.gz"))
	if err != nil {
		t.Skip("no ../shared beside the checkout")
	}
	defer f.Close()
	unzipped, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	const n, size, head = 1000, 28 * 28, 16
	pix := make([]byte, head+n*size)
	if _, err := io.ReadFull(unzipped, pix); err != nil {
		t.Fatal(err)
	}
	files := make([][]byte, n)
	for i := range files {
		at := head + i*size
		files[i] = picture(t, 28, 28, pix[at:at+size])
	}
	c := openClassifier(t, dir)
	read := func(p nn.Precision) (labels []string) {
		c.Precision = p
		var readers []io.Reader
		for _, b := range files {
			readers = append(readers, bytes.NewReader(b))
		}
		results, err := c.Images(t.Context(), readers...)
		if err != nil {
			t.Fatal(err)
		}
		for _, scores := range results {
			labels = append(labels, scores[0].Label)
		}
		return labels
	}
	same := 0
	want := read(nn.Float32)
	for i, label := range read(nn.Int8) {
		if label == want[i] {
			same++
		}
	}
	t.Logf("%d of %d digits are read as in float32", same, n)
	if same < n*99/100 {
		t.Errorf("only %d of %d digits are read as in float32", same, n)
	}
}

// A real language model goes on telling its story in whole numbers of 8 bits: it
// begins as in float32.
func TestStoriesInInt8(t *testing.T) {
	g, err := OpenTextGenerator(filepath.Join(sharedFolder(), "data", "weights", "stories260K-hf"))
	if err != nil {
		t.Skip("no ../shared beside the checkout")
	}
	defer g.Close()
	story := func(p nn.Precision) []int32 {
		g.Precision = p
		s, _, err := g.Generate(t.Context(), "Once upon a time", generate.Options{MaxNewTokens: 60})
		if err != nil {
			t.Fatal(err)
		}
		return s[0].IDs
	}
	exact, rounded := story(nn.Float32), story(nn.Int8)
	same := 0
	for same < min(len(exact), len(rounded)) && exact[same] == rounded[same] {
		same++
	}
	t.Logf("the first %d tokens of %d are float32's", same, len(exact))
	if same < 8 {
		t.Errorf("only the first %d tokens are float32's", same)
	}
}
