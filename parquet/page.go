package parquet

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"math/bits"
)

// MaxPage is the most bytes of a page, as stored and unpacked, that are read.
const MaxPage = 1 << 28

// pages reads the pages of a column chunk, one after the other.
type pages struct {
	file       *File
	column     Column
	chunk      chunk
	at         int64
	dictionary []Value
}

func newPages(f *File, c Column, at chunk) *pages {
	return &pages{file: f, column: c, chunk: at, at: at.start}
}

// page is the entries of a data page that are still to come.
type page struct {
	left     int
	rep, def *hybrid // nil: all levels are 0, or the highest
	values   func() (Value, error)
}

// The types of pages.
const (
	dataPage, indexPage, dictionaryPage, dataPageV2 = 0, 1, 2, 3
)

// next gives the next data page, with at least one entry.
func (p *pages) next() (*page, error) {
	for {
		head, body, err := p.read()
		if err != nil {
			return nil, err
		}
		switch head.num(1) {
		case dictionaryPage:
			if p.dictionary != nil {
				return nil, errors.New("a second dictionary")
			}
			if err := p.readDictionary(head, body); err != nil {
				return nil, fmt.Errorf("the dictionary: %w", err)
			}
		case dataPage, dataPageV2:
			page, err := p.data(head, body)
			if err != nil || page.left > 0 {
				return page, err
			}
		case indexPage:
		default:
			return nil, fmt.Errorf("a page of type %d", head.num(1))
		}
	}
}

// read gives the header and the body, as stored, of the page at p.at, and goes
// behind it.
func (p *pages) read() (head fields, body []byte, err error) {
	var used int
	for room := int64(1 << 10); ; room *= 16 {
		raw := make([]byte, min(room, p.chunk.end-p.at))
		if len(raw) == 0 {
			return nil, nil, errors.New("the column's pages end before its values")
		}
		if _, err := p.file.r.ReadAt(raw, p.at); err != nil {
			return nil, nil, err
		}
		t := &thrift{b: raw}
		head, err = t.structure()
		if used = t.at; err == nil {
			break
		}
		if err != io.ErrUnexpectedEOF || room > 1<<24 || int64(len(raw)) == p.chunk.end-p.at {
			return nil, nil, fmt.Errorf("a page's header: %w", err)
		}
	}
	p.at += int64(used)
	packed, size := head.num(3), head.num(2)
	switch {
	case packed < 0 || size < 0 || packed > p.chunk.end-p.at:
		return nil, nil, fmt.Errorf("a page of %d bytes where %d are left", packed, p.chunk.end-p.at)
	case packed > MaxPage || size > MaxPage:
		return nil, nil, fmt.Errorf("a page of %d bytes, %d unpacked: more than %d are not read", packed, size, MaxPage)
	}
	body = make([]byte, packed)
	if _, err := p.file.r.ReadAt(body, p.at); err != nil {
		return nil, nil, err
	}
	p.at += packed
	if sum, ok := head[4].(int64); ok && uint32(sum) != crc32.ChecksumIEEE(body) {
		return nil, nil, errors.New("a page is damaged: its checksum is another")
	}
	return head, body, nil
}

// readDictionary reads the values that data pages refer to.
func (p *pages) readDictionary(head fields, body []byte) error {
	body, err := unpack(p.chunk.codec, body, int(head.num(2)))
	if err != nil {
		return err
	}
	n := head.sub(7).num(1)
	if n < 0 || n > 8*int64(len(body)) || n > 1<<22 {
		return fmt.Errorf("%d values in %d bytes", n, len(body))
	}
	values, err := plain(p.column, body)
	if err != nil {
		return err
	}
	p.dictionary = make([]Value, 0, min(n, 1<<16))
	for range n {
		v, err := values()
		if err != nil {
			return err
		}
		p.dictionary = append(p.dictionary, v)
	}
	return nil
}

// data readies a data page of either version.
func (p *pages) data(head fields, body []byte) (*page, error) {
	var info fields
	var reps, defs []byte
	encoding := int64(0)
	if head.num(1) == dataPage {
		info = head.sub(5)
		var err error
		if body, err = unpack(p.chunk.codec, body, int(head.num(2))); err != nil {
			return nil, err
		}
		encoding = info.num(2)
		levels := func(most int, how int64) (part []byte, err error) {
			if most == 0 {
				return nil, nil
			}
			if how != encodeRLE {
				return nil, fmt.Errorf("levels in encoding %d: %w", how, errors.ErrUnsupported)
			}
			if len(body) < 4 || uint64(binary.LittleEndian.Uint32(body)) > uint64(len(body)-4) {
				return nil, io.ErrUnexpectedEOF
			}
			n := binary.LittleEndian.Uint32(body)
			part, body = body[4:4+n], body[4+n:]
			return part, nil
		}
		if reps, err = levels(p.column.maxRep, info.num(4)); err != nil {
			return nil, err
		}
		if defs, err = levels(p.column.maxDef, info.num(3)); err != nil {
			return nil, err
		}
	} else {
		info = head.sub(8)
		encoding = info.num(4)
		r, d := info.num(6), info.num(5)
		if r < 0 || d < 0 || r > int64(len(body)) || d > int64(len(body))-r {
			return nil, io.ErrUnexpectedEOF
		}
		reps, defs, body = body[:r], body[r:r+d], body[r+d:]
		if packed, ok := info[7].(bool); packed || !ok {
			var err error
			if body, err = unpack(p.chunk.codec, body, int(head.num(2)-r-d)); err != nil {
				return nil, err
			}
		}
	}
	n := info.num(1)
	if n < 0 || n > int64(^uint32(0)>>1) {
		return nil, fmt.Errorf("a page of %d values", n)
	}
	out := &page{left: int(n)}
	if p.column.maxRep > 0 {
		out.rep = newHybrid(reps, bits.Len(uint(p.column.maxRep)))
	}
	if p.column.maxDef > 0 {
		out.def = newHybrid(defs, bits.Len(uint(p.column.maxDef)))
	}
	var err error
	out.values, err = p.values(encoding, body)
	return out, err
}

// entry gives the next value of the page with its levels.
func (p *page) entry(c Column) (e entry, err error) {
	p.left--
	e.def = c.maxDef
	if p.rep != nil {
		level, err := p.rep.next()
		if err != nil {
			return e, err
		}
		e.rep = int(level)
	}
	if p.def != nil {
		level, err := p.def.next()
		if err != nil {
			return e, err
		}
		e.def = int(level)
	}
	if e.rep > c.maxRep || e.def > c.maxDef {
		return e, fmt.Errorf("levels %d and %d, want up to %d and %d", e.rep, e.def, c.maxRep, c.maxDef)
	}
	if e.def == c.maxDef {
		e.value, err = p.values()
	}
	return e, err
}
