package train

import (
	"context"
	"fmt"
	"iter"
	"math"
	"slices"

	"github.com/qkvgo/qkv/data"
	"github.com/qkvgo/qkv/device"
	"github.com/qkvgo/qkv/model"
	"github.com/qkvgo/qkv/nn"
	"github.com/qkvgo/qkv/tensor"
)

// Loss is the number that training makes small: a scalar, the mean over the
// labels of a batch that count.
type Loss func(p *nn.Pass, in *model.Input) *tensor.Tensor

// Own is the loss that a model computes itself where its input has labels.
func Own(m model.Model) Loss {
	return func(p *nn.Pass, in *model.Input) *tensor.Tensor {
		out := m.Run(p, in)
		if len(out) == 0 || out[0].Name != "loss" {
			panic(&tensor.Fault{Op: "loss", Msg: fmt.Sprintf("%T gives no loss for this input; has it labels?", m)})
		}
		return out[0].Value
	}
}

// NextToken is the mean cross-entropy of a language model's scores and the
// labels, where label i is what follows id i, as data.Windows makes them.
func NextToken(m model.CausalLM) Loss {
	return func(p *nn.Pass, in *model.Input) *tensor.Tensor {
		if scored, ok := m.(model.Scored); ok {
			return scored.ScoreLoss(p, m.Hidden(p, in.IDs), in.Labels)
		}
		return m.Unembed(p, m.Hidden(p, in.IDs)).CrossEntropy(in.Labels)
	}
}

// MaskedToken is the mean cross-entropy of the scores that a masked language model
// gives the tokens chosen by data.Masking. Only their rows reach the vocabulary: the
// loss is the model's own, for a fraction of the work.
func MaskedToken(m model.Filler) Loss {
	return func(p *nn.Pass, in *model.Input) *tensor.Tensor {
		var rows, labels []int32
		for i, l := range in.Labels {
			if l != tensor.Ignore {
				rows, labels = append(rows, int32(i)), append(labels, l)
			}
		}
		return m.Fill(p, in, rows).CrossEntropy(labels)
	}
}

// Smoothed is the mean cross-entropy of a model's logits and its input's labels, a
// share of each label spread over all classes (Szegedy et al. 2016, §7), as
// Hugging Face's LabelSmoother. A language model's labels are of the rows
// themselves; each row is to say the next one's.
func Smoothed(m model.Model, share float64) Loss {
	return func(p *nn.Pass, in *model.Input) *tensor.Tensor {
		bare := *in
		bare.Labels = nil
		out := m.Run(p, &bare)
		i := slices.IndexFunc(out, func(o model.Output) bool { return o.Name == "logits" })
		if i < 0 || in.Labels == nil {
			panic(&tensor.Fault{Op: "loss", Msg: fmt.Sprintf("label smoothing needs labels of classes, and %T to give logits", m)})
		}
		targets := in.Labels
		if _, ok := m.(model.CausalLM); ok {
			targets = model.NextLabels(p, in.Labels)
		}
		count := 0
		for _, t := range targets {
			if t != tensor.Ignore {
				count++
			}
		}
		rows := out[i].Value.CrossEntropyRows(targets, float32(share), nil)
		return rows.Sum().Scale(1 / float32(max(count, 1)))
	}
}

// Score is a loss over a set.
type Score struct {
	Loss   float64 // mean over labels, in nats
	Labels int
}

// Perplexity is e to the loss.
func (s Score) Perplexity() float64 { return math.Exp(s.Loss) }

// Bits is the loss in bits per unit, of which there are units for every label:
// bytes or characters of the text per token.
func (s Score) Bits(units float64) float64 { return s.Loss / math.Ln2 / units }

// Evaluate is the mean loss over the labels of batches. Nothing is trained, no
// number is random.
func Evaluate(ctx context.Context, loss Loss, batches iter.Seq2[data.Batch, error], dev device.Device) (s Score, err error) {
	defer tensor.Guard(&err)
	sum := 0.0
	for b, err := range batches {
		if err != nil {
			return s, err
		}
		n := labels(b)
		if n == 0 {
			continue
		}
		sum += float64(float64(n) * evaluate(ctx, loss, b, dev))
		s.Labels += n
	}
	if s.Labels == 0 {
		return s, fmt.Errorf("nothing to evaluate: no batch has labels")
	}
	s.Loss = sum / float64(s.Labels)
	return s, nil
}

// labels is how many labels of a batch count, each as much as the others: of
// rows or sequences, numbers, or else sequences.
func labels(b data.Batch) (n int) {
	switch {
	case b.Input.Labels != nil:
		for _, l := range b.Input.Labels {
			if l != tensor.Ignore {
				n++
			}
		}
		return n
	case b.Input.Targets != nil:
		return len(b.Input.Targets)
	}
	return b.Rows.Len()
}

// evaluate is the loss of one batch.
func evaluate(ctx context.Context, loss Loss, b data.Batch, dev device.Device) float64 {
	p := nn.NewPass(ctx, b.Rows, nn.Options{Device: dev})
	defer p.Close()
	return float64(loss(p, b.Input).Scalar())
}
