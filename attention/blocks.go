package attention

import (
	"math"
	"math/bits"

	"github.com/qkvgo/qkv/kernel"
	"github.com/qkvgo/qkv/tensor"
)

// blockRows is how many queries, or heads that share keys, meet a tile at once;
// stripRows is how many of them are looked at apart where a pattern runs through
// a tile. Both are heights that fill the kernels' registers.
const (
	blockRows = 144
	stripRows = 12
)

var negInf = float32(math.Inf(-1))

// job is what reads the keys and values of one head of one sequence.
type job struct {
	seq, kvhead int
	blocks      []block
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

// rowOf is the row of Q that row r of the block is in.
func (b *block) rowOf(r int) int {
	if b.heads > 1 {
		return b.row
	}
	return b.row + r
}

// part is n rows of the block from row r on.
func (b *block) part(r, n int) block {
	p := *b
	p.rows = n
	if b.heads > 1 {
		p.head, p.heads = b.head+r, n
	} else {
		p.query, p.row = b.query+r, b.row+r
	}
	return p
}

// jobs cuts a call into blocks.
func (w *work) jobs() []job {
	var jobs []job
	for seq := range w.Rows.Len() {
		lo, hi := w.Rows.Off[seq], w.Rows.Off[seq+1]
		if lo == hi {
			continue
		}
		for kv := range w.KVHeads {
			j := job{seq: seq, kvhead: kv}
			end := (kv + 1) * w.group
			if hi-lo == 1 && w.group > 1 {
				for head := kv * w.group; head < end; head += blockRows {
					n := min(blockRows, end-head)
					j.blocks = append(j.blocks, block{seq, head, n, w.Past[seq], lo, n, kv})
				}
			} else {
				for head := kv * w.group; head < end; head++ {
					j.blocks = w.ofHead(j.blocks, seq, head, blockRows)
				}
			}
			jobs = append(jobs, j)
		}
	}
	return jobs
}

// ofHead appends the blocks of one head of a sequence, at most size rows each and
// nearly equal.
func (w *work) ofHead(blocks []block, seq, head, size int) []block {
	lo, hi := w.Rows.Off[seq], w.Rows.Off[seq+1]
	n := (hi - lo + size - 1) / size
	if n == 0 {
		return blocks
	}
	step := (hi - lo + n - 1) / n
	step = min(size, (step+stripRows-1)/stripRows*stripRows)
	for row := lo; row < hi; row += step {
		blocks = append(blocks, block{seq, head, 1, w.Past[seq] + row - lo, row, min(step, hi-row), head / w.group})
	}
	return blocks
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

// eachTile calls f for every piece of a block that sees keys of a tile: part is
// the rows from r0 on, which see no keys of tile t but those in columns lo:hi;
// where masked, s.words says which of these each row sees. Tiles ascend. Tiles
// that nobody sees are passed over many at a time, so that a band costs what it
// shows and not what it hides.
func (w *work) eachTile(b *block, s *scratch, f func(r0 int, part block, t, lo, hi int, masked bool)) {
	n := w.KeysOf(b.seq)
	w.tilesIn(b, n, 0, tiles(n), s, f)
}

// tiles is how many tiles n keys make.
func tiles(n int) int { return (n + Tile - 1) / Tile }

// tilesIn is eachTile for tiles t0 ≤ t < t1 of n keys.
func (w *work) tilesIn(b *block, n, t0, t1 int, s *scratch, f func(r0 int, part block, t, lo, hi int, masked bool)) {
	if t0 >= t1 {
		return
	}
	switch w.cover(b, n, t0*Tile, min(t1*Tile, n)) {
	case None:
	case All:
		for t := t0; t < t1; t++ {
			f(0, *b, t, 0, min(Tile, n-t*Tile), false)
		}
	default:
		if t1-t0 > 1 {
			middle := (t0 + t1) / 2
			w.tilesIn(b, n, t0, middle, s, f)
			w.tilesIn(b, n, middle, t1, s, f)
			return
		}
		w.through(b, n, t0, s, f)
	}
}

// cover asks the pattern about all rows of a block and keys k0 ≤ k < k1 of n.
func (w *work) cover(b *block, n, k0, k1 int) Cover {
	if b.heads == 1 {
		return w.Pattern.Cover(Place{b.seq, b.head, n}, b.query, b.query+b.rows, k0, k1)
	}
	all := w.Pattern.Cover(Place{b.seq, b.head, n}, b.query, b.query+1, k0, k1)
	for r := 1; r < b.rows && all != Some; r++ {
		if w.Pattern.Cover(Place{b.seq, b.head + r, n}, b.query, b.query+1, k0, k1) != all {
			all = Some
		}
	}
	return all
}

// through calls f for the pieces of a block that see keys of a tile through which
// the pattern runs.
func (w *work) through(b *block, n, t int, s *scratch, f func(r0 int, part block, t, lo, hi int, masked bool)) {
	keys := min(Tile, n-t*Tile)
	for r0 := 0; r0 < b.rows; {
		r1, how := w.strip(b, r0, n, t)
		for how == All && r1 < b.rows { // strips that see everything go together
			next, same := w.strip(b, r1, n, t)
			if same != All {
				break
			}
			r1 = next
		}
		part := b.part(r0, r1-r0)
		switch how {
		case All:
			f(r0, part, t, 0, keys, false)
		case Some:
			words := s.words[:part.rows]
			if lo, hi := w.see(&part, n, t, words); lo < hi {
				f(r0, part, t, lo, hi, true)
			}
		}
		r0 = r1
	}
}

// strip is the strip of a block from row r0 on: its end, and what it sees of a
// tile.
func (w *work) strip(b *block, r0, n, t int) (r1 int, how Cover) {
	r1 = min(r0+w.strips, b.rows)
	part := b.part(r0, r1-r0)
	return r1, w.cover(&part, n, t*Tile, min((t+1)*Tile, n))
}

// see sets words to the keys of tile t that each row of a block sees, and gives
// the columns that any sees.
func (w *work) see(b *block, n, t int, words []uint64) (lo, hi int) {
	exist := span(0, min(Tile, n-t*Tile), 0)
	for r := range words {
		head, query := b.at(r)
		words[r] = w.Pattern.Row(Place{b.seq, head, n}, query, t*Tile) & exist
	}
	return visible(words)
}

// hide sets the scores of keys that a row does not see to −Inf.
func hide(x []float32, words []uint64, lo, hi int) {
	width := hi - lo
	whole := span(lo, hi, 0)
	for r, word := range words {
		row := x[r*width : (r+1)*width]
		for hidden := (whole &^ word) >> lo; hidden != 0; {
			first := bits.TrailingZeros64(hidden)
			end := first + bits.TrailingZeros64(^(hidden >> first))
			for i := first; i < end; i++ {
				row[i] = negInf
			}
			hidden &= ^uint64(0) << end // none left where end is 64
		}
	}
}
