package safetensors

import (
	"cmp"
	"errors"
	"io"
	"io/fs"
	"iter"
	"os"
	"slices"

	"github.com/qkvgo/qkv/internal/mmap"
)

// File is an open file, or the open files of a sharded model, whose header has
// been checked. It is safe for use by several goroutines, except for Close.
type File struct {
	// Metadata holds the strings that came along, usually {"format": "pt"}. Of
	// shards that disagree on a key, the first in order of names counts.
	Metadata map[string]string

	tensors []Tensor          // by name
	shards  map[string]string // tensor name → file name; nil for a single file
	maps    []*mmap.Mapping
}

// Open maps the file at path.
func Open(path string) (*File, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	return openAlone(path, file)
}

// Parse reads a file that is in memory, without a copy: b must not change while
// the File or a Tensor of it is in use.
func Parse(b []byte) (*File, error) {
	f := &File{}
	if err := f.add("", b, nil); err != nil {
		return nil, err
	}
	return f, nil
}

// OpenFS opens a file of fsys. Files of the operating system are mapped, those
// with a method Bytes() []byte are used in place, others are read to memory.
func OpenFS(fsys fs.FS, name string) (*File, error) {
	file, err := fsys.Open(name)
	if err != nil {
		return nil, err
	}
	return openAlone(name, file)
}

// openAlone makes a File of one file, which it closes.
func openAlone(name string, file fs.File) (*File, error) {
	f := &File{}
	if err := f.open(name, file); err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// open adds the tensors of one file and closes it.
func (f *File) open(name string, file fs.File) error {
	defer file.Close()
	switch file := file.(type) {
	case *os.File:
		m, err := mmap.Map(file)
		if err != nil {
			return err
		}
		f.maps = append(f.maps, m)
		return f.add(name, m.Bytes(), m)
	case interface{ Bytes() []byte }:
		return f.add(name, file.Bytes(), nil)
	default:
		b, err := io.ReadAll(file) // grows with what is there, not with what is claimed
		if err != nil {
			return &fs.PathError{Op: "read", Path: name, Err: err}
		}
		return f.add(name, b, nil)
	}
}

// add checks a file's bytes and adds its tensors, which keep m alive.
func (f *File) add(name string, b []byte, m *mmap.Mapping) error {
	var p problems
	tensors, metadata := parse(b, &p)
	if err := p.err(name); err != nil {
		return err
	}
	for i := range tensors {
		tensors[i].keep = m
	}
	f.tensors = append(f.tensors, tensors...)
	for key, value := range metadata {
		if f.Metadata == nil {
			f.Metadata = map[string]string{}
		}
		if _, have := f.Metadata[key]; !have {
			f.Metadata[key] = value
		}
	}
	return nil
}

// Len returns the number of tensors.
func (f *File) Len() int { return len(f.tensors) }

// Names returns the tensors' names, sorted.
func (f *File) Names() []string {
	names := make([]string, len(f.tensors))
	for i, t := range f.tensors {
		names[i] = t.Name
	}
	return names
}

// All yields the tensors in order of their names.
func (f *File) All() iter.Seq[Tensor] { return slices.Values(f.tensors) }

// Tensor returns the tensor of that name, false if there is none.
func (f *File) Tensor(name string) (Tensor, bool) {
	i, ok := slices.BinarySearchFunc(f.tensors, name, func(t Tensor, name string) int {
		return cmp.Compare(t.Name, name)
	})
	if !ok {
		return Tensor{}, false
	}
	return f.tensors[i], true
}

// Close unmaps the file. After it no Data may be touched. Calling it again does
// nothing. A File that is dropped unclosed is unmapped when no Tensor of it is
// held any more.
func (f *File) Close() error {
	var errs []error
	for _, m := range f.maps {
		errs = append(errs, m.Close())
	}
	return errors.Join(errs...)
}

// Mapped returns how many files are mapped now and their bytes, in the whole
// program: what a test of leaks looks at.
func Mapped() (files int, bytes int64) { return mmap.Stats() }
