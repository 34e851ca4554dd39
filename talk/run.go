package talk

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/qkvgo/qkv/device"
	"github.com/qkvgo/qkv/device/cpu"
	"github.com/qkvgo/qkv/talk/report"
	"github.com/qkvgo/qkv/tensor"
)

// Options say how the guided run goes.
type Options struct {
	Seed    uint64
	Quick   bool          // smaller models, fewer steps: a minute, not minutes; figures to look at, not to quote
	Device  device.Device // nil: the machine's cores
	Command string        // how the run was started, for the report
	Version string        // of the program, for the report

	// Sentences are the user's own, beside "work to live": they are turned round,
	// and shown to heads and gates.
	Sentences []string

	// Base is a model that others pretrained, the last rung; its zero value leaves
	// it out.
	Base Base

	// Progress is called as the work goes on with the share done, 0 to 1, and
	// what is being done; nil: nobody looks on.
	Progress func(share float64, what string)
	// Now is the clock; nil: time.Now. Every timing in the report is read from it.
	Now func() time.Time

	size *size // of a test; nil: full, or quick
}

// Base is a pretrained model to fine-tune.
type Base struct {
	Name string  // for people
	Dir  string  // its folder, as Hugging Face has it; empty: none
	Rate float64 // the learning rate; 0: 5e-5
}

// Result is what the guided run made.
type Result struct {
	Report *report.Report
	Figures
	Stopped bool // the run was stopped before its end; what was found until then is there

	best, cheapest *rung
}

// run is the guided run at work.
type run struct {
	Options
	set   *Set
	size  size
	pace  pace
	start time.Time

	words, pieces *tokens
	theirs        *tokens // of the base
	rungs         []*rung
	pretrained    map[string]*pretrained // by what they were pretrained on
	figures       Figures
	sections      []report.Section
}

// Run climbs the ladder on a set and writes the report. When ctx ends it gives the
// report of what was done by then, and the context's cause as the error.
func Run(ctx context.Context, set *Set, o Options) (_ *Result, err error) {
	defer tensor.Guard(&err)
	if o.Device == nil {
		o.Device = cpu.Default()
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	r := &run{Options: o, set: set, size: full, start: o.Now()}
	switch {
	case o.size != nil:
		r.size = *o.size
	case o.Quick:
		r.size = quick
	}
	before := len(set.Train) + len(set.Test)
	set.limit(r.size.limits, o.Seed)
	r.pace = pace{report: o.Progress}
	if err := r.prepare(); err != nil {
		return nil, err
	}
	chapters := r.chapters()
	for _, c := range chapters {
		r.pace.total += c.cost
	}
	var stopped error
	for _, c := range chapters {
		r.pace.begin(c.what, c.cost)
		start := r.Now()
		section, err := r.guarded(ctx, c)
		if err != nil && ctx.Err() != nil && errors.Is(err, context.Cause(ctx)) {
			stopped = err
			break
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", c.what, err)
		}
		if section != nil {
			r.sections = append(r.sections, *section)
		}
		r.figures.Chapters = append(r.figures.Chapters, ChapterFigures{c.what, r.Now().Sub(start).Seconds()})
		r.pace.end()
	}
	if len(r.rungs) == 0 {
		return nil, stopped
	}
	r.figures.Left = before - len(set.Train) - len(set.Test)
	result := r.result()
	result.Stopped = stopped != nil
	return result, stopped
}

// chapter is one part of the run and of its report.
type chapter struct {
	what string  // being done
	cost float64 // seconds that it takes on two cores, roughly
	do   func(ctx context.Context) (*report.Section, error)
}

// guarded runs a chapter and makes errors of its faults.
func (r *run) guarded(ctx context.Context, c chapter) (section *report.Section, err error) {
	defer tensor.Guard(&err)
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	return c.do(ctx)
}

// pace knows how far a run has come.
type pace struct {
	report      func(share float64, what string)
	total, done float64 // in the costs of chapters
	what        string
	now, within float64 // the chapter's cost, and how much of it is done
}

func (p *pace) begin(what string, cost float64) {
	p.what, p.now, p.within = what, cost, 0
	p.tell()
}

// to says that a share of the chapter is done.
func (p *pace) to(share float64) {
	p.within = min(max(share, 0), 1) * p.now
	p.tell()
}

// part makes the share of a part of the chapter, from lo to hi of it, one of the
// whole.
func (p *pace) part(lo, hi float64) func(share float64) {
	return func(share float64) { p.to(lo + float64(min(share, 1)*(hi-lo))) }
}

func (p *pace) end() {
	p.done += p.now
	p.now, p.within = 0, 0
	p.tell()
}

func (p *pace) tell() {
	if p.report != nil && p.total > 0 {
		p.report(min((p.done+p.within)/p.total, 1), p.what)
	}
}
