package cpu

import (
	"sync"
	"sync/atomic"

	"github.com/qkvgo/qkv/device"
	"github.com/qkvgo/qkv/kernel"
)

// Dry is a device that computes nothing: a pass over it takes the memory it
// would take and counts the work it would do, in an instant. Values in it mean
// nothing; its memory is mapped but never touched.
type Dry struct {
	Device
	work     atomic.Int64
	mu       sync.Mutex
	prepared map[any]int64
}

var _ device.Counter = (*Dry)(nil)

// NewDry makes a dry device for passes of the given number of threads.
func NewDry(o Options) *Dry {
	d := New(o)
	return &Dry{Device: Device{set: d.set, workers: d.workers}, prepared: map[any]int64{}}
}

// Name is "dry".
func (d *Dry) Name() string { return "dry" }

// Parallel does nothing.
func (d *Dry) Parallel(int, int, func(lo, hi int, ws *kernel.Workspace)) {}

// Count notes n multiply–adds.
func (d *Dry) Count(n int64) { d.work.Add(n) }

// Work is the multiply–adds counted so far.
func (d *Dry) Work() int64 { return d.work.Load() }

// Prepare notes a weight that would be kept in panels, each once.
func (d *Dry) Prepare(weight any, bytes int64) {
	d.mu.Lock()
	d.prepared[weight] = bytes
	d.mu.Unlock()
}

// Prepared is the bytes of all panels noted so far.
func (d *Dry) Prepared() (n int64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, bytes := range d.prepared {
		n += bytes
	}
	return n
}
