package task

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/qkvgo/qkv/device/cpu"
	"github.com/qkvgo/qkv/zoo/zootest"
)

// tiny makes a tiny model of a kind, with more files where they are given by
// name and content.
func tiny(t *testing.T, kind string, files ...string) (dir string) {
	t.Helper()
	dir = t.TempDir()
	if err := zootest.Make(kind, dir); err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(files); i += 2 {
		path := filepath.Join(dir, files[i])
		if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(files[i+1]), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// checkedDevice is a device whose memory must all be given back when the test ends.
func checkedDevice(t *testing.T) *cpu.Device {
	t.Helper()
	d := cpu.New(cpu.Options{Threads: 2})
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	})
	return d
}

// texts have different lengths, words that are not in the vocabulary, and none.
var texts = []string{"the cat sat .", "", "the dog", "a dog ran home and slept .", "cat cat cat cat cat cat cat cat cat cat cat cat"}
