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
	out, lse   *tensor.Tensor // what came out, and the log-sum-exp
	dout, dlse *tensor.Tensor // their gradients; one of them nil
	dq, dk, dv *tensor.Tensor // nil where none is wanted
	learned    []*tensor.Tensor
	partial    [][]float32 // [query heads][elements of all learned inputs]
	rows       int         // of a block
}

// back gives the gradients of inputs: Q, K, V and what the terms learn.
func (c *Call) back(p *nn.Pass, inputs []*tensor.Tensor, out, lse, dout, dlse *tensor.Tensor) []*tensor.Tensor {
	a := &adjoint{work: newWork(p, c), out: out, lse: lse, dout: dout, dlse: dlse, learned: inputs[3:], rows: backRows}
	like := func(x *tensor.Tensor) *tensor.Tensor {
		if !x.Needs() {
			return nil
		}
		return p.New(x.Shape()...)
	}
	a.dq, a.dk, a.dv = like(c.Q), like(c.K), like(c.V)
	if len(c.Terms) > 0 { // what terms add to gradients comes between blocks of this size
		a.rows, a.strips = termRows, termRows
	}
	switch n := a.learnedSize(); {
	case n > 0:
		a.learn(n)
	case len(c.Terms) == 0 && a.uneven():
		a.apart()
	default:
		a.together()
	}
	return append([]*tensor.Tensor{a.dq, a.dk, a.dv}, a.fold()...)
}

// backRows is the rows of a block on the way back, termRows where terms have
// gradients.
const backRows, termRows = 96, 64

// together takes each head of keys of each sequence by itself: all gradients in
// one go.
func (a *adjoint) together() {
	a.pass.Device.Parallel(a.Rows.Len()*a.KVHeads, 1, func(lo, hi int, ws *kernel.Workspace) {
		s := a.backScratch(ws)
		defer s.free()
		for i := lo; i < hi; i++ {
			a.sequence(i/a.KVHeads, i%a.KVHeads, s)
		}
	})
}

