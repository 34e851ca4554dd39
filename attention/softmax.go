package attention

import (
	"github.com/qkvgo/qkv/device"
	"github.com/qkvgo/qkv/kernel"
	"github.com/qkvgo/qkv/nn"
	"github.com/qkvgo/qkv/position"
	"github.com/qkvgo/qkv/tensor"
)

// Softmax is exact attention (Vaswani et al. 2017, eq. 1), tile by tile without
// a matrix of scores (Milakov & Gimelshein 2018; Dao et al. 2022, algorithm 1).
// The package comment gives its arithmetic. Its adjoint, with p = exp(s − lse)
// computed anew, D = Σ_d ō_d·o_d and p̄ = ō·v:
//
//	v̄ = pᵀ·ō,  s̄ = p ⊙ (p̄ − D + lse̅),  q̄ = s̄·k·scale,  k̄ = s̄ᵀ·q·scale
//
// (Dao et al. 2022, appendix B.2). The sums for k̄ and v̄ run over the query heads
// that share the key head, then over queries; those for q̄ over keys; all
// ascending.
type Softmax struct{}

// Abilities is everything.
func (Softmax) Abilities() Abilities {
	return Abilities{Name: "softmax attention", Patterns: AnyPattern, Terms: true, Softcap: true, Drop: true, Streams: true, Learns: true, Weights: true}
}

// Attend is Mechanism's.
func (Softmax) Attend(p *nn.Pass, c *Call) (out, lse *tensor.Tensor) {
	w := newWork(p, c)
	probe, probed := p.Probe.(WeightProbe)
	jobs := w.jobs()
	if !w.alone(jobs) || probed {
		w.shareBank()
		defer w.bank.free()
	}
	out, lse = p.New(c.Q.Rows(), c.Heads*w.dv), p.New(c.Q.Rows(), c.Heads).Exact()
	if counter, ok := p.Device.(device.Counter); ok {
		w.count(counter, jobs)
	}
	w.attend(jobs, out, lse)
	if probed {
		w.show(probe, lse)
	}
	inputs := c.inputs()
	if !c.Stream {
		p.Again(false, func() { c.again(p, out, lse) }, []*tensor.Tensor{out, lse}, inputs...)
	}
	saved := append([]*tensor.Tensor{out, lse}, inputs...)
	p.Record("Attend's log-sum-exp", lse, inputs, saved, func(g *tensor.Tensor) []*tensor.Tensor {
		return c.back(p, inputs, out, lse, nil, g)
	})
	p.Record("Attend", out, inputs, saved, func(g *tensor.Tensor) []*tensor.Tensor {
		return c.back(p, inputs, out, lse, g, nil)
	})
	return out, lse
}

// again computes out and lse once more.
func (c *Call) again(p *nn.Pass, out, lse *tensor.Tensor) {
	w := newWork(p, c)
	jobs := w.jobs()
	if !w.alone(jobs) {
		w.shareBank()
		defer w.bank.free()
	}
	w.attend(jobs, out, lse)
}

// attend computes all blocks: those of a job on one thread where each thread has
// a bank of its own, else each by itself.
func (w *work) attend(jobs []job, out, lse *tensor.Tensor) {
	if w.bank == nil {
		w.pass.Device.Parallel(len(jobs), w.grain(jobs, len(jobs)), func(lo, hi int, ws *kernel.Workspace) {
			mine := &own{memory: w.pass.Device.Alloc(w.ownLen())}
			defer w.pass.Device.Free(mine.memory)
			x := *w
			x.bank = mine
			s := x.scratch(ws)
			defer s.free()
			for _, j := range jobs[lo:hi] {
				mine.stageOwn(x.set, x.Call, j.seq, j.kvhead)
				for i := range j.blocks {
					x.forward(&j.blocks[i], s, out, lse)
				}
			}
		})
		return
	}
	var blocks []*block
	for _, j := range jobs {
		for i := range j.blocks {
			blocks = append(blocks, &j.blocks[i])
		}
	}
	w.pass.Device.Parallel(len(blocks), w.grain(jobs, len(blocks)), func(lo, hi int, ws *kernel.Workspace) {
		s := w.scratch(ws)
		defer s.free()
		for _, b := range blocks[lo:hi] {
			w.forward(b, s, out, lse)
		}
	})
}

// work is one call on its way.
type work struct {
	*Call
	pass   *nn.Pass
	set    *kernel.Set
	bank   bank // nil: each thread makes one of its own
	dk, dv int
	group  int // query heads to a key head
	strips int // rows of a block that are looked at apart where a pattern runs through a tile
}

func newWork(p *nn.Pass, c *Call) *work {
	w := &work{Call: c, pass: p, set: p.Kernels(), dk: c.Dk(), dv: c.Dv(), group: c.Heads / c.KVHeads, strips: stripRows}
	if c.Stream {
		w.bank = c.remember(p)
	}
	return w
}

