package attention

import (
	"github.com/qkvgo/qkv/device"
	"github.com/qkvgo/qkv/kernel"
	"github.com/qkvgo/qkv/tensor"
)

// bank is the keys and values of a call as the tiles want them. Rows of a view,
// and x and mix, may be used on to a multiple of 16 columns.
type bank interface {
	// keys is the keys of tile t as columns, [Dk, keys of the tile].
	keys(seq, head, t int, s *scratch) kernel.View
	// dot sets x [rows, width], row after row, to the products of the queries of
	// a block with the keys of tile t from column lo on. x has room behind it.
	dot(b *block, q kernel.View, t, lo, width int, x []float32, s *scratch)
	// mix adds to mix [rows, Dv] the values of tile t from row lo on, weighted
	// by x [rows, width], which may be changed. mix has room behind it.
	mix(b *block, x []float32, t, lo, width int, mix []float32, s *scratch)
	// free gives back what the bank took for this call.
	free()
}

// rowsFrom is the view of x that starts at a row and column.
func rowsFrom(x *tensor.Tensor, row, col int) kernel.View {
	data := x.Data()
	return kernel.View{Data: data[min(row*x.Stride()+col, len(data)):], RowStride: x.Stride(), ColStride: 1}
}

// room is n, or the columns that n get: a multiple of the kernels' lanes.
func room(n int) int { return (n + 15) / 16 * 16 }

// stage is the heads of one sequence laid out for products: for each head its
// tiles one after the other, in each tile the rows of one matrix turned into
// columns and then the rows of another, or one of the two.
type stage struct {
	data       []float32
	keys       int // of the sequence
	cols, rows int // width of a head of the two matrices, 0 for one that is not there
}

// stageLen is the floats of one head of a stage.
func stageLen(keys, cols, rows int) int {
	return (keys/Tile*Tile+room(keys%Tile))*cols + keys*room(rows)
}

// tile is where tile t of a head begins, and its keys.
func (s *stage) tile(head, t int) (at, n int) {
	return head*stageLen(s.keys, s.cols, s.rows) + t*Tile*(s.cols+room(s.rows)), min(Tile, s.keys-t*Tile)
}

// columns is the turned part of a tile, [cols, keys].
func (s *stage) columns(head, t int) kernel.View {
	at, n := s.tile(head, t)
	return kernel.View{Data: s.data[at : at+s.cols*room(n)], RowStride: room(n), ColStride: 1}
}

// plain is the other part, [keys, rows].
func (s *stage) plain(head, t int) kernel.View {
	at, n := s.tile(head, t)
	at += s.cols * room(n)
	return kernel.View{Data: s.data[at : at+n*room(s.rows)], RowStride: room(s.rows), ColStride: 1}
}

// fill lays out tile t of a head from the rows of x and y that start at a row and
// column each.
func (s *stage) fill(k *kernel.Set, head, t int, x, y kernel.View) {
	_, n := s.tile(head, t)
	if s.cols > 0 {
		to := s.columns(head, t)
		k.Turn(to.Data, to.RowStride, n, s.cols, below(x, t*Tile))
	}
	if s.rows > 0 {
		copyRows(s.plain(head, t), below(y, t*Tile), n, s.rows)
	}
}

// copyRows copies n rows of some width.
func copyRows(to, from kernel.View, n, width int) {
	for r := range n {
		copy(to.Data[r*to.RowStride:][:width], from.Data[r*from.RowStride:])
	}
}

// fresh is the bank of a call without a memory: all keys and values, staged once
// for all blocks of queries.
type fresh struct {
	dev    device.Device
	data   []float32
	stages []stage
}

