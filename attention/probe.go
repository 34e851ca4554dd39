package attention

import (
	"github.com/qkvgo/qkv/kernel"
	"github.com/qkvgo/qkv/nn"
	"github.com/qkvgo/qkv/tensor"
)

// WeightProbe is a pass's probe that also looks at weights. The kernel itself
// hands them over, after the mix is computed, on the pass's goroutine: weights
// after the softmax and before dropout, as Hugging Face's attentions are.
type WeightProbe interface {
	nn.Probe
	// Wants says whether the weights of one query are asked for: row counts the
	// rows of the pass that belong to sequence seq.
	Wants(c *Core, seq, head, row int) bool
	// Weights receives them, one for each key of the sequence, keys of earlier
	// passes first. weights is only valid during the call.
	Weights(c *Core, seq, head, row int, weights []float32)
}

// show hands over the weights that the probe wants, in a second sweep over the
// tiles: exp(s − lse).
func (w *work) show(probe WeightProbe, lse *tensor.Tensor) {
	for seq := range w.Rows.Len() {
		rows, n := w.Rows.Off[seq+1]-w.Rows.Off[seq], w.KeysOf(seq)
		for head := range w.Heads {
			var wanted []int
			for r := range rows {
				if probe.Wants(w.Core, seq, head, r) {
					wanted = append(wanted, r)
				}
			}
			w.showHead(probe, lse, seq, head, n, wanted)
		}
	}
}

func (w *work) showHead(probe WeightProbe, lse *tensor.Tensor, seq, head, n int, wanted []int) {
	weights := w.pass.Device.Alloc(len(wanted) * n)
	defer w.pass.Device.Free(weights)
	w.pass.Device.Parallel(len(wanted), 8, func(lo, hi int, ws *kernel.Workspace) {
		s := w.scratch(ws)
		defer s.free()
		for i := lo; i < hi; i++ {
			r := wanted[i]
			row := w.Rows.Off[seq] + r
			b := &block{seq, head, 1, w.Past[seq] + r, row, 1, head / w.group}
			w.weights(b, weights[i*n:(i+1)*n], lse.Row(row)[head], s)
		}
	})
	for i, r := range wanted {
		probe.Weights(w.Core, seq, head, r, weights[i*n:(i+1)*n])
	}
}

// weights computes the weights of the only row of a block.
func (w *work) weights(b *block, dst []float32, lse float32, s *scratch) {
	clear(dst)
	if lse == negInf {
		return
	}
	q := w.queries(b)
	w.eachTile(b, s, func(_ int, part block, t, lo, hi int, masked bool) {
		x := w.scores(&part, q, t, lo, hi, masked, s)
		w.set.Scale(x, x, w.lastScale())
		w.set.AddConst(x, x, -lse)
		w.set.Exp(dst[t*Tile+lo:t*Tile+hi], x)
	})
}
