package safetensors

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"unicode/utf8"
)

const (
	maxHeader   = 100_000_000    // bytes; the reference refuses longer ones too
	metadataKey = "__metadata__" // the header's one entry that is no tensor
)

// entry is a tensor as the header describes it, its offsets not yet checked.
type entry struct {
	Tensor
	begin, end int
}

// parse checks a whole file and returns its tensors, sorted by name, as views of
// b, and its metadata. What is wrong goes to p; nothing is returned then.
func parse(b []byte, p *problems) ([]Tensor, map[string]string) {
	if len(b) < 8 {
		p.add("%d bytes are too few for a safetensors file, which begins with the 8-byte length of its header", len(b))
		return nil, nil
	}
	n := binary.LittleEndian.Uint64(b)
	switch {
	case n > maxHeader:
		p.add("header of %d bytes, at most %d are allowed; is this a safetensors file?", n, maxHeader)
		return nil, nil
	case n > uint64(len(b)-8):
		p.add("header of %d bytes, but only %d follow: the file is cut off", n, len(b)-8)
		return nil, nil
	}
	entries, metadata := parseHeader(b[8:8+n], p)
	data := b[8+n:]
	checkLayout(entries, len(data), p)
	if len(*p) > 0 {
		return nil, nil
	}
	tensors := make([]Tensor, len(entries))
	for i, e := range entries {
		e.Data = data[e.begin:e.end:e.end]
		tensors[i] = e.Tensor
	}
	slices.SortFunc(tensors, func(a, b Tensor) int { return cmp.Compare(a.Name, b.Name) })
	return tensors, metadata
}

// parseHeader reads the JSON. Entries with problems of their own are left out.
func parseHeader(header []byte, p *problems) (entries []entry, metadata map[string]string) {
	if !utf8.Valid(header) {
		p.add("header is not valid UTF-8")
		return nil, nil
	}
	if len(header) == 0 || header[0] != '{' {
		p.add("header does not begin with {; is this a safetensors file?")
		return nil, nil
	}
	dec := json.NewDecoder(bytes.NewReader(header))
	dec.UseNumber()
	err := object(dec, func(name string) error {
		if name == metadataKey {
			metadata = map[string]string{}
			return object(dec, func(key string) error {
				value, err := text(dec)
				if err != nil {
					return fmt.Errorf("%q: %w", key, err)
				}
				metadata[key] = value
				return nil
			})
		}
		e := entry{Tensor: Tensor{Name: name}}
		before := len(*p)
		if err := e.read(dec, p); err != nil {
			return err
		}
		if len(*p) == before {
			entries = append(entries, e)
		}
		return nil
	})
	if err == nil {
		if _, more := dec.Token(); more != io.EOF {
			err = errors.New("more text after the closing }")
		}
	}
	if err != nil {
		p.add("header: %v", err)
	}
	return entries, metadata
}

