package data

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"slices"
	"unicode/utf8"
)

// Spool is a set too large for memory: its rows stand in a file, and memory
// holds only where each starts, 8 bytes a row. It may be read from several
// goroutines at once.
type Spool struct {
	file    *os.File
	offsets []int64 // of each row, and of the end
}

// NewSpool writes all examples to a file in dir, the system's folder for
// passing files where that is empty. Close removes the file.
func NewSpool(dir string, examples iter.Seq2[Example, error]) (*Spool, error) {
	f, err := os.CreateTemp(dir, "qkv-rows-*.jsonl")
	if err != nil {
		return nil, err
	}
	s := &Spool{f, []int64{0}}
	if err := s.write(examples); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// write is the first pass: it copies the rows and notes where they start.
func (s *Spool) write(examples iter.Seq2[Example, error]) error {
	out := bufio.NewWriterSize(s.file, 1<<18)
	for e, err := range examples {
		if err != nil {
			return err
		}
		// JSON would put other characters in the place of broken ones.
		for _, text := range append([]string{e.Text, e.Pair, e.Label, e.ID, e.Source.File}, e.Labels...) {
			if !utf8.ValidString(text) {
				return bad(e.Source, errNotUTF8)
			}
		}
		raw, err := json.Marshal(e)
		if err != nil {
			return fmt.Errorf("%v: %w", e.Source, err)
		}
		if _, err := out.Write(append(raw, '\n')); err != nil {
			return err
		}
		s.offsets = append(s.offsets, s.offsets[len(s.offsets)-1]+int64(len(raw))+1)
	}
	return out.Flush()
}

// Close removes the rows.
func (s *Spool) Close() error { return errors.Join(s.file.Close(), os.Remove(s.file.Name())) }

// Len is the number of rows.
func (s *Spool) Len() int { return len(s.offsets) - 1 }

// Rows reads rows first up to last, without last, as they came.
func (s *Spool) Rows(first, last int) ([]Example, error) {
	raw := make([]byte, s.offsets[last]-s.offsets[first])
	if _, err := s.file.ReadAt(raw, s.offsets[first]); err != nil && err != io.EOF {
		return nil, fmt.Errorf("%s: %w", s.file.Name(), err)
	}
	rows := make([]Example, last-first)
	for i := range rows {
		at, end := s.offsets[first+i]-s.offsets[first], s.offsets[first+i+1]-s.offsets[first]
		if err := json.Unmarshal(raw[at:end], &rows[i]); err != nil {
			return nil, fmt.Errorf("%s, row %d: another hand changed it: %w", s.file.Name(), first+i, err)
		}
	}
	return rows, nil
}

// Shuffle says how rows are mixed that memory cannot hold together: blocks of
// rows that follow each other are drawn in a random order, Blocks of them are
// read, and their rows shuffled. The disk so reads long stretches, and two rows
// that were neighbours come within Blocks × Rows of each other.
type Shuffle struct {
	Seed, Epoch uint64
	Rows        int // a block; 0: 64
	Blocks      int // in memory at once; 0: 256
}

// Shuffled is the second pass: every row once, in an order that depends on how
// alone.
func (s *Spool) Shuffled(how Shuffle) iter.Seq2[Example, error] {
	size, many := how.Rows, how.Blocks
	if size < 1 {
		size = 64
	}
	if many < 1 {
		many = 256
	}
	return func(yield func(Example, error) bool) {
		blocks := Permutation((s.Len()+size-1)/size, how.Seed, how.Epoch)
		group := 0
		for some := range slices.Chunk(blocks, many) {
			var rows []Example
			for _, b := range some {
				more, err := s.Rows(b*size, min((b+1)*size, s.Len()))
				if err != nil {
					yield(Example{}, err)
					return
				}
				rows = append(rows, more...)
			}
			// Each group has draws of its own: a key made of the seed and its number.
			group++
			shuffle(rows, how.Seed+uint64(group)*0x9E3779B97F4A7C15, how.Epoch)
			for _, e := range rows {
				if !yield(e, nil) {
					return
				}
			}
		}
	}
}
