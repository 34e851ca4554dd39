package atomicfile

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
)

func TestFolderAppearsWhole(t *testing.T) {
	path := filepath.Join(t.TempDir(), "folder")
	fill := func(dir string) error {
		if _, err := os.Stat(path); err == nil {
			t.Error("the folder is there before it is filled")
		}
		return os.WriteFile(filepath.Join(dir, "file"), []byte("text"), 0o666)
	}
	if err := Folder(path, fill); err != nil {
		t.Fatal(err)
	}
	content(t, filepath.Join(path, "file"), "text")
	if err := Folder(path, fill); !errors.Is(err, os.ErrExist) {
		t.Errorf("a second time: have error %v, want %v", err, os.ErrExist)
	}
	alone(t, path)
	if err := RemoveFolder(path); err != nil {
		t.Fatal(err)
	}
	alone(t)
}

func TestFailedFolderLeavesNothing(t *testing.T) {
	path := filepath.Join(t.TempDir(), "folder")
	refused := errors.New("refused")
	err := Folder(path, func(dir string) error {
		if err := os.WriteFile(filepath.Join(dir, "file"), nil, 0o666); err != nil {
			return err
		}
		return refused
	})
	if !errors.Is(err, refused) {
		t.Errorf("have error %v, want %v", err, refused)
	}
	left, err := os.ReadDir(filepath.Dir(path))
	if err != nil || len(left) != 0 {
		t.Errorf("left over: %v %v", left, err)
	}
}

// alone fails the test unless the paths are all there is in their folder.
func alone(t *testing.T, paths ...string) {
	t.Helper()
	for _, p := range paths {
		entries, err := os.ReadDir(filepath.Dir(p))
		if err != nil {
			t.Fatal(err)
		}
		if len(entries) != len(paths) {
			t.Errorf("the folder holds %v, want %v", entries, paths)
		}
	}
}