func newFresh(dev device.Device, c *Call) *fresh {
	f := &fresh{dev: dev, stages: make([]stage, c.Keys.Len())}
	type piece struct{ seq, tile int }
	var pieces []piece
	size := 0
	for seq := range f.stages {
		s := stage{keys: c.KeysOf(seq), cols: c.Dk(), rows: c.Dv()}
		f.stages[seq] = s
		size += c.KVHeads * stageLen(s.keys, s.cols, s.rows)
		for t := range tiles(s.keys) {
			pieces = append(pieces, piece{seq, t})
		}
	}
	f.data = dev.Alloc(size)
	at := 0
	for seq := range f.stages {
		s := &f.stages[seq]
		n := c.KVHeads * stageLen(s.keys, s.cols, s.rows)
		s.data = f.data[at : at+n : at+n]
		at += n
	}
	dev.Parallel(len(pieces), max(1, 1<<15/(Tile*(c.K.Width()+c.V.Width())+1)), func(lo, hi int, _ *kernel.Workspace) {
		for _, p := range pieces[lo:hi] {
			for h := range c.KVHeads {
				c.stageTile(dev.Kernels(), &f.stages[p.seq], p.seq, h, h, p.tile)
			}
		}
	})
	return f
}

// stageTile fills a tile of keys and values of a head as head number to of s.
func (c *Call) stageTile(k *kernel.Set, s *stage, seq, head, to, t int) {
	first := c.Keys.Off[seq]
	s.fill(k, to, t, rowsFrom(c.K, first, head*c.Dk()), rowsFrom(c.V, first, head*c.Dv()))
}

func (f *fresh) keys(seq, head, t int, _ *scratch) kernel.View {
	return f.stages[seq].columns(head, t)
}

func (f *fresh) dot(b *block, q kernel.View, t, lo, width int, x []float32, s *scratch) {
	s.w.dot(b, q, f.stages[b.seq].columns(b.kvhead, t), lo, width, x)
}

func (f *fresh) mix(b *block, x []float32, t, lo, width int, mix []float32, s *scratch) {
	s.w.mix(b, x, f.stages[b.seq].plain(b.kvhead, t), lo, width, mix)
}

func (f *fresh) free() { f.dev.Free(f.data) }

// dot is bank's for keys in float32.
func (w *work) dot(b *block, q, k kernel.View, lo, width int, x []float32) {
	k.Data = k.Data[lo:]
	if b.rows == 1 {
		w.set.RowPlain(width, q.Data[:w.dk], k.Data, k.RowStride, x, false, nil)
		return
	}
	w.set.GemmPlain(b.rows, width, w.dk, q, k, x, width, false)
}

// mix is bank's for values in float32.
func (w *work) mix(b *block, x []float32, v kernel.View, lo, width int, mix []float32) {
	v = below(v, lo)
	if b.rows == 1 {
		w.set.RowPlain(w.dv, x[:width], v.Data, v.RowStride, mix, true, nil)
		return
	}
	w.set.GemmPlain(b.rows, w.dv, width, kernel.View{Data: x, RowStride: width, ColStride: 1}, v, mix, w.dv, true)
}

// own is the bank of a thread that computes all queries of one head of one
// sequence, and stages no more than that.
type own struct {
	stage
	memory []float32
}

// ownKeys is how many keys of a head a thread stages for itself: with their
// values they should stay in its cache.
const ownKeys = 512

// stageOwn stages one head of one sequence.
func (o *own) stageOwn(k *kernel.Set, c *Call, seq, head int) {
	o.stage = stage{keys: c.KeysOf(seq), cols: c.Dk(), rows: c.Dv()}
	o.data = o.memory[:stageLen(o.stage.keys, o.cols, o.rows)]
	for t := range tiles(o.stage.keys) {
		c.stageTile(k, &o.stage, seq, head, 0, t)
	}
}

func (o *own) keys(_, _, t int, _ *scratch) kernel.View { return o.columns(0, t) }

func (o *own) dot(b *block, q kernel.View, t, lo, width int, x []float32, s *scratch) {
	s.w.dot(b, q, o.columns(0, t), lo, width, x)
}

func (o *own) mix(b *block, x []float32, t, lo, width int, mix []float32, s *scratch) {
	s.w.mix(b, x, o.plain(0, t), lo, width, mix)
}

func (o *own) free() {}