// learn is together where terms learn n numbers, which are summed over sequences:
// these stay together.
func (a *adjoint) learn(n int) {
	a.partial = make([][]float32, a.Heads)
	for h := range a.partial {
		a.partial[h] = a.pass.Device.Alloc(n)
		clear(a.partial[h])
	}
	a.pass.Device.Parallel(a.KVHeads, 1, func(lo, hi int, ws *kernel.Workspace) {
		s := a.backScratch(ws)
		defer s.free()
		for kv := lo; kv < hi; kv++ {
			for seq := range a.Rows.Len() {
				a.sequence(seq, kv, s)
			}
		}
	})
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
	for _, memory := range a.partial {
		a.pass.Device.Free(memory)
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

// backScratch is what a thread needs on the way back.
type backScratch struct {
	*scratch
	memory  []float32
	dout    []float32 // [rows, Dv], rows room(Dv) apart
	dq      []float32 // [rows, Dk], rows room(Dk) apart
	dp      []float32 // [rows, keys] gradients of weights, then of scores
	dropped []float32 // [rows, keys] weights after dropout
	lse     []float32 // [rows]; 0 where nobody is seen
	delta   []float32 // [rows] D − the gradient of lse
	side    []float32 // for the keys and values of one head
}

func (a *adjoint) backScratch(ws *kernel.Workspace) *backScratch {
	const n = backRows
	dropped := 0
	if a.Drop > 0 {
		dropped = n * Tile
	}
	m := a.pass.Device.Alloc(n*(room(a.work.dv)+room(a.work.dk)+Tile+2) + dropped)
	s := &backScratch{scratch: a.work.scratch(ws), memory: m}
	take := func(k int) []float32 {
		part := m[:k:k]
		m = m[k:]
		return part
	}
	s.dout, s.dq = take(n*room(a.work.dv)), take(n*room(a.work.dk))
	s.dp, s.dropped, s.lse, s.delta = take(n*Tile), take(dropped), take(n), take(n)
	return s
}

func (s *backScratch) free() {
	dev := s.w.pass.Device
	if s.side != nil {
		dev.Free(s.side)
	}
	dev.Free(s.memory)
	s.scratch.free()
}

// side is the keys and values of one head of one sequence, and the sums of their
// gradients, which are [keys, Dk] and [keys, Dv] without gaps.
type side struct {
	k, v   stage // keys turned and as they are; values turned
	dk, dv []float32
}

// sideLen is the floats of a side.
func (a *adjoint) sideLen(keys int) int {
	return stageLen(keys, a.work.dk, a.work.dk) + stageLen(keys, a.work.dv, 0) + keys*(a.work.dk+a.work.dv)
}

// side lays a side out in memory, and clears its sums.
func (a *adjoint) side(keys int, memory []float32) *side {
	x := &side{k: stage{keys: keys, cols: a.work.dk, rows: a.work.dk}, v: stage{keys: keys, cols: a.work.dv}}
	take := func(n int) []float32 {
		part := memory[:n:n]
		memory = memory[n:]
		return part
	}
	x.k.data, x.v.data = take(stageLen(keys, a.work.dk, a.work.dk)), take(stageLen(keys, a.work.dv, 0))
	x.dk, x.dv = take(keys*a.work.dk), take(keys*a.work.dv)
	clear(x.dk)
	clear(x.dv)
	return x
}

// fill stages tile t.
func (a *adjoint) fill(x *side, seq, kv, t int) {
	first := a.Keys.Off[seq]
	k := rowsFrom(a.K, first, kv*a.work.dk)
	x.k.fill(a.set, 0, t, k, k)
	x.v.fill(a.set, 0, t, rowsFrom(a.V, first, kv*a.work.dv), kernel.View{})
}

// write puts the sums of tiles t0 ≤ t < t1 where they belong.
func (a *adjoint) write(x *side, seq, kv, t0, t1 int) {
	for r := t0 * Tile; r < min(t1*Tile, x.k.keys); r++ {
		row := a.Keys.Off[seq] + r
		if a.dk != nil {
			a.set.Scale(a.dk.Row(row)[kv*a.work.dk:(kv+1)*a.work.dk], x.dk[r*a.work.dk:(r+1)*a.work.dk], a.Scale)
		}
		if a.dv != nil {
			copy(a.dv.Row(row)[kv*a.work.dv:(kv+1)*a.work.dv], x.dv[r*a.work.dv:])
		}
	}
}

// sequence computes the gradients of one sequence's keys and values of one head,
// and of the queries that read them.
func (a *adjoint) sequence(seq, kv int, s *backScratch) {
	n := a.KeysOf(seq)
	if size := a.sideLen(n); len(s.side) < size {
		if s.side != nil {
			a.pass.Device.Free(s.side)
		}
		s.side = a.pass.Device.Alloc(size)
	}
	x := a.side(n, s.side)
	for t := range tiles(n) {
		a.fill(x, seq, kv, t)
	}
	want := wanted{q: a.dq != nil, k: a.dk != nil, v: a.dv != nil}
	for head := kv * a.group; head < (kv+1)*a.group; head++ {
		for _, b := range a.ofHead(nil, seq, head, a.rows) {
			a.block(&b, x, 0, tiles(n), want, s)
		}
	}
	a.write(x, seq, kv, 0, tiles(n))
}

// wanted says which gradients a sweep is to give.
type wanted struct{ q, k, v bool }

// block adds what some queries of one head contribute over tiles t0 ≤ t < t1.
func (a *adjoint) block(b *block, x *side, t0, t1 int, want wanted, s *backScratch) {
	a.prepare(b, s)
	q := a.near(s.q, b, a.Q, a.work.dk)
	var dout kernel.View
	if a.dout != nil {
		dout = a.near(s.dout, b, a.dout, a.work.dv)
	}
	dq := kernel.View{Data: s.dq[:b.rows*room(a.work.dk)], RowStride: room(a.work.dk), ColStride: 1}
	clear(dq.Data)
	w := *a.work
	w.bank = x
	w.tilesIn(b, x.k.keys, t0, t1, s.scratch, func(r0 int, part block, t, lo, hi int, masked bool) {
		q, dout, dq := below(q, r0), below(dout, r0), below(dq, r0)
		p := w.scores(&part, q, t, lo, hi, masked, s.scratch)
		ds := a.weights(&part, r0, x, t, lo, p, dout, want, s)
		if want.q || want.k || a.partial != nil {
			a.throughScores(&part, x, t, lo, ds, q, dq, want, s)
		}
	})
	if want.q {
		for r := range b.rows {
			to := a.dq.Row(b.row + r)[b.head*a.work.dk : (b.head+1)*a.work.dk]
			a.set.Scale(to, dq.Data[r*dq.RowStride:][:len(to)], a.Scale)
		}
	}
}

func (x *side) keys(_, _, t int, _ *scratch) kernel.View { return x.k.columns(0, t) }

func (x *side) dot(b *block, q kernel.View, t, lo, width int, out []float32, s *scratch) {
	s.w.dot(b, q, x.k.columns(0, t), lo, width, out)
}

func (x *side) mix(*block, []float32, int, int, int, []float32, *scratch) {
	panic("attention: the way back does not mix values")
}

func (x *side) free() {}

// prepare sets the log-sum-exps and D of the rows of a block.
func (a *adjoint) prepare(b *block, s *backScratch) {
	for r := range b.rows {
		row, d := b.row+r, float32(0)
		if a.dout != nil {
			lo, hi := b.head*a.work.dv, (b.head+1)*a.work.dv
			d = a.set.Dot(a.dout.Row(row)[lo:hi], a.out.Row(row)[lo:hi])
		}
		if a.dlse != nil {
			d -= a.dlse.Row(row)[b.head]
		}
		s.delta[r] = d
		if s.lse[r] = a.lse.Row(row)[b.head]; s.lse[r] == negInf { // all its scores are −Inf
			s.lse[r] = 0
		}
	}
}

// weights makes of the scores p of a tile the weights, adds to the gradient of
// the values, and gives the gradient of the scores.
func (a *adjoint) weights(b *block, r0 int, x *side, t, lo int, p []float32, dout kernel.View, want wanted, s *backScratch) []float32 {
	rows, width := b.rows, len(p)/b.rows
	dp := s.dp[:rows*width]
	if a.dout != nil && (want.q || want.k || a.partial != nil) {
		v := x.v.columns(0, t)
		v.Data = v.Data[lo:]
		a.set.GemmPlain(rows, width, a.work.dv, dout, v, dp, width, false)
		if a.Drop > 0 {
			a.dropRows(b, t*Tile+lo, dp, dp)
		}
	} else {
		clear(dp)
	}
	a.set.SoftmaxRowsBack(p, dp, a.lastScale(), s.lse[r0:r0+rows], s.delta[r0:])
	if want.v && a.dout != nil {
		used := p
		if a.Drop > 0 {
			used = s.dropped[:len(p)]
			a.dropRows(b, t*Tile+lo, used, p)
		}
		a.set.GemmPlain(width, a.work.dv, rows, kernel.View{Data: used, RowStride: 1, ColStride: width}, dout,
			x.dv[(t*Tile+lo)*a.work.dv:], a.work.dv, true)
	}
	return dp
}

// dropRows is dropout on the rows of a block, for keys from key on.
func (a *adjoint) dropRows(b *block, key int, dst, x []float32) {
	width := len(x) / b.rows
	for r := range b.rows {
		a.drop(b, r, key, dst[r*width:(r+1)*width], x[r*width:(r+1)*width])
	}
}

// throughScores adds what follows from the gradient ds of the scores of a tile.
func (a *adjoint) throughScores(b *block, x *side, t, lo int, ds []float32, q, dq kernel.View, want wanted, s *backScratch) {
	w, rows, width := a.work, b.rows, len(ds)/b.rows
	dk := x.dk[(t*Tile+lo)*w.dk:]
	if len(w.Terms) > 0 {
		k := x.k.columns(0, t)
		k.Data = k.Data[lo:]
		for i, term := range w.Terms {
			w.eachHead(b, q, k, t*Tile+lo, width, ds, func(tile *position.Tile, _ int) {
				if want.q {
					tile.DQ = dq
				}
				if want.k {
					tile.DK = kernel.View{Data: dk, RowStride: w.dk, ColStride: 1}
				}
				term.Back(tile, a.gradsOf(b.head, i))
			})
		}
	}
	if w.Softcap != 0 {
		w.set.Mul(ds, ds, s.slopes[:len(ds)])
	}
	if want.q {
		w.set.GemmPlain(rows, w.dk, width, kernel.View{Data: ds, RowStride: width, ColStride: 1}, below(x.k.plain(0, t), lo), dq.Data, dq.RowStride, true)
	}
	if want.k {
		w.set.GemmPlain(width, w.dk, rows, kernel.View{Data: ds, RowStride: 1, ColStride: width}, q, dk, w.dk, true)
	}
}
