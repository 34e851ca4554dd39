package parquet

import (
	"bytes"
	"errors"
	"fmt"
	"iter"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// read opens a file of testdata.
func read(t testing.TB, name string) []byte {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("testdata", name+".parquet"))
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// want is the row that testdata/make.go wrote, column by column.
func want(i int) map[string]string {
	row := map[string]string{
		"id": fmt.Sprint(i*i - 50), "text": fmt.Sprintf("text number %d of them", i), "label": []string{"good", "bad", "neither"}[i%3],
		"score": "", "small": "", "ok": fmt.Sprint(i%5 < 2), "tags": "[]", "days": fmt.Sprint(uint32(4000000000 + i)),
		"name": fmt.Sprintf("prefix-%03d", i/4), "weight": fmt.Sprint(float32(i) / 8), "image.bytes": string([]byte{byte(i), 0, 255}), "image.path": fmt.Sprint(i, ".png"),
	}
	if i%4 != 1 {
		row["score"] = strconv.FormatFloat(float64(i)/3, 'g', -1, 64)
	}
	if i%7 != 0 {
		row["small"] = fmt.Sprint(i%6 - 3)
	}
	if n := i % 4; n > 0 {
		var tags []string
		for k := range n {
			tags = append(tags, fmt.Sprintf("t%d", (i+k)%5))
		}
		row["tags"] = fmt.Sprint(tags)
	}
	return row
}

// Every way to compress, both versions of pages, every encoding that writers use:
// plain, dictionaries, differences, runs, split numbers.
func TestRead(t *testing.T) {
	for _, name := range []string{"plain", "snappy", "gzip", "zstd", "lz4"} {
		raw := read(t, name)
		f, err := Open(bytes.NewReader(raw), int64(len(raw)))
		if err != nil {
			t.Fatal(err)
		}
		if f.Rows != 200 || len(f.Columns) != 12 || len(f.groups) != 3 || !strings.Contains(f.Metadata["huggingface"], "ClassLabel") {
			t.Fatalf("%s: %d rows, columns %q, %d groups", name, f.Rows, f.Names(), len(f.groups))
		}
		i := 0
		for row, err := range f.Read(f.Columns...) {
			if err != nil {
				t.Fatal(err)
			}
			all := want(i)
			for k, c := range f.Names() {
				if have := row[k].String(); have != all[c] {
					t.Fatalf("%s: %s of row %d is %q, want %q", name, c, i, have, all[c])
				}
			}
			i++
		}
		if i != 200 {
			t.Errorf("%s: %d rows", name, i)
		}
		for _, column := range []string{"TEXT", "tags", "tags.list.element", "image.path"} {
			if c, ok := f.Column(column); !ok || c.Type != Bytes {
				t.Errorf("%s: there is no column %s", name, column)
			}
		}
		for row := range f.Read(f.Columns[6], f.Columns[0]) { // two columns, and no more than one row
			if len(row) != 2 || row[0].Kind != List || row[1].Int() != -50 {
				t.Errorf("%s: read %v", name, row)
			}
			break
		}
	}
}

func TestRefuses(t *testing.T) {
	raw := read(t, "brotli")
	f, err := Open(bytes.NewReader(raw), int64(len(raw)))
	if err != nil {
		t.Fatal(err)
	}
	if err := drain(f.Read(f.Columns[1]), 9); !errors.Is(err, errors.ErrUnsupported) || !strings.Contains(err.Error(), "Brotli") {
		t.Errorf("Brotli: %v", err)
	}
	raw = read(t, "snappy")
	for name, change := range map[string]func(b []byte) []byte{
		"too short":        func(b []byte) []byte { return b[:11] },
		"end in PAR1":      func(b []byte) []byte { return b[:len(b)-1] },
		"encrypted":        func(b []byte) []byte { copy(b[len(b)-4:], "PARE"); return b },
		"description of 4": func(b []byte) []byte { copy(b[len(b)-8:], "\xff\xff\xff\xff"); return b },
		"description":      func(b []byte) []byte { b[len(b)-200] ^= 0x5a; return b[len(b)-300:] },
	} {
		b := change(bytes.Clone(raw))
		if _, err := Open(bytes.NewReader(b), int64(len(b))); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("have %v, want %q", err, name)
		}
	}
	damaged := 0
	for at := 4; at < len(raw)/2; at += 61 { // pages have no checksums here; the packed bytes often tell
		b := bytes.Clone(raw)
		b[at] ^= 0xff
		f, err := Open(bytes.NewReader(b), int64(len(b)))
		if err != nil {
			t.Fatal(err)
		}
		if drain(f.Read(f.Columns...), 1e6) != nil {
			damaged++
		}
	}
	if damaged < 20 {
		t.Errorf("damage was seen %d times", damaged)
	}
}

// Files that are damaged anywhere give rows or errors.
func TestDamaged(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	failed := 0
	for i := range 400 {
		b := bytes.Clone(read(t, []string{"plain", "snappy", "gzip", "zstd", "lz4"}[i%5]))
		for range 1 + r.IntN(4) {
			at := r.IntN(len(b))
			if r.IntN(2) == 0 {
				at = len(b) - 8 - r.IntN(3000) // in the description
			}
			b[at] = byte(r.Uint32())
		}
		f, err := Open(bytes.NewReader(b), int64(len(b)))
		if err == nil {
			for _, c := range f.Columns {
				if drain(f.Read(c), 500) != nil {
					failed++
				}
			}
		}
	}
	if failed == 0 {
		t.Error("no damage was seen")
	}
}

// drain reads up to some values.
func drain(rows iter.Seq2[[]Value, error], most int) error {
	for row, err := range rows {
		for _, v := range row {
			most -= 1 + len(v.List)
		}
		if err != nil || most < 0 {
			return err
		}
	}
	return nil
}

// Unpacking is the inverse of what any writer does; here of the simplest ones, and
// of copies that overlap.
func TestUnpack(t *testing.T) {
	abc := "abcabcabcabcabcabcabcabc!"
	for name, c := range map[string]struct {
		codec  int64
		packed string
		want   string
	}{
		"snappy literal": {1, "\x05\x10hello", "hello"},
		"snappy copy":    {1, "\x19\x08abc\x52\x03\x00\x00!", abc}, // 21 bytes from 3 back, then a literal
		"lz4":            {7, "\x3fabc\x03\x00\x02\x10!", abc},
	} {
		have, err := unpack(c.codec, []byte(c.packed), len(c.want))
		if err != nil || string(have) != c.want {
			t.Errorf("%s: have %q, %v, want %q", name, have, err, c.want)
		}
		for cut := range c.packed {
			if _, err := unpack(c.codec, []byte(c.packed[:cut]), len(c.want)); err == nil {
				t.Errorf("%s: the first %d bytes are enough", name, cut)
			}
		}
		if _, err := unpack(c.codec, []byte(c.packed), len(c.want)-1); err == nil {
			t.Errorf("%s: another size is taken", name)
		}
	}
}

// Whatever stands in a file, reading it ends, in rows or in an error.
func FuzzRead(f *testing.F) {
	for _, name := range []string{"plain", "snappy", "gzip", "zstd", "lz4"} {
		f.Add(read(f, name))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		file, err := Open(bytes.NewReader(raw), int64(len(raw)))
		if err != nil {
			return
		}
		for _, c := range file.Columns {
			drain(file.Read(c), 500)
		}
	})
}
