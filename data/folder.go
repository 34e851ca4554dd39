package data

import (
	"fmt"
	"io"
	"io/fs"
	"iter"
	"path"
	"slices"
	"strings"
)

// Item is a file in the folder of its class.
type Item struct {
	Label string // the first folder; empty for a file in none
	Name  string // the path within the whole, with slashes
	Bytes []byte
}

// Items gives the files of folders or zip files in which each class has a
// folder, those that end in one of exts (.jpg), by name, and those in the rows of a
// Parquet file, in the column image.bytes or as Columns.Text says. Files of more than
// MaxRow bytes are bad rows. Finding nothing is an error.
func (r Reader) Items(root string, exts ...string) iter.Seq2[Item, error] {
	return read(r, []string{root}, func(f file, fsys fs.FS, yield func(Item, error) bool) bool {
		if r.isParquet(f) {
			return r.parquetItems(f, fsys, yield)
		}
		if !slices.Contains(exts, strings.ToLower(path.Ext(f.name))) {
			return true
		}
		item, err := r.item(f, fsys)
		if err != nil {
			return yield(item, bad(Place{f.shown, 1}, err))
		}
		return yield(item, nil)
	})
}

// item reads one file whole.
func (r Reader) item(f file, fsys fs.FS) (Item, error) {
	item := Item{Name: f.below}
	if class, _, nested := strings.Cut(f.below, "/"); nested {
		item.Label = class
	}
	in, err := fsys.Open(f.name)
	if err != nil {
		return item, err
	}
	defer in.Close()
	item.Bytes, err = io.ReadAll(io.LimitReader(in, int64(r.maxRow())+1))
	if err == nil && len(item.Bytes) > r.maxRow() {
		err = fmt.Errorf("the file has more than %d bytes", r.maxRow())
	}
	return item, err
}
