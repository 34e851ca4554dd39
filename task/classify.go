package task

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"math"
	"os"
	"slices"

	"github.com/qkvgo/qkv/checkpoint"
	"github.com/qkvgo/qkv/device"
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
	Device    device.Device    // nil: the machine's cores

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
func (c *Classifier) Texts(ctx context.Context, texts ...string) (_ [][]Score, err error) {
	defer tensor.Guard(&err)
	if c.Tokenizer == nil {
		return nil, &checkpoint.Unsupported{What: c.loaded.Architecture + " classifies pictures, not texts"}
	}
	in, rows, err := tokenized(c.Tokenizer, c.MaxLength, texts)
	if err != nil || len(texts) == 0 {
		return nil, err
	}
	return c.run(ctx, in, rows), nil
}

// Images gives for each picture, a PNG or JPEG file, its classes, the likeliest
// first.
func (c *Classifier) Images(ctx context.Context, files ...io.Reader) (_ [][]Score, err error) {
	defer tensor.Guard(&err)
	if c.Processor == nil {
		return nil, &checkpoint.Unsupported{What: c.loaded.Architecture + " classifies texts, not pictures"}
	}
	images := make([]*pixel.Image, len(files))
	for i, f := range files {
		if images[i], err = pixel.Decode(f, pixel.Limits{}); err != nil {
			return nil, fmt.Errorf("picture %d: %w", i+1, err)
		}
	}
	pixels, grids, err := c.Processor.Rows(images...)
	if err != nil || len(files) == 0 {
		return nil, err
	}
	return c.run(ctx, &model.Input{Pixels: pixels}, nn.Pictures(grids...)), nil
}

// run gives the scores of each sequence of the batch.
func (c *Classifier) run(ctx context.Context, in *model.Input, rows nn.Batch) [][]Score {
	p := nn.NewPass(ctx, rows, nn.Options{Device: c.Device})
	defer p.Close()
	out := c.loaded.Run(p, in)
	logits := out[len(out)-1].Value
	results := make([][]Score, logits.Rows())
	for i := range results {
		results[i] = c.scores(logits.Row(i))
	}
	return results
}

// scores turns a row of logits into the classes' probabilities: independent ones
// where a text may have several labels, the value itself for regression.
func (c *Classifier) scores(logits []float32) []Score {
	p := make([]float64, len(logits))
	sum, top := 0.0, float64(slices.Max(logits))
	for i, l := range logits {
		switch {
		case c.labels.ProblemType == "regression":
			p[i], sum = float64(l), 1
		case c.labels.ProblemType == "multi_label_classification" || len(logits) == 1:
			p[i], sum = 1/(1+math.Exp(-float64(l))), 1
		default:
			p[i] = math.Exp(float64(l) - top)
			sum += p[i]
		}
	}
	out := make([]Score, len(logits))
	for i := range out {
		out[i] = Score{c.labels.Name(i), float32(p[i] / sum)}
	}
	slices.SortStableFunc(out, func(a, b Score) int { return cmp.Compare(b.Score, a.Score) })
	return out
}
