// Package device says what a place that computes must offer: memory outside
// the collected heap, a parallel loop, and the kernels that run there.
//
// The interface stays small on purpose. What only some devices can do (a fused
// attention, a convolution engine) is found by type assertion, as io/fs does
// it, and the op that asks decomposes where the answer is no.
package device

import "github.com/qkvgo/qkv/kernel"

// Device is a place that computes. A Device is safe for concurrent use.
type Device interface {
	// Name says what computes, for people: "cpu avx512".
	Name() string
	// Threads is the number of workers that a parallel loop uses at most.
	Threads() int
	// Kernels is the kernel table of the device's instruction set.
	Kernels() *kernel.Set
	// Parallel calls f over consecutive pieces [lo, hi) that cover [0, n), on
	// up to Threads goroutines, the caller's among them, and returns when all
	// are done. A piece holds grain items, the last one perhaps fewer, so the
	// cut never depends on the number of threads. ws is scratch that no other
	// running piece shares. A panic in f is raised again in the caller.
	Parallel(n, grain int, f func(lo, hi int, ws *kernel.Workspace))
	// Alloc gives n floats, not cleared. It panics with *OutOfMemory where
	// the memory cannot be had.
	Alloc(n int) []float32
	// Free takes back what Alloc gave.
	Free(b []float32)
	// Memory tells what is held.
	Memory() MemoryStats
}

// Counter is a Device that wants to be told of work instead of doing it.
type Counter interface {
	// Count notes n multiply–adds of a product.
	Count(n int64)
	// Prepare notes that a weight would be kept in bytes of panels; weight
	// tells it from others.
	Prepare(weight any, bytes int64)
}

// MemoryStats counts bytes of a device's memory.
type MemoryStats struct {
	InUse  int64 // given out and not yet returned
	Peak   int64 // most that was ever in use at once since ResetPeak
	Mapped int64 // held from the operating system, in use or kept for reuse
}

// OutOfMemory says that a device could not give memory.
type OutOfMemory struct {
	Bytes int64 // the size that was asked for
	InUse int64 // what was in use then
	Err   error // why, as the system says
}

// Error names the size asked for and what was in use.
func (e *OutOfMemory) Error() string {
	return "out of memory: asked for " + size(e.Bytes) + " with " + size(e.InUse) + " in use: " + e.Err.Error() +
		" (use a smaller batch or a shorter context)"
}

// Unwrap gives the system's error.
func (e *OutOfMemory) Unwrap() error { return e.Err }
