package attention

import (
	"github.com/qkvgo/qkv/nn"
	"github.com/qkvgo/qkv/tensor"
)

// even gives queries from which the batch hides every key the mean of all values
// of their sequence, where the batch asks for it. The reference masks by a large negative number, so a row of
// padding before a text, which sees nothing, attends evenly to everything;
// batches that carry padding are there to follow its numbers.
func (c *Call) even(p *nn.Pass, out *tensor.Tensor) *tensor.Tensor {
	if c.Stream || c.Keys.Hidden == nil || !c.Keys.Even {
		return out
	}
	blind, found := make([]int32, c.Rows.Rows()), false
	for i := range c.Rows.Len() {
		for r := c.Rows.Off[i]; r < c.Rows.Off[i+1]; r++ {
			if blind[r] = -1; !c.sees(i, r-c.Rows.Off[i]) {
				blind[r], found = int32(i), true
			}
		}
	}
	if !found {
		return out
	}
	mean := c.V.MeanRows(c.Keys.Off) // [sequences, Hk·Dv]
	if group := c.Heads / c.KVHeads; group > 1 {
		var heads []*tensor.Tensor
		for h := range c.Heads {
			at := h / group * c.Dv()
			heads = append(heads, mean.Cols(at, at+c.Dv()))
		}
		mean = tensor.Concat(heads...)
	}
	return out.Add(mean.Gather(blind)) // blind rows of out are zeros
}

// sees says whether query q of sequence seq may meet any key, under the first
// head's pattern.
func (c *Call) sees(seq, q int) bool {
	at := Place{Seq: seq, Keys: c.KeysOf(seq)}
	for k := 0; k < at.Keys; k += Tile {
		if c.Pattern.Row(at, c.Past[seq]+q, k)&span(k, at.Keys, k) != 0 {
			return true
		}
	}
	return false
}
