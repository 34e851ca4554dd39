// Package train fits the parameters of any model to data: one loop, losses,
// optimizers, schedules, and checkpoints from which a run goes on as if it had
// never stopped.
//
// A run is a function of its options, its data and its seed. The number of
// threads, the instruction set and how often the run was stopped do not change
// a bit of the result.
package train

import (
	"context"
	"fmt"
	"iter"
	"math"
	"time"

	"github.com/qkvgo/qkv/data"
	"github.com/qkvgo/qkv/device"
	"github.com/qkvgo/qkv/kernel"
	"github.com/qkvgo/qkv/nn"
	"github.com/qkvgo/qkv/tensor"
)

// Options say how a model is trained.
type Options struct {
	Steps      int      // optimizer steps of the whole run
	Accumulate int      // batches a step; 0: 1
	Schedule   Schedule // factor on the optimizer's rate; nil: constant
	Clip       float64  // greatest norm of all gradients together; 0: any
	ClipValue  float64  // greatest magnitude of each gradient, after Clip; 0: any
	Seed       uint64   // of dropout
	Device     device.Device

	// How passes hold what Backward reads; see nn.Options.
	Recompute       bool
	BF16Activations bool

	// Prepare sets up the pass of a batch; nil: as it is made.
	Prepare func(p *nn.Pass)

	// Stepped is called after each step; nil: nobody looks on. An error ends
	// the run.
	Stepped func(Step) error
}

// Step is what happened in one optimizer step.
type Step struct {
	Number  int           // counted from 1
	Loss    float64       // mean over the step's batches, before the step
	Rate    float64       // learning rate
	Norm    float64       // of all gradients together, before clipping; 0 where nothing is clipped
	Rows    int           // of the step's batches
	Elapsed time.Duration // what the step took
	Waited  time.Duration // before it, for its batches
}

// Trainer is a run: a loss, the optimizer of its parameters, and how many steps
// are done.
type Trainer struct {
	Loss      Loss
	Optimizer Optimizer
	Options   Options
	Done      int // steps
}

// Run takes steps from the batches of src until all are done or ctx ends; a
// step is never left halfway. It gives the context's cause in the latter case.
// The batches used depend only on the number of the step, so that a run taken
// up at step Done goes on as it would have.
func (t *Trainer) Run(ctx context.Context, src data.Source) (err error) {
	defer tensor.Guard(&err)
	each := max(t.Options.Accumulate, 1)
	next, stop := iter.Pull2(src.From(int64(t.Done) * int64(each)))
	defer stop()
	batches := make([]data.Batch, each)
	for t.Done < t.Options.Steps {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		asked := time.Now()
		for i := range batches {
			b, err, ok := next()
			if err != nil {
				return err
			}
			if !ok {
				return fmt.Errorf("the data end at step %d of %d", t.Done+1, t.Options.Steps)
			}
			batches[i] = b
		}
		waited := time.Since(asked)
		s, err := t.step(context.WithoutCancel(ctx), batches)
		if err != nil {
			return err
		}
		s.Waited = waited
		if t.Options.Stepped != nil {
			if err := t.Options.Stepped(s); err != nil {
				return err
			}
		}
	}
	return nil
}

// step is one step of the optimizer over the mean loss of the batches.
func (t *Trainer) step(ctx context.Context, batches []data.Batch) (Step, error) {
	start := time.Now()
	s := Step{Number: t.Done + 1, Rate: t.Optimizer.Rate()}
	if t.Options.Schedule != nil {
		s.Rate *= t.Options.Schedule(t.Done)
	}
	grads := t.Optimizer.Gradients()
	grads.Reset()
	for i, b := range batches {
		p := nn.NewPass(ctx, b.Rows, nn.Options{Device: t.Options.Device, Tape: true,
			Recompute: t.Options.Recompute, BF16Activations: t.Options.BF16Activations, LossGrad: 1 / float32(len(batches))})
		defer p.Close() // View's gradients hold until the step is done
		p.Train, p.Seed = true, t.passSeed(i)
		if t.Options.Prepare != nil {
			t.Options.Prepare(p)
		}
		loss := t.Loss(p, b.Input)
		s.Loss += float64(loss.Scalar())
		s.Rows += b.Rows.Rows()
		if len(batches) == 1 {
			loss.Backward()
			grads.View(p)
			continue
		}
		loss.Scale(1 / float32(len(batches))).Backward()
		grads.Add(p)
		p.Close()
	}
	s.Loss /= float64(len(batches))
	if t.Options.Clip > 0 {
		s.Norm = grads.Clip(t.Options.Clip)
	}
	if t.Options.ClipValue > 0 {
		grads.ClipValue(t.Options.ClipValue)
	}
	if !finite(s.Loss) || !finite(s.Norm) {
		return s, fmt.Errorf("step %d: the loss is %v and the gradient's norm %v: lower the learning rate, or warm up longer", s.Number, s.Loss, s.Norm)
	}
	t.Optimizer.Update(s.Rate)
	if h, ok := t.Optimizer.(*HD); ok {
		s.Rate = float64(h.rate * h.factor)
	}
	t.Done++
	s.Elapsed = time.Since(start)
	return s, nil
}

func finite(x float64) bool { return !math.IsNaN(x) && !math.IsInf(x, 0) }

// passSeed is the seed of dropout in batch i of the coming step.
func (t *Trainer) passSeed(i int) uint64 {
	draw := kernel.Philox(t.Options.Seed, [2]uint64{uint64(t.Done), uint64(i)})
	return uint64(draw[1])<<32 | uint64(draw[0])
}
