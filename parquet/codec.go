package parquet

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/klauspost/compress/zstd"
)

// codecs are the names of the ways to compress, by their number.
var codecs = []string{"none", "Snappy", "gzip", "LZO", "Brotli", "Hadoop's LZ4", "Zstandard", "LZ4"}

// unpack gives the size bytes that b holds compressed. No more memory is taken
// than b could fill.
func unpack(codec int64, b []byte, size int) (out []byte, err error) {
	switch codec {
	case 0:
		out = b
	case 1:
		out, err = snappy(b, size)
	case 2:
		var z *gzip.Reader
		if z, err = gzip.NewReader(bytes.NewReader(b)); err == nil {
			out, err = io.ReadAll(io.LimitReader(z, int64(size)+1))
		}
	case 6:
		out, err = unzstd(b, size)
	case 7:
		out, err = lz4(b, size)
	default:
		name := fmt.Sprint(codec)
		if 0 <= codec && codec < int64(len(codecs)) {
			name = codecs[codec]
		}
		return nil, fmt.Errorf("pages compressed by %s: %w", name, errors.ErrUnsupported)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", codecs[codec], err)
	}
	if len(out) != size {
		return nil, fmt.Errorf("%s gives %d bytes, the header says %d", codecs[codec], len(out), size)
	}
	return out, nil
}

// decoder is of Zstandard, one for all, which takes one page at a time in each
// goroutine.
var decoder = sync.OnceValues(func() (*zstd.Decoder, error) {
	return zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(MaxPage))
})

func unzstd(b []byte, size int) ([]byte, error) {
	d, err := decoder()
	if err != nil {
		return nil, err
	}
	return d.DecodeAll(b, make([]byte, 0, min(size, 64*len(b))))
}

var errPacked = errors.New("the packed bytes are damaged")

// snappy unpacks Snappy's format: literals, and copies of what came before.
func snappy(b []byte, size int) ([]byte, error) {
	n, used := binary.Uvarint(b)
	if used <= 0 || n != uint64(size) {
		return nil, errPacked
	}
	b = b[used:]
	out := make([]byte, 0, min(size, 64*len(b)))
	for len(b) > 0 {
		tag := int(b[0])
		b = b[1:]
		length, offset, more := tag>>2+1, 0, 0
		switch tag & 3 {
		case 0:
			if more = length - 60; more > 0 { // the length stands in so many bytes
				if len(b) < more {
					return nil, errPacked
				}
				length = 1 + little(b[:more])
				b = b[more:]
			}
			if length > len(b) || length > size-len(out) {
				return nil, errPacked
			}
			out, b = append(out, b[:length]...), b[length:]
			continue
		case 1:
			if len(b) < 1 {
				return nil, errPacked
			}
			length, offset, b = tag>>2&7+4, tag>>5<<8|int(b[0]), b[1:]
		case 2, 3:
			if more = 2 * (tag&3 - 1); len(b) < more {
				return nil, errPacked
			}
			offset, b = little(b[:more]), b[more:]
		}
		var err error
		if out, err = again(out, offset, length, size); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// little is a number whose lowest byte is first.
func little(b []byte) (x int) {
	for i, v := range b {
		x |= int(v) << (8 * i)
	}
	return x
}

// again appends length bytes from offset before the end; they may overlap.
func again(out []byte, offset, length, size int) ([]byte, error) {
	if offset < 1 || offset > len(out) || length > size-len(out) {
		return nil, errPacked
	}
	for length > 0 {
		n := min(length, offset)
		from := len(out) - offset
		out = append(out, out[from:from+n]...)
		length, offset = length-n, offset+n
	}
	return out, nil
}

// lz4 unpacks LZ4's block format.
func lz4(b []byte, size int) ([]byte, error) {
	out := make([]byte, 0, min(size, 256*len(b)))
	long := func(n int) (int, error) {
		for more := byte(255); n >= 15 && more == 255; {
			if len(b) == 0 || n > size {
				return 0, errPacked
			}
			more, b = b[0], b[1:]
			n += int(more)
		}
		return n, nil
	}
	for len(b) > 0 {
		token := int(b[0])
		b = b[1:]
		literals, err := long(token >> 4)
		if err != nil || literals > len(b) || literals > size-len(out) {
			return nil, errPacked
		}
		out, b = append(out, b[:literals]...), b[literals:]
		if len(b) == 0 { // the last sequence has no copy
			break
		}
		if len(b) < 2 {
			return nil, errPacked
		}
		offset := little(b[:2])
		b = b[2:]
		length, err := long(token & 15)
		if err != nil {
			return nil, err
		}
		if out, err = again(out, offset, length+4, size); err != nil {
			return nil, err
		}
	}
	return out, nil
}
