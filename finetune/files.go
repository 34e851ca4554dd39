package finetune

import (
	"archive/zip"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/qkvgo/qkv/batch"
	"github.com/qkvgo/qkv/data"
)

// Examples are labelled examples of one sort: one of the slices has some.
type Examples struct {
	Texts     []data.Example
	Sentences []data.Sentence
	Pictures  []data.Item
}

// Texts are examples of texts.
func Texts(e []data.Example) Examples { return Examples{Texts: e} }

// Len is how many there are.
func (e Examples) Len() int { return len(e.Texts) + len(e.Sentences) + len(e.Pictures) }

// Columns say what in files are examples, and what is asked about them.
type Columns struct {
	Task      string `json:"task,omitempty" help:"what is learned: classes, labels, regression, tags or pictures (default: as the files suggest)"`
	Format    string `json:"format,omitempty" help:"form of the files: csv, tsv, jsonl, json, parquet, lines or labelled (default: by their names)"`
	Text      string `json:"text,omitempty" help:"column of the text, by name or by number from 1 (default text)"`
	Pair      string `json:"pair,omitempty" help:"column of a second text"`
	Label     string `json:"label,omitempty" help:"column of the label (default label)"`
	ID        string `json:"id,omitempty" help:"column that names a row"`
	NoHeader  bool   `json:"no_header,omitempty" help:"tables start with their first row; columns are numbers"`
	Ragged    bool   `json:"ragged,omitempty" help:"rows of a table may be longer than the first"`
	Quoted    bool   `json:"quoted,omitempty" help:"quotes in TSV mean what they mean in CSV"`
	LabelEnd  string `json:"label_end,omitempty" help:"a label ends where this begins: with : the label DESC:manner is DESC"`
	Separator string `json:"label_separator,omitempty" help:"a row has several labels, parted by this: task labels"`
	Skip      int    `json:"skip_bad_rows,omitempty" help:"how many bad rows to pass over; -1: any number"`
	MaxRow    int    `json:"max_row_bytes,omitempty" help:"bytes of a row at most (default 1 MB)"`
}

// tasks are the names of what can be learned.
var tasks = map[string]batch.Kind{"classes": batch.Classes, "labels": batch.Labels, "regression": batch.Regression,
	"tags": batch.Tags, "pictures": batch.Classes}

// pictureNames are how the names of pictures end.
var pictureNames = []string{".png", ".jpg", ".jpeg", ".PNG", ".JPG", ".JPEG"}

// Read reads examples from files, and says how many bad rows were passed over.
func (c Columns) Read(paths ...string) (e Examples, skipped *data.Skips, err error) {
	if _, ok := tasks[c.Task]; !ok && c.Task != "" {
		return e, nil, fmt.Errorf("task %q: have classes, labels, regression, tags and pictures", c.Task)
	}
	switch data.Format(c.Format) {
	case "", data.CSV, data.TSV, data.JSON, data.JSONL, data.Parquet, data.Lines, data.Labelled:
	default:
		return e, nil, fmt.Errorf("format %q: have csv, tsv, jsonl, json, parquet, lines and labelled", c.Format)
	}
	for _, path := range paths {
		if _, err := os.Stat(path); err != nil && !strings.Contains(path, ".zip/") {
			return e, nil, err
		}
	}
	r := data.Reader{Format: data.Format(c.Format), Columns: data.Columns{Text: c.Text, Pair: c.Pair, Label: c.Label, ID: c.ID},
		NoHeader: c.NoHeader, Ragged: c.Ragged, Quoted: c.Quoted, LabelEnd: c.LabelEnd, LabelSeparator: c.Separator, MaxRow: c.MaxRow}
	if c.Skip != 0 {
		r.Skip = &data.Skips{Limit: c.Skip}
	}
	sort, err := c.sort(paths)
	if err != nil {
		return e, nil, err
	}
	switch sort {
	case "tags":
		e.Sentences, err = data.Collect(r.Sentences(paths...))
	case "pictures":
		if r.MaxRow == 0 {
			r.MaxRow = 64 << 20
		}
		for _, path := range paths {
			items, err := data.Collect(r.Items(path, pictureNames...))
			if err != nil {
				return e, nil, err
			}
			e.Pictures = append(e.Pictures, items...)
		}
	default:
		e.Texts, err = data.Collect(r.Read(paths...))
	}
	return e, r.Skip, err
}

