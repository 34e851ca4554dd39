package task

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/qkvgo/qkv/generate"
	"github.com/qkvgo/qkv/zoo/zootest"
)

func openGenerator(t *testing.T, dir string) *TextGenerator {
	t.Helper()
	g, err := OpenTextGenerator(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { g.Close() })
	g.Device = checkedDevice(t)
	return g
}

// streamed is all that Text yields.
func streamed(t *testing.T, g *TextGenerator, prompt string, o generate.Options) string {
	t.Helper()
	var text strings.Builder
	for piece, err := range g.Text(t.Context(), prompt, o) {
		if err != nil {
			t.Error(err)
		}
		text.WriteString(piece)
	}
	return text.String()
}

// What is streamed is what comes at once, and the same from many goroutines.
func TestStreamIsWhole(t *testing.T) {
	for _, kind := range []string{"gpt2", "llama"} {
		g := openGenerator(t, tiny(t, kind))
		var calls sync.WaitGroup
		for seed := range uint64(12) {
			calls.Go(func() {
				o := generate.Options{MaxNewTokens: 9, DoSample: true, Temperature: 2, Seed: seed}
				if seed%3 == 0 {
					o.StopStrings = []string{"dog", " home"}
				}
				sequences, whole, err := g.Generate(t.Context(), "the cat", o)
				if err != nil {
					t.Error(err)
					return
				}
				if have := streamed(t, g, "the cat", o); have != whole[0] {
					t.Errorf("%s, seed %d: streamed %q, at once %q", kind, seed, have, whole[0])
				}
				if sequences[0].Finish == generate.FinishStop && strings.Contains(whole[0], "dog") {
					t.Errorf("%q goes beyond its stop", whole[0])
				}
			})
		}
		calls.Wait()
	}
}

// A table of positions ends a text, and a prompt that is longer is refused.
func TestPositionsEnd(t *testing.T) {
	g := openGenerator(t, tiny(t, "gpt2"))
	g.Options.EOS = nil
	for _, c := range []struct {
		prompt int
		o      generate.Options
		want   int
	}{
		{3, generate.Options{MaxNewTokens: 5}, 5},
		{3, generate.Options{MaxNewTokens: 50}, 14}, // the last token needs no position
		{3, generate.Options{MaxLength: 5}, 2},
		{3, generate.Options{MaxLength: 500}, 14},
		{3, generate.Options{}, 14},
		{16, generate.Options{MaxNewTokens: 50}, 1},
	} {
		out, _, err := g.Generate(t.Context(), strings.Repeat("cat ", c.prompt), c.o)
		if err != nil || len(out[0].IDs) != c.want {
			t.Errorf("after %d tokens, %+v: %v (%v), want %d more", c.prompt, c.o, out, err, c.want)
		}
	}
	if _, _, err := g.Generate(t.Context(), strings.Repeat("cat ", 17), generate.Options{}); err == nil || !strings.Contains(err.Error(), "17 tokens") {
		t.Errorf("a prompt of 17: %v", err)
	}
	roomy := t.TempDir()
	if err := zootest.MakeFrom(strings.Replace(zootest.Configs["gpt2"], `"n_positions": 16`, `"n_positions": 99`, 1), roomy); err != nil {
		t.Fatal(err)
	}
	r := openGenerator(t, roomy)
	if out, _, err := r.Generate(t.Context(), "cat", generate.Options{}); err != nil || len(out[0].IDs) != generate.DefaultNewTokens {
		t.Errorf("%d tokens by default (%v), want %d", len(out[0].IDs), err, generate.DefaultNewTokens)
	}
	for _, err := range g.Text(t.Context(), strings.Repeat("cat ", 17), generate.Options{}) {
		if err == nil {
			t.Error("a prompt of 17 goes on")
		}
	}
}

// An empty prompt is the token that begins a text, or that ends one.
func TestEmptyPrompt(t *testing.T) {
	g := openGenerator(t, tiny(t, "gpt2"))
	bos, eos := int32(2), int32(3)
	for _, c := range []struct {
		o    generate.Options
		want []int32
	}{
		{generate.Options{BOS: &bos, EOS: generate.IDs{eos}}, []int32{bos}},
		{generate.Options{EOS: generate.IDs{eos}}, []int32{eos}},
		{generate.Options{}, nil},
	} {
		g.Options = c.o
		if have, err := g.Prompt(""); !slices.Equal(have, c.want) || (err == nil) != (c.want != nil) {
			t.Errorf("%+v: %v (%v)", c.o, have, err)
		}
	}
}

// A cancelled context ends a text with its error, between two tokens.
func TestTextCanBeStopped(t *testing.T) {
	g := openGenerator(t, tiny(t, "llama"))
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	pieces := 0
	var last error
	for _, err := range g.Text(ctx, "the cat", generate.Options{MaxNewTokens: 1 << 20, EOS: nil}) {
		if last = err; err == nil {
			pieces++
		}
		cancel()
	}
	if !errors.Is(last, context.Canceled) || pieces > 3 {
		t.Errorf("%d pieces, then %v", pieces, last)
	}
	for range g.Text(t.Context(), "the cat", generate.Options{MaxNewTokens: 1 << 20}) {
		break // the session closes: the device checks it
	}
}

// A folder that is no model of texts says what is wrong.
func TestOpenFails(t *testing.T) {
	if _, err := OpenTextGenerator(tiny(t, "bert")); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("an encoder: %v", err)
	}
	if _, err := OpenClassifier(tiny(t, "gpt2")); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("a language model that classifies: %v", err)
	}
	if _, err := OpenEmbedder(tiny(t, "vit")); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("a model of pictures that embeds: %v", err)
	}
	for name, open := range map[string]func(string) error{
		"generator":  func(dir string) error { _, err := OpenTextGenerator(dir); return err },
		"embedder":   func(dir string) error { _, err := OpenEmbedder(dir); return err },
		"classifier": func(dir string) error { _, err := OpenClassifier(dir); return err },
	} {
		if err := open(t.TempDir()); err == nil || !strings.Contains(err.Error(), "is not a model folder") {
			t.Errorf("%s of an empty folder: %v", name, err)
		}
		if err := open(tiny(t, "gpt2", "tokenizer.json", "{")); err == nil {
			t.Errorf("%s with half a tokenizer was opened", name)
		}
	}
}