// alone says whether each thread may stage keys and values for itself: they are
// few, and there are jobs enough to keep all threads at work.
func (w *work) alone(jobs []job) bool {
	if w.Stream || len(jobs) < 3*w.pass.Device.Threads() {
		return false
	}
	for seq := range w.Keys.Len() {
		if w.KeysOf(seq) > ownKeys {
			return false
		}
	}
	return true
}

// ownLen is the memory of a bank of one's own.
func (w *work) ownLen() (n int) {
	for seq := range w.Keys.Len() {
		n = max(n, stageLen(w.KeysOf(seq), w.dk, w.dv))
	}
	return n
}

// shareBank makes the bank that all threads read, if there is none.
func (w *work) shareBank() {
	if w.bank == nil {
		w.bank = newFresh(w.pass.Device, w.Call)
	}
}

// grain is how many of n equal parts of the jobs are worth handing to another
// thread.
func (w *work) grain(jobs []job, n int) int {
	cost := 0
	for i := range jobs {
		for _, b := range jobs[i].blocks {
			cost += b.rows * w.KeysOf(b.seq) * (w.dk + w.dv + 8)
		}
	}
	const enough = 1 << 18 // multiply–adds
	return max(1, enough*n/max(cost, 1))
}

// count tells a device that computes nothing what the blocks would cost: the
// scratch of every thread that would have one at once, and two products a tile.
func (w *work) count(c device.Counter, jobs []job) {
	n := len(jobs)
	if w.bank != nil {
		n = 0
		for i := range jobs {
			n += len(jobs[i].blocks)
		}
	}
	pieces := 0
	if n > 0 {
		grain := w.grain(jobs, n)
		pieces = (n + grain - 1) / grain
	}
	held := make([]*scratch, min(pieces, w.pass.Device.Threads()))
	for i := range held {
		held[i] = w.scratch(nil)
		defer held[i].free()
		if w.bank == nil {
			memory := w.pass.Device.Alloc(w.ownLen())
			defer w.pass.Device.Free(memory)
		}
	}
	for i := range jobs {
		for k := range jobs[i].blocks {
			b := &jobs[i].blocks[k]
			w.eachTile(b, held[0], func(_ int, part block, t, lo, hi int, _ bool) {
				c.Count(int64(part.rows) * int64(hi-lo) * int64(w.dk+w.dv))
			})
		}
	}
}

// scratch is what a thread needs beside the operands.
type scratch struct {
	w      *work
	ws     *kernel.Workspace
	memory []float32
	q      []float32 // [rows, Dk] the queries of a block, rows room(Dk) apart
	scores []float32 // [rows, keys]
	slopes []float32 // of the cap
	wide   []float32 // a tile of keys or values that a cache keeps in a narrower type
	mix    []float32 // [rows, Dv]
	max    []float32 // [rows]
	sum    []float32 // [rows]
	corr   []float32 // [rows] what earlier sums are scaled by
	spare  []float32 // [2, rows]
	words  [blockRows]uint64
}

func (w *work) scratch(ws *kernel.Workspace) *scratch {
	const n = blockRows
	slopes := 0
	if w.Softcap != 0 {
		slopes = n * Tile
	}
	wide := 0
	if m, ok := w.bank.(*cache); ok && m.kept != nn.CacheFloat32 {
		wide = Tile*max(w.dk, w.dv) + room(1)
	}
	m := w.pass.Device.Alloc(n*(Tile+room(w.dk)+w.dv+5) + slopes + wide)
	s := &scratch{w: w, ws: ws, memory: m}
	take := func(k int) []float32 {
		part := m[:k:k]
		m = m[k:]
		return part
	}
	s.scores, s.q, s.mix, s.slopes = take(n*Tile), take(n*room(w.dk)), take(n*w.dv), take(slopes)
	s.wide = take(wide)
	s.max, s.sum, s.corr, s.spare = take(n), take(n), take(n), take(2*n)
	return s
}

func (s *scratch) free() { s.w.pass.Device.Free(s.memory) }

// forward computes one block.
func (w *work) forward(b *block, s *scratch, out, lse *tensor.Tensor) {
	m, l, mix := s.max[:b.rows], s.sum[:b.rows], s.mix[:b.rows*w.dv]
	for r := range m {
		m[r], l[r] = negInf, 0
	}
	clear(mix)
	q := w.near(s.q, b, w.Q, w.dk)
	w.eachTile(b, s, func(r0 int, part block, t, lo, hi int, masked bool) {
		x := w.scores(&part, below(q, r0), t, lo, hi, masked, s)
		w.mixIn(&part, r0, t, lo, x, s)
	})
	w.finish(b, s, out, lse)
}

// near copies the rows of a block in x to memory, where they lie close together.
func (w *work) near(memory []float32, b *block, x *tensor.Tensor, width int) kernel.View {
	v := kernel.View{Data: memory[:b.rows*room(width)], RowStride: room(width), ColStride: 1}
	copyRows(v, w.rowsOf(b, x, width), b.rows, width)
	return v
}

