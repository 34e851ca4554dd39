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

// tiny is a run of a second.
var tiny = size{
	limits: Limits{Train: 48, Test: 24, Unlabelled: 16},
	length: 24, vocabulary: 200, width: 8, heads: 2, layers: 2,
	epochs: 1, tuning: 1, steps: 3, batch: 16, pretrain: 1,
	labels: []int{10}, repeats: 1, lab: 3,
	lengths: []int{4, 8, 16}, timings: 1, probe: 12, stream: 24, resamplings: 20,
}

// small is a tiny run on the messages in the box.
func small(t *testing.T, ctx context.Context, threads int, watch func(share float64, what string)) (*Result, error) {
	t.Helper()
	set, err := Box()
	if err != nil {
		t.Fatal(err)
	}
	dev := cpu.New(cpu.Options{Threads: threads})
	t.Cleanup(func() { dev.Close() })
	return Run(ctx, set, Options{Seed: 1, Quick: true, size: &tiny, Device: dev, Now: clock(), Progress: watch})
}

// Every figure but timings is the same on any number of threads; and the report
// tells the same in its three forms.
func TestThreadsDoNotShow(t *testing.T) {
	last := 0.0
	two, err := small(t, t.Context(), 2, func(share float64, _ string) {
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
	threads := regexp.MustCompile(`\b[123] threads?`)
	a, b := threads.ReplaceAllString(two.Report.Markdown(), ""), threads.ReplaceAllString(three.Report.Markdown(), "")
	if a != b {
		as, bs := strings.Split(a, "\n"), strings.Split(b, "\n")
		for i := range as {
			if i >= len(bs) || as[i] != bs[i] {
				t.Fatalf("two threads: %s\nthree: %s", as[i], bs[min(i, len(bs)-1)])
			}
		}
	}
	if page := two.Report.HTML(); strings.Contains(page, "NaN") || strings.Contains(page, "%!") {
		i := max(strings.Index(page, "NaN"), strings.Index(page, "%!"))
		t.Errorf("the page has a number that is none: %s", page[max(0, i-120):i+20])
	}
	dir := filepath.Join(t.TempDir(), "report")
	for range 2 { // a second time over the first
		if err := two.Write(dir); err != nil {
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
