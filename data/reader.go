package data

import (
	"archive/zip"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"path"
	"path/filepath"
	"strings"
)

// Format is how a file holds its rows.
type Format string

// The formats that a Reader knows.
const (
	CSV      Format = "csv"      // RFC 4180: commas, quotes where needed
	TSV      Format = "tsv"      // tabs, quotes mean nothing unless Reader.Quoted
	JSONL    Format = "jsonl"    // one object a line
	JSON     Format = "json"     // an array of objects
	Lines    Format = "lines"    // each line is a text without a label
	Labelled Format = "labelled" // each line is a label, white space, a text
	Parquet  Format = "parquet"  // columns, one value a row
)

// formats is the format of a file by how its name ends.
var formats = map[string]Format{
	".csv": CSV, ".tsv": TSV, ".tab": TSV, ".jsonl": JSONL, ".ndjson": JSONL, ".json": JSON, ".txt": Lines, ".parquet": Parquet,
}

// Columns says where in a row the parts of an example are: by the name that the
// header or the object gives, or in tables by number, counted from 1. Text and
// Label are looked for under these names where they are empty.
type Columns struct {
	Text, Pair, Label, ID string
}

// Reader reads examples from files. The zero value takes the format from each
// file's name and expects a header in tables.
type Reader struct {
	Format   Format // of files that are named directly; empty: by the name
	Columns  Columns
	NoHeader bool // tables start with their first row; columns are numbers
	Comma    byte // between columns, where it is not the format's own
	Quoted   bool // TSV follows the quoting rules of CSV
	Ragged   bool // rows of a table may be longer than the first
	// LabelEnd cuts a label where it begins: with ":" the label DESC:manner is DESC.
	LabelEnd string
	// LabelSeparator makes the label column a list, Example.Labels.
	LabelSeparator string
	MaxRow         int    // bytes of one row, or of one file of a class; 0: 1 MB
	Skip           *Skips // nil: the first bad row ends the reading with its error
}

// Read gives the examples in files, in order. A path names a table, a folder
// with a folder of texts (.txt, .md) for each class, a zip file that holds
// tables or such folders, or something in a zip file, as in
// reviews.zip/train.jsonl. What stands in a folder or a zip file comes by name;
// texts in none of its folders have no label.
//
// A row that cannot be used is a *BadRow and ends the sequence, unless Skip
// lets it pass. Everything else that goes wrong ends it too, finding nothing
// at a path included.
func (r Reader) Read(paths ...string) iter.Seq2[Example, error] {
	return read(r, paths, r.examples)
}

// read gives what rows finds in all files that paths name.
func read[T any](r Reader, paths []string, rows func(file, fs.FS, func(T, error) bool) bool) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		var zero T
		none := true
		give := func(v T, err error) bool {
			none = false
			if bad, ok := errors.AsType[*BadRow](err); ok {
				if err = r.Skip.pass(bad); err == nil {
					return true
				}
			}
			return yield(v, err) && err == nil
		}
		for _, p := range paths {
			none = true
			if err := inTree(p, func(fsys fs.FS, files []file) bool {
				for _, f := range files {
					if !rows(f, fsys, give) {
						return false
					}
				}
				return true
			}); err != nil {
				if err != errStop {
					yield(zero, err)
				}
				return
			}
			if none {
				yield(zero, fmt.Errorf("%s holds nothing to read: no rows, or no files whose names end as they should", p))
				return
			}
		}
	}
}

// errStop says that the one who reads has had enough.
var errStop = errors.New("stop")

// file is one regular file to read.
type file struct {
	name  string // within its file system
	below string // within the folder that the user named
	shown string // for messages
	named bool   // by the user, not found in a folder
}

