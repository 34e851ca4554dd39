package attention

import (
	"github.com/qkvgo/qkv/kernel"
	"github.com/qkvgo/qkv/nn"
	"github.com/qkvgo/qkv/position"
	"github.com/qkvgo/qkv/tensor"
)

// adjoint is a call on its way back.
type adjoint struct {
	*work
	values     columns        // V as columns
	out, lse   *tensor.Tensor // what came out, and the log-sum-exp
	dout, dlse *tensor.Tensor // their gradients; one of them nil
	dq, dk, dv *tensor.Tensor // nil where none is wanted
	learned    []*tensor.Tensor
	partial    [][]float32 // [query heads][elements of all learned inputs]
}

// back gives the gradients of inputs: Q, K, V and what the terms learn.
func (c *Call) back(p *nn.Pass, inputs []*tensor.Tensor, out, lse, dout, dlse *tensor.Tensor) []*tensor.Tensor {
	a := &adjoint{work: newWork(p, c), out: out, lse: lse, dout: dout, dlse: dlse, learned: inputs[3:]}
	defer a.bank.free()
	a.values = turn(p.Device, c.V, c.Keys, c.KVHeads)
	defer a.values.free()
	zeros := func(x *tensor.Tensor) *tensor.Tensor {
		if !x.Needs() {
			return nil
		}
		return p.Zeros(x.Shape()...)
	}
	a.dq, a.dk, a.dv = zeros(c.Q), zeros(c.K), zeros(c.V)
	pieces, size := c.Rows.Len()*c.KVHeads, a.learnedSize()
	if size > 0 { // what is learned is summed over sequences: they stay together
		pieces = c.KVHeads
		a.partial = make([][]float32, c.Heads)
		for h := range a.partial {
			a.partial[h] = p.Device.Alloc(size)
			defer p.Device.Free(a.partial[h])
		}
	}
	p.Device.Parallel(pieces, 1, func(lo, hi int, ws *kernel.Workspace) {
		s := a.scratch(ws)
		defer s.free()
		extra := p.Device.Alloc(2 * blockRows * Tile)
		defer p.Device.Free(extra)
		for i := lo; i < hi; i++ {
			if size == 0 {
				a.sequence(i/c.KVHeads, i%c.KVHeads, s, extra)
				continue
			}
			for h := i * a.group; h < (i+1)*a.group; h++ {
				clear(a.partial[h])
			}
			for seq := range c.Rows.Len() {
				a.sequence(seq, i, s, extra)
			}
		}
	})
	return append([]*tensor.Tensor{a.dq, a.dk, a.dv}, a.fold()...)
}

// learnedSize is the elements of all inputs of terms that want a gradient.
func (a *adjoint) learnedSize() (n int) {
	for _, x := range a.learned {
		if x.Needs() {
			n += x.Rows() * x.Width()
		}
	}
	return n
}

// fold adds up what the heads learned, heads ascending.
func (a *adjoint) fold() []*tensor.Tensor {
	grads, at := make([]*tensor.Tensor, len(a.learned)), 0
	for i, x := range a.learned {
		if !x.Needs() {
			continue
		}
		g := a.pass.Zeros(x.Shape()...)
		n := x.Rows() * x.Width()
		for h := range a.partial {
			a.set.Add(g.Data(), g.Data(), a.partial[h][at:at+n])
		}
		grads[i], at = g, at+n
	}
	return grads
}

// gradsOf is where head h sums the gradients of each input of term t.
func (a *adjoint) gradsOf(h, t int) [][]float32 {
	var grads [][]float32
	at, i := 0, 0
	for k, term := range a.Terms {
		for range term.Inputs() {
			x := a.learned[i]
			var g []float32
			if x.Needs() {
				n := x.Rows() * x.Width()
				g, at = a.partial[h][at:at+n:at+n], at+n
			}
			if k == t {
				grads = append(grads, g)
			}
			i++
		}
	}
	return grads
}

// sequence computes the gradients of one sequence's keys and values of one head,
// and of the queries that read them.
func (a *adjoint) sequence(seq, kv int, s *scratch, extra []float32) {
	lo, hi := a.Rows.Off[seq], a.Rows.Off[seq+1]
	for head := kv * a.group; head < (kv+1)*a.group; head++ {
		for row := lo; row < hi; row += blockRows {
			a.block(&block{seq, head, 1, row - lo, row, min(blockRows, hi-row), kv}, s, extra)
		}
	}
	if a.dk != nil {
		for r := a.Keys.Off[seq]; r < a.Keys.Off[seq+1]; r++ {
			x := a.dk.Row(r)[kv*a.work.dk : (kv+1)*a.work.dk]
			a.set.Scale(x, x, a.Scale)
		}
	}
}

