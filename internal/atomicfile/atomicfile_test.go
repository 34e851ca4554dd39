package atomicfile

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"
)

// content fails the test unless the folder holds exactly one file with this name and content.
func content(t *testing.T, path, want string) {
	t.Helper()
	have, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if string(have) != want {
		t.Errorf("%s: have %q, want %q", path, have, want)
	}
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil {
		t.Fatal(err)
	}
	if len(entries) != 1 {
		t.Errorf("the folder holds %v, want %s alone", entries, filepath.Base(path))
	}
}

func TestWrite(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	for _, text := range []string{"first", "", "third, which is longer"} {
		err := Write(path, func(w io.Writer) error {
			_, err := io.WriteString(w, text)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		content(t, path, text)
	}
}

func TestFailureKeepsTheOldFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, []byte("old"), 0o640); err != nil {
		t.Fatal(err)
	}
	refuse := errors.New("refused")
	err := Write(path, func(w io.Writer) error {
		w.Write(make([]byte, 3<<20)) // beyond the buffer
		return refuse
	})
	if !errors.Is(err, refuse) {
		t.Errorf("have error %v, want %v", err, refuse)
	}
	content(t, path, "old")

	f, err := Create(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Abort(); err != nil {
		t.Error(err)
	}
	if err := f.Commit(); err == nil {
		t.Error("Commit after Abort succeeded")
	}
	content(t, path, "old")
}

func TestPermissionsAreKept(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, []byte("old"), 0o600); err != nil {
		t.Fatal(err)
	}
	before, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := Write(path, func(io.Writer) error { return nil }); err != nil {
		t.Fatal(err)
	}
	after, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if after.Mode() != before.Mode() {
		t.Errorf("have mode %v, want %v", after.Mode(), before.Mode())
	}
}

func TestCreateRefusesFolder(t *testing.T) {
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "sub"), 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := Create(filepath.Join(dir, "sub")); err == nil {
		t.Error("a folder may be replaced")
	}
	if _, err := Create(filepath.Join(dir, "missing", "file")); err == nil {
		t.Error("a file can be made in a folder that does not exist")
	}
}
