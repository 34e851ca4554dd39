package parquet

import (
	"errors"
	"fmt"
	"iter"
)

// Read gives the values of some columns, row by row, in the order in which the
// columns are named. The slice is used again for the next row. An error ends the
// rows.
func (f *File) Read(columns ...Column) iter.Seq2[[]Value, error] {
	return func(yield func([]Value, error) bool) {
		for _, c := range columns {
			what := ""
			switch {
			case c.maxRep > 1:
				what = "lists of lists"
			case c.Type == Int96:
				what = "times of 96 bits"
			default:
				continue
			}
			yield(nil, fmt.Errorf("column %s holds %s: %w", c.short(), what, errors.ErrUnsupported))
			return
		}
		row := make([]Value, len(columns))
		for i, g := range f.groups {
			readers := make([]*columnReader, len(columns))
			for k, c := range columns {
				readers[k] = newColumnReader(f, c, g.chunks[c.index])
			}
			for n := range g.rows {
				for k, r := range readers {
					var err error
					if row[k], err = r.row(); err != nil {
						yield(nil, fmt.Errorf("row group %d, row %d, column %s: %w", i, n, columns[k].short(), err))
						return
					}
				}
				if !yield(row, nil) {
					return
				}
			}
		}
	}
}

// columnReader gives the values of one column in one row group.
type columnReader struct {
	column Column
	pages  *pages
	page   *page
	// ahead is an entry that was read to see that a list had ended.
	ahead    entry
	hasAhead bool
	left     int64 // entries of the chunk that were not read
}

// entry is a value with its levels.
type entry struct {
	rep, def int
	value    Value
}

func newColumnReader(f *File, c Column, at chunk) *columnReader {
	return &columnReader{column: c, pages: newPages(f, c, at), left: at.values}
}

// next gives the next entry.
func (r *columnReader) next() (e entry, err error) {
	if r.hasAhead {
		r.hasAhead = false
		return r.ahead, nil
	}
	if r.left == 0 {
		return e, fmt.Errorf("the column ends before its rows")
	}
	for r.page == nil || r.page.left == 0 {
		if r.page, err = r.pages.next(); err != nil {
			return e, err
		}
	}
	r.left--
	return r.page.entry(r.column)
}

// row gives the value of the next row.
func (r *columnReader) row() (Value, error) {
	e, err := r.next()
	if err != nil || r.column.maxRep == 0 {
		return e.value, err
	}
	if e.rep != 0 {
		return Value{}, fmt.Errorf("a row begins in the middle of a list")
	}
	if e.def < r.column.listDef-1 {
		return Value{}, nil // no list
	}
	list := Value{Kind: List}
	if e.def < r.column.listDef {
		return list, nil // an empty one
	}
	list.List = append(list.List, e.value)
	for r.left > 0 {
		if e, err = r.next(); err != nil {
			return Value{}, err
		}
		if e.rep == 0 {
			r.ahead, r.hasAhead = e, true
			break
		}
		if len(list.List) >= maxList {
			return Value{}, fmt.Errorf("a list of more than %d values", maxList)
		}
		list.List = append(list.List, e.value)
	}
	return list, nil
}

// maxList is the most values that the list of one row may have.
const maxList = 1 << 20
