package cpu

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/qkvgo/qkv/internal/cpu"
	"github.com/qkvgo/qkv/kernel"
)

// How long somebody who has nothing to do looks for work before he parks, which
// frees the core but takes tens of microseconds to undo. A worker goes to twice as
// long whenever work came within the longest time, also if he had parked by then,
// and to half the time whenever it did not, so that workers nobody needs soon burn
// next to nothing.
const (
	shortestSpin = 4 * time.Microsecond
	longestSpin  = 128 * time.Microsecond
)

// spin waits until done says so, at most for limit, and gives what it says last.
func spin(limit time.Duration, done func() bool) bool {
	for range 16 { // the first few hundred nanoseconds, without a look at the clock
		if done() {
			return true
		}
		cpu.Pause(1)
	}
	for start := time.Now(); time.Since(start) < limit; {
		if done() {
			return true
		}
		cpu.Pause(4)
	}
	return done()
}

// pool is a set of workers shared by every parallel loop of a device. A loop is
// a job whose pieces are taken with one atomic add each; its caller works on it
// too, so a loop inside a loop, or many loops at once, cannot deadlock: each
// caller can finish its own job alone.
type pool struct {
	threads int
	scratch sync.Pool // *kernel.Workspace

	start  sync.Once
	jobs   [maxJobs]atomic.Pointer[job] // open jobs; a slot is taken by compare-and-swap
	open   atomic.Int64                 // how many jobs ever were opened: changes wake a spinning worker
	parked atomic.Int32
	mu     sync.Mutex
	wake   sync.Cond
	closed bool
	done   sync.WaitGroup
}

// maxJobs bounds the loops that workers help with at once; a loop beyond it
// runs on its caller alone.
const maxJobs = 64

// job is one parallel loop.
type job struct {
	n, grain int
	f        func(lo, hi int, ws *kernel.Workspace)
	next     atomic.Int64 // first item not yet taken
	left     atomic.Int64 // items not yet finished
	panicked atomic.Pointer[any]
	ended    chan struct{} // takes one value, from whoever finishes the last item
}

func newPool(threads int) *pool {
	p := &pool{threads: max(threads, 1)}
	p.wake.L = &p.mu
	p.scratch.New = func() any { return new(kernel.Workspace) }
	return p
}

// run is the parallel loop.
func (p *pool) run(n, grain int, f func(lo, hi int, ws *kernel.Workspace)) {
	if n <= 0 {
		return
	}
	if p.threads == 1 || n <= grain {
		ws := p.scratch.Get().(*kernel.Workspace)
		defer p.scratch.Put(ws)
		for lo := 0; lo < n; lo += grain {
			f(lo, min(lo+grain, n), ws)
		}
		return
	}
	p.start.Do(p.launch)
	j := &job{n: n, grain: grain, f: f, ended: make(chan struct{}, 1)}
	j.left.Store(int64(n))
	slot := p.publish(j)
	p.work(j)
	if !spin(longestSpin, func() bool { return j.left.Load() <= 0 }) {
		<-j.ended // workers still hold pieces
	}
	if slot >= 0 {
		p.jobs[slot].CompareAndSwap(j, nil)
	}
	if e := j.panicked.Load(); e != nil {
		panic(*e)
	}
}

// publish puts j where workers look and wakes those that are parked. It gives
// the slot, or -1 where all are taken.
func (p *pool) publish(j *job) int {
	for i := range p.jobs {
		if p.jobs[i].Load() == nil && p.jobs[i].CompareAndSwap(nil, j) {
			p.open.Add(1)
			if p.parked.Load() > 0 {
				p.mu.Lock()
				p.wake.Broadcast()
				p.mu.Unlock()
			}
			return i
		}
	}
	return -1
}

// work takes pieces of j until none are left to take.
func (p *pool) work(j *job) {
	var ws *kernel.Workspace
	for {
		lo := int(j.next.Add(int64(j.grain))) - j.grain
		if lo >= j.n {
			break
		}
		if ws == nil {
			ws = p.scratch.Get().(*kernel.Workspace)
		}
		hi := min(lo+j.grain, j.n)
		j.piece(lo, hi, ws)
		if j.left.Add(int64(lo-hi)) == 0 {
			j.ended <- struct{}{}
		}
	}
	if ws != nil {
		p.scratch.Put(ws)
	}
}

// piece runs f on one piece; a panic is kept for the caller.
func (j *job) piece(lo, hi int, ws *kernel.Workspace) {
	defer func() {
		if e := recover(); e != nil {
			j.panicked.CompareAndSwap(nil, &e)
		}
	}()
	if j.panicked.Load() == nil {
		j.f(lo, hi, ws)
	}
}

// find gives an open job with pieces left, or nil.
func (p *pool) find() *job {
	for i := range p.jobs {
		if j := p.jobs[i].Load(); j != nil && j.next.Load() < int64(j.n) {
			return j
		}
	}
	return nil
}

func (p *pool) launch() {
	p.done.Add(p.threads - 1)
	for range p.threads - 1 {
		go p.loop()
	}
}

// loop is the life of a worker: help, spin, park.
func (p *pool) loop() {
	defer p.done.Done()
	limit := longestSpin
	for {
		seen := p.open.Load()
		if j := p.find(); j != nil {
			p.work(j)
			continue
		}
		idle := time.Now()
		if spin(limit, func() bool { return p.open.Load() != seen }) {
			limit = min(2*limit, longestSpin)
			continue
		}
		p.mu.Lock()
		p.parked.Add(1)
		for p.open.Load() == seen && !p.closed {
			p.wake.Wait()
		}
		p.parked.Add(-1)
		closed := p.closed
		p.mu.Unlock()
		if closed {
			return
		}
		if time.Since(idle) < 2*longestSpin { // waking took a good part of it
			limit = min(2*limit, longestSpin) // he parked too soon
		} else {
			limit = max(limit/2, shortestSpin)
		}
	}
}

// close stops the workers and waits for them.
func (p *pool) close() {
	p.start.Do(func() {}) // none are started after this
	p.mu.Lock()
	p.closed = true
	p.wake.Broadcast()
	p.mu.Unlock()
	p.open.Add(1)
	p.done.Wait()
	p.threads = 1
}
