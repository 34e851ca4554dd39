package attention

import (
	"math"

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
	defer w.bank.free()
	out, lse = p.New(c.Q.Rows(), c.Heads*w.dv), p.New(c.Q.Rows(), c.Heads)
	blocks := w.cut()
	if counter, ok := p.Device.(device.Counter); ok {
		w.count(counter, blocks)
	}
	p.Device.Parallel(len(blocks), w.grain(blocks), func(lo, hi int, ws *kernel.Workspace) {
		s := w.scratch(ws)
		defer s.free()
		for i := lo; i < hi; i++ {
			w.forward(&blocks[i], s, out, lse)
		}
	})
	if probe, ok := p.Probe.(WeightProbe); ok {
		w.show(probe, lse)
	}
	inputs := c.inputs()
	saved := append([]*tensor.Tensor{out, lse}, inputs...)
	p.Record("Attend's log-sum-exp", lse, inputs, saved, func(g *tensor.Tensor) []*tensor.Tensor {
		return c.back(p, inputs, out, lse, nil, g)
	})
	p.Record("Attend", out, inputs, saved, func(g *tensor.Tensor) []*tensor.Tensor {
		return c.back(p, inputs, out, lse, g, nil)
	})
	return out, lse
}

// blockRows is how many queries, or heads that share keys, meet a tile at once.
const blockRows = 64

// work is one call on its way.
type work struct {
	*Call
	pass   *nn.Pass
	set    *kernel.Set
	bank   bank
	dk, dv int
	group  int // query heads to a key head
}

func newWork(p *nn.Pass, c *Call) *work {
	w := &work{Call: c, pass: p, set: p.Kernels(), dk: c.Dk(), dv: c.Dv(), group: c.Heads / c.KVHeads}
	if c.Stream {
		w.bank = c.remember(p)
	} else {
		w.bank = newFresh(p.Device, c)
	}
	return w
}

// block is a piece of the result that is computed in one go: some queries of
// one head, or some heads of a group at one query.
type block struct {
	seq    int
	head   int // first head
	heads  int // 1, or heads of a group
	query  int // index of the first query among all keys' indices
	row    int // its row in Q
	rows   int // rows of the block: queries, or heads
	kvhead int
}

// at gives the head and the query index of row r of the block.
func (b *block) at(r int) (head, query int) {
	if b.heads > 1 {
		return b.head + r, b.query
	}
	return b.head, b.query + r
}

// cut makes the blocks of a call.
func (w *work) cut() []block {
	var blocks []block
	for seq := range w.Rows.Len() {
		lo, hi := w.Rows.Off[seq], w.Rows.Off[seq+1]
		for kv := range w.KVHeads {
			end := (kv + 1) * w.group
			if hi-lo == 1 && w.group > 1 {
				for head := kv * w.group; head < end; head += blockRows {
					n := min(blockRows, end-head)
					blocks = append(blocks, block{seq, head, n, w.Past[seq], lo, n, kv})
				}
				continue
			}
			for head := kv * w.group; head < end; head++ {
				for row := lo; row < hi; row += blockRows {
					blocks = append(blocks, block{seq, head, 1, w.Past[seq] + row - lo, row, min(blockRows, hi-row), kv})
				}
			}
		}
	}
	return blocks
}

// grain is how many blocks are worth handing to another thread.
func (w *work) grain(blocks []block) int {
	cost := 0
	for i := range blocks {
		cost += blocks[i].rows * w.KeysOf(blocks[i].seq) * (w.dk + w.dv + 8)
	}
	const enough = 1 << 18 // multiply–adds
	return max(1, enough*len(blocks)/max(cost, 1))
}

// count tells a device that computes nothing what the blocks would cost: the
// scratch of every thread that would have one at once, and two products a tile.
func (w *work) count(c device.Counter, blocks []block) {
	pieces := (len(blocks) + w.grain(blocks) - 1) / w.grain(blocks)
	held := make([]*scratch, min(pieces, w.pass.Device.Threads()))
	for i := range held {
		held[i] = w.scratch(nil)
		defer held[i].free()
	}
	for i := range blocks {
		b := &blocks[i]
		n := w.KeysOf(b.seq)
		for t := 0; t*Tile < n; t++ {
			lo, hi, _ := w.look(b, t, min(Tile, n-t*Tile), held[0])
			c.Count(int64(b.rows) * int64(hi-lo) * int64(w.dk+w.dv))
		}
	}
}

