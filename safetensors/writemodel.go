package safetensors

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"

	"github.com/qkvgo/qkv/internal/atomicfile"
)

// MaxShard is the reference's limit on the bytes of one file's tensors.
const MaxShard = 5_000_000_000

// shardNames are the files that WriteModel makes.
var shardNames = regexp.MustCompile(`^model(-\d{5}-of-\d{5})?\.safetensors(\.index\.json)?$`)

// WriteModel writes a model's weights to a folder as the reference does:
// model.safetensors, or, if the tensors have more than maxShard bytes together,
// model-00001-of-0000n.safetensors, … and their index. Shards are filled in the
// order of the tensors given, which is that of the model's parameters. Weights
// of an earlier save under these names are replaced or removed.
//
// All files are written aside and synced before the first one is renamed: a full
// disk leaves the folder as it was. The index comes last. Only a crash between
// two renames can leave shards of both saves.
func WriteModel(dir string, tensors []Tensor, metadata map[string]string, maxShard int64) error {
	if err := check(tensors, metadata).err(dir); err != nil {
		return err
	}
	shards := split(tensors, maxShard)
	w := modelWriter{dir: dir}
	defer w.abort()
	if len(shards) == 1 {
		if err := w.encode(SingleName, tensors, metadata); err != nil {
			return err
		}
		return w.commit()
	}
	shardOf := map[string]string{}
	for i, shard := range shards {
		name := fmt.Sprintf("model-%05d-of-%05d.safetensors", i+1, len(shards))
		for _, t := range shard {
			shardOf[t.Name] = name
		}
		if err := w.encode(name, shard, metadata); err != nil {
			return err
		}
	}
	index, err := w.create(IndexName)
	if err != nil {
		return err
	}
	if _, err := index.Write(indexJSON(tensors, shardOf)); err != nil {
		return err
	}
	return w.commit()
}

// split cuts the tensors into runs of at most maxShard bytes. A larger tensor
// has a run of its own, which does not end the run that it falls into.
func split(tensors []Tensor, maxShard int64) (shards [][]Tensor) {
	var run []Tensor
	size := int64(0)
	for _, t := range tensors {
		n := int64(len(t.Data))
		if n > maxShard {
			shards = append(shards, []Tensor{t})
			continue
		}
		if size+n > maxShard {
			shards = append(shards, run)
			run, size = nil, 0
		}
		run = append(run, t)
		size += n
	}
	if len(run) > 0 || len(shards) == 0 {
		shards = append(shards, run)
	}
	return shards
}

// indexJSON returns the index's text: keys sorted, indented by two spaces.
func indexJSON(tensors []Tensor, shardOf map[string]string) []byte {
	total := 0
	for _, t := range tensors {
		total += len(t.Data)
	}
	b := fmt.Appendf(nil, "{\n  \"metadata\": {\n    \"total_size\": %d\n  },\n  \"weight_map\": {", total)
	names := make([]string, len(tensors))
	for i, t := range tensors {
		names[i] = t.Name
	}
	slices.Sort(names)
	for i, name := range names {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(appendString(append(b, "\n    "...), name), ": "...)
		b = appendString(b, shardOf[name])
	}
	return append(b, "\n  }\n}\n"...)
}

// modelWriter holds the new files of a folder until all are written.
type modelWriter struct {
	dir   string
	names []string
	files []*atomicfile.File
}

func (w *modelWriter) create(name string) (*atomicfile.File, error) {
	f, err := atomicfile.Create(filepath.Join(w.dir, name))
	if err != nil {
		return nil, err
	}
	w.names = append(w.names, name)
	w.files = append(w.files, f)
	return f, nil
}

func (w *modelWriter) encode(name string, tensors []Tensor, metadata map[string]string) error {
	f, err := w.create(name)
	if err != nil {
		return err
	}
	return Encode(f, tensors, metadata)
}

// commit puts the new files in place and removes those of an earlier save.
func (w *modelWriter) commit() error {
	for _, f := range w.files {
		if err := f.Sync(); err != nil {
			return err
		}
	}
	for _, f := range w.files {
		if err := f.Commit(); err != nil {
			return err
		}
	}
	entries, err := os.ReadDir(w.dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if shardNames.MatchString(e.Name()) && !slices.Contains(w.names, e.Name()) {
			if err := os.Remove(filepath.Join(w.dir, e.Name())); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return err
			}
		}
	}
	return nil
}

func (w *modelWriter) abort() {
	for _, f := range w.files {
		f.Abort()
	}
}
