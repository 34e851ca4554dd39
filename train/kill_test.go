package train

import (
	"context"
	"encoding/json"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// A process that is killed again and again, at any moment, and goes on each
// time, ends with the file of one that nobody disturbed.
func TestKilled(t *testing.T) {
	if spec := os.Getenv("TRAIN_KILLED"); spec != "" {
		var o LM
		if err := json.Unmarshal([]byte(spec), &o); err != nil {
			t.Fatal(err)
		}
		o.Texts, o.Out, o.Resume, o.SaveEvery = []string{os.Getenv("TRAIN_TEXT")}, os.Getenv("TRAIN_OUT"), true, 1
		if err := o.Train(context.Background()); err != nil {
			t.Fatal(err)
		}
		return
	}
	o := small(t, "gpt2", fables(t))
	o.Validation, o.Steps = nil, 30
	if err := o.Train(t.Context()); err != nil {
		t.Fatal(err)
	}
	want := weights(t, o.Out)

	spec, err := json.Marshal(o)
	if err != nil {
		t.Fatal(err)
	}
	out := filepath.Join(t.TempDir(), "out")
	kills := 0
	for run := 0; ; run++ {
		child := exec.Command(os.Args[0], "-test.run=^TestKilled$")
		child.Env = append(os.Environ(), "TRAIN_KILLED="+string(spec), "TRAIN_TEXT="+o.Texts[0], "TRAIN_OUT="+out)
		if err := child.Start(); err != nil {
			t.Fatal(err)
		}
		kill := time.AfterFunc(time.Duration(20+rand.IntN(150))*time.Millisecond, func() { child.Process.Kill() })
		if run >= 12 {
			kill.Stop() // enough: let it end
		}
		err := child.Wait()
		kill.Stop()
		if err == nil {
			break
		}
		if child.ProcessState.Exited() {
			t.Fatalf("run %d failed: %v", run, err)
		}
		kills++
	}
	if kills == 0 {
		t.Error("no run was killed")
	}
	if weights(t, out) != want {
		t.Errorf("after %d kills the file differs", kills)
	}
	entries, err := os.ReadDir(out)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if e.Name()[0] == '.' && e.IsDir() {
			t.Errorf("a killed run left %s", e.Name())
		}
	}
}

// A run that was killed when its last checkpoint stood, in the midst of removing
// the one before, is tidied by the next one, which has nothing else to do.
func TestKilledWhileCleaning(t *testing.T) {
	o := small(t, "gpt2", fables(t))
	o.Validation, o.Steps = nil, 2
	if err := o.Train(t.Context()); err != nil {
		t.Fatal(err)
	}
	left := filepath.Join(o.Out, ".checkpoint-1.0badcafe.tmp")
	if err := os.Mkdir(left, 0o777); err != nil {
		t.Fatal(err)
	}
	o.Resume = true
	if err := o.Train(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(left); err == nil {
		t.Errorf("%s is still there", left)
	}
}
