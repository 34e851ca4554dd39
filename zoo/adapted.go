package zoo

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/qkvgo/qkv/checkpoint"
	"github.com/qkvgo/qkv/lora"
	"github.com/qkvgo/qkv/nn"
)

// openAdapted loads the model that the adapters in the folder dir were made for, and
// attaches them. The folder's own config.json, where it has one, says which head the
// model has; the adapters' modules then give it its values.
func openAdapted(dir string) (*Loaded, error) {
	name, err := lora.Base(dir)
	if err != nil {
		return nil, err
	}
	base, err := baseFolder(dir, name)
	if err != nil {
		return nil, err
	}
	config, err := checkpoint.Config(os.DirFS(dir), dir)
	if errors.Is(err, fs.ErrNotExist) {
		config, err = checkpoint.Config(os.DirFS(base), base)
	}
	if err != nil {
		return nil, err
	}
	l, _, err := OpenBody(base, config)
	if err != nil {
		return nil, err
	}
	l.Folder.Config = config
	_, err = lora.Open(dir, l.Model)
	if err == nil {
		err = allBound(dir, l.Model)
	}
	if err != nil {
		l.Close()
		return nil, err
	}
	return l, nil
}

// baseFolder is the folder of the model that adapters in dir name: as it is named,
// or beside them.
func baseFolder(dir, name string) (string, error) {
	if name == "" {
		return "", fmt.Errorf("%s: %s does not say which model it adapts (base_model_name_or_path)", dir, lora.ConfigName)
	}
	for _, path := range []string{name, filepath.Join(dir, name)} {
		if _, err := os.Stat(filepath.Join(path, checkpoint.ConfigName)); err == nil {
			return path, nil
		}
	}
	return "", fmt.Errorf("%s adapts the model %s, which is not a folder here: bring it there, or change base_model_name_or_path in %s: %w",
		dir, name, lora.ConfigName, fs.ErrNotExist)
}

// allBound gives an error where a parameter has no value: neither the base nor the
// adapters have it.
func allBound(dir string, m any) error {
	var errs []error
	for name, w := range nn.Params(m) {
		if !w.Bound() {
			errs = append(errs, fmt.Errorf("%s: neither the adapters nor their base have %s", dir, name))
		}
	}
	return errors.Join(errs...)
}
