package cpu

import (
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/qkvgo/qkv/kernel"
)

// Every item of a loop is done exactly once, for any size, grain and number of
// threads, also in loops within loops and from many goroutines at once.
func TestParallelCovers(t *testing.T) {
	for _, threads := range []int{1, 2, 3, 7} {
		d := New(Options{Threads: threads})
		var callers sync.WaitGroup
		for range 8 {
			callers.Go(func() {
				for range 50 {
					n, grain := rand.IntN(200), 1+rand.IntN(9)
					seen := make([]atomic.Int32, n)
					d.Parallel(n, grain, func(lo, hi int, ws *kernel.Workspace) {
						if hi-lo > grain || lo%grain != 0 {
							t.Errorf("piece %d:%d of grain %d", lo, hi, grain)
						}
						d.Parallel(hi-lo, 1, func(a, b int, _ *kernel.Workspace) {
							for i := a; i < b; i++ {
								seen[lo+i].Add(1)
							}
						})
					})
					for i := range seen {
						if seen[i].Load() != 1 {
							t.Fatalf("item %d of %d done %d times", i, n, seen[i].Load())
						}
					}
				}
			})
		}
		callers.Wait()
		if err := d.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// A panic in a piece reaches the caller, whoever ran the piece.
func TestParallelPanics(t *testing.T) {
	d := New(Options{Threads: 3})
	defer d.Close()
	for at := range 20 {
		func() {
			defer func() {
				if e := recover(); e != at {
					t.Errorf("recovered %v, want %d", e, at)
				}
			}()
			d.Parallel(20, 1, func(lo, _ int, _ *kernel.Workspace) {
				if lo == at {
					panic(at)
				}
			})
		}()
	}
}

// After Close no goroutine is left, and an idle device parks its workers.
func TestCloseStopsWorkers(t *testing.T) {
	before := runtime.NumGoroutine()
	for range 5 {
		d := New(Options{Threads: 4})
		d.Parallel(100, 1, func(int, int, *kernel.Workspace) {})
		deadline := time.Now().Add(5 * time.Second)
		for d.workers.parked.Load() != 3 && time.Now().Before(deadline) {
			time.Sleep(time.Millisecond)
		}
		if n := d.workers.parked.Load(); n != 3 {
			t.Errorf("%d of 3 idle workers are parked", n)
		}
		if err := d.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if n := runtime.NumGoroutine(); n > before {
		t.Errorf("%d goroutines, %d before", n, before)
	}
}

// Classes are at least the size asked for, waste at most a quarter above small
// sizes, and have one size each.
func TestClasses(t *testing.T) {
	sizes := map[int]int{}
	for n := 1; n < 1<<20; n += 1 + n/50 {
		index, size := class(n)
		if size < n || (n > 512 && size > n+n/4) {
			t.Fatalf("class of %d bytes has %d", n, size)
		}
		if old, ok := sizes[index]; ok && old != size {
			t.Fatalf("class %d has sizes %d and %d", index, old, size)
		}
		sizes[index] = size
	}
}

// Pieces in use never overlap, statistics add up, and Close refuses while
// something is in use.
func TestSlabs(t *testing.T) {
	d := New(Options{Threads: 1})
	var held [][]float32
	for i := range 2000 {
		if len(held) > 1 && rand.IntN(2) == 0 {
			k := rand.IntN(len(held))
			for _, v := range held[k] {
				if v != held[k][0] {
					t.Fatal("memory in use was written by another owner")
				}
			}
			d.Free(held[k])
			held = append(held[:k], held[k+1:]...)
			continue
		}
		b := d.Alloc(1 + rand.IntN(200000))
		for j := range b {
			b[j] = float32(i)
		}
		held = append(held, b)
	}
	if d.Memory().InUse == 0 {
		t.Fatal("nothing in use")
	}
	if len(held) > 0 && d.Close() == nil {
		t.Error("closed with memory in use")
	}
	for _, b := range held {
		d.Free(b)
	}
	if m := d.Memory(); m.InUse != 0 || m.Peak == 0 || m.Mapped < m.Peak {
		t.Errorf("statistics %+v", m)
	}
	if err := d.Close(); err != nil {
		t.Error(err)
	}
	if m := d.Memory(); m.Mapped != 0 {
		t.Errorf("%d bytes mapped after Close", m.Mapped)
	}
}

// Runs that come back join their neighbours: what took pieces of one size serves
// one of any other, and nothing new is touched.
func TestRunsJoin(t *testing.T) {
	d := New(Options{Threads: 1})
	defer d.Close()
	const floats = 100 << 10
	for _, order := range [][]int{{0, 1, 2, 3}, {3, 2, 1, 0}, {1, 3, 0, 2}, {2, 0, 3, 1}} {
		var held [4][]float32
		for i := range held {
			held[i] = d.Alloc(floats)
		}
		for _, i := range order {
			d.Free(held[i])
		}
		d.Free(d.Alloc(4 * floats))
	}
	if m := d.Memory(); m.InUse != 0 || m.Mapped != 4*4*floats || m.Mapped != m.Peak {
		t.Errorf("statistics %+v, want %d bytes mapped", m, 4*4*floats)
	}
}
