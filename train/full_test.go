//go:build linux || darwin

package train

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// A process that may not write files beyond 4 KB stands for a full disk: it
// stops with an error that names the file, and the checkpoint before is whole.
func TestFullDisk(t *testing.T) {
	o := small(t, "llama", fables(t))
	o.Validation, o.Resume = nil, true
	if spec := os.Getenv("TRAIN_FULL"); spec != "" {
		if err := json.Unmarshal([]byte(spec), &o); err != nil {
			t.Fatal(err)
		}
		o.Texts, o.Out, o.SaveEvery = []string{os.Getenv("TRAIN_TEXT")}, os.Getenv("TRAIN_OUT"), 2
		signal.Ignore(syscall.SIGXFSZ)
		limit := syscall.Rlimit{Cur: 4 << 10, Max: 4 << 10}
		if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &limit); err != nil {
			t.Fatal(err)
		}
		if err := o.Train(t.Context()); err == nil || !strings.Contains(err.Error(), o.Out) {
			t.Errorf("error %v", err)
		}
		return
	}
	if err := o.Train(t.Context()); err != nil {
		t.Fatal(err)
	}
	want := weights(t, o.Out)

	o.Out = filepath.Join(t.TempDir(), "out")
	ctx, cancel := context.WithCancel(t.Context())
	o.Watch = func(e Event) {
		if e.Record != nil && e.Record.Step == 5 {
			cancel()
		}
	}
	if err := o.Train(ctx); !errors.As(err, new(*Stopped)) {
		t.Fatal(err)
	}
	spec, err := json.Marshal(o)
	if err != nil {
		t.Fatal(err)
	}
	child := exec.Command(os.Args[0], "-test.run=^TestFullDisk$")
	child.Env = append(os.Environ(), "TRAIN_FULL="+string(spec), "TRAIN_TEXT="+o.Texts[0], "TRAIN_OUT="+o.Out)
	if out, err := child.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if path, step, err := Latest(o.Out); step != 5 || err != nil {
		t.Fatalf("the latest checkpoint is %s, %v", path, err)
	}
	o.Watch = nil
	if err := o.Train(t.Context()); err != nil {
		t.Fatal(err)
	}
	if weights(t, o.Out) != want {
		t.Error("after a full disk the file differs")
	}
}

// The same for a Run, whose folder holds averages and the best weights besides.
func TestRunFullDisk(t *testing.T) {
	r := tinyRun("plain", nil)
	if r.Resume, r.SaveEvery = true, 2; os.Getenv("TRAIN_RUN_FULL") != "" {
		r.Out = os.Getenv("TRAIN_RUN_FULL")
		signal.Ignore(syscall.SIGXFSZ)
		limit := syscall.Rlimit{Cur: 4 << 10, Max: 4 << 10}
		if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &limit); err != nil {
			t.Fatal(err)
		}
		if _, err := r.Train(t.Context()); err == nil || !strings.Contains(err.Error(), r.Out) {
			t.Errorf("error %v", err)
		}
		return
	}
	whole := tinyRun("plain", nil)
	if _, err := whole.Train(t.Context()); err != nil {
		t.Fatal(err)
	}
	r.Out = filepath.Join(t.TempDir(), "out")
	ctx, cancel := context.WithCancel(t.Context())
	r.Watch = func(e Event) {
		if e.Record != nil && e.Record.Step == 7 {
			cancel()
		}
	}
	if _, err := r.Train(ctx); !errors.As(err, new(*Stopped)) {
		t.Fatal(err)
	}
	child := exec.Command(os.Args[0], "-test.run=^TestRunFullDisk$")
	child.Env = append(os.Environ(), "TRAIN_RUN_FULL="+r.Out)
	if out, err := child.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if path, step, err := Latest(r.Out); step != 7 || err != nil {
		t.Fatalf("the latest checkpoint is %s, %v", path, err)
	}
	again := tinyRun("plain", nil)
	again.Out, again.Resume = r.Out, true
	if _, err := again.Train(t.Context()); err != nil {
		t.Fatal(err)
	}
	if !equalBits(learnt(again.Model), learnt(whole.Model)) {
		t.Error("after a full disk the weights differ")
	}
}
