package transformer

import (
	"math"

	"github.com/qkvgo/qkv/attention"
	"github.com/qkvgo/qkv/nn"
	"github.com/qkvgo/qkv/tensor"
)

// MultiHead is attention by several heads (§3.2.2). The projections of queries,
// keys and values lie in one weight, or in three where keys or values have
// another width than queries.
type MultiHead struct {
	In    *nn.Param  `ckpt:"in_proj_weight"` // [3·width, width], or nil
	Q     *nn.Param  `ckpt:"q_proj_weight"`  // [width, width], where In is nil
	K     *nn.Param  `ckpt:"k_proj_weight"`  // [width, width of keys]
	V     *nn.Param  `ckpt:"v_proj_weight"`  // [width, width of values]
	Bias  *nn.Param  `ckpt:"in_proj_bias"`   // [3·width], or nil
	Out   *nn.Linear `ckpt:"out_proj"`       // [width, width]
	Core  attention.Core
	width int
}

// NewMultiHead declares attention with biases and one weight for all three
// projections.
func NewMultiHead(width, heads int, drop float32) *MultiHead {
	return &MultiHead{In: nn.NewParam(3*width, width), Bias: nn.NewParam(3 * width), Out: nn.NewLinear(width, width, true),
		Core: attention.Core{Heads: heads, Drop: drop}, width: width}
}

// Split gives the three projections weights of their own, for keys and values of
// other widths.
func (m *MultiHead) Split(keys, values int) {
	m.In, m.Q, m.K, m.V = nil, nn.NewParam(m.width, m.width), nn.NewParam(m.width, keys), nn.NewParam(m.width, values)
}

// Attend is self-attention over the pass's rows h [rows, width]. pattern says which
// rows meet; nil is all.
func (m *MultiHead) Attend(p *nn.Pass, h *tensor.Tensor, pattern attention.Pattern) *tensor.Tensor {
	q, k, v := m.project(p, h, h, h)
	if pattern == nil {
		pattern = attention.Full
	}
	return m.Out.Forward(p, m.Core.Attend(p, q, k, v, pattern))
}

// Cross is attention from the pass's rows h [rows, width] to keys and values of
// other rows, which belong together as rows says.
func (m *MultiHead) Cross(p *nn.Pass, h, keys, values *tensor.Tensor, rows nn.Batch) *tensor.Tensor {
	q, k, v := m.project(p, h, keys, values)
	return m.Out.Forward(p, m.Core.Cross(p, q, k, v, rows))
}

// project is the queries, keys and values of the rows h, keys and values.
func (m *MultiHead) project(p *nn.Pass, h, keys, values *tensor.Tensor) (q, k, v *tensor.Tensor) {
	if m.In != nil && h == keys && h == values {
		return attention.Thirds((&nn.Linear{Weight: m.In, Bias: m.Bias}).Forward(p, h))
	}
	part := func(x *tensor.Tensor, own *nn.Param, i int) *tensor.Tensor {
		lo, hi := i*m.width, (i+1)*m.width
		weight, bias := p.Use(own), p.Use(m.Bias)
		if weight == nil {
			weight = p.Use(m.In).Slice(lo, hi)
		}
		if bias != nil {
			bias = bias.Cols(lo, hi)
		}
		return x.Linear(weight, bias, tensor.Identity)
	}
	return part(h, m.Q, 0), part(keys, m.K, 1), part(values, m.V, 2)
}

// Look is Attend, or Cross, with the weights in hand: those of sequence i and head j
// are weights[i][j], [queries, keys], part of the tape like the mix, and zero
// where pattern, or what rows hides, keeps query and key apart. It makes all of
// them at once; where nobody reads weights, Attend and Cross serve.
func (m *MultiHead) Look(p *nn.Pass, h, keys, values *tensor.Tensor, rows nn.Batch, pattern attention.Pattern) (y *tensor.Tensor, weights [][]*tensor.Tensor) {
	q, k, v := m.project(p, h, keys, values)
	width := m.width / m.Core.Heads
	scale := float32(1 / math.Sqrt(float64(width)))
	var mixes []*tensor.Tensor
	for i := range rows.Len() {
		qi := q.Slice(p.Rows.Off[i], p.Rows.Off[i+1])
		ki, vi := k.Slice(rows.Off[i], rows.Off[i+1]), v.Slice(rows.Off[i], rows.Off[i+1])
		var heads, maps []*tensor.Tensor
		for j := range m.Core.Heads {
			lo, hi := j*width, (j+1)*width
			scores := qi.Cols(lo, hi).MatMulT(ki.Cols(lo, hi)).Scale(scale)
			if mask := apart(p, i, j, scores, rows, pattern); mask != nil {
				scores = scores.Add(mask)
			}
			w := p.Drop(m.Core.Drop, scores.Softmax())
			heads, maps = append(heads, w.MatMul(vi.Cols(lo, hi))), append(maps, w)
		}
		mixes, weights = append(mixes, tensor.Concat(heads...)), append(weights, maps)
	}
	return m.Out.Forward(p, tensor.Stack(mixes...)), weights
}

// apart is -Inf where a query and a key of a sequence are kept apart and 0
// elsewhere; nil where none are.
func apart(p *nn.Pass, seq, head int, scores *tensor.Tensor, rows nn.Batch, pattern attention.Pattern) *tensor.Tensor {
	hidden := rows.HiddenOf(seq)
	if pattern == nil && hidden == nil {
		return nil
	}
	mask := p.Zeros(scores.Shape()...)
	at := attention.Place{Seq: seq, Head: head, Keys: scores.Width()}
	for q := range mask.Rows() {
		row := mask.Row(q)
		for k := range row {
			tile, bit := k/attention.Tile*attention.Tile, k%attention.Tile
			met := pattern == nil || pattern.Row(at, q, tile)>>bit&1 == 1
			if !met || hidden != nil && hidden[k] {
				row[k] = float32(math.Inf(-1))
			}
		}
	}
	return mask
}
