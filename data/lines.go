package data

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"iter"
	"strings"
	"unicode"
	"unicode/utf8"
)

// errNotUTF8 is what is wrong with text in another encoding.
var errNotUTF8 = errors.New("not UTF-8 text")

// scanner reads a file line by line and holds no more than one line.
type scanner struct {
	in   *bufio.Reader
	name string
	max  int // bytes a line
	line int // number of the line read last
	buf  []byte
}

// scan starts reading, behind the byte order mark if there is one.
func scan(in io.Reader, name string, max int) *scanner {
	s := &scanner{in: bufio.NewReaderSize(in, 1<<16), name: name, max: max}
	if head, _ := s.in.Peek(3); bytes.Equal(head, []byte("\ufeff")) {
		s.in.Discard(3)
	}
	return s
}

// place is where the line read last stands.
func (s *scanner) place() Place { return Place{s.name, s.line} }

// next gives a line without its end, LF or CRLF; io.EOF after the last. It
// stays valid until the next call. A line that is too long is a *BadRow, and
// the next call goes on after it.
func (s *scanner) next() ([]byte, error) {
	s.buf = s.buf[:0]
	long := false
	for started := false; ; started = true {
		part, err := s.in.ReadSlice('\n')
		if !started && len(part) > 0 {
			s.line++
		}
		if err != nil && err != bufio.ErrBufferFull && err != io.EOF {
			return nil, fmt.Errorf("%s: %w", s.name, err)
		}
		if long = long || len(s.buf)+len(part) > s.max+2; !long {
			s.buf = append(s.buf, part...)
		}
		if err == bufio.ErrBufferFull {
			continue
		}
		if err == io.EOF && !started && len(part) == 0 {
			return nil, io.EOF
		}
		line := bytes.TrimSuffix(bytes.TrimSuffix(s.buf, []byte("\n")), []byte("\r"))
		if long || len(line) > s.max {
			return nil, bad(s.place(), fmt.Errorf("the line has more than %d bytes", s.max))
		}
		return line, nil
	}
}

// lines gives an example for each line that is not blank: its text or, where
// labelled, its first word as the label and the rest as the text.
func (r Reader) lines(in io.Reader, name string, labelled bool) iter.Seq2[Example, error] {
	return func(yield func(Example, error) bool) {
		s := scan(in, name, r.maxRow())
		for {
			line, err := s.next()
			if err == io.EOF {
				return
			}
			text := strings.TrimSpace(string(line))
			if err == nil && text == "" {
				continue
			}
			e := Example{Text: text, Source: s.place()}
			if err == nil && !utf8.Valid(line) {
				err = bad(e.Source, errNotUTF8)
			}
			if err == nil && labelled {
				word := strings.IndexFunc(text, unicode.IsSpace)
				if word < 0 {
					err = bad(e.Source, fmt.Errorf("the line is one word, %.40q: want a label and a text", text))
				} else {
					r.label(&e, text[:word])
					e.Text = strings.TrimSpace(text[word:])
				}
			}
			if !yield(e, err) {
				return
			}
		}
	}
}