// sort is what the files hold: tags, pictures or texts.
func (c Columns) sort(paths []string) (string, error) {
	if c.Task == "tags" || c.Task == "pictures" || len(paths) == 0 || c.Task != "" || c.Format != "" {
		return c.Task, nil
	}
	switch filepath.Ext(paths[0]) {
	case ".conll", ".bio", ".iob":
		return "tags", nil
	}
	pictures, err := hasPictures(paths[0])
	if pictures {
		return "pictures", err
	}
	return "", err
}

// errFound ends a walk.
var errFound = errors.New("found")

// hasPictures says whether there are pictures in a folder or a zip file.
func hasPictures(path string) (bool, error) {
	picture := func(name string) bool { return slices.Contains(pictureNames, filepath.Ext(name)) }
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return false, nil // the reader says what is wrong
	case info.IsDir():
		err := filepath.WalkDir(path, func(name string, _ fs.DirEntry, err error) error {
			if err == nil && picture(name) {
				err = errFound
			}
			return err
		})
		if errors.Is(err, errFound) {
			return true, nil
		}
		return false, err
	case filepath.Ext(path) == ".zip":
		z, err := zip.OpenReader(path)
		if err != nil {
			return false, err
		}
		defer z.Close()
		return slices.ContainsFunc(z.File, func(f *zip.File) bool { return picture(f.Name) }), nil
	}
	return false, nil
}

// Asked is what is asked about the examples.
func (c Columns) Asked(e Examples) batch.Kind {
	switch {
	case c.Task != "":
		return tasks[c.Task]
	case e.Sentences != nil:
		return batch.Tags
	case c.Separator != "":
		return batch.Labels
	}
	return batch.Classes
}

// LabelsOf numbers the classes of all that is given; nil for regression.
func LabelsOf(kind batch.Kind, all ...Examples) data.Labels {
	var texts [][]data.Example
	var sentences [][]data.Sentence
	for _, e := range all {
		pictures := make([]data.Example, len(e.Pictures))
		for i, p := range e.Pictures {
			pictures[i].Label = p.Label
		}
		texts, sentences = append(texts, e.Texts, pictures), append(sentences, e.Sentences)
	}
	switch kind {
	case batch.Regression:
		return nil
	case batch.Tags:
		return batch.TagsOf(sentences...)
	}
	return batch.LabelsOf(texts...)
}

// Split parts examples as data.Parts says: texts by class, equal texts on one
// side; sentences and pictures by class of their first tag, or folder.
func Split(e Examples, p data.Parts) (train, dev, test Examples, err error) {
	switch {
	case e.Texts != nil:
		train.Texts, dev.Texts, test.Texts, err = p.Split(e.Texts)
		return train, dev, test, err
	case e.Pictures != nil:
		parts, err := split(p, len(e.Pictures), func(i int) data.Example {
			return data.Example{Text: e.Pictures[i].Name, Label: e.Pictures[i].Label}
		})
		train.Pictures, dev.Pictures, test.Pictures = pick(e.Pictures, parts[0]), pick(e.Pictures, parts[1]), pick(e.Pictures, parts[2])
		return train, dev, test, err
	}
	parts, err := split(p, len(e.Sentences), func(i int) data.Example {
		return data.Example{Text: strings.Join(e.Sentences[i].Tokens, " ")}
	})
	train.Sentences, dev.Sentences, test.Sentences = pick(e.Sentences, parts[0]), pick(e.Sentences, parts[1]), pick(e.Sentences, parts[2])
	return train, dev, test, err
}

// split parts n rows that stand for themselves as an example says.
func split(p data.Parts, n int, stand func(i int) data.Example) (parts [3][]int, err error) {
	rows := make([]data.Example, n)
	for i := range rows {
		rows[i] = stand(i)
		rows[i].Source.Line = i
	}
	var out [3][]data.Example
	if out[0], out[1], out[2], err = p.Split(rows); err != nil {
		return parts, err
	}
	for k, list := range out {
		for _, e := range list {
			parts[k] = append(parts[k], e.Source.Line)
		}
	}
	return parts, nil
}

// pick is the elements of the given numbers.
func pick[T any](all []T, numbers []int) []T {
	out := make([]T, len(numbers))
	for i, n := range numbers {
		out[i] = all[n]
	}
	return out
}
