package parquet

import (
	"encoding/binary"
	"errors"
	"io"
)

// hybrid reads numbers of a fixed width in runs of one number and in packed groups
// of eight.
type hybrid struct {
	b     []byte
	width int
	run   uint64 // of value that are left
	value uint32
	packs uint64 // packed numbers that are left
	bit   uint64 // place of the next in b
}

func newHybrid(b []byte, width int) *hybrid { return &hybrid{b: b, width: width} }

func (h *hybrid) next() (uint32, error) {
	for h.run == 0 && h.packs == 0 {
		if err := h.head(); err != nil {
			return 0, err
		}
	}
	if h.run > 0 {
		h.run--
		return h.value, nil
	}
	h.packs--
	x, err := packedAt(h.b, h.bit, h.width)
	h.bit += uint64(h.width)
	if h.packs == 0 && err == nil {
		h.b = h.b[min((h.bit+7)/8, uint64(len(h.b))):]
	}
	return uint32(x), err
}

// head reads the beginning of a run or of packed groups.
func (h *hybrid) head() error {
	head, n := binary.Uvarint(h.b)
	if n <= 0 {
		return io.ErrUnexpectedEOF
	}
	h.b = h.b[n:]
	if head&1 == 1 {
		if h.packs, h.bit = head>>1<<3, 0; h.packs>>3 != head>>1 {
			return errors.New("packed groups without end")
		}
		return nil
	}
	bytes := (h.width + 7) / 8
	if len(h.b) < bytes {
		return io.ErrUnexpectedEOF
	}
	h.value = 0
	for i := range bytes {
		h.value |= uint32(h.b[i]) << (8 * i)
	}
	h.run, h.b = head>>1, h.b[bytes:]
	return nil
}

// packedAt is the number of width bits at a bit of b, lowest bits first.
func packedAt(b []byte, bit uint64, width int) (x uint64, err error) {
	at, shift := bit/8, int(bit%8)
	if (bit+uint64(width)+7)/8 > uint64(len(b)) {
		return 0, io.ErrUnexpectedEOF
	}
	if width == 0 {
		return 0, nil
	}
	for got := -shift; got < width; got += 8 {
		if got < 0 {
			x |= uint64(b[at]) >> shift
		} else {
			x |= uint64(b[at]) << got
		}
		at++
	}
	if width < 64 {
		x &= 1<<width - 1
	}
	return x, nil
}

// delta reads whole numbers by their differences, in blocks of packed ones.
type delta struct {
	b         []byte
	block     uint64 // numbers of a block
	mini      uint64 // of its parts
	left      uint64 // numbers to come
	last      int64
	started   bool
	least     int64
	widths    []byte // of the block's parts that are to come
	inMini    uint64 // differences left in the part
	width     int
	bit       uint64
	miniBytes uint64
}

var errDelta = errors.New("differences in blocks of no good size")

func newDelta(b []byte) (*delta, error) {
	d := &delta{b: b}
	var parts uint64
	var err error
	for _, to := range []*uint64{&d.block, &parts, &d.left} {
		if *to, err = d.uvarint(); err != nil {
			return nil, err
		}
	}
	if d.last, err = d.zigzag(); err != nil {
		return nil, err
	}
	if parts == 0 || parts > 1<<16 || d.block == 0 || d.block > 1<<24 || d.block%parts != 0 || d.block/parts%8 != 0 {
		return nil, errDelta
	}
	d.mini = d.block / parts
	return d, nil
}

func (d *delta) uvarint() (uint64, error) {
	x, n := binary.Uvarint(d.b)
	if n <= 0 {
		return 0, io.ErrUnexpectedEOF
	}
	d.b = d.b[n:]
	return x, nil
}

func (d *delta) zigzag() (int64, error) {
	x, err := d.uvarint()
	return int64(x>>1) ^ -int64(x&1), err
}

// next gives the next number.
func (d *delta) next() (int64, error) {
	if d.left == 0 {
		return 0, io.ErrUnexpectedEOF
	}
	d.left--
	if !d.started {
		d.started = true
		return d.last, nil
	}
	if d.inMini == 0 {
		if err := d.part(); err != nil {
			return 0, err
		}
	}
	x, err := packedAt(d.b, d.bit, d.width)
	if err != nil {
		return 0, err
	}
	d.bit += uint64(d.width)
	d.last += d.least + int64(x)
	if d.inMini--; d.inMini == 0 {
		d.b = d.b[min(d.miniBytes, uint64(len(d.b))):]
	}
	return d.last, nil
}

// part begins the next part of a block, or the next block.
func (d *delta) part() (err error) {
	if len(d.widths) == 0 {
		if d.least, err = d.zigzag(); err != nil {
			return err
		}
		n := d.block / d.mini
		if uint64(len(d.b)) < n {
			return io.ErrUnexpectedEOF
		}
		d.widths, d.b = d.b[:n], d.b[n:]
	}
	d.width, d.widths = int(d.widths[0]), d.widths[1:]
	if d.width > 64 {
		return errDelta
	}
	d.inMini, d.bit, d.miniBytes = d.mini, 0, d.mini/8*uint64(d.width)
	return nil
}

// behind gives the bytes after all numbers, of which none must have been read; they
// can be read afterwards.
func (d *delta) behind() ([]byte, error) {
	end := *d
	for left := end.left; left > 1; left -= min(left-1, end.mini) { // the first stands in the head
		if err := end.part(); err != nil {
			return nil, err
		}
		if end.miniBytes > uint64(len(end.b)) {
			return nil, io.ErrUnexpectedEOF
		}
		end.b = end.b[end.miniBytes:]
	}
	return end.b, nil
}
