package safetensors

import (
	"errors"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

func bytesTensor(name string, n int) Tensor {
	return Tensor{Name: name, DType: U8, Shape: []int{n}, Data: make([]byte, n)}
}

// names lists a folder.
func names(t *testing.T, dir string) (list []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		list = append(list, e.Name())
	}
	return list
}

func TestWriteModel(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "config.json"), []byte("{}"), 0o600); err != nil {
		t.Fatal(err)
	}
	start, _ := Mapped()
	tensors := random(rand.New(rand.NewPCG(7, 8)), 30)
	for _, maxShard := range []int64{1 << 40, 200, 50, 1, 1 << 40} { // sharded and back again
		if err := WriteModel(dir, tensors, map[string]string{"format": "pt"}, maxShard); err != nil {
			t.Fatal(err)
		}
		f, err := OpenModel(dir)
		if err != nil {
			t.Fatal(err)
		}
		same(t, f, tensors)
		files := names(t, dir)
		want := 2 // configuration and weights
		if shards := f.Shards(); shards != nil {
			var used []string
			for _, shard := range shards {
				used = append(used, shard)
			}
			slices.Sort(used)
			want = 2 + len(slices.Compact(used))
		} else if maxShard < 1<<40 {
			t.Errorf("limit of %d bytes: one file", maxShard)
		}
		if len(files) != want {
			t.Errorf("limit of %d bytes: have %q, want %d files", maxShard, files, want)
		}
		if f.Metadata["format"] != "pt" {
			t.Errorf("metadata: have %v", f.Metadata)
		}
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	}
	if now, _ := Mapped(); now != start {
		t.Errorf("have %d mappings, want %d", now, start)
	}
	if err := WriteModel(dir, nil, nil, 1); err != nil {
		t.Fatal(err)
	}
	f, err := OpenModel(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	same(t, f, nil)
}

func TestSplit(t *testing.T) {
	var tensors []Tensor
	for i, n := range []int{4, 7, 20, 3, 6, 1, 10, 11} {
		tensors = append(tensors, bytesTensor(string(rune('a'+i)), n))
	}
	var have []string
	for _, shard := range split(tensors, 10) {
		text := ""
		for _, x := range shard {
			text += x.Name
		}
		have = append(have, text)
	}
	if want := []string{"a", "c", "bd", "ef", "h", "g"}; !slices.Equal(have, want) {
		t.Errorf("have %q, want %q", have, want)
	}
}

func TestWriteModelFails(t *testing.T) {
	dir := t.TempDir()
	if err := WriteModel(dir, []Tensor{bytesTensor("a", 3), bytesTensor("b", 3)}, nil, 3); err != nil {
		t.Fatal(err)
	}
	before := names(t, dir)
	if err := WriteModel(dir, []Tensor{bytesTensor("a", 3), bytesTensor("a", 3)}, nil, 3); err == nil {
		t.Error("a name was written twice")
	}
	if err := os.Mkdir(filepath.Join(dir, "model-00002-of-00003.safetensors"), 0o700); err != nil {
		t.Fatal(err)
	}
	before = append(before, "model-00002-of-00003.safetensors")
	slices.Sort(before)
	three := []Tensor{bytesTensor("a", 3), bytesTensor("b", 3), bytesTensor("c", 3)}
	if err := WriteModel(dir, three, nil, 3); err == nil {
		t.Error("a folder was replaced by a shard")
	}
	if have := names(t, dir); !slices.Equal(have, before) {
		t.Errorf("after a failed save the folder holds %q, want %q", have, before)
	}
	f, err := OpenModel(dir)
	if err != nil {
		t.Fatal(err)
	}
	f.Close()
	if err := WriteModel(filepath.Join(dir, "missing"), three, nil, 3); err == nil {
		t.Error("a model was written to a folder that does not exist")
	}
}

func TestIndexProblems(t *testing.T) {
	shard := func(list ...string) *fstest.MapFile {
		var tensors []Tensor
		for _, name := range list {
			tensors = append(tensors, bytesTensor(name, 1))
		}
		return &fstest.MapFile{Data: encode(t, tensors, nil)}
	}
	index := func(text string) *fstest.MapFile {
		return &fstest.MapFile{Data: []byte(`{"metadata":{},"weight_map":{` + text + `}}`)}
	}
	for _, c := range []struct {
		name string
		fsys fstest.MapFS
		want []string
	}{
		{"missing shard", fstest.MapFS{IndexName: index(`"a":"1","b":"2"`), "1": shard("a")}, []string{"shard 2 is missing"}},
		{"missing tensor", fstest.MapFS{IndexName: index(`"a":"1","b":"1"`), "1": shard("a")}, []string{"b: is not in 1"}},
		{"not in the index", fstest.MapFS{IndexName: index(`"a":"1"`), "1": shard("a", "b")}, []string{"b: is in 1, but not in the index"}},
		{"in two shards", fstest.MapFS{IndexName: index(`"a":"1","b":"2"`), "1": shard("a"), "2": shard("a", "b")}, []string{"a: is in two shards, 1 and 2"}},
		{"in another shard", fstest.MapFS{IndexName: index(`"a":"1","b":"2","c":"2"`), "1": shard("a", "b"), "2": shard("c")},
			[]string{"b: is in 1, the index says 2"}},
		{"escape", fstest.MapFS{IndexName: index(`"a":"../1","b":"/etc/2"`)}, []string{`shard "../1" is not a path`, `shard "/etc/2" is not a path`}},
		{"bad shard", fstest.MapFS{IndexName: index(`"a":"1"`), "1": {Data: []byte("short")}}, []string{"1: 5 bytes are too few"}},
		{"empty index", fstest.MapFS{IndexName: index(``)}, []string{"has no weight_map"}},
		{"bad index", fstest.MapFS{IndexName: {Data: []byte("[]")}}, []string{"have [, want {"}},
		{"two answers", fstest.MapFS{IndexName: index(`"a":"1","a":"2"`)}, []string{"a: occurs twice"}},
		{"no text", fstest.MapFS{IndexName: index(`"a":1`)}, []string{"want a string"}},
	} {
		_, err := OpenModelFS(c.fsys)
		var format *FormatError
		if !errors.As(err, &format) {
			t.Errorf("%s: have error %v, want a FormatError", c.name, err)
			continue
		}
		if len(format.Problems) != len(c.want) {
			t.Errorf("%s: have %q, want %q", c.name, format.Problems, c.want)
			continue
		}
		for i, want := range c.want {
			if !strings.Contains(format.Problems[i], want) {
				t.Errorf("%s: have %q, want %q in it", c.name, format.Problems[i], want)
			}
		}
	}
	if _, err := OpenModelFS(fstest.MapFS{}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("empty folder: have %v", err)
	}
	if _, err := OpenModel(t.TempDir()); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("empty folder: have %v", err)
	}
	f, err := OpenModelFS(fstest.MapFS{IndexName: index(`"a":"1","b":"sub/2"`), "1": shard("a"), "sub/2": shard("b")})
	if err != nil {
		t.Fatal(err)
	}
	same(t, f, []Tensor{bytesTensor("a", 1), bytesTensor("b", 1)})
}
