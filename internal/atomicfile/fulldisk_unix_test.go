//go:build linux || darwin

package atomicfile

import (
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"syscall"
	"testing"
)

// A process that may not write files beyond 64 KB stands for a full disk: the
// error comes when the buffer is flushed, in Commit.
func TestFullDisk(t *testing.T) {
	if path := os.Getenv("ATOMICFILE_FULL"); path != "" {
		signal.Ignore(syscall.SIGXFSZ)
		limit := syscall.Rlimit{Cur: 64 << 10, Max: 64 << 10}
		if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &limit); err != nil {
			t.Fatal(err)
		}
		err := Write(path, func(w io.Writer) error {
			_, err := w.Write(make([]byte, 100<<10))
			return err
		})
		if err == nil {
			t.Error("writing beyond the limit succeeded")
		}
		return
	}
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, []byte("old"), 0o600); err != nil {
		t.Fatal(err)
	}
	child := exec.Command(os.Args[0], "-test.run=^TestFullDisk$")
	child.Env = append(os.Environ(), "ATOMICFILE_FULL="+path)
	if out, err := child.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	content(t, path, "old")
}
