package cpu

import (
	"sync/atomic"

	"github.com/qkvgo/qkv/device"
	"github.com/qkvgo/qkv/kernel"
)

// Dry is a device that computes nothing: a pass over it takes the memory it
// would take and counts the work it would do, in an instant. Values in it mean
// nothing; its memory is mapped but never touched.
type Dry struct {
	Device
	work atomic.Int64
}

var _ device.Counter = (*Dry)(nil)

// NewDry makes a dry device for passes of the given number of threads.
func NewDry(o Options) *Dry { return &Dry{Device: Device{set: New(o).set, workers: newPool(1)}} }

// Name is "dry".
func (d *Dry) Name() string { return "dry" }

// Parallel does nothing.
func (d *Dry) Parallel(int, int, func(lo, hi int, ws *kernel.Workspace)) {}

// Count notes n multiply–adds.
func (d *Dry) Count(n int64) { d.work.Add(n) }

// Work is the multiply–adds counted so far.
func (d *Dry) Work() int64 { return d.work.Load() }
