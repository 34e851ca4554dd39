package data

import (
	"archive/zip"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// parquetFile is one of package parquet's files: 200 rows in three groups.
const parquetFile = "../parquet/testdata/snappy.parquet"

func TestParquet(t *testing.T) {
	all, err := Collect(Reader{}.Read(parquetFile))
	if err != nil || len(all) != 200 {
		t.Fatalf("%d rows, %v", len(all), err)
	}
	for i, e := range all {
		label := []string{"good", "bad", "neither"}[i%3]
		if e.Text != fmt.Sprintf("text number %d of them", i) || e.Label != label || e.Labels != nil || e.Source != (Place{parquetFile, i + 1}) {
			t.Fatalf("row %d is %+v", i, e)
		}
	}
	// Columns by name and number, lists as labels, whole numbers as classes.
	first := func(r Reader) Example {
		t.Helper()
		for e, err := range r.Read(parquetFile) {
			if err != nil && !isBadRow(err) {
				t.Fatal(err)
			}
			if err == nil && e.Source.Line > 10 {
				return e
			}
		}
		t.Fatal("nothing")
		return Example{}
	}
	if e := first(Reader{Columns: Columns{Text: "Name", Pair: "2", Label: "tags", ID: "id"}, Skip: &Skips{Limit: -1}}); e.Text != "prefix-002" ||
		e.Pair != "text number 10 of them" || e.ID != "50" || !slices.Equal(e.Labels, []string{"t0", "t1"}) {
		t.Errorf("have %+v", e)
	}
	skips := &Skips{Limit: -1}
	if e := first(Reader{Columns: Columns{Label: "small"}, Skip: skips}); e.Label != "b" && e.Label != "a" {
		t.Errorf("the class is %q", e.Label)
	}
	if skips.Count == 0 || !strings.Contains(skips.First[0].Error(), "the label is empty") {
		t.Errorf("nulls and classes that have no name: %+v", skips)
	}
	for want, r := range map[string]Reader{
		`there is no column "title": say a name of ["id" "text"`: {Columns: Columns{Text: "title"}},
		"more than 10": {MaxRow: 10}, "class 2 of 2": {Columns: Columns{ID: "small"}, Skip: &Skips{}},
	} {
		if _, err := Collect(r.Read(parquetFile)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("have %v, want %q", err, want)
		}
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "x.parquet"), []byte("text,label\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	if _, err := Collect(Reader{}.Read(dir)); err == nil || !strings.Contains(err.Error(), "not a Parquet file") {
		t.Errorf("a table by that name: %v", err)
	}
	packed, err := os.Create(filepath.Join(dir, "all.zip"))
	if err != nil {
		t.Fatal(err)
	}
	z := zip.NewWriter(packed)
	if _, err := z.Create("x.parquet"); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	packed.Close()
	if _, err := Collect(Reader{}.Read(packed.Name())); err == nil || !strings.Contains(err.Error(), "unpack it") {
		t.Errorf("in a zip file: %v", err)
	}
}

// Pictures and sentences stand in Parquet files too.
func TestParquetItemsAndSentences(t *testing.T) {
	items, err := Collect(Reader{}.Items(parquetFile, ".png"))
	if err != nil || len(items) != 200 {
		t.Fatalf("%d items, %v", len(items), err)
	}
	if i := items[7]; i.Label != "bad" || i.Name != "7.png" || string(i.Bytes) != "\x07\x00\xff" {
		t.Errorf("have %+v", i)
	}
	skips := &Skips{Limit: -1}
	sentences, err := Collect(Reader{Columns: Columns{Text: "tags", Label: "tags"}, Skip: skips}.Sentences(parquetFile))
	if err != nil || len(sentences) != 150 || skips.Count != 50 {
		t.Fatalf("%d sentences, %d skipped, %v", len(sentences), skips.Count, err)
	}
	if s := sentences[0]; s.Source.Line != 2 || !slices.Equal(s.Tokens, []string{"t1"}) || !slices.Equal(s.Tags, []string{"t1"}) {
		t.Errorf("have %+v", s)
	}
}
