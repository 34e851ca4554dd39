package data

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func write(t *testing.T, path, text string) string {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestFiles(t *testing.T) {
	dir := t.TempDir()
	a := write(t, filepath.Join(dir, "books", "a.txt"), "A")
	b := write(t, filepath.Join(dir, "books", "more", "b.md"), "B")
	write(t, filepath.Join(dir, "books", "index.tsv"), "no text")
	list := write(t, filepath.Join(dir, "list"), "books/more/b.md\n\n  books/a.txt\n")
	other := write(t, filepath.Join(dir, "other"), "C")

	have, err := Files(filepath.Join(dir, "books"), "@"+list, other)
	if want := []string{a, b, b, a, other}; err != nil || !slices.Equal(have, want) {
		t.Errorf("have %v, %v, want %v", have, err, want)
	}
	empty := filepath.Join(dir, "empty")
	if err := os.Mkdir(empty, 0o777); err != nil {
		t.Fatal(err)
	}
	broken := write(t, filepath.Join(dir, "broken"), "books/a.txt\nbooks/none.txt\n")
	for _, arg := range []string{filepath.Join(dir, "none"), "@" + filepath.Join(dir, "none"), empty, "@" + broken} {
		if files, err := Files(arg); err == nil {
			t.Errorf("%s gives %v", arg, files)
		}
	}
	if _, err := Files("@" + broken); !strings.Contains(err.Error(), "broken:2:") {
		t.Errorf("%v does not name the line", err)
	}
}

// documents collects the documents of one file with this text.
func documents(t *testing.T, text string) (docs []string, err error) {
	t.Helper()
	for doc, err := range Documents([]string{write(t, filepath.Join(t.TempDir(), "file"), text)}) {
		if err != nil {
			return docs, err
		}
		docs = append(docs, doc)
	}
	return docs, nil
}

func TestDocuments(t *testing.T) {
	for _, c := range []struct {
		text string
		want []string
	}{
		{"", nil},
		{"\n \n", nil},
		{"one", []string{"one"}},
		{"one\n\nstill one\n", []string{"one\n\nstill one"}},
		{"one\n<|endoftext|>\ntwo\n<|endoftext|>\n", []string{"one", "two"}},
		{"<|endoftext|>\r\none\r\n <|endoftext|> \r\n\r\n<|endoftext|>\ntwo", []string{"one", "two"}},
		{"not <|endoftext|> alone", []string{"not <|endoftext|> alone"}},
	} {
		if have, err := documents(t, c.text); err != nil || !slices.Equal(have, c.want) {
			t.Errorf("%q: have %q, %v, want %q", c.text, have, err, c.want)
		}
	}
	if docs, err := documents(t, "fine\nnot \xff fine"); err == nil || !strings.Contains(err.Error(), "file:2:") {
		t.Errorf("broken UTF-8 gives %q, %v", docs, err)
	}
	// A reader may stop early, and a file that is not there is an error.
	for range Documents([]string{write(t, filepath.Join(t.TempDir(), "file"), "one\n<|endoftext|>\ntwo")}) {
		break
	}
	for _, err := range Documents([]string{filepath.Join(t.TempDir(), "none")}) {
		if !errors.Is(err, os.ErrNotExist) {
			t.Errorf("error %v", err)
		}
	}
}

func TestTokenize(t *testing.T) {
	letters := func(text string) (ids []int32) {
		for _, r := range text {
			ids = append(ids, r)
		}
		return ids
	}
	texts := func(docs ...string) func(func(string, error) bool) {
		return func(yield func(string, error) bool) {
			for _, d := range docs {
				if !yield(d, nil) {
					return
				}
			}
		}
	}
	have, err := Tokenize(t.Context(), texts("ab", "", "c"), letters, 0)
	if want := []int32{0, 'a', 'b', 0, 0, 'c', 0}; err != nil || !slices.Equal(have.IDs, want) || have.Documents != 3 || have.Bytes != 3 {
		t.Errorf("have %+v, %v, want %v", have, err, want)
	}
	if have, err := Tokenize(t.Context(), texts(), letters, 0); err == nil {
		t.Errorf("no text gives %v", have)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Tokenize(ctx, texts("a"), letters, 0); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
	refused := errors.New("refused")
	_, err = Tokenize(t.Context(), func(yield func(string, error) bool) { yield("", refused) }, letters, 0)
	if !errors.Is(err, refused) {
		t.Errorf("error %v", err)
	}
}

func stream(n int) []int32 {
	ids := make([]int32, n)
	for i := range ids {
		ids[i] = int32(i)
	}
	return ids
}

// take collects the first n batches of a source from number at on.
func take(t *testing.T, s Source, at int64, n int) (batches []Batch) {
	t.Helper()
	for b, err := range s.From(at) {
		if err != nil {
			t.Fatal(err)
		}
		if batches = append(batches, b); len(batches) == n {
			break
		}
	}
	return batches
}

// Each pass over the stream shows every window once, each token before the one
// that follows, and no two passes are alike.
func TestWindowsCoverTheStream(t *testing.T) {
	for _, c := range []struct{ tokens, length, batch int }{{100, 7, 3}, {8, 7, 1}, {500, 16, 4}, {33, 16, 2}, {2, 1, 1}} {
		w := Windows{Tokens: stream(c.tokens), Length: c.length, Batch: c.batch, Seed: 3}
		epoch := w.Epoch()
		var firsts []int32
		for _, b := range take(t, w, 0, 3*epoch) {
			if err := b.Rows.Check(); err != nil || b.Rows.Len() != c.batch || b.Rows.Rows() != c.batch*c.length {
				t.Fatalf("%+v: rows %+v, %v", c, b.Rows, err)
			}
			for i := range b.Rows.Len() {
				ids, labels := b.Input.IDs[b.Rows.Off[i]:b.Rows.Off[i+1]], b.Input.Labels[b.Rows.Off[i]:b.Rows.Off[i+1]]
				for k := range ids {
					if ids[k] != ids[0]+int32(k) || labels[k] != ids[k]+1 {
						t.Fatalf("%+v: a window of %v with labels %v", c, ids, labels)
					}
				}
				firsts = append(firsts, ids[0])
			}
		}
		one, two := slices.Clone(firsts[:epoch]), slices.Clone(firsts[epoch:2*epoch])
		if epoch > 10 && slices.Equal(one, two) {
			t.Errorf("%+v: two passes have the same order", c)
		}
		for _, pass := range [][]int32{one, two} {
			shuffled := slices.Clone(pass)
			slices.Sort(pass)
			for i := range pass {
				if pass[i] != pass[0]+int32(i*c.length) || int(pass[0]) >= c.length {
					t.Errorf("%+v: a pass has windows at %v", c, pass)
				}
			}
			if epoch > 10 && slices.Equal(shuffled, pass) {
				t.Errorf("%+v: a pass is not shuffled", c)
			}
		}
	}
}

// The order depends on the seed alone, and can be taken up anywhere.
func TestWindowsFrom(t *testing.T) {
	w := Windows{Tokens: stream(200), Length: 8, Batch: 3, Seed: 1}
	all := take(t, w, 0, 40)
	for _, at := range []int64{1, 7, 8, 9, 39} {
		if have := take(t, w, at, 1)[0]; !slices.Equal(have.Input.IDs, all[at].Input.IDs) {
			t.Errorf("batch %d is %v, was %v", at, have.Input.IDs, all[at].Input.IDs)
		}
	}
	w.Seed = 2
	if slices.Equal(take(t, w, 0, 1)[0].Input.IDs, all[0].Input.IDs) {
		t.Error("another seed gives the same batch")
	}
	// Batches of another size cut the same order of windows.
	w.Seed, w.Batch = 1, 6
	if have := take(t, w, 3, 1)[0]; !slices.Equal(have.Input.IDs, append(slices.Clone(all[6].Input.IDs), all[7].Input.IDs...)) {
		t.Error("a batch of twice the size is not two batches")
	}
}

// In order every token but the first is predicted once.
func TestInOrder(t *testing.T) {
	for _, n := range []int{2, 7, 8, 9, 15, 16, 17, 100} {
		var labels []int32
		for b, err := range (Windows{Tokens: stream(n), Length: 8, Batch: 3}).InOrder(0) {
			if err != nil {
				t.Fatal(err)
			}
			labels = append(labels, b.Input.Labels...)
		}
		if !slices.Equal(labels, stream(n)[1:]) {
			t.Errorf("%d tokens: labels %v", n, labels)
		}
	}
	var firsts []int32
	for b := range (Windows{Tokens: stream(97), Length: 8, Batch: 4}).InOrder(3) {
		for i := range b.Rows.Len() {
			firsts = append(firsts, b.Input.IDs[b.Rows.Off[i]])
		}
	}
	if want := []int32{0, 32, 64}; !slices.Equal(firsts, want) {
		t.Errorf("three windows start at %v, want %v", firsts, want)
	}
	for _, err := range (Windows{Tokens: stream(1), Length: 8, Batch: 4}).InOrder(0) {
		if err == nil {
			t.Error("one token predicts nothing, and no error says so")
		}
	}
}

func TestWindowsCheck(t *testing.T) {
	for _, w := range []Windows{{}, {Tokens: stream(8), Length: 8, Batch: 1}, {Tokens: stream(9), Length: 8}} {
		for _, err := range w.From(0) {
			if err == nil {
				t.Errorf("%+v gives batches", w)
			}
			break
		}
	}
}

// Whatever a file holds, its documents are trimmed, not empty, free of end
// lines, and lose nothing but white space and these lines.
func FuzzDocuments(f *testing.F) {
	for _, text := range []string{"", "one", "one\n<|endoftext|>\ntwo\n", "<|endoftext|>\r\n\n<|endoftext|>", "a\x00\n <|endoftext|>\t\n\u00a0b"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		squeeze := func(s string) string { return strings.Join(strings.Fields(s), "") }
		var want, have strings.Builder
		for line := range strings.Lines(text) {
			if strings.TrimSpace(line) != EndOfText {
				want.WriteString(squeeze(line))
			}
		}
		for doc := range parts(text) {
			if doc == "" || doc != strings.TrimSpace(doc) {
				t.Errorf("document %q", doc)
			}
			for line := range strings.Lines(doc) {
				if strings.TrimSpace(line) == EndOfText {
					t.Errorf("document %q holds an end line", doc)
				}
			}
			have.WriteString(squeeze(doc))
		}
		if have.String() != want.String() {
			t.Errorf("%q gives %q", text, have.String())
		}
	})
}
