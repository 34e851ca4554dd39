package talk

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/qkvgo/qkv/device/cpu"
	"github.com/qkvgo/qkv/task"
)

// clock is time that goes on by a millisecond whenever it is looked at, so that
// timings are the same in every run.
func clock() func() time.Time {
	var mu sync.Mutex
	at := time.Unix(0, 0)
	return func() time.Time {
		mu.Lock()
		defer mu.Unlock()
		at = at.Add(time.Millisecond)
		return at
	}
}

// small is a quick run on the first of the messages in the box.
func small(t *testing.T, ctx context.Context, threads int, watch func(share float64, what string)) (*Result, error) {
	t.Helper()
	set, err := Box()
	if err != nil {
		t.Fatal(err)
	}
	set.limit(Limits{Train: 64, Test: 32, Unlabelled: 40}, 1)
	dev := cpu.New(cpu.Options{Threads: threads})
	t.Cleanup(func() { dev.Close() })
	return Run(ctx, set, Options{Seed: 1, Quick: true, Device: dev, Now: clock(), Progress: watch})
}

// Every figure but timings is the same on any number of threads; and the report
// tells the same in its three forms.
func TestThreadsDoNotShow(t *testing.T) {
	last := 0.0
	one, err := small(t, t.Context(), 1, func(share float64, _ string) {
		if share < last || share > 1 {
			t.Errorf("the share done goes from %v to %v", last, share)
		}
		last = share
	})
	if err != nil {
		t.Fatal(err)
	}
	if last != 1 {
		t.Errorf("at the end %v was done", last)
	}
	three, err := small(t, t.Context(), 3, nil)
	if err != nil {
		t.Fatal(err)
	}
	threads := regexp.MustCompile(`with \d+ threads?`)
	a, b := threads.ReplaceAllString(one.Report.Markdown(), ""), threads.ReplaceAllString(three.Report.Markdown(), "")
	if a != b {
		as, bs := strings.Split(a, "\n"), strings.Split(b, "\n")
		for i := range as {
			if i >= len(bs) || as[i] != bs[i] {
				t.Fatalf("one thread: %s\nthree: %s", as[i], bs[min(i, len(bs)-1)])
			}
		}
	}
	if page := one.Report.HTML(); strings.Contains(page, "NaN") || strings.Contains(page, "%!") {
		t.Error("the page has a number that is none")
	}
	dir := filepath.Join(t.TempDir(), "report")
	for range 2 { // a second time over the first
		if err := one.Write(dir); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"best", "cheapest"} {
		c, err := task.OpenClassifier(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		said, err := c.Texts(t.Context(), "When do you open on Sunday?")
		if err != nil || len(said[0]) != len(Labels()) {
			t.Errorf("the %s model says %v (%v)", name, said, err)
		}
		c.Close()
	}
}

// A run that is stopped reports what it has, and nothing where that is nothing.
func TestStopped(t *testing.T) {
	ctx, stop := context.WithCancelCause(t.Context())
	why := errors.New("enough")
	r, err := small(t, ctx, 1, func(_ float64, what string) {
		if strings.Contains(what, "Transformer") {
			stop(why)
		}
	})
	if !errors.Is(err, why) || r == nil || !r.Stopped || len(r.Report.Sections) == 0 {
		t.Fatalf("have %v, %v", r, err)
	}
	dir := filepath.Join(t.TempDir(), "report")
	if err := r.Write(dir); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(dir, HTMLFile)); err != nil {
		t.Error(err)
	}
	if r, err := small(t, ctx, 1, nil); r != nil || !errors.Is(err, why) {
		t.Errorf("stopped before the start: %v, %v", r, err)
	}
}