// inTree calls use with the files that path names.
func inTree(name string, use func(fs.FS, []file) bool) error {
	fsys, root, close, err := tree(name)
	if err != nil {
		return err
	}
	defer close()
	var files []file
	err = fs.WalkDir(fsys, root, func(p string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			if p == root {
				files = append(files, file{p, path.Base(p), name, true})
				return nil
			}
			below := strings.TrimPrefix(p, root+"/")
			files = append(files, file{p, below, path.Join(filepath.ToSlash(name), below), false})
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	if !use(fsys, files) {
		return errStop
	}
	return nil
}

// tree opens the folder or the zip file that holds what a path names, and gives
// its name in there.
func tree(name string) (fsys fs.FS, root string, close func() error, err error) {
	archive, inside, found := strings.Cut(filepath.ToSlash(name), ".zip/")
	if found {
		archive = filepath.FromSlash(archive + ".zip")
	} else {
		archive, inside = name, "."
	}
	info, err := os.Stat(archive)
	switch {
	case err != nil:
		return nil, "", nil, err
	case info.IsDir() || !strings.EqualFold(filepath.Ext(archive), ".zip"):
		if info, err = os.Stat(name); err != nil {
			return nil, "", nil, err
		}
		none := func() error { return nil }
		if info.IsDir() {
			return os.DirFS(name), ".", none, nil
		}
		return os.DirFS(filepath.Dir(name)), filepath.Base(name), none, nil
	}
	z, err := zip.OpenReader(archive)
	if err != nil {
		return nil, "", nil, fmt.Errorf("%s: %w", archive, err)
	}
	return z, path.Clean(inside), z.Close, nil
}

// examples gives the rows of one file. It is false when reading ends.
func (r Reader) examples(f file, fsys fs.FS, yield func(Example, error) bool) bool {
	ext := strings.ToLower(path.Ext(f.name))
	format := formats[ext]
	if f.named && r.Format != "" {
		format = r.Format
	}
	switch {
	case !f.named && (ext == ".txt" || ext == ".md"):
		item, err := r.item(f, fsys)
		e := Example{Text: strings.TrimSpace(string(item.Bytes)), Label: item.Label, ID: item.Name, Source: Place{f.shown, 1}}
		if err == nil {
			err = checkText(f.shown, item.Bytes)
		}
		if err == nil && e.Text == "" {
			err = errNoText
		}
		if err != nil {
			return yield(e, bad(e.Source, err))
		}
		return yield(e, nil)
	case format == "" && !f.named:
		return true
	}
	var rows func(io.Reader, string) iter.Seq2[Example, error]
	switch format {
	case Parquet:
		return r.parquetExamples(f, fsys, yield)
	case CSV, TSV:
		rows = func(in io.Reader, name string) iter.Seq2[Example, error] { return r.table(in, name, format) }
	case JSONL:
		rows = r.jsonLines
	case JSON:
		rows = r.jsonArray
	case Lines, Labelled:
		rows = func(in io.Reader, name string) iter.Seq2[Example, error] {
			return r.lines(in, name, format == Labelled)
		}
	default:
		yield(Example{}, fmt.Errorf("%s: the name does not tell the format: say csv, tsv, jsonl, json, parquet, lines or labelled", f.shown))
		return false
	}
	in, err := fsys.Open(f.name)
	if err != nil {
		yield(Example{}, fmt.Errorf("%s: %w", f.shown, err))
		return false
	}
	defer in.Close()
	for e, err := range rows(in, f.shown) {
		if !yield(e, err) {
			return false
		}
	}
	return true
}

// maxRow is the greatest number of bytes in a row.
func (r Reader) maxRow() int {
	if r.MaxRow > 0 {
		return r.MaxRow
	}
	return 1 << 20
}

// errNoText is what is wrong with a row of white space.
var errNoText = errors.New("the text is empty")

// bad is the error of the row at a place.
func bad(at Place, err error) *BadRow { return &BadRow{at, err} }

// label gives an example its label or labels.
func (r Reader) label(e *Example, label string) {
	if r.LabelSeparator == "" {
		e.Label = r.cut(label)
		return
	}
	e.Labels = []string{}
	for l := range strings.SplitSeq(label, r.LabelSeparator) {
		if l = r.cut(l); l != "" {
			e.Labels = append(e.Labels, l)
		}
	}
}

// cut trims a label and ends it at LabelEnd.
func (r Reader) cut(label string) string {
	if r.LabelEnd != "" {
		label, _, _ = strings.Cut(label, r.LabelEnd)
	}
	return strings.TrimSpace(label)
}
