package measure

import (
	"context"
	"fmt"
	"iter"

	"github.com/qkvgo/qkv/checkpoint"
	"github.com/qkvgo/qkv/model"
	"github.com/qkvgo/qkv/model/rnn"
	"github.com/qkvgo/qkv/nn"
	"github.com/qkvgo/qkv/tensor"
	"github.com/qkvgo/qkv/train"
	"github.com/qkvgo/qkv/zoo"
)

// Steps times the training steps by which libraries are compared: a BERT
// classifier on 8 texts of 128 tokens, GPT-2 on 2 of 256, ViT-Ti/16 on 8 pictures,
// two layers of LSTM of width 512 on 32 sequences of 128 rows, and nanoGPT's model
// of characters on 12 texts of 64.
func (b *Bench) Steps(ctx context.Context) error {
	for _, s := range []struct {
		name          string
		batch, tokens int
	}{{"bert-base", 8, 128}, {"gpt2-124m", 2, 256}, {"vit-ti16", 8, 0}, {lstmName, 32, 128}, {"nanogpt-char", 12, 64}} {
		if err := b.Train(ctx, s.name, s.batch, []int{s.tokens}); err != nil {
			return err
		}
	}
	return nil
}

// Train times a step, forward, backward and AdamW, of a model with a loss, and
// tells the most memory that the process held meanwhile.
func (b *Bench) Train(ctx context.Context, name string, batch int, lengths []int) (err error) {
	defer tensor.Guard(&err)
	if name == lstmName {
		return b.trainLSTM(ctx, batch, lengths[0])
	}
	m, note, done, err := open(name)
	if err != nil {
		return err
	}
	defer done()
	in, rows, err := call(m, batch, lengths)
	if err != nil {
		return err
	}
	loss := train.Own(m)
	if lm, ok := m.(model.CausalLM); ok {
		in.Labels, loss = in.IDs, train.NextToken(lm)
	} else {
		in.Labels = make([]int32, rows.Len())
	}
	work, err := zoo.Work(m, in, rows)
	if err != nil {
		return err
	}
	return b.step(ctx, Result{Name: "train-" + name, Note: note}, rows, work, nn.Params(m), func(p *nn.Pass) *tensor.Tensor { return loss(p, in) })
}

// lstmName is a network without a page: layers of LSTM and a classifier of their
// last states.
const lstmName = "lstm-2x512"

func (b *Bench) trainLSTM(ctx context.Context, batch, length int) error {
	const width, layers, classes = 512, 2, 10
	m := struct {
		Read *rnn.Network `ckpt:"r"`
		Head *nn.Linear   `ckpt:"head"`
	}{rnn.New(rnn.Config{Cell: rnn.LSTM, Input: width, Hidden: width, Layers: layers}), nn.NewLinear(width, classes, true)}
	for name, w := range nn.Params(&m) {
		w.Name = name
		nn.InitUniform(w, 0.04, 1)
	}
	lengths := make([]int, batch)
	for i := range lengths {
		lengths[i] = length
	}
	rows, x, labels := nn.Sequences(lengths...), numbers(batch*length*width), make([]int32, batch)
	work := int64(batch) * (int64(length)*layers*2*4*width*width + width*classes)
	return b.step(ctx, Result{Name: "train-" + lstmName}, rows, float64(work), nn.Params(&m), func(p *nn.Pass) *tensor.Tensor {
		y, _ := m.Read.Forward(p, p.Of(x, batch*length, width), nil)
		return m.Head.Forward(p, p.Last(y)).CrossEntropy(labels)
	})
}

// step times a step over rows, whose forward pass is so many multiply–adds.
func (b *Bench) step(ctx context.Context, r Result, rows nn.Batch, work float64, params iter.Seq2[string, *nn.Param], loss func(p *nn.Pass) *tensor.Tensor) error {
	b.trim()
	adam := train.NewAdamW(params, train.AdamWOptions{Rate: 1e-4, Decay: 0.01, Device: b.Device})
	r.Shape = fmt.Sprintf("%d rows in %d", rows.Rows(), rows.Len())
	r.measured = highestResident
	resetResident()
	tokens := float64(rows.Rows())
	if rows.Grids != nil {
		tokens = 0 // pixels
	}
	return b.report(ctx, r, 3*work, 0, tokens, func() error {
		p := nn.NewPass(ctx, rows, nn.Options{Device: b.Device, Tape: true})
		defer p.Close()
		p.Train = true
		l := loss(p)
		if l.Rows() != 1 || l.Width() != 1 {
			return &checkpoint.Unsupported{What: "training without a loss"}
		}
		l.Backward()
		adam.Step(p)
		return nil
	})
}
