package safetensors

import (
	"bytes"
	"cmp"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// shared returns the folder of the reference's files, beside the checkout or
// where QKV_SHARED says, and skips the test where there is none.
func shared(t *testing.T) string {
	t.Helper()
	dir := os.Getenv("QKV_SHARED")
	if dir == "" {
		dir = filepath.Join("..", "..", "shared")
	}
	dir, err := filepath.EvalSymlinks(dir)
	if err != nil {
		t.Skip("the reference's files are not here")
	}
	return dir
}

// Every file that the reference wrote has the same bytes after reading and
// writing it.
func TestGoldenFiles(t *testing.T) {
	root, count := shared(t), 0
	for _, folder := range []string{"golden", "data/weights"} {
		err := filepath.WalkDir(filepath.Join(root, folder), func(path string, d fs.DirEntry, err error) error {
			if err != nil || !strings.HasSuffix(path, ".safetensors") {
				return err
			}
			count++
			f, err := Open(path)
			if err != nil {
				t.Error(err)
				return nil
			}
			defer f.Close()
			want, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			if !bytes.Equal(encode(t, slices.Collect(f.All()), f.Metadata), want) {
				t.Errorf("%s: reading and writing changed the bytes", path)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if count == 0 {
		t.Error("no files")
	}
	t.Logf("%d files", count)
}

// Sharded models come back with the same files, index included.
func TestGoldenShards(t *testing.T) {
	indexes, err := filepath.Glob(filepath.Join(shared(t), "golden", "*", "*", IndexName))
	if err != nil || len(indexes) == 0 {
		t.Fatalf("no indexes: %v", err)
	}
	for _, path := range indexes {
		f, err := OpenModel(filepath.Dir(path))
		if err != nil {
			t.Error(err)
			continue
		}
		defer f.Close()
		// The order of the model's parameters is not in the files. But shard by
		// shard, the largest first, gives the same shards: if the tensor that
		// began a shard did not fit the one before, then the largest does not.
		tensors := slices.Collect(f.All())
		shards := f.Shards()
		slices.SortStableFunc(tensors, func(a, b Tensor) int {
			return cmp.Or(cmp.Compare(shards[a.Name], shards[b.Name]), len(b.Data)-len(a.Data))
		})
		sizes := map[string]int64{}
		for _, x := range tensors {
			sizes[shards[x.Name]] += int64(len(x.Data))
		}
		dir := t.TempDir()
		if err := WriteModel(dir, tensors, f.Metadata, slices.Max(slices.Collect(maps.Values(sizes)))); err != nil {
			t.Error(err)
			continue
		}
		for _, name := range names(t, dir) {
			have, err := os.ReadFile(filepath.Join(dir, name))
			if err != nil {
				t.Fatal(err)
			}
			want, err := os.ReadFile(filepath.Join(filepath.Dir(path), name))
			if err != nil {
				t.Error(err)
				continue
			}
			if !bytes.Equal(have, want) {
				t.Errorf("%s: %s differs from the reference's", filepath.Dir(path), name)
			}
		}
	}
	t.Logf("%d models", len(indexes))
}
