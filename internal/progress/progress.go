// Package progress shows on one line how far long work has come: how much is done, what it measures,
// how fast it goes and how long it will take. The line is rewritten in place, so it is for terminals;
// without one a Meter is silent.
package progress

import (
	"fmt"
	"io"
	"math"
	"strings"
	"sync"
	"time"
)

const (
	every  = 100 * time.Millisecond // the line changes at most so often
	window = 15 * time.Second       // rates are those of the last while
)

// Plan says what the work is.
type Plan struct {
	Label string // what is going on: "train"
	Total int64  // units in all; 0: unknown
	Unit  string // what is counted, in the plural: "steps"
	// Work is what the rate counts where it is not the unit: "tokens". Empty: the unit.
	Work string
}

// Meter shows the progress of one piece of work. Its methods may be called from several goroutines.
type Meter struct {
	plan Plan
	out  io.Writer // nil: silent
	now  func() time.Time

	mu    sync.Mutex
	sum   sample // done so far, at the time of the last change
	note  string
	past  []sample // of the window and the last before it, oldest first
	drawn time.Time
	width int // of the line that stands on the terminal
}

// sample is how much was done at a time.
type sample struct {
	at         time.Time
	done, work int64
}

// New starts a meter that writes to out, a terminal; nil makes it silent.
func New(out io.Writer, plan Plan) *Meter { return newMeter(out, plan, time.Now) }

func newMeter(out io.Writer, plan Plan, now func() time.Time) *Meter {
	m := &Meter{plan: plan, out: out, now: now}
	m.past = []sample{{at: now()}}
	return m
}

// Add counts units that are done, and the work that they took; where the plan names no work of its
// own, the units count.
func (m *Meter) Add(units, work int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.plan.Work == "" {
		work = units
	}
	m.sum = sample{m.now(), m.sum.done + units, m.sum.work + work}
	m.draw()
}

// Note sets a few words on how the work goes: "loss 2.31".
func (m *Meter) Note(words string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.note = words
}

// Clear takes the line off the terminal until the next change, to make room for other words.
func (m *Meter) Clear() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.clear()
}

// Done takes the line off the terminal. Nothing is shown afterwards.
func (m *Meter) Done() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.clear()
	m.out = nil
}

func (m *Meter) clear() {
	if m.out != nil && m.width > 0 {
		fmt.Fprintf(m.out, "\r%s\r", strings.Repeat(" ", m.width))
		m.width = 0
	}
}

// draw rewrites the line unless it has just been written.
func (m *Meter) draw() {
	if m.out == nil || m.sum.at.Sub(m.drawn) < every {
		return
	}
	m.drawn = m.sum.at
	m.past = append(m.past, m.sum)
	for len(m.past) > 2 && m.sum.at.Sub(m.past[1].at) >= window {
		m.past = m.past[1:]
	}
	line := m.line()
	width := len([]rune(line))
	fmt.Fprintf(m.out, "\r%s%s", line, strings.Repeat(" ", max(0, m.width-width)))
	m.width = width
}

// line is what the terminal shows.
func (m *Meter) line() string {
	p, parts := m.plan, []string{}
	if p.Total > 0 {
		parts = append(parts, strings.TrimSpace(fmt.Sprintf("%s %d/%d %s", p.Label, m.sum.done, p.Total, p.Unit)))
	} else {
		parts = append(parts, strings.TrimSpace(fmt.Sprintf("%s %d %s", p.Label, m.sum.done, p.Unit)))
	}
	if m.note != "" {
		parts = append(parts, m.note)
	}
	old := m.past[0]
	if seconds := m.sum.at.Sub(old.at).Seconds(); seconds > 0 {
		unit := p.Work
		if unit == "" {
			unit = p.Unit
		}
		parts = append(parts, fmt.Sprintf("%s %s/s", Count(float64(m.sum.work-old.work)/seconds), unit))
		if rate := float64(m.sum.done-old.done) / seconds; rate > 0 && p.Total > m.sum.done {
			left := float64(p.Total-m.sum.done) / rate
			parts = append(parts, Duration(time.Duration(min(left, math.MaxInt64/2e9)*1e9))+" left")
		}
	}
	return strings.Join(parts, " · ")
}

// Count writes a number with three digits and a suffix: 7.25, 831, 12.4k, 3.05M.
func Count(x float64) string {
	for _, suffix := range []string{"", "k", "M", "G"} {
		switch {
		case x < 9.995:
			return fmt.Sprintf("%.2f%s", x, suffix)
		case x < 99.95:
			return fmt.Sprintf("%.1f%s", x, suffix)
		case x < 999.5:
			return fmt.Sprintf("%.0f%s", x, suffix)
		}
		x /= 1000
	}
	return fmt.Sprintf("%.0fT", x)
}

// Duration writes a time with its two largest units: 4s, 2m10s, 3h05m, 2d04h.
func Duration(d time.Duration) string {
	s := int64(d.Round(time.Second) / time.Second)
	switch {
	case s < 60:
		return fmt.Sprintf("%ds", s)
	case s < 3600:
		return fmt.Sprintf("%dm%02ds", s/60, s%60)
	case s < 86400:
		return fmt.Sprintf("%dh%02dm", s/3600, s%3600/60)
	}
	return fmt.Sprintf("%dd%02dh", s/86400, s%86400/3600)
}