// queries is the queries of a block, [rows, Dk].
func (w *work) queries(b *block) kernel.View { return w.rowsOf(b, w.Q, w.dk) }

// rowsOf is the rows of a block in x, whose heads have the given width.
func (w *work) rowsOf(b *block, x *tensor.Tensor, width int) kernel.View {
	v := rowsFrom(x, b.row, b.head*width)
	if b.heads > 1 {
		v.RowStride = width
	}
	return v
}

// scratch is what a thread needs beside the operands.
type scratch struct {
	w      *work
	ws     *kernel.Workspace
	memory []float32
	scores []float32 // [rows, keys]
	slopes []float32 // of the cap
	mix    []float32 // [rows, Dv]
	max    []float32 // [rows]
	sum    []float32 // [rows]
	corr   []float32 // [rows] of soften
	sums   []float32 // [rows] of soften
	words  [blockRows]uint64
}

func (w *work) scratch(ws *kernel.Workspace) *scratch {
	const n = blockRows
	m := w.pass.Device.Alloc(n * (2*Tile + w.dv + 4))
	s := &scratch{w: w, ws: ws, memory: m}
	take := func(k int) []float32 {
		part := m[:k:k]
		m = m[k:]
		return part
	}
	s.scores, s.slopes, s.mix = take(n*Tile), take(n*Tile), take(n*w.dv)
	s.max, s.sum, s.corr, s.sums = take(n), take(n), take(n), take(n)
	return s
}

func (s *scratch) free() { s.w.pass.Device.Free(s.memory) }

// forward computes one block.
func (w *work) forward(b *block, s *scratch, out, lse *tensor.Tensor) {
	m, l, mix := s.max[:b.rows], s.sum[:b.rows], s.mix[:b.rows*w.dv]
	for r := range m {
		m[r], l[r] = float32(math.Inf(-1)), 0
	}
	clear(mix)
	q, n := w.queries(b), w.KeysOf(b.seq)
	for t := 0; t*Tile < n; t++ {
		lo, hi := w.scores(b, q, t, min(Tile, n-t*Tile), s)
		if lo == hi {
			continue
		}
		width := hi - lo
		s.soften(s.scores[:b.rows*width], b.rows)
		for r, corr := range s.corr[:b.rows] {
			if corr != 1 {
				w.set.Scale(mix[r*w.dv:(r+1)*w.dv], mix[r*w.dv:(r+1)*w.dv], corr)
			}
		}
		if w.Drop > 0 {
			for r := range b.rows {
				row := s.scores[r*width : (r+1)*width]
				w.drop(b, r, t*Tile+lo, row, row)
			}
		}
		w.addProduct(b.rows, w.dv, width, kernel.View{Data: s.scores, RowStride: width, ColStride: 1},
			below(w.bank.values(b.seq, b.kvhead, t), lo), mix, w.dv, s.ws)
	}
	w.set.Log(s.slopes[:b.rows], l)
	for r := range b.rows {
		head, _ := b.at(r)
		row := b.row
		if b.heads == 1 {
			row += r
		}
		o := out.Row(row)[head*w.dv : (head+1)*w.dv]
		lse.Row(row)[head] = m[r] + s.slopes[r]
		if l[r] == 0 { // no key at all
			clear(o)
			continue
		}
		w.set.Scale(o, mix[r*w.dv:(r+1)*w.dv], 1/l[r])
		w.set.AddConst(o, o, 0)
	}
}

