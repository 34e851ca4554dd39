package zoo

import (
	"fmt"
	"slices"
	"strings"

	"github.com/qkvgo/qkv/checkpoint"
)

// Sibling is the architecture of the same family whose name ends in ending, such
// as ForSequenceClassification.
func Sibling(architecture, ending string) (name string, ok bool) {
	f, ok := familyOf(architecture)
	if !ok {
		return "", false
	}
	var names []string
	for name := range f.pages {
		if strings.HasSuffix(name, ending) {
			names = append(names, name)
		}
	}
	if len(names) == 0 {
		return "", false
	}
	return slices.MinFunc(names, func(a, b string) int { return len(a) - len(b) }), true
}

// OpenBody loads the network in the folder dir under a config of the caller's
// that names another head. fresh are the parameters of that head that the folder
// does not have: they are without values.
func OpenBody(dir string, config []byte) (l *Loaded, fresh []string, err error) {
	m, name, rules, err := New(config, "")
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", dir, err)
	}
	f, err := checkpoint.Open(dir)
	if err != nil {
		return nil, nil, err
	}
	if fresh, err = f.BindBody(m, rules); err != nil {
		f.Close()
		return nil, nil, err
	}
	own, _ := familyOf(name)
	return &Loaded{Model: m, Architecture: name, ModelType: own.modelType, Folder: f}, fresh, nil
}
