package data

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"unicode/utf8"
)

// jsonLines gives an example for each line that holds an object.
func (r Reader) jsonLines(in io.Reader, name string) iter.Seq2[Example, error] {
	return func(yield func(Example, error) bool) {
		s := scan(in, name, r.maxRow())
		for {
			line, err := s.next()
			if err == io.EOF {
				return
			}
			if err == nil && len(bytes.TrimSpace(line)) == 0 {
				continue
			}
			e := Example{Source: s.place()}
			if err == nil {
				err = r.object(&e, line)
			}
			if !yield(e, err) {
				return
			}
		}
	}
}

// jsonArray gives an example for each object in an array. It finds where an
// element ends by counting brackets, so that it never holds more than one.
func (r Reader) jsonArray(in io.Reader, name string) iter.Seq2[Example, error] {
	return func(yield func(Example, error) bool) {
		a := array{scanner: scan(in, name, r.maxRow())}
		a.line = 1
		for {
			raw, at, err := a.next()
			if err == io.EOF {
				return
			}
			e := Example{Source: at}
			if err == nil {
				err = r.object(&e, raw)
			}
			if !yield(e, err) {
				return
			}
		}
	}
}

// object takes the parts of an example from a JSON object.
func (r Reader) object(e *Example, raw []byte) error {
	if !utf8.Valid(raw) {
		return bad(e.Source, errNotUTF8)
	}
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(raw, &fields); err != nil {
		return bad(e.Source, fmt.Errorf("no JSON object: %w", err))
	}
	var err error
	part := func(name, usual string) string {
		value := fields[cmp.Or(name, usual)]
		text, wrong := scalar(value)
		if wrong != nil && err == nil {
			err = bad(e.Source, fmt.Errorf("%q: %w", cmp.Or(name, usual), wrong))
		}
		return text
	}
	e.Text = part(r.Columns.Text, "text")
	if r.Columns.Pair != "" {
		e.Pair = part(r.Columns.Pair, "")
	}
	if r.Columns.ID != "" {
		e.ID = part(r.Columns.ID, "")
	}
	if value := bytes.TrimSpace(fields[cmp.Or(r.Columns.Label, "label")]); len(value) > 0 && value[0] == '[' {
		var list []json.RawMessage
		if json.Unmarshal(value, &list) == nil {
			e.Labels = []string{}
		}
		for _, v := range list {
			text, wrong := scalar(v)
			if wrong != nil && err == nil {
				err = bad(e.Source, fmt.Errorf("%q: %w", cmp.Or(r.Columns.Label, "label"), wrong))
			}
			e.Labels = append(e.Labels, r.cut(text))
		}
	} else if len(value) > 0 {
		r.label(e, part(r.Columns.Label, "label"))
	}
	if err != nil {
		return err
	}
	if e.Labels != nil && e.Text != "" {
		return nil
	}
	return r.check(e)
}

// scalar is a JSON string's text, or a number or a truth value as written;
// nothing and null are empty.
func scalar(value json.RawMessage) (string, error) {
	value = bytes.TrimSpace(value)
	if len(value) == 0 || string(value) == "null" {
		return "", nil
	}
	switch value[0] {
	case '"':
		var s string
		err := json.Unmarshal(value, &s)
		return s, err
	case '[', '{':
		return "", errors.New("want a string or a number, not a list or an object")
	}
	return string(value), nil
}

// array cuts a JSON array into its elements.
type array struct {
	*scanner
	began, ended bool
}

// next gives the bytes of one element and where it starts; io.EOF after the
// closing bracket.
func (a *array) next() (raw []byte, at Place, err error) {
	b, err := a.skip()
	switch {
	case a.ended && err == io.EOF:
		return nil, at, io.EOF
	case a.ended && err == nil:
		return nil, at, fmt.Errorf("%v: there is something after the end of the array", a.place())
	case !a.began && err == nil && b == '[':
		a.began = true
		if b, err = a.skip(); err == nil && b == ']' {
			a.ended = true
			return a.next()
		}
	case !a.began && (err == nil || err == io.EOF):
		return nil, at, fmt.Errorf("%v: want a JSON array; for one object a line say jsonl", a.place())
	}
	at = a.place()
	a.buf = a.buf[:0]
	depth, text, escaped := 0, false, false
	for ; err == nil; b, err = a.byte() {
		switch {
		case escaped:
			escaped = false
		case text:
			text, escaped = b != '"', b == '\\'
		case b == '"':
			text = true
		case b == '[' || b == '{':
			depth++
		case (b == ']' || b == '}') && depth > 0:
			depth--
		case b == ',' && depth == 0, b == ']':
			a.ended = b == ']'
			return a.buf, at, nil
		}
		if len(a.buf) >= a.max {
			return nil, at, fmt.Errorf("%v: an element of the array has more than %d bytes", at, a.max)
		}
		a.buf = append(a.buf, b)
	}
	if err == io.EOF {
		err = fmt.Errorf("%v: the array ends in the middle", at)
	}
	return nil, at, err
}

// byte reads one byte and counts lines.
func (a *array) byte() (byte, error) {
	b, err := a.in.ReadByte()
	if b == '\n' {
		a.line++
	}
	return b, err
}

// skip gives the next byte that is no white space.
func (a *array) skip() (byte, error) {
	for {
		if b, err := a.byte(); err != nil || !bytes.ContainsRune([]byte(" \t\r\n"), rune(b)) {
			return b, err
		}
	}
}