// block adds what some queries of one head contribute.
func (a *adjoint) block(b *block, s *scratch, extra []float32) {
	w, q, n := a.work, a.queries(b), a.KeysOf(b.seq)
	rows := b.rows
	weights, dp := extra[:rows*Tile], extra[rows*Tile:2*rows*Tile]
	delta := s.max[:rows] // D − the gradient of lse
	for r := range rows {
		delta[r] = 0
		if a.dout != nil {
			delta[r] = w.set.Dot(a.dout.Row(b.row + r)[b.head*w.dv:(b.head+1)*w.dv], a.out.Row(b.row + r)[b.head*w.dv:(b.head+1)*w.dv])
		}
		if a.dlse != nil {
			delta[r] -= a.dlse.Row(b.row + r)[b.head]
		}
	}
	var dout, dq kernel.View
	if a.dout != nil {
		dout = w.rowsOf(b, a.dout, w.dv)
	}
	if a.dq != nil {
		dq = w.rowsOf(b, a.dq, w.dk)
	}
	for t := 0; t*Tile < n; t++ {
		lo, hi := w.scores(b, q, t, min(Tile, n-t*Tile), s)
		if lo == hi {
			continue
		}
		width := hi - lo
		p, dp := s.scores[:rows*width], dp[:rows*width]
		for r := range rows {
			row, lse := p[r*width:(r+1)*width], a.lse.Row(b.row + r)[b.head]
			if lse != negInf { // else all scores are −Inf
				w.set.AddConst(row, row, -lse)
			}
		}
		w.set.Exp(p, p)
		key := a.Keys.Off[b.seq] + t*Tile + lo // its row in K
		clear(dp)
		if a.dout != nil {
			a.throughValues(b, s, p, weights, dp, dout, key, t, lo, width)
		}
		for r := range rows {
			row := dp[r*width : (r+1)*width]
			w.set.AddConst(row, row, -delta[r])
		}
		w.set.Mul(dp, dp, p) // now the gradient of the scores
		var dk kernel.View
		if a.dk != nil {
			dk = rowsFrom(a.dk, key, b.kvhead*w.dk)
		}
		for i, term := range w.Terms {
			k := w.bank.keys(b.seq, b.kvhead, t)
			k.Data = k.Data[lo:]
			w.eachTile(b, q, k, t*Tile+lo, width, dp, func(tile *position.Tile, _ int) {
				tile.DQ, tile.DK = dq, dk
				term.Back(tile, a.gradsOf(b.head, i))
			})
		}
		if w.Softcap != 0 {
			w.set.Mul(dp, dp, s.slopes[:len(dp)])
		}
		ds := kernel.View{Data: dp, RowStride: width, ColStride: 1}
		if a.dq != nil {
			w.set.Gemm(rows, w.dk, width, ds, rowsFrom(a.K, key, b.kvhead*w.dk), dq.Data, dq.RowStride, true, nil, s.ws)
		}
		if a.dk != nil {
			w.set.Gemm(width, w.dk, rows, ds.T(), q, dk.Data, dk.RowStride, true, nil, s.ws)
		}
	}
	if a.dq != nil {
		for r := range rows {
			x := a.dq.Row(b.row + r)[b.head*w.dk : (b.head+1)*w.dk]
			w.set.Scale(x, x, w.Scale)
		}
	}
}

// throughValues adds to the gradient of V and sets dp to the gradient of the
// weights p.
func (a *adjoint) throughValues(b *block, s *scratch, p, weights, dp []float32, dout kernel.View, key, t, lo, width int) {
	w, rows := a.work, b.rows
	if a.dv != nil {
		used := p
		if w.Drop > 0 {
			used = weights[:rows*width]
			for r := range rows {
				w.drop(b, r, t*Tile+lo, used[r*width:(r+1)*width], p[r*width:(r+1)*width])
			}
		}
		dv := rowsFrom(a.dv, key, b.kvhead*w.dv)
		w.set.Gemm(width, w.dv, rows, kernel.View{Data: used, RowStride: 1, ColStride: width}, dout, dv.Data, dv.RowStride, true, nil, s.ws)
	}
	if a.dq == nil && a.dk == nil && a.partial == nil {
		return
	}
	v := a.values.tile(b.seq, b.kvhead, t)
	v.Data = v.Data[lo:]
	w.set.Gemm(rows, width, w.dv, dout, v, dp, width, false, nil, s.ws)
	if w.Drop > 0 {
		for r := range rows {
			row := dp[r*width : (r+1)*width]
			w.drop(b, r, t*Tile+lo, row, row)
		}
	}
}
