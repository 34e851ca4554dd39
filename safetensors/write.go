package safetensors

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"unicode/utf8"

	"github.com/qkvgo/qkv/internal/atomicfile"
)

// Write replaces the file at path by one that holds the tensors, in the layout
// of the reference: higher types first, then by name. It is written aside,
// synced and renamed: after an error the old file is as it was. The tensors may
// be views of the file that is being replaced.
//
// The reference gives PyTorch's files the metadata {"format": "pt"}, and some
// of its readers insist on it.
func Write(path string, tensors []Tensor, metadata map[string]string) error {
	if err := check(tensors, metadata).err(path); err != nil {
		return err
	}
	return atomicfile.Write(path, func(w io.Writer) error { return Encode(w, tensors, metadata) })
}

// Encode writes the file's bytes to w.
func Encode(w io.Writer, tensors []Tensor, metadata map[string]string) error {
	if err := check(tensors, metadata).err(""); err != nil {
		return err
	}
	tensors = slices.Clone(tensors)
	slices.SortFunc(tensors, func(a, b Tensor) int {
		return cmp.Or(cmp.Compare(b.DType, a.DType), cmp.Compare(a.Name, b.Name))
	})
	if _, err := w.Write(header(tensors, metadata)); err != nil {
		return err
	}
	for _, t := range tensors {
		if _, err := w.Write(t.Data); err != nil {
			return err
		}
	}
	return nil
}

// check returns what keeps the tensors from being written.
func check(tensors []Tensor, metadata map[string]string) (p problems) {
	seen := map[string]bool{}
	for _, t := range tensors {
		size, fits := byteSize(t.DType, t.Shape)
		switch {
		case t.Name == metadataKey || !utf8.ValidString(t.Name):
			p.add("%q: cannot be the name of a tensor", t.Name)
		case seen[t.Name]:
			p.add("%s: occurs twice", t.Name)
		case !t.DType.known():
			p.add("%s: unknown dtype", t)
		case !fits || size != len(t.Data):
			p.add("%s: have %d bytes, want %d", t, len(t.Data), size)
		}
		seen[t.Name] = true
	}
	for key, value := range metadata {
		if !utf8.ValidString(key) || !utf8.ValidString(value) {
			p.add("metadata %q: %q is not valid UTF-8", key, value)
		}
	}
	return p
}

// header returns length and header of a file with the tensors in this order,
// filled with spaces to a multiple of 8 bytes.
func header(tensors []Tensor, metadata map[string]string) []byte {
	b := make([]byte, 8, 8+128*(len(tensors)+1))
	b = append(b, '{')
	comma := func() {
		if last := b[len(b)-1]; last != '{' {
			b = append(b, ',')
		}
	}
	if len(metadata) > 0 {
		b = append(appendString(b, metadataKey), ":{"...)
		for _, key := range slices.Sorted(maps.Keys(metadata)) {
			comma()
			b = append(appendString(b, key), ':')
			b = appendString(b, metadata[key])
		}
		b = append(b, '}')
	}
	offset := 0
	for _, t := range tensors {
		comma()
		b = appendString(b, t.Name)
		b = fmt.Appendf(b, `:{"dtype":"%v","shape":[`, t.DType)
		for i, dim := range t.Shape {
			if i > 0 {
				b = append(b, ',')
			}
			b = strconv.AppendInt(b, int64(dim), 10)
		}
		b = fmt.Appendf(b, `],"data_offsets":[%d,%d]}`, offset, offset+len(t.Data))
		offset += len(t.Data)
	}
	b = append(b, '}')
	for len(b)%8 != 0 {
		b = append(b, ' ')
	}
	binary.LittleEndian.PutUint64(b, uint64(len(b)-8))
	return b
}

// appendString appends s as JSON, escaping what must be escaped and no more, as
// the reference does.
func appendString(b []byte, s string) []byte {
	b = append(b, '"')
	for i := range len(s) {
		switch c := s[i]; {
		case c == '"' || c == '\\':
			b = append(b, '\\', c)
		case c >= ' ':
			b = append(b, c)
		case c == '\b':
			b = append(b, `\b`...)
		case c == '\t':
			b = append(b, `\t`...)
		case c == '\n':
			b = append(b, `\n`...)
		case c == '\f':
			b = append(b, `\f`...)
		case c == '\r':
			b = append(b, `\r`...)
		default:
			b = fmt.Appendf(b, `\u%04x`, c)
		}
	}
	return append(b, '"')
}