// soften is kernel.SoftmaxTile on every row of a tile, all rows together: x
// becomes exponentials, s.max and s.sum go on, and s.corr is what earlier sums
// must be scaled by.
func (s *scratch) soften(x []float32, rows int) {
	k, width := s.w.set, len(x)/rows
	m, l, corr, sums := s.max[:rows], s.sum[:rows], s.corr[:rows], s.sums[:rows]
	for r, before := range m {
		row := x[r*width : (r+1)*width]
		if v := k.MaxOf(row); v > before {
			m[r] = v
		}
		if corr[r] = 0; m[r] != negInf { // else the row has seen nobody yet, and −Inf becomes 0
			corr[r] = before - m[r]
			k.AddConst(row, row, -m[r])
		}
	}
	k.Exp(x, x)
	k.Exp(corr, corr)
	for r := range sums {
		sums[r] = k.Sum(x[r*width : (r+1)*width])
	}
	k.MulAdd(sums, l, corr)
	copy(l, sums)
}

// below is v from row lo on.
func below(v kernel.View, lo int) kernel.View {
	v.Data = v.Data[min(lo*v.RowStride, len(v.Data)):]
	return v
}

// drop is dropout on weights of row r of a block, for keys from key on.
func (w *work) drop(b *block, r, key int, dst, x []float32) {
	head, _ := b.at(r)
	row := b.row
	if b.heads == 1 {
		row += r
	}
	w.set.Dropout(dst, x, w.Drop, w.Seed, w.Site, uint64(row*w.Heads+head)<<32|uint64(key))
}

// scores puts the finished scores of a block's rows and columns lo:hi of tile t,
// which has n keys, into s.scores, [rows, hi-lo]; with lo = hi nobody sees the
// tile.
func (w *work) scores(b *block, q kernel.View, t, n int, s *scratch) (lo, hi int) {
	lo, hi, masked := w.look(b, t, n, s)
	if lo == hi {
		return
	}
	width := hi - lo
	x := s.scores[:b.rows*width]
	k := w.bank.keys(b.seq, b.kvhead, t)
	k.Data = k.Data[lo:]
	w.product(b.rows, width, w.dk, q, k, x, width, s.ws)
	w.set.Scale(x, x, w.Scale)
	if w.Softcap != 0 {
		w.cap(x, s.slopes[:len(x)])
	}
	if len(w.Terms) > 0 {
		w.eachTile(b, q, k, t*Tile+lo, width, x, func(tile *position.Tile, _ int) {
			for _, term := range w.Terms {
				term.Add(tile)
			}
		})
	}
	if masked {
		hide(x, s.words[:b.rows], lo, hi)
	}
	return lo, hi
}

// look asks the pattern about a tile with n keys: columns lo:hi have visible
// keys, and where masked, s.words says which.
func (w *work) look(b *block, t, n int, s *scratch) (lo, hi int, masked bool) {
	k0 := t * Tile
	last := b.query + 1
	if b.heads == 1 {
		last = b.query + b.rows
	}
	at := Place{b.seq, b.head, w.KeysOf(b.seq)}
	if b.heads == 1 {
		switch w.Pattern.Cover(at, b.query, last, k0, k0+n) {
		case All:
			return 0, n, false
		case None:
			return 0, 0, false
		}
	}
	exist := span(0, n, 0)
	words := s.words[:b.rows]
	for r := range words {
		head, query := b.at(r)
		at.Head = head
		words[r] = w.Pattern.Row(at, query, k0) & exist
	}
	lo, hi = visible(words)
	return lo, hi, true
}

// hide sets the scores of keys that a row does not see to −Inf.
func hide(x []float32, words []uint64, lo, hi int) {
	width := hi - lo
	whole := span(lo, hi, 0)
	for r, word := range words {
		hidden := whole &^ word
		if hidden == 0 {
			continue
		}
		row := x[r*width : (r+1)*width]
		for hidden >>= lo; hidden != 0; hidden &= hidden - 1 {
			row[trailing(hidden)] = negInf
		}
	}
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

// eachTile calls f with the tiles that terms see, one for each head of the
// block, and the tile's first row in the block.
func (w *work) eachTile(b *block, q, k kernel.View, key, keys int, x []float32, f func(t *position.Tile, row int)) {
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
