package talk

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sort"
	"time"

	"github.com/qkvgo/qkv/batch"
	"github.com/qkvgo/qkv/data"
	"github.com/qkvgo/qkv/eval"
	"github.com/qkvgo/qkv/model"
	"github.com/qkvgo/qkv/nn"
	"github.com/qkvgo/qkv/scratch"
	"github.com/qkvgo/qkv/train"
)

// recipe is how a rung of the ladder is made and trained.
type recipe struct {
	key     string // for the figures: bag, ngrams, …, transformer-pretrained
	name    string // for people
	made    scratch.Options
	rate    float64 // the learning rate of AdamW
	tuning  float64 // the rate after pretraining; 0: the same
	words   bool    // reads whole words, not pieces
	pretext string  // what it is pretrained on here: "", "causal-lm" or "masked-lm"
	base    bool    // it is the model that others pretrained
}

// rung is a recipe carried out on some labels.
type rung struct {
	recipe
	model      *scratch.Model
	labels     int
	parameters int
	steps      int
	losses     []float64     // of each step's batch
	steepest   float64       // the greatest norm of a step's gradient, before it was clipped
	took       time.Duration // training on the labels
	before     time.Duration // pretraining
	reads      float64       // test documents a second

	scores [][]float64 // [test documents][classes] probabilities
	called []int       // the likeliest class of each test document
	right  []bool
	eval.Interval
}

// recipes are the rungs from the ground up.
func (r *run) recipes() []recipe {
	z := r.size
	base := scratch.Options{Width: z.width, Dropout: 0.2, Seed: r.Seed, Length: z.length}
	kind := func(kind string, change func(o *scratch.Options)) scratch.Options {
		o := base
		o.Kind = kind
		if change != nil {
			change(&o)
		}
		return o
	}
	lstm := kind("lstm", func(o *scratch.Options) {
		o.Layers, o.Width = z.layers, lstmWidth(transformerCount(z, r.pieces.VocabSize(), len(r.set.Labels)), z.layers, r.pieces.VocabSize(), len(r.set.Labels))
	})
	transformer := kind("transformer", func(o *scratch.Options) {
		o.Layers, o.Heads, o.Norm, o.Pooling = z.layers, z.heads, "pre-layernorm", "mean"
	})
	list := []recipe{
		{key: "bag", name: "Bag of words", made: kind("bag", nil), words: true},
		{key: "ngrams", name: "Word pairs, tf-idf", made: kind("tfidf", func(o *scratch.Options) { o.NGrams, o.C = 2, 10 }), words: true},
		{key: "cnn", name: "CNN", made: kind("cnn", func(o *scratch.Options) { o.Dropout = 0.5 }), rate: 1e-3},
		{key: "rnn", name: "RNN", made: kind("rnn", nil), rate: 1e-3},
		{key: "lstm", name: "LSTM", made: lstm, rate: 3e-3},
		{key: "transformer", name: "Transformer", made: transformer, rate: 1e-3},
		{key: "lstm-pretrained", name: "LSTM, pretrained", made: lstm, rate: 3e-3, pretext: nextToken},
		{key: "transformer-pretrained", name: "Transformer, pretrained", made: transformer, rate: 1e-3, tuning: 5e-4, pretext: maskedToken},
	}
	if r.Base.Dir != "" {
		list = append(list, recipe{key: "base", name: r.Base.Name, rate: cmp.Or(r.Base.Rate, 5e-5), base: true})
	}
	return list
}

// transformerCount is the parameters of the ladder's Transformer: words, places,
// blocks, the last norm and the head.
func transformerCount(z size, vocabulary, classes int) int {
	d := z.width
	return (vocabulary+z.length)*d + z.layers*BlockParameters(d) + 2*d + classes*(d+1)
}

// lstmWidth is the width of an LSTM with about so many parameters, so that the two are
// compared at one size.
func lstmWidth(want, layers, vocabulary, classes int) int {
	count := func(d int) int { return vocabulary*d + layers*LSTMParameters(d) + classes*(d+1) }
	width := sort.Search(want, func(d int) bool { return count(d) >= want })
	if width > 1 && want-count(width-1) < count(width)-want {
		width--
	}
	return width
}

// make makes a recipe's model with its first values.
func (r *run) make(c recipe, seed uint64) (*scratch.Model, error) {
	if c.base {
		return r.open(seed)
	}
	o := c.made
	o.Seed = seed
	return o.With(r.vocabulary(c).Tokenizer, slices.Values(texts(r.set.Train)), r.set.Labels)
}

