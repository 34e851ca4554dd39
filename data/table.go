package data

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// table gives the rows of a CSV or TSV file.
func (r Reader) table(in io.Reader, name string, format Format) iter.Seq2[Example, error] {
	c := cells{scanner: scan(in, name, r.maxRow()), comma: ',', quoted: true}
	if format == TSV {
		c.comma, c.quoted = '\t', r.Quoted
	}
	if r.Comma != 0 {
		c.comma = r.Comma
	}
	return func(yield func(Example, error) bool) {
		var pick picks
		width := 0
		for {
			row, at, err := c.next()
			if err == io.EOF {
				return
			}
			if err == nil && width == 0 {
				// Without its header a table cannot be read, so that this error is no bad row.
				if pick, err = r.pick(row); err != nil {
					yield(Example{}, fmt.Errorf("%v: %w", at, err))
					return
				}
				width = len(row)
				if !r.NoHeader {
					continue
				}
			}
			e := Example{Source: at}
			if err == nil && (len(row) < width || len(row) > width && !r.Ragged) {
				err = bad(at, fmt.Errorf("the row has %d columns, the first one %d", len(row), width))
			}
			if err == nil {
				err = r.fill(&e, row, pick)
			}
			if !yield(e, err) {
				return
			}
		}
	}
}

// picks are the columns of an example's parts, from 0; -1 where there is none.
type picks struct{ text, pair, label, id int }

// pick finds the columns in the first row of a table.
func (r Reader) pick(row []string) (picks, error) {
	var wrong error
	find := func(name, usual string) int {
		at := -1
		if !r.NoHeader {
			at = slices.IndexFunc(row, func(s string) bool {
				return strings.EqualFold(strings.TrimSpace(s), cmp.Or(name, usual))
			})
		}
		if number, err := strconv.Atoi(name); at < 0 && err == nil && 1 <= number && number <= len(row) {
			at = number - 1
		}
		if at < 0 && name != "" && wrong == nil {
			wrong = fmt.Errorf("there is no column %q", name)
		}
		return at
	}
	p := picks{find(r.Columns.Text, "text"), find(r.Columns.Pair, ""), find(r.Columns.Label, "label"), find(r.Columns.ID, "")}
	if wrong == nil && p.text < 0 {
		wrong = errors.New("which column is the text is not clear")
	}
	switch {
	case wrong == nil:
		return p, nil
	case r.NoHeader:
		return p, fmt.Errorf("%w: say a number from 1 to %d", wrong, len(row))
	}
	return p, fmt.Errorf("%w: say a name of %.300q, or a number from 1 to %d", wrong, row, len(row))
}

// fill takes the parts of an example from a row.
func (r Reader) fill(e *Example, row []string, p picks) error {
	cell := func(i int) string {
		if i < 0 {
			return ""
		}
		return row[i]
	}
	e.Text, e.Pair, e.ID = cell(p.text), cell(p.pair), cell(p.id)
	if p.label >= 0 {
		r.label(e, row[p.label])
	}
	for _, s := range row {
		if !utf8.ValidString(s) {
			return bad(e.Source, errNotUTF8)
		}
	}
	return r.check(e)
}

// check gives an error where an example lacks what it must have.
func (r Reader) check(e *Example) error {
	switch {
	case strings.TrimSpace(e.Text) == "":
		return bad(e.Source, errNoText)
	case r.Columns.Pair != "" && strings.TrimSpace(e.Pair) == "":
		return bad(e.Source, errors.New("the second text is empty"))
	case r.Columns.Label != "" && r.LabelSeparator == "" && e.Label == "":
		return bad(e.Source, errors.New("the label is empty"))
	}
	return nil
}

// cells reads the rows of a table, RFC 4180: a field may stand in quotes, and
// then holds commas, line ends and, doubled, quotes. A quote within a field
// that does not begin with one is a character as any other.
type cells struct {
	*scanner
	comma  byte
	quoted bool
}

// next gives a row that is not empty and where it starts; io.EOF after the
// last. Line ends within quotes are LF.
func (c cells) next() (row []string, at Place, err error) {
	var rest []byte
	for len(rest) == 0 {
		if rest, err = c.scanner.next(); err != nil {
			return nil, c.place(), c.lost(err)
		}
	}
	at = c.place()
	size := len(rest)
	for {
		if !c.quoted || len(rest) == 0 || rest[0] != '"' {
			field, after, more := bytes.Cut(rest, []byte{c.comma})
			row = append(row, string(field))
			if rest = after; !more {
				return row, at, nil
			}
			continue
		}
		var field []byte
		for rest = rest[1:]; ; {
			i := bytes.IndexByte(rest, '"')
			if i >= 0 {
				field = append(field, rest[:i]...)
				if rest = rest[i+1:]; len(rest) == 0 || rest[0] != '"' {
					break
				}
				field, rest = append(field, '"'), rest[1:]
				continue
			}
			field = append(append(field, rest...), '\n')
			if rest, err = c.scanner.next(); err == nil {
				size += len(rest) + 1
			}
			if err == io.EOF || size > c.max {
				return nil, at, fmt.Errorf("%v: a quote is not closed within %d bytes; where the next row starts cannot be told", at, c.max)
			}
			if err != nil {
				return nil, at, c.lost(err)
			}
		}
		row = append(row, string(field))
		switch {
		case len(rest) == 0:
			return row, at, nil
		case rest[0] != c.comma:
			return nil, at, bad(at, fmt.Errorf("column %d goes on after its closing quote: a quote within quotes is written twice", len(row)))
		}
		rest = rest[1:]
	}
}

// lost makes the error of one line an error of the file where rows may span
// lines: what follows may be the inside of a field.
func (c cells) lost(err error) error {
	if bad, ok := errors.AsType[*BadRow](err); ok && c.quoted {
		return fmt.Errorf("%v: %w; where the next row starts cannot be told", bad.Place, bad.Err)
	}
	return err
}
