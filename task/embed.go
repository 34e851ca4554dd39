package task

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path"
	"strings"

	"github.com/qkvgo/qkv/checkpoint"
	"github.com/qkvgo/qkv/device"
	"github.com/qkvgo/qkv/model"
	"github.com/qkvgo/qkv/nn"
	"github.com/qkvgo/qkv/tensor"
	"github.com/qkvgo/qkv/token"
	"github.com/qkvgo/qkv/zoo"
)

// Pooling is how the vectors of a text's tokens become one.
type Pooling string

// The ways of pooling.
const (
	Mean Pooling = "mean" // of all tokens
	CLS  Pooling = "cls"  // the first token's
	Last Pooling = "last" // the last token's
	Max  Pooling = "max"  // the greatest of each column
)

// Embedder turns texts into vectors, as sentence-transformers does.
type Embedder struct {
	Tokenizer *token.Tokenizer
	Pooling   Pooling       // as the folder says; Mean where it does not
	Normalize bool          // vectors of length 1, as the folder says
	MaxLength int           // tokens of a text, special ones counted; what is beyond is cut off. 0: no limit
	Device    device.Device // nil: the machine's cores

	loaded  *zoo.Loaded
	encoder model.Encoder
}

// OpenEmbedder opens the folder dir: a model, or one of sentence-transformers
// with its modules.json.
func OpenEmbedder(dir string) (_ *Embedder, err error) {
	m, err := zoo.Open(dir)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			m.Close()
		}
	}()
	fsys := os.DirFS(dir)
	e := &Embedder{Pooling: Mean, loaded: m}
	if e.encoder, err = encoderOf(m); err != nil {
		return nil, err
	}
	if e.Tokenizer, err = token.Open(fsys); err != nil {
		return nil, fmt.Errorf("%s: %w", dir, err)
	}
	e.MaxLength = limit(m.Model, e.Tokenizer)
	return e, e.readModules(fsys)
}

// encoderOf is the network of a model, whatever its head.
func encoderOf(m *zoo.Loaded) (model.Encoder, error) {
	if e, ok := m.Model.(model.Encoder); ok {
		return e, nil
	}
	for _, e := range nn.Find[model.Encoder](m.Model) {
		if _, vision := e.(model.Vision); !vision {
			return e, nil
		}
	}
	return nil, &checkpoint.Unsupported{What: m.Architecture + " gives no vectors of texts"}
}

// limit is the most tokens a model reads at once, 0 for any number.
func limit(m model.Model, t *token.Tokenizer) int {
	n := zoo.Positions(m)
	if n == 0 || t.MaxLength > 0 && t.MaxLength < n {
		return t.MaxLength
	}
	return n
}

// readModules obeys the files of sentence-transformers, if the folder has them.
func (e *Embedder) readModules(fsys fs.FS) error {
	var modules []struct{ Path, Type string }
	if err := readJSON(fsys, "modules.json", &modules); err != nil {
		return err
	}
	for _, m := range modules {
		switch kind := m.Type[strings.LastIndex(m.Type, ".")+1:]; kind {
		case "Transformer":
			var c struct {
				MaxLength int `json:"max_seq_length"`
			}
			if err := readJSON(fsys, "sentence_bert_config.json", &c); err != nil {
				return err
			}
			e.MaxLength = cmp.Or(c.MaxLength, e.MaxLength)
		case "Pooling":
			if err := e.readPooling(fsys, path.Join(m.Path, "config.json")); err != nil {
				return err
			}
		case "Normalize":
			e.Normalize = true
		default:
			return &checkpoint.Unsupported{What: "the module " + m.Type + " of modules.json"}
		}
	}
	return nil
}

// readPooling reads which way of pooling is on.
func (e *Embedder) readPooling(fsys fs.FS, name string) error {
	var keys map[string]any
	if err := readJSON(fsys, name, &keys); err != nil {
		return err
	}
	known := map[string]Pooling{"pooling_mode_cls_token": CLS, "pooling_mode_mean_tokens": Mean, "pooling_mode_max_tokens": Max,
		"pooling_mode_lasttoken": Last}
	on := 0
	for key, value := range keys {
		if value != true || !strings.HasPrefix(key, "pooling_mode") {
			continue
		}
		p, ok := known[key]
		if !ok {
			return &checkpoint.Unsupported{What: name + ": " + key}
		}
		e.Pooling = p
		on++
	}
	if on > 1 {
		return &checkpoint.Unsupported{What: name + ": several ways of pooling at once"}
	}
	return nil
}

// readJSON reads a file that may be absent.
func readJSON(fsys fs.FS, name string, into any) error {
	b, err := fs.ReadFile(fsys, name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if err := json.Unmarshal(b, into); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

// Close unmaps the weights; no call may be under way.
func (e *Embedder) Close() error { return e.loaded.Close() }

// Embed gives each text its vector. All texts go through in one pass, none
// padded; a text's vector does not depend on the others.
func (e *Embedder) Embed(ctx context.Context, texts ...string) (vectors [][]float32, err error) {
	defer tensor.Guard(&err)
	in, rows, err := tokenized(e.Tokenizer, e.MaxLength, texts)
	if err != nil || len(texts) == 0 {
		return nil, err
	}
	p := nn.NewPass(ctx, rows, nn.Options{Device: e.Device})
	defer p.Close()
	pooled, err := e.pool(p, e.encoder.Encode(p, in))
	if err != nil {
		return nil, err
	}
	for i := range texts {
		v := append([]float32{}, pooled.Row(i)...)
		if norm := math.Sqrt(float64(p.Kernels().Dot(v, v))); e.Normalize && norm > 0 {
			p.Kernels().Scale(v, v, float32(1/norm))
		}
		vectors = append(vectors, v)
	}
	return vectors, nil
}

// pool maps hidden states [rows, width] to [texts, width].
func (e *Embedder) pool(p *nn.Pass, x *tensor.Tensor) (*tensor.Tensor, error) {
	switch e.Pooling {
	case Mean:
		return x.MeanRows(p.Rows.Off), nil
	case CLS:
		return p.First(x), nil
	case Last:
		return p.Last(x), nil
	case Max:
		y := p.New(p.Rows.Len(), x.Width())
		for i := range p.Rows.Len() {
			copy(y.Row(i), x.Row(p.Rows.Off[i]))
			for r := p.Rows.Off[i] + 1; r < p.Rows.Off[i+1]; r++ {
				p.Kernels().Max(y.Row(i), y.Row(i), x.Row(r))
			}
		}
		return y, nil
	}
	return nil, fmt.Errorf("no way of pooling is named %q (known: mean, cls, last, max)", e.Pooling)
}

// tokenized is texts as a model takes them, each cut off at most at max tokens.
func tokenized(t *token.Tokenizer, most int, texts []string) (*model.Input, nn.Batch, error) {
	o := token.Options{AddSpecialTokens: true}
	if most > 0 {
		o.Truncation = &token.Truncation{MaxLength: most}
	}
	in, lengths := &model.Input{}, make([]int, len(texts))
	for i, text := range texts {
		e, err := t.EncodeWith(token.Input{Text: text}, o)
		if err != nil {
			return nil, nn.Batch{}, err
		}
		if len(e.IDs) == 0 {
			return nil, nn.Batch{}, fmt.Errorf("text %d is empty, and the tokenizer adds nothing to it", i+1)
		}
		in.IDs, in.Types = append(in.IDs, e.IDs...), append(in.Types, e.TypeIDs...)
		lengths[i] = len(e.IDs)
	}
	return in, nn.Sequences(lengths...), nil
}
