package train

import (
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// A process that is killed at any moment, again and again, and goes on each time
// ends with the weights of one that nobody disturbed, whatever the plan.
func TestRunKilled(t *testing.T) {
	if plan := os.Getenv("TRAIN_RUN_KILLED"); plan != "" {
		r := tinyRun(plan, nil)
		r.Out, r.Resume, r.SaveEvery = os.Getenv("TRAIN_OUT"), true, 1
		if _, err := r.Train(t.Context()); err != nil {
			t.Fatal(err)
		}
		return
	}
	kills := 0
	for plan := range plans {
		whole := tinyRun(plan, nil)
		if _, err := whole.Train(t.Context()); err != nil {
			t.Fatal(err)
		}
		out := filepath.Join(t.TempDir(), "out")
		for run := 0; ; run++ {
			child := exec.Command(os.Args[0], "-test.run=^TestRunKilled$")
			child.Env = append(os.Environ(), "TRAIN_RUN_KILLED="+plan, "TRAIN_OUT="+out)
			if err := child.Start(); err != nil {
				t.Fatal(err)
			}
			kill := time.AfterFunc(time.Duration(10+rand.IntN(80))*time.Millisecond, func() { child.Process.Kill() })
			if run >= 3 {
				kill.Stop() // enough: let it end
			}
			err := child.Wait()
			kill.Stop()
			if err == nil {
				break
			}
			if child.ProcessState.Exited() {
				t.Fatalf("%s: run %d failed: %v", plan, run, err)
			}
			kills++
		}
		if !equalBits(folder(t, out), learnt(whole.Model)) {
			t.Errorf("%s: the run that was killed has other weights", plan)
		}
		entries, err := os.ReadDir(out)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			if strings.HasPrefix(e.Name(), ".") && e.IsDir() {
				t.Errorf("%s: a killed run left %s", plan, e.Name())
			}
		}
	}
	t.Logf("%d kills", kills)
	if kills == 0 {
		t.Error("no run was killed")
	}
}
