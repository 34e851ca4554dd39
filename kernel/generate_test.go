package kernel

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// TestGeneratedFilesAreFresh fails when the assembly differs from what its
// generator writes.
func TestGeneratedFilesAreFresh(t *testing.T) {
	if _, err := exec.LookPath("go"); err != nil {
		t.Skip("no go command to run the generator with")
	}
	here, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	into := t.TempDir()
	command := exec.Command("go", "run", "-C", "_asm", ".", "-out", here, "-into", into)
	command.Env = append(os.Environ(), "GOFLAGS=-buildvcs=false", "GOWORK=off", "GOOS=", "GOARCH=")
	if out, err := command.CombinedOutput(); err != nil {
		t.Fatalf("generator: %v\n%s", err, out)
	}
	written, err := filepath.Glob(filepath.Join(into, "*"))
	if err != nil || len(written) == 0 {
		t.Fatalf("the generator wrote nothing (%v)", err)
	}
	for _, name := range written {
		want, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		have, err := os.ReadFile(filepath.Base(name))
		if err != nil || !bytes.Equal(have, want) {
			t.Errorf("%s is stale: run go generate ./kernel (%v)", filepath.Base(name), err)
		}
	}
}
