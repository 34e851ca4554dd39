package task

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/qkvgo/qkv/checkpoint"
)

// module is a line of a modules.json.
type module struct{ Path, Type string }

// readModules obeys the files of sentence-transformers, if the folder dir has
// them, and gives the folder of the model itself.
func (e *Embedder) readModules(dir string) (base string, err error) {
	fsys := os.DirFS(dir)
	var modules []module
	if err := readJSON(fsys, "modules.json", &modules); err != nil {
		return "", err
	}
	base = dir
	for _, m := range modules {
		if m.Path != "" && !filepath.IsLocal(m.Path) {
			return "", fmt.Errorf("modules.json: path %q is not inside the folder", m.Path)
		}
		switch kind := m.Type[strings.LastIndex(m.Type, ".")+1:]; kind {
		case "Transformer":
			base = filepath.Join(dir, m.Path)
			err = e.readTransformer(fsys, path.Join(m.Path, "sentence_bert_config.json"))
		case "Pooling":
			err = e.readPooling(fsys, path.Join(m.Path, "config.json"))
		case "Normalize":
			e.Normalize = true
		default:
			err = &checkpoint.Unsupported{What: "the module " + m.Type + " of modules.json"}
		}
		if err != nil {
			return "", err
		}
	}
	return base, nil
}

// readTransformer reads how long texts may be.
func (e *Embedder) readTransformer(fsys fs.FS, name string) error {
	var c struct {
		MaxLength int  `json:"max_seq_length"`
		LowerCase bool `json:"do_lower_case"`
	}
	if err := readJSON(fsys, name, &c); err != nil {
		return err
	}
	if c.LowerCase {
		return &checkpoint.Unsupported{What: name + ": do_lower_case beside the tokenizer's own"}
	}
	e.MaxLength = max(c.MaxLength, 0)
	return nil
}

// poolingKeys are the keys of a pooling module that switch a way of pooling on, in
// the order in which sentence-transformers joins their vectors.
var poolingKeys = []struct {
	key string
	way Pooling
}{
	{"pooling_mode_cls_token", CLS},
	{"pooling_mode_max_tokens", Max},
	{"pooling_mode_mean_tokens", Mean},
	{"pooling_mode_mean_sqrt_len_tokens", MeanSqrt},
	{"pooling_mode_weightedmean_tokens", WeightedMean},
	{"pooling_mode_lasttoken", Last},
}

// readPooling reads which ways of pooling are on.
func (e *Embedder) readPooling(fsys fs.FS, name string) error {
	var keys map[string]any
	if err := readJSON(fsys, name, &keys); err != nil {
		return err
	}
	var on []string
	for _, k := range poolingKeys {
		if keys[k.key] == true {
			on = append(on, string(k.way))
		}
		delete(keys, k.key)
	}
	for _, key := range slices.Sorted(maps.Keys(keys)) {
		if strings.HasPrefix(key, "pooling_mode") && keys[key] != false {
			return &checkpoint.Unsupported{What: fmt.Sprintf("%s: %s: %v", name, key, keys[key])}
		}
	}
	if len(on) > 0 {
		e.Pooling = Pooling(strings.Join(on, "+"))
	}
	return nil
}

// readJSON reads a file that may be absent.
func readJSON(fsys fs.FS, name string, into any) error {
	b, err := fs.ReadFile(fsys, name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if err := json.Unmarshal(b, into); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}
