package train

import (
	"context"
	"fmt"
	"iter"
	"math"

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
		return m.Unembed(p, m.Hidden(p, in.IDs)).CrossEntropy(in.Labels)
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
		n := 0
		for _, l := range b.Input.Labels {
			if l != tensor.Ignore {
				n++
			}
		}
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

// evaluate is the loss of one batch.
func evaluate(ctx context.Context, loss Loss, b data.Batch, dev device.Device) float64 {
	p := nn.NewPass(ctx, b.Rows, nn.Options{Device: dev})
	defer p.Close()
	return float64(loss(p, b.Input).Scalar())
}
