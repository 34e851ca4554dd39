//go:build unix

package cpu

import (
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/qkvgo/qkv/kernel"
)

// BenchmarkIdle reports the processor time, in thousandths of a second per
// second, that a device uses while nobody calls it, after one loop.
func BenchmarkIdle(b *testing.B) {
	d := New(Options{})
	defer d.Close()
	var used, passed time.Duration
	for b.Loop() {
		d.Parallel(8, 1, func(int, int, *kernel.Workspace) {})
		before, start := processorTime(b), time.Now()
		time.Sleep(100 * time.Millisecond)
		used += processorTime(b) - before
		passed += time.Since(start)
	}
	b.ReportMetric(1e3*used.Seconds()/passed.Seconds(), "ms/s")
}

func processorTime(b *testing.B) time.Duration {
	var u unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
