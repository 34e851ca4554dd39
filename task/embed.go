package task

import (
	"context"
	"fmt"
	"math"
	"os"
	"slices"

	"github.com/qkvgo/qkv/checkpoint"
	"github.com/qkvgo/qkv/device"
	"github.com/qkvgo/qkv/kernel"
	"github.com/qkvgo/qkv/model"
	"github.com/qkvgo/qkv/nn"
	"github.com/qkvgo/qkv/tensor"
	"github.com/qkvgo/qkv/token"
	"github.com/qkvgo/qkv/zoo"
)

// Embedder turns texts into vectors, as sentence-transformers does.
type Embedder struct {
	Tokenizer *token.Tokenizer
	Pooling   Pooling       // as the folder says; Mean where it does not
	Normalize bool          // vectors of length 1, as the folder says
	MaxLength int           // tokens of a text, special ones counted; what is beyond is cut off. 0: no limit
	Cut       func(string)  // called with each text that is cut off; nil: nobody wants to know
	Device    device.Device // nil: the machine's cores
	Precision nn.Precision  // of the projections

	loaded  *zoo.Loaded
	encoder model.Encoder
}

// OpenEmbedder opens the folder dir: a model, or one of sentence-transformers
// with its modules.json.
func OpenEmbedder(dir string) (_ *Embedder, err error) {
	e := &Embedder{Pooling: Mean}
	base, err := e.readModules(dir)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", dir, err)
	}
	if e.loaded, err = zoo.Open(base); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			e.loaded.Close()
		}
	}()
	if e.encoder, err = encoderOf(e.loaded); err != nil {
		return nil, err
	}
	if e.Tokenizer, err = token.Open(os.DirFS(base)); err != nil {
		return nil, fmt.Errorf("%s: %w", base, err)
	}
	if e.MaxLength == 0 {
		e.MaxLength = limit(e.loaded.Model, e.Tokenizer)
	}
	return e, nil
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

// Close unmaps the weights; no call may be under way.
func (e *Embedder) Close() error { return e.loaded.Close() }

// Embed gives each text its vector. Texts go through together, none padded; a
// text's vector does not depend on the others.
func (e *Embedder) Embed(ctx context.Context, texts ...string) (vectors [][]float32, err error) {
	defer tensor.Guard(&err)
	r := reader{e.Tokenizer, e.MaxLength, e.Cut}
	err = r.eachBatch(single(texts), func(in *model.Input, rows nn.Batch) error {
		p := nn.NewPass(ctx, rows, nn.Options{Device: e.Device, Precision: e.Precision})
		defer p.Close()
		pooled, err := e.Pooling.pool(p, e.encoder.Encode(p, in))
		if err != nil {
			return err
		}
		for i := range pooled.Rows() {
			v := slices.Clone(pooled.Row(i))
			if e.Normalize {
				normalize(p.Kernels(), v)
			}
			vectors = append(vectors, v)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return vectors, nil
}

// normalize divides v by its length, unless that is 0.
func normalize(k *kernel.Set, v []float32) {
	length := float32(math.Sqrt(float64(k.Dot(v, v))))
	if length == 0 {
		return
	}
	for i := range v {
		v[i] /= length
	}
}
