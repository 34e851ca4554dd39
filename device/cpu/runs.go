package cpu

import (
	"cmp"
	"errors"
	"slices"
	"unsafe"
)

// runs gives out runs of pages from a few regions of address space. A region's
// pages cost nothing until they are written, so runs lie as low as they can.
type runs struct {
	regions []region
	free    []span // below the regions' tops, in order, none touching another
	used    map[unsafe.Pointer]span
}

// region is a part of the address space, given out up to top.
type region struct {
	mem []byte
	top int
}

// span is bytes lo to hi of a region.
type span struct{ region, lo, hi int }

func (s span) size() int { return s.hi - s.lo }

func (s span) compare(t span) int {
	return cmp.Or(cmp.Compare(s.region, t.region), cmp.Compare(s.lo, t.lo))
}

// page is the unit of runs, in bytes.
const page = 16 << 10

func wholePages(n int) int { return (n + page - 1) / page * page }

// take gives a run of size bytes, whole pages: of the free ones the smallest that
// is long enough, else new pages.
func (r *runs) take(size int) (unsafe.Pointer, error) {
	best := -1
	for i, f := range r.free {
		if f.size() >= size && (best < 0 || f.size() < r.free[best].size()) {
			best = i
		}
	}
	var s span
	if best >= 0 {
		s = r.free[best]
		s.hi = s.lo + size
		if r.free[best].lo = s.hi; r.free[best].size() == 0 {
			r.free = slices.Delete(r.free, best, best+1)
		}
	} else {
		var err error
		if s, err = r.extend(size); err != nil {
			return nil, err
		}
	}
	p := unsafe.Pointer(&r.regions[s.region].mem[s.lo])
	if r.used == nil {
		r.used = map[unsafe.Pointer]span{}
	}
	r.used[p] = s
	return p, nil
}

// extend gives pages at the top of a region, beginning with what is free there.
func (r *runs) extend(size int) (span, error) {
	for i := range r.regions {
		at := &r.regions[i]
		s := span{i, at.top, at.top + size}
		last, _ := slices.BinarySearchFunc(r.free, span{region: i + 1}, span.compare)
		below := last > 0 && r.free[last-1].region == i && r.free[last-1].hi == at.top
		if below {
			s.lo = r.free[last-1].lo
			s.hi = s.lo + size
		}
		if s.hi > len(at.mem) {
			continue
		}
		if below {
			r.free = slices.Delete(r.free, last-1, last)
		}
		at.top = s.hi
		return s, nil
	}
	mem, err := mapMemory(max(size, regionSize))
	if err != nil && size < regionSize {
		mem, err = mapMemory(size)
	}
	if err != nil {
		return span{}, err
	}
	preferHuge(mem)
	r.regions = append(r.regions, region{mem, size})
	return span{len(r.regions) - 1, 0, size}, nil
}

// giveBack frees the run at p and tells its size; ok is false where there is none.
func (r *runs) giveBack(p unsafe.Pointer) (size int, ok bool) {
	s, ok := r.used[p]
	if !ok {
		return 0, false
	}
	delete(r.used, p)
	size = s.size()
	i, _ := slices.BinarySearchFunc(r.free, s, span.compare)
	if i < len(r.free) && r.free[i].region == s.region && r.free[i].lo == s.hi {
		s.hi = r.free[i].hi
		r.free = slices.Delete(r.free, i, i+1)
	}
	if i > 0 && r.free[i-1].region == s.region && r.free[i-1].hi == s.lo {
		r.free[i-1].hi = s.hi
	} else {
		r.free = slices.Insert(r.free, i, s)
	}
	return size, true
}

// touched is the bytes that were ever given out.
func (r *runs) touched() (n int64) {
	for _, at := range r.regions {
		n += int64(at.top)
	}
	return n
}

func (r *runs) unmap() error {
	var errs []error
	for _, at := range r.regions {
		errs = append(errs, unmapMemory(at.mem))
	}
	r.regions, r.free = nil, nil
	return errors.Join(errs...)
}
