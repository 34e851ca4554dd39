package data

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"strings"
	"unicode/utf8"
)

// Sentence is a row of words, each with its tag.
type Sentence struct {
	Tokens, Tags []string
	Source       Place
}

// Sentences gives the sentences of files in the form of the CoNLL tasks: a
// token, columns between that are left out, and its tag on each line, divided
// by tabs or, where there is none, by spaces; a blank line after each sentence.
// Lines that start with -DOCSTART- are passed over. In folders and zip files
// only what ends in .conll, .bio, .iob or .parquet is read; the last has columns of
// lists, tokens and ner_tags or as Columns says. A wrong line makes its whole
// sentence a bad row.
func (r Reader) Sentences(paths ...string) iter.Seq2[Sentence, error] {
	return read(r, paths, func(f file, fsys fs.FS, yield func(Sentence, error) bool) bool {
		if r.isParquet(f) {
			return r.parquetSentences(f, fsys, yield)
		}
		if !f.named && !strings.HasSuffix(f.name, ".conll") && !strings.HasSuffix(f.name, ".bio") && !strings.HasSuffix(f.name, ".iob") {
			return true
		}
		in, err := fsys.Open(f.name)
		if err != nil {
			return yield(Sentence{}, fmt.Errorf("%s: %w", f.shown, err))
		}
		defer in.Close()
		for s, err := range r.sentences(in, f.shown) {
			if !yield(s, err) {
				return false
			}
		}
		return true
	})
}

// sentences gives the sentences of one file.
func (r Reader) sentences(in io.Reader, name string) iter.Seq2[Sentence, error] {
	return func(yield func(Sentence, error) bool) {
		lines := scan(in, name, r.maxRow())
		var s Sentence
		var wrong error
		size := 0
		// give hands on what has come together, and starts afresh.
		give := func() bool {
			have, err := s, wrong
			s, wrong, size = Sentence{}, nil, 0
			return have.Source.Line == 0 || yield(have, err)
		}
		for {
			line, err := lines.next()
			if err == io.EOF {
				give()
				return
			}
			if err != nil && !isBadRow(err) {
				yield(s, err)
				return
			}
			text := strings.TrimSpace(string(line))
			if err == nil && text == "" {
				if !give() {
					return
				}
				continue
			}
			if strings.HasPrefix(text, "-DOCSTART-") {
				continue
			}
			if s.Source.Line == 0 {
				s.Source = lines.place()
			}
			if wrong == nil {
				wrong = err
			}
			if wrong != nil {
				continue
			}
			columns := strings.Split(string(line), "\t")
			if len(columns) == 1 {
				columns = strings.Fields(text)
			}
			token, tag := strings.TrimSpace(columns[0]), strings.TrimSpace(columns[len(columns)-1])
			size += len(line)
			switch {
			case !utf8.Valid(line):
				wrong = bad(lines.place(), errNotUTF8)
			case len(columns) < 2 || token == "" || tag == "":
				wrong = bad(lines.place(), fmt.Errorf("want a token, a tab and a tag, have %.40q", text))
			case size > r.maxRow():
				wrong = bad(lines.place(), fmt.Errorf("the sentence has more than %d bytes", r.maxRow()))
			default:
				s.Tokens, s.Tags = append(s.Tokens, token), append(s.Tags, tag)
			}
		}
	}
}

// isBadRow is whether reading can go on after an error.
func isBadRow(err error) bool {
	_, ok := errors.AsType[*BadRow](err)
	return ok
}
