// Package task is what people ask of a model, one file per Hugging Face task: an
// input becomes rows, the model runs, and its output becomes an answer a person
// reads.
//
// What is opened here serves many goroutines at once. Calls take a context
// first, and whatever goes wrong in a model comes out as an error.
package task

import (
	"cmp"
	"context"
	"fmt"
	"io/fs"
	"iter"
	"os"
	"strings"

	"github.com/qkvgo/qkv/checkpoint"
	"github.com/qkvgo/qkv/device"
	"github.com/qkvgo/qkv/generate"
	"github.com/qkvgo/qkv/model"
	"github.com/qkvgo/qkv/nn"
	"github.com/qkvgo/qkv/token"
	"github.com/qkvgo/qkv/zoo"
)

// TextGenerator continues texts: a causal language model with its tokenizer and
// its folder's decoding defaults.
type TextGenerator struct {
	Tokenizer *token.Tokenizer
	Options   generate.Options // as generation_config.json has them
	Device    device.Device    // nil: the machine's cores
	Precision nn.Precision     // of the projections
	Cache     nn.CacheType     // how keys and values are kept

	loaded *zoo.Loaded
	lm     model.CausalLM
}

// OpenTextGenerator opens the folder dir.
func OpenTextGenerator(dir string) (*TextGenerator, error) {
	m, err := zoo.Open(dir)
	if err != nil {
		return nil, err
	}
	return newTextGenerator(m, os.DirFS(dir), dir)
}

// OpenTextGeneratorFS opens a folder that is not on disk; name is for messages.
func OpenTextGeneratorFS(fsys fs.FS, name string) (*TextGenerator, error) {
	m, err := zoo.OpenFS(fsys, name)
	if err != nil {
		return nil, err
	}
	return newTextGenerator(m, fsys, name)
}

func newTextGenerator(m *zoo.Loaded, fsys fs.FS, name string) (_ *TextGenerator, err error) {
	defer func() {
		if err != nil {
			m.Close()
		}
	}()
	lm, ok := m.Model.(model.CausalLM)
	if !ok {
		return nil, &checkpoint.Unsupported{What: fmt.Sprintf("%s is a %s, which does not generate text", name, m.Architecture)}
	}
	t, err := token.Open(fsys)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	o, err := generate.ReadOptions(fsys)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return &TextGenerator{Tokenizer: t, Options: o, loaded: m, lm: lm}, nil
}

// Close unmaps the weights; no call may be under way.
func (g *TextGenerator) Close() error { return g.loaded.Close() }

// Prompt is the ids of a prompt: the text's, or where it has none the token that
// begins a text.
func (g *TextGenerator) Prompt(text string) ([]int32, error) {
	e, err := g.Tokenizer.EncodeWith(token.Input{Text: text}, token.Options{AddSpecialTokens: true})
	if err != nil {
		return nil, err
	}
	ids := e.IDs
	if len(ids) == 0 {
		switch {
		case g.Options.BOS != nil:
			ids = []int32{*g.Options.BOS}
		case len(g.Options.EOS) > 0:
			ids = []int32{g.Options.EOS[0]}
		default:
			return nil, fmt.Errorf("the prompt is empty, and the model has no token that begins a text")
		}
	}
	return ids, nil
}

// Text continues the prompt and yields the new text piece by piece, up to a stop
// string or where the model's positions end. An error comes last.
func (g *TextGenerator) Text(ctx context.Context, prompt string, o generate.Options) iter.Seq2[string, error] {
	ids, err := g.Prompt(prompt)
	if err == nil {
		err = g.fit(ids, &o)
	}
	if err != nil {
		return func(yield func(string, error) bool) { yield("", err) }
	}
	return generate.Text(ctx, g.model(), g.stream(ids), ids, o)
}

// stream turns new ids to text as it follows the prompt's.
func (g *TextGenerator) stream(prompt []int32) generate.Detokenizer {
	s := g.Tokenizer.NewStream(true)
	for _, id := range prompt {
		s.Push(id)
	}
	return s
}

// Generate continues the prompt and gives all sequences that o asks for, with
// the text of each as Text gives it.
func (g *TextGenerator) Generate(ctx context.Context, prompt string, o generate.Options) ([]generate.Sequence, []string, error) {
	ids, err := g.Prompt(prompt)
	if err == nil {
		err = g.fit(ids, &o)
	}
	if err != nil {
		return nil, nil, err
	}
	o.Detokenizer = func() generate.Detokenizer { return g.stream(ids) }
	out, err := generate.Generate(ctx, g.model(), [][]int32{ids}, o)
	if err != nil {
		return nil, nil, err
	}
	texts := make([]string, len(out))
	for i, s := range out {
		stream := g.stream(ids)
		for _, id := range s.IDs {
			texts[i] += stream.Push(id)
		}
		texts[i] += stream.Flush()
		if s.Finish == generate.FinishStop {
			texts[i] = before(texts[i], o.StopStrings)
		}
	}
	return out, texts, nil
}

// before is the text up to the first of the stop strings.
func before(text string, stops []string) string {
	at := len(text)
	for _, stop := range stops {
		if i := strings.Index(text, stop); i >= 0 {
			at = min(at, i)
		}
	}
	return text[:at]
}

// fit shortens what o asks for to what the model has positions for; the last new
// token needs none. A prompt that alone has too many tokens is an error.
func (g *TextGenerator) fit(ids []int32, o *generate.Options) error {
	most := zoo.Positions(g.lm)
	if most == 0 {
		return nil
	}
	if len(ids) > most {
		return fmt.Errorf("the prompt has %d tokens, and the model positions for %d: shorten it", len(ids), most)
	}
	if o.MaxNewTokens > 0 || o.MaxLength == 0 {
		o.MaxNewTokens = min(cmp.Or(o.MaxNewTokens, generate.DefaultNewTokens), most-len(ids)+1)
	}
	o.MaxLength = min(o.MaxLength, most+1)
	return nil
}

func (g *TextGenerator) model() generate.Model {
	return generate.LM{Model: g.lm, Device: g.Device, Precision: g.Precision, Cache: g.Cache}
}
