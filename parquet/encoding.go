package parquet

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
)

// The encodings of values.
const (
	encodePlain, encodeOldDictionary, encodeRLE, encodeBitPacked                    = 0, 2, 3, 4
	encodeDelta, encodeDeltaLength, encodeDeltaBytes, encodeDictionary, encodeSplit = 5, 6, 7, 8, 9
)

// values gives what reads the values of a page one by one.
func (p *pages) values(encoding int64, b []byte) (func() (Value, error), error) {
	c := p.column
	switch encoding {
	case encodePlain:
		return plain(c, b)
	case encodeOldDictionary, encodeDictionary:
		return p.indexed(b)
	case encodeRLE:
		if c.Type != Boolean || len(b) < 4 {
			return nil, fmt.Errorf("runs of what is not true or false")
		}
		h := newHybrid(b[4:], 1)
		return func() (Value, error) {
			x, err := h.next()
			return Value{Kind: Bool, Bits: uint64(x)}, err
		}, nil
	case encodeDelta:
		if c.Type != Int32 && c.Type != Int64 {
			return nil, errors.New("differences of what are not whole numbers")
		}
		d, err := newDelta(b)
		if err != nil {
			return nil, err
		}
		return func() (Value, error) {
			x, err := d.next()
			return c.whole(x), err
		}, nil
	case encodeDeltaLength, encodeDeltaBytes:
		if c.Type != Bytes && c.Type != Fixed {
			return nil, errors.New("lengths of what are not bytes")
		}
		if encoding == encodeDeltaLength {
			return deltaLength(b)
		}
		return deltaBytes(b)
	case encodeSplit:
		return split(c, b)
	}
	return nil, fmt.Errorf("values in encoding %d: %w", encoding, errors.ErrUnsupported)
}

// whole is a whole number as the column has it.
func (c Column) whole(x int64) Value {
	switch {
	case c.Unsigned && c.Type == Int32:
		return Value{Kind: Uint, Bits: uint64(uint32(x))}
	case c.Unsigned:
		return Value{Kind: Uint, Bits: uint64(x)}
	case c.Type == Int32:
		return Value{Kind: Int, Bits: uint64(int64(int32(x)))}
	}
	return Value{Kind: Int, Bits: uint64(x)}
}

// width is the bytes of one value; 0 where they differ or are less than one.
func (c Column) width() int {
	return [...]int{Boolean: 0, Int32: 4, Int64: 8, Int96: 12, Float: 4, Double: 8, Bytes: 0, Fixed: c.length}[c.Type]
}

// of is the value that stands in the bytes b, as many as the column's width.
func (c Column) of(b []byte) Value {
	switch c.Type {
	case Int32:
		return c.whole(int64(int32(binary.LittleEndian.Uint32(b))))
	case Int64:
		return c.whole(int64(binary.LittleEndian.Uint64(b)))
	case Float:
		return Value{Kind: Real, Bits: math.Float64bits(float64(math.Float32frombits(binary.LittleEndian.Uint32(b)))), short: true}
	case Double:
		return Value{Kind: Real, Bits: binary.LittleEndian.Uint64(b)}
	}
	return Value{Kind: String, Bytes: b}
}

// plain reads values as they are.
func plain(c Column, b []byte) (func() (Value, error), error) {
	switch c.Type {
	case Boolean:
		at := 0
		return func() (Value, error) {
			if at >= 8*len(b) {
				return Value{}, io.ErrUnexpectedEOF
			}
			bit := b[at/8] >> (at % 8) & 1
			at++
			return Value{Kind: Bool, Bits: uint64(bit)}, nil
		}, nil
	case Bytes:
		return func() (Value, error) {
			if len(b) < 4 || uint64(binary.LittleEndian.Uint32(b)) > uint64(len(b)-4) {
				return Value{}, io.ErrUnexpectedEOF
			}
			n := int(binary.LittleEndian.Uint32(b))
			v := Value{Kind: String, Bytes: b[4 : 4+n : 4+n]}
			b = b[4+n:]
			return v, nil
		}, nil
	}
	n := c.width()
	if n <= 0 {
		return nil, fmt.Errorf("values of %d bytes", n)
	}
	return func() (Value, error) {
		if len(b) < n {
			return Value{}, io.ErrUnexpectedEOF
		}
		v := c.of(b[:n:n])
		b = b[n:]
		return v, nil
	}, nil
}

// indexed reads numbers of entries of the dictionary.
func (p *pages) indexed(b []byte) (func() (Value, error), error) {
	if len(b) == 0 {
		return func() (Value, error) { return Value{}, io.ErrUnexpectedEOF }, nil // a page of nulls
	}
	if b[0] > 32 {
		return nil, fmt.Errorf("numbers of %d bits", b[0])
	}
	h := newHybrid(b[1:], int(b[0]))
	return func() (Value, error) {
		i, err := h.next()
		if err == nil && uint64(i) >= uint64(len(p.dictionary)) {
			err = fmt.Errorf("entry %d of a dictionary of %d", i, len(p.dictionary))
		}
		if err != nil {
			return Value{}, err
		}
		return p.dictionary[i], nil
	}, nil
}

// deltaLength reads byte strings whose lengths stand first, as differences.
func deltaLength(b []byte) (func() (Value, error), error) {
	lengths, err := newDelta(b)
	if err != nil {
		return nil, err
	}
	rest, err := lengths.behind()
	if err != nil {
		return nil, err
	}
	return func() (Value, error) {
		n, err := lengths.next()
		if err == nil && (n < 0 || n > int64(len(rest))) {
			err = io.ErrUnexpectedEOF
		}
		if err != nil {
			return Value{}, err
		}
		v := Value{Kind: String, Bytes: rest[:n:n]}
		rest = rest[n:]
		return v, nil
	}, nil
}

// deltaBytes reads byte strings that begin as the one before.
func deltaBytes(b []byte) (func() (Value, error), error) {
	prefixes, err := newDelta(b)
	if err != nil {
		return nil, err
	}
	rest, err := prefixes.behind()
	if err != nil {
		return nil, err
	}
	suffixes, err := deltaLength(rest)
	if err != nil {
		return nil, err
	}
	var last []byte
	return func() (Value, error) {
		n, err := prefixes.next()
		if err != nil {
			return Value{}, err
		}
		suffix, err := suffixes()
		if err == nil && (n < 0 || n > int64(len(last)) || n+int64(len(suffix.Bytes)) > MaxPage) {
			err = io.ErrUnexpectedEOF
		}
		if err != nil {
			return Value{}, err
		}
		last = append(append(make([]byte, 0, int(n)+len(suffix.Bytes)), last[:n]...), suffix.Bytes...)
		return Value{Kind: String, Bytes: last}, nil
	}, nil
}

// split reads numbers whose first bytes stand together, then their second ones.
func split(c Column, b []byte) (func() (Value, error), error) {
	n := c.width()
	if n <= 0 || c.Type == Int96 || len(b)%n != 0 {
		return nil, fmt.Errorf("%d bytes, split for values of %d", len(b), n)
	}
	rows, at := len(b)/n, 0
	return func() (Value, error) {
		if at == rows {
			return Value{}, io.ErrUnexpectedEOF
		}
		one := make([]byte, n)
		for i := range one {
			one[i] = b[i*rows+at]
		}
		at++
		return c.of(one), nil
	}, nil
}