// read reads {"dtype":…,"shape":…,"data_offsets":…}. Values of the right form
// that make no sense go to p; values of the wrong form are an error.
func (e *entry) read(dec *json.Decoder, p *problems) error {
	var dtype string
	var offsets []int
	seen := map[string]bool{}
	err := object(dec, func(key string) (err error) {
		seen[key] = true
		switch key {
		case "dtype":
			dtype, err = text(dec)
		case "shape":
			e.Shape, err = sizes(dec)
		case "data_offsets":
			offsets, err = sizes(dec)
		default: // the reference skips what it does not know
			err = dec.Decode(new(json.RawMessage))
		}
		if err != nil {
			return fmt.Errorf("%s: %w", key, err)
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("%s: %w", e.Name, err)
	}
	for _, key := range []string{"dtype", "shape", "data_offsets"} {
		if !seen[key] {
			p.add("%s: has no %s", e.Name, key)
		}
	}
	d, known := ParseDType(dtype)
	if seen["dtype"] && !known {
		p.add("%s: unknown dtype %q", e.Name, dtype)
	}
	e.DType = d
	if !seen["data_offsets"] {
		return nil
	}
	if len(offsets) != 2 || offsets[0] > offsets[1] {
		p.add("%s: data_offsets %v, want begin and end", e.Name, offsets)
		return nil
	}
	e.begin, e.end = offsets[0], offsets[1]
	if !known || !seen["shape"] {
		return nil
	}
	switch want, ok := byteSize(e.DType, e.Shape); {
	case !ok:
		p.add("%s: shape %v is too large to be true", e.Name, e.Shape)
	case want != e.end-e.begin:
		p.add("%s: %v%v takes %d bytes, data_offsets %v hold %d", e.Name, e.DType, e.Shape, want, offsets, e.end-e.begin)
	}
	return nil
}

// checkLayout checks that the entries cover size bytes of data without overlap
// or gap. Entries that were left out for problems of their own leave gaps, which
// are then not worth a line.
func checkLayout(entries []entry, size int, p *problems) {
	complete := len(*p) == 0
	slices.SortFunc(entries, func(a, b entry) int {
		return cmp.Or(cmp.Compare(a.begin, b.begin), cmp.Compare(a.end, b.end), cmp.Compare(a.Name, b.Name))
	})
	reached, by := 0, "the header"
	for _, e := range entries {
		switch {
		case e.end > size:
			p.add("%s: data_offsets [%d %d] lie beyond the file's %d bytes of data: the file is cut off", e.Name, e.begin, e.end, size)
		case e.begin < reached && e.begin < e.end:
			p.add("%s: data_offsets [%d %d] overlap %s, which ends at %d", e.Name, e.begin, e.end, by, reached)
		case e.begin != reached && complete:
			p.add("%s: data_offsets [%d %d] do not begin at %d, where %s ends", e.Name, e.begin, e.end, reached, by)
		}
		if e.end > reached {
			reached, by = e.end, e.Name
		}
	}
	if reached < size && complete {
		p.add("%d bytes of data belong to no tensor", size-reached)
	}
}

// object reads {…}, calling value at each key to read what follows it. A key
// that occurs twice is an error.
func object(dec *json.Decoder, value func(key string) error) error {
	if err := delim(dec, '{'); err != nil {
		return err
	}
	seen := map[string]bool{}
	for dec.More() {
		key, err := text(dec)
		if err != nil {
			return err
		}
		if seen[key] {
			return fmt.Errorf("%s: occurs twice", key)
		}
		seen[key] = true
		if err := value(key); err != nil {
			return err
		}
	}
	return delim(dec, '}')
}

// sizes reads [1,2,…], integers from 0 to the largest int.
func sizes(dec *json.Decoder) ([]int, error) {
	if err := delim(dec, '['); err != nil {
		return nil, err
	}
	list := []int{}
	for dec.More() {
		token, err := next(dec)
		if err != nil {
			return nil, err
		}
		number, ok := token.(json.Number)
		if !ok {
			return nil, fmt.Errorf("have %v, want a whole number", token)
		}
		n, err := strconv.ParseUint(number.String(), 10, strconv.IntSize-1)
		if err != nil {
			return nil, fmt.Errorf("have %v, want a whole number from 0 to %d", number, maxInt)
		}
		list = append(list, int(n))
	}
	return list, delim(dec, ']')
}

// text reads a string.
func text(dec *json.Decoder) (string, error) {
	token, err := next(dec)
	if err != nil {
		return "", err
	}
	s, ok := token.(string)
	if !ok {
		return "", fmt.Errorf("have %v, want a string", token)
	}
	return s, nil
}

// delim reads one of { } [ ].
func delim(dec *json.Decoder, want json.Delim) error {
	token, err := next(dec)
	if err != nil {
		return err
	}
	if token != want {
		return fmt.Errorf("have %v, want %v", token, want)
	}
	return nil
}

// next reads a token; the end of the header is an error here.
func next(dec *json.Decoder) (json.Token, error) {
	token, err := dec.Token()
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return token, err
}
