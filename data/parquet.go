package data

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/qkvgo/qkv/parquet"
)

// A Parquet file is read by columns: only those of an example's parts, a page of
// each at a time. The number of a row takes the place of its line.

// isParquet says whether a file is one, by its name or because the reader says so.
func (r Reader) isParquet(f file) bool {
	return strings.EqualFold(path.Ext(f.name), ".parquet") && (r.Format == "" || !f.named) || f.named && r.Format == Parquet
}

// columnar is an open Parquet file.
type columnar struct {
	*parquet.File
	name  string
	close func() error
}

// openParquet opens a file for reading anywhere in it.
func openParquet(f file, fsys fs.FS) (*columnar, error) {
	in, err := fsys.Open(f.name)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", f.shown, err)
	}
	at, ok := in.(io.ReaderAt)
	info, err := in.Stat()
	if err == nil && !ok {
		err = errors.New("a Parquet file within a zip file cannot be read by columns: unpack it")
	}
	var p *parquet.File
	if err == nil {
		p, err = parquet.Open(at, info.Size())
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", f.shown, errors.Join(err, in.Close()))
	}
	return &columnar{p, f.shown, in.Close}, nil
}

// find gives the column of a name, or of a number counted from 1, or else the first
// of the usual names that is there. ok is false where nobody asked and none is.
func (c *columnar) find(name string, usual ...string) (col parquet.Column, ok bool, err error) {
	if name == "" {
		for _, u := range usual {
			if col, ok = c.Column(u); ok {
				return col, true, nil
			}
		}
		return col, false, nil
	}
	if col, ok = c.Column(name); ok {
		return col, true, nil
	}
	if n, bad := strconv.Atoi(name); bad == nil && 1 <= n && n <= len(c.Columns) {
		return c.Columns[n-1], true, nil
	}
	return col, false, fmt.Errorf("%s: there is no column %q: say a name of %.300q, or a number from 1 to %d", c.name, name, c.Names(), len(c.Columns))
}

// part is a column that an example takes something from.
type part struct {
	at    int      // in the columns that are read; -1: there is none
	names []string // of the classes that whole numbers stand for; nil: they stand for themselves
}

// wanted collects the columns to read.
type wanted struct {
	file    *columnar
	columns []parquet.Column
	err     error
}

func (p *wanted) add(name string, usual ...string) part {
	col, ok, err := p.file.find(name, usual...)
	if p.err == nil {
		p.err = err
	}
	if !ok {
		return part{at: -1}
	}
	p.columns = append(p.columns, col)
	return part{len(p.columns) - 1, p.file.classNames(col)}
}

// classNames are the names of a column's classes, where Hugging Face's data sets
// wrote them beside the data.
func (c *columnar) classNames(col parquet.Column) []string {
	type feature struct {
		Names   []string        `json:"names"`
		Type    string          `json:"_type"`
		Feature json.RawMessage `json:"feature"`
	}
	var about struct {
		Info struct {
			Features map[string]json.RawMessage `json:"features"`
		} `json:"info"`
	}
	if json.Unmarshal([]byte(c.Metadata["huggingface"]), &about) != nil {
		return nil
	}
	name, _, _ := strings.Cut(col.Name, ".")
	raw := about.Info.Features[name]
	for range 2 { // of a column, or of the elements of its lists
		var f feature
		if json.Unmarshal(raw, &f) != nil {
			return nil
		}
		if f.Type == "ClassLabel" {
			return f.Names
		}
		raw = f.Feature
	}
	return nil
}

// text is a value as an example has it: the name of its class where it stands for
// one. Below 0 no class is meant, as in Hugging Face's sets.
func (p part) text(v parquet.Value) (string, error) {
	if p.names == nil || v.Kind != parquet.Int {
		return v.String(), nil
	}
	switch i := v.Int(); {
	case i < 0:
		return "", nil
	case i < int64(len(p.names)):
		return p.names[i], nil
	}
	return "", fmt.Errorf("class %d of %d", v.Int(), len(p.names))
}

// list is the values of a list as an example has them.
func (p part) list(v parquet.Value) ([]string, error) {
	list := make([]string, 0, len(v.List))
	for _, e := range v.List {
		s, err := p.text(e)
		if err != nil {
			return nil, err
		}
		list = append(list, s)
	}
	return list, nil
}

