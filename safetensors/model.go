package safetensors

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"slices"
)

// The names that a model's folder uses.
const (
	SingleName = "model.safetensors"            // all tensors in one file
	IndexName  = "model.safetensors.index.json" // or which shard holds which tensor
)

// OpenModel opens the weights in a folder: model.safetensors if it is there,
// else the shards that model.safetensors.index.json names.
func OpenModel(dir string) (*File, error) {
	f, err := OpenModelFS(os.DirFS(dir))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", dir, err)
	}
	return f, nil
}

// OpenModelFS is OpenModel for a file system, such as embedded files.
func OpenModelFS(fsys fs.FS) (*File, error) {
	f, err := OpenFS(fsys, SingleName)
	if !errors.Is(err, fs.ErrNotExist) {
		return f, err
	}
	f, err = OpenIndex(fsys, IndexName)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("neither %s nor %s: %w", SingleName, IndexName, fs.ErrNotExist)
	}
	return f, err
}

// OpenIndex opens the shards that an index names. Every tensor must be in the
// shard that the index says and in no other; what is not so, and what is wrong
// with the shards themselves, is listed in one error.
func OpenIndex(fsys fs.FS, name string) (*File, error) {
	b, err := fs.ReadFile(fsys, name)
	if err != nil {
		return nil, err
	}
	shardOf, err := parseIndex(b)
	if err != nil {
		return nil, &FormatError{Path: name, Problems: []string{err.Error()}}
	}
	var p problems
	f := &File{shards: shardOf}
	found := map[string]string{} // tensor name → shard that holds it
	for _, shard := range slices.Compact(slices.Sorted(maps.Values(shardOf))) {
		f.openShard(fsys, shard, shardOf, found, &p)
	}
	slices.SortFunc(f.tensors, func(a, b Tensor) int { return cmp.Compare(a.Name, b.Name) })
	if err := p.err(name); err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// openShard adds the tensors of one shard and notes them in found.
func (f *File) openShard(fsys fs.FS, shard string, shardOf, found map[string]string, p *problems) {
	if !fs.ValidPath(shard) {
		p.add("shard %q is not a path inside the folder", shard)
		return
	}
	first := len(f.tensors)
	file, err := fsys.Open(shard)
	if err == nil {
		err = f.open(shard, file)
	}
	if err != nil {
		var format *FormatError
		switch {
		case errors.Is(err, fs.ErrNotExist):
			p.add("shard %s is missing", shard)
		case errors.As(err, &format):
			for _, problem := range format.Problems {
				p.add("%s: %s", shard, problem)
			}
		default:
			p.add("%v", err)
		}
		return
	}
	for _, t := range f.tensors[first:] {
		switch want, listed := shardOf[t.Name]; {
		case found[t.Name] != "":
			p.add("%s: is in two shards, %s and %s", t.Name, found[t.Name], shard)
		case !listed:
			p.add("%s: is in %s, but not in the index", t.Name, shard)
		case want != shard:
			p.add("%s: is in %s, the index says %s", t.Name, shard, want)
		}
		found[t.Name] = shard
	}
	for _, name := range slices.Sorted(maps.Keys(shardOf)) {
		if shardOf[name] == shard && found[name] == "" {
			p.add("%s: is not in %s, where the index says it is", name, shard)
		}
	}
}

// parseIndex returns an index's weight map: tensor name → shard.
func parseIndex(b []byte) (map[string]string, error) {
	shardOf := map[string]string{}
	dec := json.NewDecoder(bytes.NewReader(b))
	err := object(dec, func(key string) error {
		if key != "weight_map" {
			return dec.Decode(new(json.RawMessage))
		}
		return object(dec, func(name string) (err error) {
			shardOf[name], err = text(dec)
			return err
		})
	})
	if err == nil && len(shardOf) == 0 {
		err = errors.New("has no weight_map")
	}
	return shardOf, err
}

// Shards returns the file that holds each tensor, by the tensor's name, or nil
// for a model in a single file.
func (f *File) Shards() map[string]string { return maps.Clone(f.shards) }