// learn carries out a recipe on labelled examples; from, or nil, is a pretrained
// model whose body the new one starts with. Where it goes on, tell is called.
func (r *run) learn(ctx context.Context, c recipe, examples []data.Example, from model.Model, seed uint64, tell func(share float64)) (*rung, error) {
	m, err := r.make(c, seed)
	if err != nil {
		return nil, err
	}
	t := r.vocabulary(c)
	if from != nil {
		adopt(m.Model, from)
	}
	g := &rung{recipe: c, model: m, labels: len(examples), parameters: scratch.Parameters(m.Model)}
	start := r.Now()
	if direct, ok := m.Model.(model.Direct); ok {
		err = r.solve(ctx, direct, t, examples, c.made)
	} else {
		err = r.descend(ctx, g, t, examples, seed, tell)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", c.name, err)
	}
	g.took = r.Now().Sub(start)
	return g, r.judge(ctx, g, t)
}

// solve fits a model whose loss has one lowest point.
func (r *run) solve(ctx context.Context, m model.Direct, t *tokens, examples []data.Example, o scratch.Options) error {
	var labels []int32
	for _, c := range r.set.classes(examples) {
		labels = append(labels, int32(c))
	}
	c := o.C
	if c == 0 {
		c = 1
	}
	_, err := m.Fit(ctx, t.ids(texts(examples)), labels, model.FitOptions{C: c, Device: r.Device, Tolerance: 1e-4})
	return err
}

// descend trains a network on labelled examples.
func (r *run) descend(ctx context.Context, g *rung, t *tokens, examples []data.Example, seed uint64, tell func(float64)) error {
	set, err := r.encode(ctx, t, examples)
	if err != nil {
		return err
	}
	each := (len(examples) + r.size.batch - 1) / r.size.batch
	g.steps = max(r.size.steps, r.size.epochs*each)
	if g.base {
		g.steps = max(r.size.steps, r.size.tuning*each)
	}
	plan := train.Plan{Steps: g.steps, Rate: cmp.Or(g.tuning, g.rate), WarmupRatio: 0.1, Decay: 0.01, Seed: seed}
	source := set.Source(batch.Plan{Examples: r.size.batch, Seed: seed})
	g.losses, err = r.trainWatched(ctx, train.Run{Plan: plan, Model: g.model.Model, Data: source}, func(s *train.Record) {
		g.steepest = max(g.steepest, s.Norm)
		if tell != nil {
			tell(float64(s.Step) / float64(plan.Steps))
		}
	})
	return err
}

// train runs a training and gives the loss of each step.
func (r *run) train(ctx context.Context, t train.Run, tell func(share float64)) (losses []float64, err error) {
	return r.trainWatched(ctx, t, func(s *train.Record) {
		if tell != nil {
			tell(float64(s.Step) / float64(t.Plan.Steps))
		}
	})
}

// trainWatched is train that shows each step.
func (r *run) trainWatched(ctx context.Context, t train.Run, watch func(*train.Record)) (losses []float64, err error) {
	t.Device = r.Device
	t.Watch = func(e train.Event) {
		if e.Record != nil {
			losses = append(losses, e.Record.Loss)
			watch(e.Record)
		}
	}
	_, err = t.Train(ctx)
	return losses, err
}

// judge lets a rung read the test documents.
func (r *run) judge(ctx context.Context, g *rung, t *tokens) error {
	set, err := r.encode(ctx, t, r.set.Test)
	if err != nil {
		return err
	}
	start := r.Now()
	said, err := batch.Predict(ctx, g.model.Model, set, batch.PredictOptions{Device: r.Device})
	if err != nil {
		return err
	}
	g.reads = float64(set.Len()) / max(r.Now().Sub(start).Seconds(), 1e-9)
	g.scores, g.called = said.Probabilities(), said.Classes()
	g.right = make([]bool, len(g.called))
	for i, c := range set.Classes() {
		g.right[i] = g.called[i] == c
	}
	g.Interval, err = r.interval(g.right)
	return err
}

// interval is the share of what is right, with the interval that the bootstrap over
// test documents gives. Several runs stand one after the other in right.
func (r *run) interval(right []bool) (eval.Interval, error) {
	n := len(r.set.Test)
	hits := make([]float64, n) // of a document, over the runs
	for i, ok := range right {
		if ok {
			hits[i%n] += float64(n) / float64(len(right))
		}
	}
	return eval.Bootstrap(n, func(rows []int) (float64, error) {
		sum := 0.0
		for _, i := range rows {
			sum += hits[i]
		}
		return sum / float64(len(rows)), nil
	}, eval.Resampling{Rounds: r.size.resamplings, Seed: r.Seed})
}

// adopt gives a model the values of all parameters that another has under the same
// name and shape, and names those that stay new.
func adopt(m, from any) (fresh []string) {
	have := map[string]*nn.Param{}
	for name, w := range nn.Params(from) {
		have[name] = w
	}
	for name, w := range nn.Params(m) {
		if old, ok := have[name]; ok && slices.Equal(old.Shape, w.Shape) {
			w.Set(slices.Clone(old.Float32()))
		} else {
			fresh = append(fresh, name)
		}
	}
	return fresh
}