// eachRow calls f with every row of the columns until it gives false; f may find the
// row wrong. It is false where reading ended.
func (r Reader) eachRow(p *wanted, f func(row []parquet.Value, at Place, wrong error) bool, failed func(error) bool) bool {
	if p.err != nil {
		return failed(p.err)
	}
	at := Place{p.file.name, 0}
	for row, err := range p.file.Read(p.columns...) {
		if err != nil {
			return failed(fmt.Errorf("%s: %w", p.file.name, err))
		}
		at.Line++
		size := 0
		for k, v := range row {
			size += len(v.Bytes)
			for _, e := range v.List {
				size += len(e.Bytes)
				if err == nil && p.columns[k].Text && !utf8.Valid(e.Bytes) {
					err = bad(at, errNotUTF8)
				}
			}
			if err == nil && p.columns[k].Text && !utf8.Valid(v.Bytes) {
				err = bad(at, errNotUTF8)
			}
		}
		if err == nil && size > r.maxRow() {
			err = bad(at, fmt.Errorf("the row has %d bytes, more than %d", size, r.maxRow()))
		}
		if !f(row, at, err) {
			return false
		}
	}
	return true
}

// parquetExamples gives the rows of a Parquet file.
func (r Reader) parquetExamples(f file, fsys fs.FS, yield func(Example, error) bool) bool {
	c, err := openParquet(f, fsys)
	if err != nil {
		return yield(Example{}, err)
	}
	defer c.close()
	p := &wanted{file: c}
	text, pair, label, id := p.add(r.Columns.Text, "text"), p.add(r.Columns.Pair), p.add(r.Columns.Label, "label"), p.add(r.Columns.ID)
	if p.err == nil && text.at < 0 {
		p.err = fmt.Errorf("%s: which column is the text is not clear: say a name of %.300q", c.name, c.Names())
	}
	return r.eachRow(p, func(row []parquet.Value, at Place, err error) bool {
		e := Example{Source: at}
		cell := func(p part) (s string) {
			if p.at >= 0 && err == nil {
				if s, err = p.text(row[p.at]); err != nil {
					err = bad(at, err)
				}
			}
			return s
		}
		e.Text, e.Pair, e.ID = cell(text), cell(pair), cell(id)
		switch {
		case label.at < 0 || err != nil:
		case row[label.at].Kind == parquet.List:
			if e.Labels, err = label.list(row[label.at]); err != nil {
				err = bad(at, err)
			}
		default:
			r.label(&e, cell(label))
		}
		if err == nil {
			err = r.checkParts(&e)
		}
		return yield(e, err)
	}, func(err error) bool { return yield(Example{}, err) && false })
}

// checkParts is check for an example whose labels may be a list.
func (r Reader) checkParts(e *Example) error {
	if e.Labels != nil {
		r.LabelSeparator = " "
	}
	return r.check(e)
}

// parquetSentences gives rows that have a list of words and one of their tags.
func (r Reader) parquetSentences(f file, fsys fs.FS, yield func(Sentence, error) bool) bool {
	c, err := openParquet(f, fsys)
	if err != nil {
		return yield(Sentence{}, err)
	}
	defer c.close()
	p := &wanted{file: c}
	words, tags := p.add(cmp.Or(r.Columns.Text, "tokens")), p.add(r.Columns.Label, "ner_tags", "tags", "labels", "pos_tags")
	if p.err == nil && tags.at < 0 {
		p.err = fmt.Errorf("%s: which column has the tags is not clear: say a name of %.300q", c.name, c.Names())
	}
	return r.eachRow(p, func(row []parquet.Value, at Place, err error) bool {
		s := Sentence{Source: at}
		if err == nil {
			s.Tokens, err = words.list(row[words.at])
		}
		if err == nil {
			s.Tags, err = tags.list(row[tags.at])
		}
		if err == nil && (len(s.Tokens) != len(s.Tags) || len(s.Tags) == 0) {
			err = fmt.Errorf("%d words and %d tags", len(s.Tokens), len(s.Tags))
		}
		if err != nil && !isBadRow(err) {
			err = bad(at, err)
		}
		return yield(s, err)
	}, func(err error) bool { return yield(Sentence{}, err) && false })
}

// parquetItems gives rows that hold a file, such as a picture, and its label.
func (r Reader) parquetItems(f file, fsys fs.FS, yield func(Item, error) bool) bool {
	c, err := openParquet(f, fsys)
	if err != nil {
		return yield(Item{}, err)
	}
	defer c.close()
	p := &wanted{file: c}
	content := p.add(cmp.Or(r.Columns.Text, "image.bytes"), "img.bytes")
	label, name := p.add(r.Columns.Label, "label"), p.add(r.Columns.ID, "image.path")
	return r.eachRow(p, func(row []parquet.Value, at Place, err error) bool {
		item := Item{Name: at.String()}
		if err == nil && label.at >= 0 {
			if item.Label, err = label.text(row[label.at]); err != nil {
				err = bad(at, err)
			}
		}
		if err == nil && name.at >= 0 {
			item.Name = cmp.Or(row[name.at].String(), item.Name)
		}
		if item.Bytes = row[content.at].Bytes; err == nil && len(item.Bytes) == 0 {
			err = bad(at, errors.New("the file of the row is empty"))
		}
		return yield(item, err)
	}, func(err error) bool { return yield(Item{}, err) && false })
}
