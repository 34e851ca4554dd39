package cpu

import (
	"errors"
	"fmt"
	"math/bits"
	"sync"
	"unsafe"

	"github.com/qkvgo/qkv/device"
)

// slabs gives out memory that the collector neither scans nor clears. Small pieces
// are rounded up to a class, four classes to a doubling, and wait in their class's
// list for reuse; large ones are runs of whole pages, which join their free
// neighbours when they come back, so that memory of one shape serves any other.
type slabs struct {
	mu      sync.Mutex
	lists   [4 * 64][]unsafe.Pointer
	chunk   []byte   // the rest of the chunk that small pieces are cut from
	chunks  [][]byte // all chunks
	runs    runs
	inUse   int64
	peak    int64
	mapped  int64                  // of chunks
	classes map[unsafe.Pointer]int // class of each small piece in use
}

const (
	chunkSize = 4 << 20
	smallest  = 64        // bytes: one cache line
	large     = 256 << 10 // bytes from which a piece is a run of pages
)

// class gives the index and the size in bytes of the class for n bytes.
func class(n int) (index, size int) {
	n = max(n, smallest)
	b := bits.Len(uint(n-1)) - 1 // 2^b < n ≤ 2^(b+1), for n > 1
	step := max(1<<b>>2, smallest)
	size = (n + step - 1) / step * step
	return 4*b + (size-1<<b)*4>>b, size
}

func (s *slabs) alloc(n int) []float32 {
	if n < 0 {
		panic(fmt.Sprintf("cpu: alloc of %d floats", n))
	}
	if n == 0 {
		return []float32{}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	p, size := s.find(4 * n)
	s.inUse += int64(size)
	s.peak = max(s.peak, s.inUse)
	return unsafe.Slice((*float32)(p), n)
}

// find gives a piece of at least n bytes, and its size.
func (s *slabs) find(n int) (unsafe.Pointer, int) {
	if n >= large {
		size := wholePages(n)
		p, err := s.runs.take(size)
		if err != nil {
			panic(s.outOfMemory(size, err))
		}
		return p, size
	}
	index, size := class(n)
	var p unsafe.Pointer
	if list := s.lists[index]; len(list) > 0 {
		p = list[len(list)-1]
		s.lists[index] = list[:len(list)-1]
	} else {
		p = s.cut(size)
	}
	if s.classes == nil {
		s.classes = map[unsafe.Pointer]int{}
	}
	s.classes[p] = index<<1 | 1
	return p, size
}

// cut takes a new small piece off a chunk.
func (s *slabs) cut(size int) unsafe.Pointer {
	if len(s.chunk) < size {
		b, err := mapMemory(chunkSize)
		if err != nil {
			panic(s.outOfMemory(size, err))
		}
		s.chunk, s.chunks = b, append(s.chunks, b)
		s.mapped += chunkSize
	}
	p := unsafe.Pointer(unsafe.SliceData(s.chunk))
	s.chunk = s.chunk[size:]
	return p
}

func (s *slabs) outOfMemory(size int, err error) error {
	return &device.OutOfMemory{Bytes: int64(size), InUse: s.inUse, Err: err}
}

func (s *slabs) free(b []float32) {
	if cap(b) == 0 {
		return
	}
	p := unsafe.Pointer(unsafe.SliceData(b))
	s.mu.Lock()
	defer s.mu.Unlock()
	if size, ok := s.runs.giveBack(p); ok {
		s.inUse -= int64(size)
		return
	}
	c, ok := s.classes[p]
	if !ok {
		panic("cpu: memory returned twice, or not from this device")
	}
	delete(s.classes, p)
	_, size := class(4 * cap(b))
	s.lists[c>>1] = append(s.lists[c>>1], p)
	s.inUse -= int64(size)
}

func (s *slabs) stats() device.MemoryStats {
	s.mu.Lock()
	defer s.mu.Unlock()
	return device.MemoryStats{InUse: s.inUse, Peak: s.peak, Mapped: s.mapped + s.runs.touched()}
}

func (s *slabs) resetPeak() {
	s.mu.Lock()
	s.peak = s.inUse
	s.mu.Unlock()
}

// trim unmaps everything if nothing is in use.
func (s *slabs) trim() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.inUse == 0 {
		_ = s.unmap()
	}
}

func (s *slabs) close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.inUse != 0 {
		return fmt.Errorf("cpu: closed with %d bytes still in use", s.inUse)
	}
	return s.unmap()
}

func (s *slabs) unmap() error {
	errs := []error{s.runs.unmap()}
	for _, b := range s.chunks {
		errs = append(errs, unmapMemory(b))
	}
	clear(s.lists[:])
	s.chunks, s.chunk, s.mapped = nil, nil, 0
	return errors.Join(errs...)
}
