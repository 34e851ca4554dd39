package parquet

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
)

// Thrift's compact protocol, as far as the format's headers need it: structs
// become maps by the number of their fields, numbers int64 or float64.

// fields is a struct; a field that is not there is not in it.
type fields map[int16]any

func (f fields) num(id int16) int64 {
	n, _ := f[id].(int64)
	return n
}

func (f fields) text(id int16) string {
	s, _ := f[id].([]byte)
	return string(s)
}

func (f fields) list(id int16) []any {
	l, _ := f[id].([]any)
	return l
}

// sub is a struct within f, empty where there is none.
func (f fields) sub(id int16) fields {
	s, _ := f[id].(fields)
	return s
}

// thrift reads from b.
type thrift struct {
	b     []byte
	at    int
	depth int
}

var errThrift = errors.New("the header is not in Thrift's compact protocol")

func (t *thrift) byte() (byte, error) {
	if t.at >= len(t.b) {
		return 0, io.ErrUnexpectedEOF
	}
	t.at++
	return t.b[t.at-1], nil
}

func (t *thrift) varint() (uint64, error) {
	x, n := binary.Uvarint(t.b[t.at:])
	switch {
	case n == 0:
		return 0, io.ErrUnexpectedEOF
	case n < 0:
		return 0, errThrift
	}
	t.at += n
	return x, nil
}

func (t *thrift) zigzag() (int64, error) {
	x, err := t.varint()
	return int64(x>>1) ^ -int64(x&1), err
}

// The types of the protocol.
const (
	stop, yes, no, int8Type, int16Type, int32Type, int64Type, doubleType = 0, 1, 2, 3, 4, 5, 6, 7
	binaryType, listType, setType, mapType, structType                   = 8, 9, 10, 11, 12
)

// structure reads a struct.
func (t *thrift) structure() (fields, error) {
	if t.depth++; t.depth > 32 {
		return nil, errThrift
	}
	defer func() { t.depth-- }()
	f := fields{}
	id := int16(0)
	for {
		head, err := t.byte()
		if err != nil {
			return nil, err
		}
		kind := head & 15
		if kind == stop {
			return f, nil
		}
		if delta := head >> 4; delta != 0 {
			id += int16(delta)
		} else {
			long, err := t.zigzag()
			if err != nil {
				return nil, err
			}
			id = int16(long)
		}
		if f[id], err = t.value(kind, false); err != nil {
			return nil, err
		}
	}
}

// value reads a value of a type. Within a list truth is a byte of its own.
func (t *thrift) value(kind byte, inList bool) (any, error) {
	switch kind {
	case yes, no:
		if inList {
			b, err := t.byte()
			return b == yes, err
		}
		return kind == yes, nil
	case int8Type:
		b, err := t.byte()
		return int64(int8(b)), err
	case int16Type, int32Type, int64Type:
		return t.zigzag()
	case doubleType:
		b, err := t.take(8)
		if err != nil {
			return nil, err
		}
		return math.Float64frombits(binary.LittleEndian.Uint64(b)), nil
	case binaryType:
		n, err := t.varint()
		if err != nil {
			return nil, err
		}
		return t.take(n)
	case listType, setType:
		return t.list()
	case mapType:
		return nil, t.skipMap()
	case structType:
		return t.structure()
	}
	return nil, fmt.Errorf("%w: type %d", errThrift, kind)
}

// take gives the next n bytes.
func (t *thrift) take(n uint64) ([]byte, error) {
	if n > uint64(len(t.b)-t.at) {
		return nil, io.ErrUnexpectedEOF
	}
	t.at += int(n)
	return t.b[t.at-int(n) : t.at : t.at], nil
}

func (t *thrift) list() ([]any, error) {
	if t.depth++; t.depth > 32 {
		return nil, errThrift
	}
	defer func() { t.depth-- }()
	head, err := t.byte()
	if err != nil {
		return nil, err
	}
	n := uint64(head >> 4)
	if n == 15 {
		if n, err = t.varint(); err != nil {
			return nil, err
		}
	}
	var list []any
	for range n { // each takes a byte at least, so that the end of b ends a list that lies
		v, err := t.value(head&15, true)
		if err != nil {
			return nil, err
		}
		list = append(list, v)
	}
	return list, nil
}

func (t *thrift) skipMap() error {
	if t.depth++; t.depth > 32 {
		return errThrift
	}
	defer func() { t.depth-- }()
	n, err := t.varint()
	if err != nil || n == 0 {
		return err
	}
	kinds, err := t.byte()
	if err != nil {
		return err
	}
	for range n {
		for _, kind := range []byte{kinds >> 4, kinds & 15} {
			if _, err := t.value(kind, true); err != nil {
				return err
			}
		}
	}
	return nil
}
