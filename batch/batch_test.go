package batch

import (
	"bytes"
	"context"
	"image"
	"image/color"
	"image/png"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/qkvgo/qkv/data"
	"github.com/qkvgo/qkv/pixel"
	"github.com/qkvgo/qkv/tensor"
	"github.com/qkvgo/qkv/token"
	"github.com/qkvgo/qkv/zoo"
	"github.com/qkvgo/qkv/zoo/zootest"
)

// open makes a tiny model and its tokenizer.
func open(t *testing.T, kind string) (*zoo.Loaded, *token.Tokenizer) {
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
	tok, err := token.Open(os.DirFS(dir))
	if err != nil && kind != "vit" {
		t.Fatal(err)
	}
	return m, tok
}

var messages = []data.Example{
	{Text: "the cat sat .", Label: "good"},
	{Text: "the dog ran home and slept .", Label: "bad"},
	{Text: "home", Pair: "the dog", Label: "neither"},
	{Text: strings.Repeat("cat ", 40), Label: "good"},
	{Text: "and", Label: "bad"},
}

func encode(t *testing.T, tok *token.Tokenizer, o TextOptions) *Set {
	t.Helper()
	o.Tokenizer, o.MaxLength = tok, 16
	if o.Labels == nil {
		o.Labels = data.Labels{"good", "bad", "neither"}
	}
	s, err := Texts(context.Background(), messages, o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestTexts(t *testing.T) {
	_, tok := open(t, "bert-classifier")
	s := encode(t, tok, TextOptions{Kind: Classes})
	b, err := s.Batch(2, 0)
	if err != nil {
		t.Fatal(err)
	}
	// [CLS] home [SEP] the dog [SEP], [CLS] the cat sat . [SEP]
	if want := []int32{2, 9, 3, 4, 6, 3, 2, 4, 5, 7, 12, 3}; !slices.Equal(b.Input.IDs, want) {
		t.Errorf("ids: have %v, want %v", b.Input.IDs, want)
	}
	if want := []int32{0, 0, 0, 1, 1, 1, 0, 0, 0, 0, 0, 0}; !slices.Equal(b.Input.Types, want) {
		t.Errorf("types: have %v, want %v", b.Input.Types, want)
	}
	if !slices.Equal(b.Rows.Off, []int{0, 6, 12}) || !slices.Equal(b.Input.Labels, []int32{2, 0}) {
		t.Errorf("have rows %v and labels %v", b.Rows.Off, b.Input.Labels)
	}
	if s.Cut != 1 || s.Rows(3) != 16 {
		t.Errorf("%d texts were cut, and the long one has %d rows", s.Cut, s.Rows(3))
	}
}

func TestLabels(t *testing.T) {
	_, tok := open(t, "bert-classifier")
	o := TextOptions{Tokenizer: tok, Kind: Labels, Labels: data.Labels{"a", "b", "c"}}
	s, err := Texts(t.Context(), []data.Example{{Text: "cat", Labels: []string{"c", "a"}}, {Text: "dog", Labels: []string{}}, {Text: "dog", Label: "b"}}, o)
	if err != nil {
		t.Fatal(err)
	}
	if want := [][]float32{{1, 0, 1}, {0, 0, 0}, {0, 1, 0}}; !reflect.DeepEqual(s.Targets(), want) {
		t.Errorf("have %v, want %v", s.Targets(), want)
	}
	o.Kind = Regression
	if s, err = Texts(t.Context(), []data.Example{{Text: "cat", Label: "4.25"}}, o); err != nil || s.Targets()[0][0] != 4.25 {
		t.Errorf("a number: %v, %v", s, err)
	}
	for _, wrong := range []string{"", "good", "NaN"} {
		_, err := Texts(t.Context(), []data.Example{{Text: "cat", Label: wrong, Source: data.Place{File: "x.csv", Line: 7}}}, o)
		if err == nil || !strings.Contains(err.Error(), "x.csv:7") {
			t.Errorf("%q as a number: %v", wrong, err)
		}
	}
}

// Every example comes once an epoch, in an order of its own; a run taken up at
// any batch goes on with the same ones.
func TestSource(t *testing.T) {
	_, tok := open(t, "bert-classifier")
	s := encode(t, tok, TextOptions{Kind: Classes})
	for _, p := range []Plan{{Examples: 2, Seed: 3}, {Rows: 20, Seed: 3}, {Examples: 2, Rows: 18, Seed: 1}, {Rows: 24, Window: 4, Seed: 9}} {
		per := make([]int64, 4)
		for e := range per {
			per[e] = s.Source(p).Batches(float64(e))
		}
		var all []string
		var labels [][]int32
		n := 0
		for b, err := range s.Source(p).From(0) {
			if err != nil {
				t.Fatal(err)
			}
			if p.Examples > 0 && b.Rows.Len() > p.Examples || p.Rows > 0 && b.Rows.Rows() > p.Rows && b.Rows.Len() > 1 {
				t.Errorf("%+v: a batch of %d examples and %d rows", p, b.Rows.Len(), b.Rows.Rows())
			}
			all = append(all, tok.Decode(b.Input.IDs, false))
			labels = append(labels, b.Input.Labels)
			if n++; int64(n) == per[3] {
				break
			}
		}
		for e := range 3 {
			epoch := strings.Join(all[per[e]:per[e+1]], " ")
			if strings.Count(epoch, "[CLS]") != len(messages) || !strings.Contains(epoch, "ran home and slept") {
				t.Errorf("%+v: epoch %d is not the set: %s", p, e, epoch)
			}
		}
		if all[0] == all[per[1]] && all[per[1]] == all[per[2]] {
			t.Errorf("%+v: epochs begin alike: %s", p, all[0])
		}
		for from := range all {
			for b, err := range s.Source(p).From(int64(from)) {
				if err != nil || tok.Decode(b.Input.IDs, false) != all[from] || !slices.Equal(b.Input.Labels, labels[from]) {
					t.Errorf("%+v: taken up at %d: another batch (%v)", p, from, err)
				}
				break
			}
		}
	}
	for _, err := range s.Source(Plan{}).From(0) {
		if err == nil {
			t.Error("a plan without limits is taken")
		}
	}
}

// A word's tag stands at its first token; words that are cut off have none.
func TestSentences(t *testing.T) {
	_, tok := open(t, "bert-classifier")
	sentences := []data.Sentence{
		{Tokens: []string{"the", "cat", "ran", "home"}, Tags: []string{"O", "B-animal", "O", "B-place"}},
		{Tokens: []string{"dog", "cat"}, Tags: []string{"B-animal", "I-animal"}},
	}
	labels := TagsOf(sentences)
	if want := (data.Labels{"B-animal", "B-place", "I-animal", "O"}); !slices.Equal(labels, want) {
		t.Fatalf("have %v, want %v", labels, want)
	}
	s, err := Sentences(t.Context(), sentences, TextOptions{Tokenizer: tok, MaxLength: 5, Labels: labels})
	if err != nil {
		t.Fatal(err)
	}
	b, err := s.Batch(0, 1)
	if err != nil {
		t.Fatal(err)
	}
	const no = tensor.Ignore
	if want := []int32{no, 3, 0, 3, no, no, 0, 2, no}; !slices.Equal(b.Input.Labels, want) {
		t.Errorf("have %v, want %v", b.Input.Labels, want)
	}
	if have := s.Tags(0); !slices.Equal(have, []string{"O", "B-animal", "O", ""}) || s.Cut != 1 {
		t.Errorf("have tags %q, %d cut", have, s.Cut)
	}
}

// firstRows finds a word's first token by bytes, whatever the tokens look like.
func TestFirstRows(t *testing.T) {
	enc := &token.Encoding{
		Offsets:           [][2]int{{0, 0}, {0, 2}, {2, 5}, {5, 6}, {6, 8}, {10, 12}, {0, 0}},
		SpecialTokensMask: []int32{1, 0, 0, 0, 0, 0, 1},
	}
	// "hello" is two tokens; "wo" has a token for its space too; "x" has none.
	if have := firstRows(enc, []string{"hello", "wo", "x", "y"}); !slices.Equal(have, []int32{1, 4, -1, 5}) {
		t.Errorf("have %v", have)
	}
}

// What a model says of an example does not depend on the others in its pass, to
// the bit.
func TestPredict(t *testing.T) {
	m, tok := open(t, "bert-classifier")
	s := encode(t, tok, TextOptions{Kind: Classes})
	together, err := Predict(t.Context(), m, s, PredictOptions{})
	if err != nil {
		t.Fatal(err)
	}
	alone, err := Predict(t.Context(), m, s, PredictOptions{Plan: Plan{Examples: 1}})
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(together.Logits, alone.Logits) {
		t.Errorf("together %v, alone %v", together.Logits, alone.Logits)
	}
	if len(together.Classes()) != len(messages) || together.Loss <= 0 {
		t.Errorf("classes %v, loss %v", together.Classes(), together.Loss)
	}
	for _, p := range together.Probabilities() {
		if sum := p[0] + p[1] + p[2]; sum < 0.999999 || sum > 1.000001 {
			t.Errorf("probabilities %v", p)
		}
	}
	bare := encode(t, tok, TextOptions{Kind: Classes, Bare: true})
	silent, err := Predict(t.Context(), m, bare, PredictOptions{})
	if err != nil || !reflect.DeepEqual(silent.Logits, together.Logits) || silent.Loss != 0 {
		t.Errorf("without labels: %v", err)
	}
	// A model with other outputs is refused.
	if _, err := Predict(t.Context(), m, encode(t, tok, TextOptions{Kind: Classes, Labels: data.Labels{"good", "bad", "neither", "none"}}), PredictOptions{}); err == nil {
		t.Error("four classes of a model of three")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Predict(ctx, m, s, PredictOptions{}); err != context.Canceled {
		t.Errorf("cancelled: %v", err)
	}
}

func TestPictures(t *testing.T) {
	m, _ := open(t, "vit")
	processor, err := pixel.OpenProcessor(os.DirFS(m.Folder.Dir))
	if err != nil {
		t.Fatal(err)
	}
	var items []data.Item
	for i, class := range []string{"bright", "dark", "dark"} {
		img := image.NewGray(image.Rect(0, 0, 10, 8))
		img.SetGray(i, i, color.Gray{uint8(100 * i)})
		var b bytes.Buffer
		if err := png.Encode(&b, img); err != nil {
			t.Fatal(err)
		}
		items = append(items, data.Item{Label: class, Name: class + "/" + string(rune('a'+i)) + ".png", Bytes: b.Bytes()})
	}
	s, err := Pictures(items, processor, data.Labels{"bright", "dark"})
	if err != nil {
		t.Fatal(err)
	}
	b, err := s.Batch(2, 0)
	if err != nil || !slices.Equal(b.Input.Labels, []int32{1, 0}) || len(b.Input.Pixels) != 2*64 {
		t.Fatalf("labels %v, %d pixels: %v", b.Input.Labels, len(b.Input.Pixels), err)
	}
	p, err := Predict(t.Context(), m, s, PredictOptions{})
	if err != nil || len(p.Logits) != 3 {
		t.Fatalf("%v", err)
	}
	items[1].Bytes = []byte("no picture")
	if s, err = Pictures(items, processor, nil); err != nil {
		t.Fatal(err)
	}
	if _, err := Predict(t.Context(), m, s, PredictOptions{}); err == nil || !strings.Contains(err.Error(), "dark/b.png") {
		t.Errorf("a broken file: %v", err)
	}
}
