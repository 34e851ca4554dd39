// Package mmap shows a file as memory, without reading it: pages come in when
// they are touched and cost no copy. Where the system has no such call the file
// is read instead.
package mmap

import (
	"fmt"
	"math"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"unsafe"
)

// Mapping is a file seen as read-only memory. Its bytes are valid until Close;
// a Mapping that nobody holds any more is closed by the garbage collector.
//
// Whoever keeps a slice of Bytes keeps the Mapping too: the slice alone does not
// hold it. Writing to the bytes is a fault, and so is touching a page beyond the
// end of a file that was shortened after it was mapped.
type Mapping struct {
	data    []byte
	once    sync.Once
	cleanup runtime.Cleanup
	err     error
}

// Mappings open now and the bytes that they cover, for Stats.
var openCount, openBytes atomic.Int64

// Stats returns how many mappings are open and how many bytes they cover.
func Stats() (count int, bytes int64) {
	return int(openCount.Load()), openBytes.Load()
}

// Map maps the whole of f. The file may be closed afterwards.
func Map(f *os.File) (*Mapping, error) {
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s: not a regular file", f.Name())
	}
	size := info.Size()
	if size > math.MaxInt {
		return nil, fmt.Errorf("%s: %d bytes do not fit the address space", f.Name(), size)
	}
	m := &Mapping{}
	if size == 0 {
		return m, nil // an empty file cannot be mapped and need not be
	}
	if m.data, err = mapFile(f, int(size)); err != nil {
		return nil, fmt.Errorf("map %s: %w", f.Name(), err)
	}
	openCount.Add(1)
	openBytes.Add(size)
	m.cleanup = runtime.AddCleanup(m, func(data []byte) { release(data) }, m.data)
	return m, nil
}

// Bytes returns the file's bytes, nil for an empty file and after Close.
func (m *Mapping) Bytes() []byte { return m.data }

// Close unmaps the file. Calling it again does nothing and returns the same error.
func (m *Mapping) Close() error {
	m.once.Do(func() {
		if m.data == nil {
			return
		}
		m.cleanup.Stop()
		m.err = release(m.data)
		m.data = nil
	})
	return m.err
}

// release unmaps data and takes it off the statistics.
func release(data []byte) error {
	openCount.Add(-1)
	openBytes.Add(-int64(len(data)))
	return unmap(data)
}

// Rest tells the system that data, a part of the mapping, will hardly be read
// again: whole pages of it leave the process's memory and come back from the file
// if they are read after all.
func (m *Mapping) Rest(data []byte) {
	if m == nil || len(data) == 0 {
		return
	}
	page := os.Getpagesize()
	start := int(uintptr(unsafe.Pointer(unsafe.SliceData(data))) - uintptr(unsafe.Pointer(unsafe.SliceData(m.data))))
	first, last := (start+page-1)/page*page, (start+len(data))/page*page
	if start >= 0 && last <= len(m.data) && first < last {
		rest(m.data[first:last])
	}
}
