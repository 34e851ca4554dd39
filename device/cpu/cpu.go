// Package cpu is the device of the machine's own cores: a pool of workers that
// spin briefly and then park, and slabs of memory mapped outside the collected
// heap.
package cpu

import (
	"runtime"
	"sync"

	"github.com/qkvgo/qkv/device"
	"github.com/qkvgo/qkv/kernel"
)

// Device runs kernels on this machine's cores. Use New; Close when done.
type Device struct {
	set     *kernel.Set
	workers *pool
	slabs   slabs
}

var _ device.Device = (*Device)(nil)

// Options choose how a Device computes. The zero value is the fastest
// instruction set on as many threads as GOMAXPROCS allows.
type Options struct {
	Threads int         // 0: GOMAXPROCS, which honours a container's limit
	Kernels *kernel.Set // nil: kernel.Best
}

// New makes a device. Its worker goroutines start with the first parallel loop.
func New(o Options) *Device {
	if o.Threads <= 0 {
		o.Threads = runtime.GOMAXPROCS(0)
	}
	if o.Kernels == nil {
		o.Kernels = kernel.Best()
	}
	return &Device{set: o.Kernels, workers: newPool(o.Threads)}
}

// Default is the device that a pass uses when none is named: made at first
// use, kept for the life of the program.
var Default = sync.OnceValue(func() *Device { return New(Options{}) })

// Name is "cpu" and the instruction set.
func (d *Device) Name() string { return "cpu " + d.set.Name }

// Threads is the number of goroutines a parallel loop uses at most.
func (d *Device) Threads() int { return d.workers.threads }

// Kernels is the kernel table in use.
func (d *Device) Kernels() *kernel.Set { return d.set }

// Parallel is device.Device's loop.
func (d *Device) Parallel(n, grain int, f func(lo, hi int, ws *kernel.Workspace)) {
	d.workers.run(n, max(grain, 1), f)
}

// Alloc gives n floats outside the collected heap, not cleared.
func (d *Device) Alloc(n int) []float32 { return d.slabs.alloc(n) }

// Free takes back what Alloc gave.
func (d *Device) Free(b []float32) { d.slabs.free(b) }

// Memory tells what is held.
func (d *Device) Memory() device.MemoryStats { return d.slabs.stats() }

// ResetPeak starts a new measurement of MemoryStats.Peak.
func (d *Device) ResetPeak() { d.slabs.resetPeak() }

// Trim gives memory that nobody uses back to the operating system.
func (d *Device) Trim() { d.slabs.trim() }

// Close stops the workers and unmaps all memory; nothing of the device may be
// in use any more.
func (d *Device) Close() error {
	d.workers.close()
	return d.slabs.close()
}
