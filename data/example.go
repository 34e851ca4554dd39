package data

import (
	"fmt"
	"strings"
)

// Example is one text, or a pair of texts, and what is known about it.
type Example struct {
	Text, Pair string
	Label      string   // empty where there is none, or where there are several
	Labels     []string // of a row that may have several; else nil
	ID         string
	Source     Place
}

// Place is where a row stands: the file and the line it starts on, from 1.
type Place struct {
	File string
	Line int
}

// String is the place as compilers write it, file:line.
func (p Place) String() string { return fmt.Sprintf("%s:%d", p.File, p.Line) }

// BadRow is the error of one row. The rows after it can still be read.
type BadRow struct {
	Place Place
	Err   error
}

// Error names the place, then what is wrong there.
func (b *BadRow) Error() string { return fmt.Sprintf("%v: %v", b.Place, b.Err) }

// Unwrap is what is wrong, without the place.
func (b *BadRow) Unwrap() error { return b.Err }

// Skips lets bad rows pass, and counts them.
type Skips struct {
	Limit int       // more bad rows than this are an error; below 0: any number may pass
	Count int       // bad rows met so far
	First []*BadRow // the first ten of them
}

// pass counts a bad row, and says by an error that it may not be skipped. Where
// nobody asked for skipping, s is nil.
func (s *Skips) pass(bad *BadRow) error {
	if s == nil {
		return bad
	}
	s.Count++
	if len(s.First) < 10 {
		s.First = append(s.First, bad)
	}
	if s.Limit >= 0 && s.Count > s.Limit {
		return fmt.Errorf("%w (bad row number %d, %d may be skipped)", bad, s.Count, s.Limit)
	}
	return nil
}

// class is the label as one string, for counts and splits.
func (e Example) class() string {
	if e.Labels != nil {
		return strings.Join(e.Labels, "\x1f")
	}
	return e.Label
}
