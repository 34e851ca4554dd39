package progress

import (
	"strings"
	"sync"
	"testing"
	"time"
)

// clock is a time that passes only when told to.
type clock struct{ t time.Time }

func (c *clock) now() time.Time       { return c.t }
func (c *clock) wait(d time.Duration) { c.t = c.t.Add(d) }

// screen is a terminal of one line.
type screen struct {
	line   []rune
	at     int
	writes int
}

func (s *screen) Write(b []byte) (int, error) {
	s.writes++
	for _, r := range string(b) {
		switch {
		case r == '\r':
			s.at = 0
			continue
		case s.at < len(s.line):
			s.line[s.at] = r
		default:
			s.line = append(s.line, r)
		}
		s.at++
	}
	return len(b), nil
}

func (s *screen) String() string { return strings.TrimRight(string(s.line), " ") }

func TestLineShowsCountNoteRateAndTimeLeft(t *testing.T) {
	var s screen
	c := &clock{time.Unix(0, 0)}
	m := newMeter(&s, Plan{Label: "train", Total: 100, Unit: "steps", Work: "tokens"}, c.now)
	for range 10 {
		c.wait(2 * time.Second)
		m.Note("loss 2.31")
		m.Add(1, 4096)
	}
	if want := "train 10/100 steps · loss 2.31 · 2.05k tokens/s · 3m00s left"; s.String() != want {
		t.Errorf("have %q, want %q", s.String(), want)
	}
	// Twice as fast from here on: once the slow steps are out of the window, the rate is the new one.
	for range 80 {
		c.wait(time.Second)
		m.Add(1, 4096)
	}
	if want := "train 90/100 steps · loss 2.31 · 4.10k tokens/s · 10s left"; s.String() != want {
		t.Errorf("have %q, want %q", s.String(), want)
	}
	m.Note("")
	for range 10 {
		c.wait(time.Second)
		m.Add(1, 0)
	}
	if have := s.String(); strings.Contains(have, "left") || strings.Contains(have, "loss") {
		t.Errorf("have %q, want neither time left nor note", have)
	}
	if m.Clear(); s.String() != "" {
		t.Errorf("after Clear the line is %q", s.String())
	}
	c.wait(time.Second)
	if m.Add(1, 1); s.String() == "" {
		t.Error("after Clear the line does not come back")
	}
	m.Done()
	if s.String() != "" {
		t.Errorf("after Done the line is %q", s.String())
	}
	writes := s.writes
	c.wait(time.Second)
	if m.Add(1, 1); s.writes != writes {
		t.Error("the meter writes after Done")
	}
}

func TestUnknownTotal(t *testing.T) {
	var s screen
	c := &clock{time.Unix(0, 0)}
	m := newMeter(&s, Plan{Label: "embed", Unit: "texts"}, c.now)
	c.wait(4 * time.Second)
	m.Add(30, 0)
	if want := "embed 30 texts · 7.50 texts/s"; s.String() != want {
		t.Errorf("have %q, want %q", s.String(), want)
	}
}

func TestLineIsNotRewrittenTooOften(t *testing.T) {
	var s screen
	c := &clock{time.Unix(0, 0)}
	m := newMeter(&s, Plan{Unit: "steps"}, c.now)
	for range 1000 {
		c.wait(time.Millisecond)
		m.Add(1, 0)
	}
	if s.writes > 11 {
		t.Errorf("%d writes in a second", s.writes)
	}
}

func TestSilentAndConcurrent(t *testing.T) {
	m := New(nil, Plan{Total: 10, Unit: "steps"})
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 100 {
				m.Add(1, 1)
				m.Note("x")
			}
		})
	}
	wg.Wait()
	if m.Done(); m.sum.done != 400 {
		t.Errorf("have %d done, want 400", m.sum.done)
	}
}

func TestCountAndDuration(t *testing.T) {
	for x, want := range map[float64]string{0: "0.00", 7.254: "7.25", 9.996: "10.0", 99.96: "100", 831: "831", 999.6: "1.00k",
		12400: "12.4k", 3.05e6: "3.05M", 2e9: "2.00G", 5e12: "5T", 5e15: "5000T"} {
		if have := Count(x); have != want {
			t.Errorf("Count(%v): have %s, want %s", x, have, want)
		}
	}
	for d, want := range map[time.Duration]string{0: "0s", 4400 * time.Millisecond: "4s", 59600 * time.Millisecond: "1m00s",
		130 * time.Second: "2m10s", 3*time.Hour + 5*time.Minute: "3h05m", 52 * time.Hour: "2d04h"} {
		if have := Duration(d); have != want {
			t.Errorf("Duration(%v): have %s, want %s", d, have, want)
		}
	}
}
