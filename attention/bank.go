package attention

import (
	"github.com/qkvgo/qkv/device"
	"github.com/qkvgo/qkv/kernel"
	"github.com/qkvgo/qkv/nn"
	"github.com/qkvgo/qkv/tensor"
)

// bank is the keys and values of a call as the tiles want them.
type bank interface {
	// keys is the keys of tile t as columns, [Dk, keys of the tile].
	keys(seq, head, t int) kernel.View
	// values is the values of tile t, [keys of the tile, Dv].
	values(seq, head, t int) kernel.View
	// free gives back what the bank took for this call.
	free()
}

// fresh is the bank of a call without a memory: keys turned into columns, values
// where they are.
type fresh struct {
	k columns
	v *tensor.Tensor
	c *Call
}

func newFresh(dev device.Device, c *Call) *fresh {
	return &fresh{turn(dev, c.K, c.Keys, c.KVHeads), c.V, c}
}

func (f *fresh) keys(seq, head, t int) kernel.View { return f.k.tile(seq, head, t) }

func (f *fresh) values(seq, head, t int) kernel.View {
	return rowsFrom(f.v, f.c.Keys.Off[seq]+t*Tile, head*f.c.Dv())
}

func (f *fresh) free() { f.k.free() }

// rowsFrom is the view of x that starts at a row and column.
func rowsFrom(x *tensor.Tensor, row, col int) kernel.View {
	data := x.Data()
	return kernel.View{Data: data[min(row*x.Stride()+col, len(data)):], RowStride: x.Stride(), ColStride: 1}
}

// columns is a matrix of heads side by side with the rows of each tile turned
// into columns: [tiles, heads, width, keys of the tile].
type columns struct {
	dev   device.Device
	data  []float32
	rows  nn.Batch
	start []int // where each sequence's tiles start in data
	heads int
	width int // of a head
}

// room is the columns that n keys get: a multiple of the kernels' lanes.
func room(n int) int { return (n + 15) / 16 * 16 }

// turn makes columns of x's rows.
func turn(dev device.Device, x *tensor.Tensor, rows nn.Batch, heads int) columns {
	c := columns{dev: dev, rows: rows, start: make([]int, rows.Len()+1), heads: heads, width: x.Width() / heads}
	type piece struct{ seq, tile int }
	var pieces []piece
	for seq := range rows.Len() {
		n := rows.Off[seq+1] - rows.Off[seq]
		c.start[seq+1] = c.start[seq] + (n/Tile*Tile+room(n%Tile))*x.Width()
		for t := range (n + Tile - 1) / Tile {
			pieces = append(pieces, piece{seq, t})
		}
	}
	c.data = dev.Alloc(c.start[rows.Len()])
	dev.Parallel(len(pieces), max(1, 16384/(Tile*x.Width()+1)), func(lo, hi int, _ *kernel.Workspace) {
		for _, p := range pieces[lo:hi] {
			first := rows.Off[p.seq] + p.tile*Tile
			n := min(Tile, rows.Off[p.seq+1]-first)
			for h := range heads {
				v := c.tile(p.seq, h, p.tile)
				for j := range n {
					setColumn(v.Data[j:], v.RowStride, x.Row(first + j)[h*c.width:(h+1)*c.width])
				}
			}
		}
	})
	return c
}

// setColumn writes x downwards, one element every stride.
func setColumn(dst []float32, stride int, x []float32) {
	for d, v := range x {
		dst[d*stride] = v
	}
}

// tile is the columns of one tile of a head, [width, keys].
func (c *columns) tile(seq, head, t int) kernel.View {
	stride := min(Tile, room(c.rows.Off[seq+1]-c.rows.Off[seq]-t*Tile))
	at := c.start[seq] + (t*Tile*c.heads+head*stride)*c.width
	return kernel.View{Data: c.data[at : at+c.width*stride], RowStride: stride, ColStride: 1}
}

func (c *columns) free() { c.dev.Free(c.data) }
