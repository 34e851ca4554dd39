// Package parquet reads Apache Parquet files by columns: flat ones, those within
// groups, and lists of values. It holds a page of each column that is asked for, and
// no more, however large the file is.
//
// Written after the format's specification (github.com/apache/parquet-format). Not
// read are encrypted files, LZO, Brotli and Hadoop's LZ4, INT96 times, and lists of
// lists: each is an error that says so.
package parquet

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strings"
)

// File is an open file.
type File struct {
	Columns  []Column
	Rows     int64             // of the whole file
	Metadata map[string]string // of key and value, as writers leave them

	r      io.ReaderAt
	size   int64
	groups []group
}

// group is a run of rows: where each column's values of them are.
type group struct {
	rows   int64
	chunks []chunk
}

// chunk is the pages of one column in a group.
type chunk struct {
	codec      int64
	values     int64 // with nulls
	start, end int64 // in the file
}

const magic = "PAR1"

// maxFooter is the most bytes of a file's description that are read.
const maxFooter = 1 << 28

// Open reads the description of the file of size bytes behind r. r must stay open
// while rows are read.
func Open(r io.ReaderAt, size int64) (*File, error) {
	tail := make([]byte, 8)
	if size < 12 {
		return nil, errors.New("not a Parquet file: too short")
	}
	if _, err := r.ReadAt(tail, size-8); err != nil {
		return nil, err
	}
	switch string(tail[4:]) {
	case magic:
	case "PARE":
		return nil, fmt.Errorf("the file is encrypted: %w", errors.ErrUnsupported)
	default:
		return nil, errors.New("not a Parquet file: it does not end in PAR1")
	}
	n := int64(binary.LittleEndian.Uint32(tail))
	if n > size-12 || n > maxFooter {
		return nil, fmt.Errorf("a description of %d bytes in a file of %d", n, size)
	}
	footer := make([]byte, n)
	if _, err := r.ReadAt(footer, size-8-n); err != nil {
		return nil, err
	}
	t := &thrift{b: footer}
	meta, err := t.structure()
	if err != nil {
		return nil, fmt.Errorf("the file's description: %w", err)
	}
	f := &File{r: r, size: size, Metadata: map[string]string{}}
	if f.Columns, err = readSchema(meta.list(2)); err != nil {
		return nil, err
	}
	for _, v := range meta.list(5) {
		pair, _ := v.(fields)
		f.Metadata[pair.text(1)] = pair.text(2)
	}
	for i, v := range meta.list(4) {
		g, err := f.group(v)
		if err != nil {
			return nil, fmt.Errorf("row group %d: %w", i, err)
		}
		f.groups = append(f.groups, g)
		f.Rows += g.rows
	}
	return f, nil
}

// group reads the description of a row group.
func (f *File) group(v any) (g group, err error) {
	s, _ := v.(fields)
	g.rows = s.num(3)
	chunks := s.list(1)
	if len(chunks) != len(f.Columns) || g.rows < 0 {
		return g, fmt.Errorf("has %d columns and %d rows, the schema %d columns", len(chunks), g.rows, len(f.Columns))
	}
	for i, v := range chunks {
		s, _ := v.(fields)
		m := s.sub(3)
		c := chunk{codec: m.num(4), values: m.num(5), start: m.num(9)}
		if dictionary := m.num(11); dictionary > 0 && dictionary < c.start {
			c.start = dictionary
		}
		c.end = c.start + m.num(7)
		switch {
		case s.text(1) != "":
			return g, fmt.Errorf("%s stands in another file, %s: %w", f.Columns[i].Name, s.text(1), errors.ErrUnsupported)
		case len(m) == 0:
			return g, fmt.Errorf("%s is encrypted: %w", f.Columns[i].Name, errors.ErrUnsupported)
		case c.values < 0 || c.start < 4 || c.end < c.start || c.end > f.size:
			return g, fmt.Errorf("%s: %d values at %d to %d of a file of %d bytes", f.Columns[i].Name, c.values, c.start, c.end, f.size)
		}
		g.chunks = append(g.chunks, c)
	}
	return g, nil
}

// Column finds a column by its path, with or without the steps that lists put
// between, in any case of letters.
func (f *File) Column(name string) (Column, bool) {
	for _, same := range []func(c Column) bool{
		func(c Column) bool { return c.Name == name },
		func(c Column) bool { return c.short() == name },
		func(c Column) bool { return strings.EqualFold(c.short(), name) },
	} {
		for _, c := range f.Columns {
			if same(c) {
				return c, true
			}
		}
	}
	return Column{}, false
}

// Names are the columns' names, without the steps that lists put between.
func (f *File) Names() []string {
	names := make([]string, len(f.Columns))
	for i, c := range f.Columns {
		names[i] = c.short()
	}
	return names
}
