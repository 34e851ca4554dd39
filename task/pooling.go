package task

import (
	"fmt"
	"math"
	"strings"

	"github.com/qkvgo/qkv/nn"
	"github.com/qkvgo/qkv/tensor"
)

// Pooling is how the vectors of a text's tokens become one. Several ways joined
// by + give their vectors one after the other: "cls+mean".
type Pooling string

// The ways of pooling.
const (
	Mean         Pooling = "mean"          // of all tokens
	CLS          Pooling = "cls"           // the first token's
	Last         Pooling = "last"          // the last token's
	Max          Pooling = "max"           // the greatest of each column
	MeanSqrt     Pooling = "mean_sqrt_len" // the sum by the square root of the number of tokens
	WeightedMean Pooling = "weightedmean"  // later tokens count more: token i (from 1) counts i times
)

// pool maps hidden states [rows, width] to [texts, width], a width for each way.
func (o Pooling) pool(p *nn.Pass, x *tensor.Tensor) (*tensor.Tensor, error) {
	var parts []*tensor.Tensor
	for _, way := range strings.Split(string(o), "+") {
		var y *tensor.Tensor
		switch Pooling(way) {
		case Mean:
			y = x.MeanRows(p.Rows.Off)
		case CLS:
			y = p.First(x)
		case Last:
			y = p.Last(x)
		case Max:
			y = greatest(p, x)
		case MeanSqrt:
			y = weighted(p.Rows, x, func(_, n int) float32 { return float32(1 / math.Sqrt(float64(n))) })
		case WeightedMean:
			y = weighted(p.Rows, x, func(i, n int) float32 { return float32(float64(i+1) / float64(n*(n+1)/2)) })
		default:
			return nil, fmt.Errorf("no way of pooling is named %q (known: %s, %s, %s, %s, %s, %s, and several joined by +)",
				way, Mean, CLS, Last, Max, MeanSqrt, WeightedMean)
		}
		parts = append(parts, y)
	}
	if len(parts) == 1 {
		return parts[0], nil
	}
	return tensor.Concat(parts...), nil
}

// greatest is the greatest number of each column of each sequence's rows, which
// must not be none.
func greatest(p *nn.Pass, x *tensor.Tensor) *tensor.Tensor {
	y := p.New(p.Rows.Len(), x.Width())
	for i := range p.Rows.Len() {
		copy(y.Row(i), x.Row(p.Rows.Off[i]))
		for r := p.Rows.Off[i] + 1; r < p.Rows.Off[i+1]; r++ {
			p.Kernels().Max(y.Row(i), y.Row(i), x.Row(r))
		}
	}
	return y
}

// weighted is the sum of each sequence's rows, row i of n times weight(i, n).
func weighted(b nn.Batch, x *tensor.Tensor, weight func(i, n int) float32) *tensor.Tensor {
	rows, weights := make([][]int32, b.Len()), make([][]float32, b.Len())
	for s := range rows {
		n := b.Off[s+1] - b.Off[s]
		for i := range n {
			rows[s] = append(rows[s], int32(b.Off[s]+i))
			weights[s] = append(weights[s], weight(i, n))
		}
	}
	return x.Mix(rows, weights)
}