// mixIn adds to the mix what a tile gives whose scores are x: part is the rows of
// the block from r0 on, x its scores of keys from lo on.
func (w *work) mixIn(part *block, r0, t, lo int, x []float32, s *scratch) {
	width := len(x) / part.rows
	m, l, corr := s.max[r0:][:part.rows], s.sum[r0:][:part.rows], s.corr[r0:][:part.rows]
	w.set.SoftmaxRows(x, w.lastScale(), m, l, corr, s.spare)
	mix := s.mix[r0*w.dv:][:part.rows*w.dv]
	w.set.ScaleRows(mix, corr)
	if w.Drop > 0 {
		for r := range part.rows {
			row := x[r*width : (r+1)*width]
			w.drop(part, r, t*Tile+lo, row, row)
		}
	}
	w.bank.mix(part, x, t, lo, width, s.mix[r0*w.dv:], s)
}

// finish writes the mix of a block, divided by the sums of its weights.
func (w *work) finish(b *block, s *scratch, out, lse *tensor.Tensor) {
	logs := s.corr[:b.rows]
	w.set.Log(logs, s.sum[:b.rows])
	to, sums := w.rowsOf(b, out, w.dv), w.rowsOf(b, lse, 1)
	for r, l := range s.sum[:b.rows] {
		o := to.Data[r*to.RowStride:][:w.dv]
		sums.Data[r*sums.RowStride] = s.max[r] + logs[r]
		if l == 0 { // no key at all
			clear(o)
			continue
		}
		w.set.ScaleZero(o, s.mix[r*w.dv:(r+1)*w.dv], 1/l)
	}
}

// below is v from row lo on.
func below(v kernel.View, lo int) kernel.View {
	v.Data = v.Data[min(lo*v.RowStride, len(v.Data)):]
	return v
}

// drop is dropout on weights of row r of a block, for keys from key on.
func (w *work) drop(b *block, r, key int, dst, x []float32) {
	head, _ := b.at(r)
	w.set.Dropout(dst, x, w.Drop, w.Seed, w.Site, uint64(b.rowOf(r)*w.Heads+head)<<32|uint64(key))
}

// scores gives the scores of a block's rows and columns lo:hi of tile t, [rows,
// hi-lo], finished but for lastScale. q is the queries of the block; where
// masked, s.words says which keys each row sees.
func (w *work) scores(b *block, q kernel.View, t, lo, hi int, masked bool, s *scratch) []float32 {
	width := hi - lo
	x := s.scores[:b.rows*width]
	w.bank.dot(b, q, t, lo, width, s.scores, s)
	if !w.scaledLast() {
		w.set.Scale(x, x, w.Scale)
	}
	if w.Softcap != 0 {
		w.cap(x, s.slopes[:len(x)])
	}
	if len(w.Terms) > 0 {
		k := w.bank.keys(b.seq, b.kvhead, t, s)
		k.Data = k.Data[lo:]
		w.eachHead(b, q, k, t*Tile+lo, width, x, func(tile *position.Tile, _ int) {
			for _, term := range w.Terms {
				term.Add(tile)
			}
		})
	}
	if masked {
		hide(x, s.words[:b.rows], lo, hi)
	}
	return x
}

// scaledLast says whether scores are scaled on the way through the softmax, which
// saves a pass over them: where nothing but −Inf comes between.
func (w *work) scaledLast() bool { return w.Softcap == 0 && len(w.Terms) == 0 && w.Scale > 0 }

// lastScale is what scores are still to be multiplied by.
func (w *work) lastScale() float32 {
	if w.scaledLast() {
		return w.Scale
	}
	return 1
}

// cap is x = cap·tanh(x·(1/cap)); slopes become 1 − tanh².
func (w *work) cap(x, slopes []float32) {
	w.set.Scale(x, x, 1/w.Softcap)
	w.set.Tanh(x, x)
	for i, v := range x {
		slopes[i] = kernel.FMA(-v, v, 1)
	}
	w.set.Scale(x, x, w.Softcap)
}

// eachHead calls f with the tiles that terms see, one for each head of the
// block, and the tile's first row in the block.
func (w *work) eachHead(b *block, q, k kernel.View, key, keys int, x []float32, f func(t *position.Tile, row int)) {
	t := position.Tile{Kernels: w.set, Seq: b.seq, Heads: w.Heads, Key: key, Keys: keys, Scale: w.Scale, Dk: w.dk, K: k}
	step := b.rows
	if b.heads > 1 {
		step = 1
	}
	for r := 0; r < b.rows; r += step {
		t.Head, t.Query = b.at(r)
		t.Queries = step
		t.Scores = x[r*keys : (r+step)*keys]
		t.Q = below(q, r)
		f(&t, r)
	}
}
