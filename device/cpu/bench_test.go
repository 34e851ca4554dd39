package cpu

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/qkvgo/qkv/kernel"
)

// compute keeps a core busy for about the given time, with nothing shared.
func compute(d *Device, micros int) {
	d.Kernels().Saturate(350 * micros)
}

// BenchmarkForkJoin is a loop of nothing, one after the other: as the loops of a
// pass follow each other when none has work.
func BenchmarkForkJoin(b *testing.B) {
	d := New(Options{})
	defer d.Close()
	for b.Loop() {
		d.Parallel(2, 1, func(int, int, *kernel.Workspace) {})
	}
}

// BenchmarkForkJoinWithin measures, inside a pass, the median of what handing out 50 µs of work
// for each thread costs beyond the work, after so much that the caller does alone.
func BenchmarkForkJoinWithin(b *testing.B) {
	for _, alone := range []int{0, 5, 50, 1000} {
		b.Run(fmt.Sprintf("after-%dus", alone), func(b *testing.B) { forkJoinAfter(b, func(d *Device) { compute(d, alone) }) })
	}
}

// BenchmarkForkJoinBetween is the same between passes, when the workers are parked.
func BenchmarkForkJoinBetween(b *testing.B) {
	forkJoinAfter(b, func(*Device) { time.Sleep(time.Millisecond) })
}

func forkJoinAfter(b *testing.B, before func(d *Device)) {
	const work = 50
	d := New(Options{})
	defer d.Close()
	least := time.Hour // of the work alone
	for range 100 {
		start := time.Now()
		compute(d, work)
		least = min(least, time.Since(start))
	}
	var all []time.Duration
	for b.Loop() {
		before(d)
		start := time.Now()
		d.Parallel(d.Threads(), 1, func(int, int, *kernel.Workspace) { compute(d, work) })
		all = append(all, time.Since(start)-least)
	}
	slices.Sort(all)
	b.ReportMetric(float64(all[len(all)/2].Nanoseconds())/1e3, "µs-beyond")
}

// BenchmarkCallers has so many callers at once, each with loops of its own, and
// reports what they do together as a share of what one caller does.
func BenchmarkCallers(b *testing.B) {
	const loops, pieces, work = 10, 4, 20
	run := func(d *Device, callers int) time.Duration {
		start := time.Now()
		var all sync.WaitGroup
		for range callers {
			all.Go(func() {
				for range loops {
					d.Parallel(pieces, 1, func(int, int, *kernel.Workspace) { compute(d, work) })
				}
			})
		}
		all.Wait()
		return time.Since(start)
	}
	for _, callers := range []int{2, 8, 64} {
		b.Run(fmt.Sprint(callers), func(b *testing.B) {
			d := New(Options{})
			defer d.Close()
			one, many := time.Hour, time.Hour
			for b.Loop() {
				one, many = min(one, run(d, 1)), min(many, run(d, callers))
			}
			b.ReportMetric(float64(callers)*float64(one)/float64(many), "share")
		})
	}
}
