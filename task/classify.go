package task

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"os"
	"slices"

	"github.com/qkvgo/qkv/checkpoint"
	"github.com/qkvgo/qkv/device"
	"github.com/qkvgo/qkv/kernel"
	"github.com/qkvgo/qkv/model"
	"github.com/qkvgo/qkv/nn"
	"github.com/qkvgo/qkv/pixel"
	"github.com/qkvgo/qkv/tensor"
	"github.com/qkvgo/qkv/token"
	"github.com/qkvgo/qkv/zoo"
)

// Score is a class and how likely it is.
type Score struct {
	Label string  `json:"label"`
	Score float32 `json:"score"`
}

// Classifier says to which of its classes a text or a picture belongs.
type Classifier struct {
	Tokenizer *token.Tokenizer // nil for pictures
	Processor *pixel.Processor // nil for texts
	MaxLength int              // tokens of a text; what is beyond is cut off. 0: no limit
	Cut       func(string)     // called with each text that is cut off; nil: nobody wants to know
	Device    device.Device    // nil: the machine's cores
	Precision nn.Precision     // of the projections

	loaded *zoo.Loaded
	labels model.Labels
}

// OpenClassifier opens the folder dir.
func OpenClassifier(dir string) (_ *Classifier, err error) {
	m, err := zoo.Open(dir)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			m.Close()
		}
	}()
	c := &Classifier{loaded: m}
	labelled, ok := m.Model.(model.Labelled)
	if !ok {
		return nil, &checkpoint.Unsupported{What: fmt.Sprintf("%s is a %s, which has no classes", dir, m.Architecture)}
	}
	c.labels = labelled.ClassLabels()
	if _, ok := m.Model.(model.Vision); ok {
		c.Processor, err = pixel.OpenProcessor(os.DirFS(dir))
	} else {
		c.Tokenizer, err = token.Open(os.DirFS(dir))
		if err == nil {
			c.MaxLength = limit(m.Model, c.Tokenizer)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", dir, err)
	}
	return c, nil
}

// Close unmaps the weights; no call may be under way.
func (c *Classifier) Close() error { return c.loaded.Close() }

// Pictures says whether the classifier takes pictures, not texts.
func (c *Classifier) Pictures() bool { return c.Processor != nil }

// Texts gives for each text its classes, the likeliest first.
func (c *Classifier) Texts(ctx context.Context, texts ...string) ([][]Score, error) {
	return c.read(ctx, single(texts))
}

// Pairs gives for each pair of texts, such as a premise and what may follow from
// it, its classes, the likeliest first.
func (c *Classifier) Pairs(ctx context.Context, pairs ...[2]string) ([][]Score, error) {
	inputs := make([]token.Input, len(pairs))
	for i, p := range pairs {
		inputs[i] = token.Input{Text: p[0], Pair: p[1], HasPair: true}
	}
	return c.read(ctx, inputs)
}

func (c *Classifier) read(ctx context.Context, texts []token.Input) (results [][]Score, err error) {
	defer tensor.Guard(&err)
	if c.Tokenizer == nil {
		return nil, &checkpoint.Unsupported{What: c.loaded.Architecture + " classifies pictures, not texts"}
	}
	r := reader{c.Tokenizer, c.MaxLength, c.Cut}
	err = r.eachBatch(texts, func(in *model.Input, rows nn.Batch) error {
		results = append(results, c.run(ctx, in, rows)...)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return results, nil
}

// passImages is how many pictures go through a model at once.
const passImages = 16

// Images gives for each picture, a PNG or JPEG file, its classes, the likeliest
// first.
func (c *Classifier) Images(ctx context.Context, files ...io.Reader) (results [][]Score, err error) {
	defer tensor.Guard(&err)
	if c.Processor == nil {
		return nil, &checkpoint.Unsupported{What: c.loaded.Architecture + " classifies texts, not pictures"}
	}
	at := 0
	for some := range slices.Chunk(files, passImages) {
		images := make([]*pixel.Image, len(some))
		for i, f := range some {
			if images[i], err = pixel.Decode(f, pixel.Limits{}); err != nil {
				return nil, fmt.Errorf("picture %d: %w", at+i+1, err)
			}
		}
		at += len(some)
		pixels, grids, err := c.Processor.Rows(images...)
		if err != nil {
			return nil, err
		}
		results = append(results, c.run(ctx, &model.Input{Pixels: pixels}, nn.Pictures(grids...))...)
	}
	return results, nil
}

// run gives the scores of each sequence of the batch.
func (c *Classifier) run(ctx context.Context, in *model.Input, rows nn.Batch) [][]Score {
	p := nn.NewPass(ctx, rows, nn.Options{Device: c.Device, Precision: c.Precision})
	defer p.Close()
	out := c.loaded.Run(p, in)
	logits := out[len(out)-1].Value
	results := make([][]Score, logits.Rows())
	for i := range results {
		results[i] = c.scores(p.Kernels(), slices.Clone(logits.Row(i)))
	}
	return results
}

// scores turns a row of logits into the classes' probabilities: independent ones
// where a text may have several labels, the value itself for regression.
func (c *Classifier) scores(k *kernel.Set, x []float32) []Score {
	switch {
	case c.labels.ProblemType == "regression":
	case c.labels.ProblemType == "multi_label_classification" || len(x) == 1:
		k.Sigmoid(x, x)
	default:
		k.Softmax(x, x)
	}
	out := make([]Score, len(x))
	for i := range out {
		out[i] = Score{c.labels.Name(i), x[i]}
	}
	slices.SortStableFunc(out, func(a, b Score) int { return cmp.Compare(b.Score, a.Score) })
	return out
}
