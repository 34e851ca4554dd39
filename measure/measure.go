// Package measure times what this machine can do and what qkv makes of it:
// kernels, attention, models and training steps, each beside the limit measured
// in the same run.
package measure

import (
	"context"
	"math/rand/v2"
	"runtime/debug"
	"slices"
	"time"

	"github.com/qkvgo/qkv/device"
	"github.com/qkvgo/qkv/device/cpu"
	"github.com/qkvgo/qkv/kernel"
	"github.com/qkvgo/qkv/nn"
)

// Result is one timing.
type Result struct {
	Name    string  `json:"name"`
	Shape   string  `json:"shape"`
	Layout  string  `json:"layout,omitempty"` // of a product's A and B: n as stored, t transposed; + where it adds to C
	DType   string  `json:"dtype"`
	Threads int     `json:"threads"`
	Median  float64 `json:"median_ms"`
	Min     float64 `json:"min_ms"`
	GFLOPS  float64 `json:"gflops,omitempty"` // by the best time; a multiply–add counts as two
	GBPS    float64 `json:"gbps,omitempty"`   // bytes read and written, by the best time
	Rate    float64 `json:"tokens_per_second,omitempty"`
	Share   float64 `json:"share,omitempty"`   // of the limit measured in the same run, 0 to 1
	PeakMB  float64 `json:"peak_mb,omitempty"` // of training: the most memory the process had in RAM, in millions of bytes; Linux
	Note    string  `json:"note,omitempty"`    // what stands in for what

	measured func() int64 // tells the peak in bytes; nil: it is not asked for
}

// Bench is a run: where it computes, how often each thing is timed, and the
// limits measured at its start.
type Bench struct {
	Device device.Device
	Times  int     // timings of each thing, after one that does not count
	Peak   float64 // GFLOP/s
	Read   float64 // GB/s from memory

	Precision nn.Precision // of the projections of models
	LowPeak   float64      // GFLOP/s, or GOP/s, of a precision other than float32, once In was called

	emit func(Result) error
}

// New measures the machine's limits and hands them to emit, which also gets the
// results of everything that is measured after.
func New(threads, times int, emit func(Result) error) (*Bench, error) {
	b := &Bench{Device: cpu.New(cpu.Options{Threads: threads}), Times: times, emit: emit}
	return b, b.limits()
}

// trim gives memory that nobody uses back to the system, so that it is not taken
// for a model's.
func (b *Bench) trim() {
	b.Device.(*cpu.Device).Trim()
	debug.FreeOSMemory()
}

// Close gives the device back.
func (b *Bench) Close() error { return b.Device.(*cpu.Device).Close() }

// time runs f once to warm up, then Times times.
func (b *Bench) time(ctx context.Context, f func() error) (median, least time.Duration, err error) {
	return b.timeAfter(ctx, func() (func() error, func()) { return f, func() {} })
}

// timeAfter is time of what prepare makes ready, without preparing and clearing
// away.
func (b *Bench) timeAfter(ctx context.Context, prepare func() (f func() error, clear func())) (median, least time.Duration, err error) {
	var all []time.Duration
	for i := range b.Times + 1 {
		if err := ctx.Err(); err != nil {
			return 0, 0, err
		}
		f, clear := prepare()
		start := time.Now()
		err := f()
		took := time.Since(start)
		clear()
		if err != nil {
			return 0, 0, err
		}
		if i > 0 {
			all = append(all, took)
		}
	}
	slices.Sort(all)
	return all[len(all)/2], all[0], nil
}

// report times f and emits r with the times and what follows from the
// multiply–adds and bytes of one call.
func (b *Bench) report(ctx context.Context, r Result, multiplyAdds, bytes, tokens float64, f func() error) error {
	return b.reportAfter(ctx, r, multiplyAdds, bytes, tokens, func() (func() error, func()) { return f, func() {} })
}

// reportAfter is report of what prepare makes ready.
func (b *Bench) reportAfter(ctx context.Context, r Result, multiplyAdds, bytes, tokens float64, prepare func() (f func() error, clear func())) error {
	median, least, err := b.timeAfter(ctx, prepare)
	if err != nil {
		return err
	}
	r.Threads, r.Median, r.Min = b.Device.Threads(), 1e3*median.Seconds(), 1e3*least.Seconds()
	if r.DType == "" {
		r.DType = "f32"
	}
	if multiplyAdds > 0 {
		r.GFLOPS = 2 * multiplyAdds / least.Seconds() / 1e9
		peak := b.Peak
		if b.Precision != nn.Float32 && r.DType == b.Precision.String() {
			peak = b.LowPeak
		}
		if peak > 0 {
			r.Share = r.GFLOPS / peak
		}
	}
	if bytes > 0 {
		r.GBPS = bytes / least.Seconds() / 1e9
		if multiplyAdds == 0 && b.Read > 0 {
			r.Share = r.GBPS / b.Read
		}
	}
	if r.measured != nil {
		r.PeakMB = float64(r.measured()) / 1e6
	}
	if tokens > 0 {
		r.Rate = tokens / least.Seconds()
	}
	return b.emit(r)
}

// limits measures the peak of fused multiply–adds and the bandwidth of reads
// from memory.
func (b *Bench) limits() error {
	ctx, n := context.Background(), b.Device.Threads()
	const steps = 1_600_000 // some milliseconds, as products take
	done := b.Device.Kernels().Saturate(steps)
	median, least, err := b.time(ctx, func() error {
		b.Device.Parallel(n, 1, func(lo, hi int, _ *kernel.Workspace) {
			for range hi - lo {
				b.Device.Kernels().Saturate(steps)
			}
		})
		return nil
	})
	if err != nil {
		return err
	}
	b.Peak = 2 * float64(done) * float64(n) / least.Seconds() / 1e9
	if err := b.emit(Result{Name: "peak", Shape: b.Device.Name(), DType: "f32", Threads: n, Median: 1e3 * median.Seconds(), Min: 1e3 * least.Seconds(),
		GFLOPS: b.Peak, Share: 1}); err != nil {
		return err
	}
	const floats = 64 << 20 // 256 MB: more than any cache
	x := b.Device.Alloc(floats)
	defer b.trim()
	defer b.Device.Free(x)
	clear(x)
	median, least, err = b.time(ctx, func() error {
		b.Device.Parallel(floats, 1<<18, func(lo, hi int, _ *kernel.Workspace) { b.Device.Kernels().Sum(x[lo:hi]) })
		return nil
	})
	if err != nil {
		return err
	}
	b.Read = 4 * floats / least.Seconds() / 1e9
	return b.emit(Result{Name: "read", Shape: "256 MB", DType: "f32", Threads: n, Median: 1e3 * median.Seconds(), Min: 1e3 * least.Seconds(),
		GBPS: b.Read, Share: 1})
}

// numbers is n made-up floats around zero.
func numbers(n int) []float32 {
	r, x := rand.New(rand.NewPCG(1, 2)), make([]float32, n)
	for i := range x {
		x[i] = r.Float32() - 0.5
	}
	return x
}
