// Package checkpoint goes from a Hugging Face folder to a model and back:
// config.json into a page's Config, named arrays into a page's parameters, and
// both out again in the same form and under the same names.
//
// Everything is checked before the first number is used, and all that is wrong
// comes in one error.
package checkpoint

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"

	"github.com/qkvgo/qkv/nn"
	"github.com/qkvgo/qkv/safetensors"
)

// ConfigName is the file that says what a model is.
const ConfigName = "config.json"

// Folder is an open checkpoint. Close it when no pass uses its weights any more.
type Folder struct {
	Dir     string // for messages
	Config  []byte // config.json as it is
	Weights *safetensors.File
}

// Open opens the folder dir.
func Open(dir string) (*Folder, error) {
	config, err := Config(os.DirFS(dir), dir)
	if err != nil {
		return nil, err
	}
	weights, err := safetensors.OpenModel(dir)
	if err != nil {
		return nil, err
	}
	return &Folder{dir, config, weights}, nil
}

// OpenFS opens a folder that is not on disk, such as one in the binary; name is
// for messages.
func OpenFS(fsys fs.FS, name string) (*Folder, error) {
	config, err := Config(fsys, name)
	if err != nil {
		return nil, err
	}
	weights, err := safetensors.OpenModelFS(fsys)
	if err != nil {
		return nil, err
	}
	return &Folder{name, config, weights}, nil
}

// Config is the config.json of a folder; name is for messages.
func Config(fsys fs.FS, name string) ([]byte, error) {
	b, err := fs.ReadFile(fsys, ConfigName)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("%s is not a model folder: it has no %s: %w", name, ConfigName, fs.ErrNotExist)
	case err != nil:
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return b, nil
}

// Close unmaps the weights.
func (f *Folder) Close() error { return f.Weights.Close() }

// Rules say how the names in files of a family differ from its page's.
type Rules struct {
	// Base is the name of the network within a model with a head. A file may
	// have been saved from the network alone, or the network be loaded from a
	// file with a head: the prefix may be absent on either side.
	Base string
	// Rename is pairs of endings, the file's and the page's, as old files have
	// them: ".gamma", ".weight".
	Rename []string
	// Ignore are endings of arrays that are no parameters: stored masks.
	Ignore []string
	// Tied maps names that a file may repeat to the page's one parameter.
	Tied map[string]string
	// Spare are beginnings of names that a file may have although the page,
	// with its present head, has no use for them.
	Spare []string
}

// Problems lists all that keeps a checkpoint from fitting a model.
type Problems struct {
	Dir     string
	Missing []string // parameters that the file lacks
	Unused  []string // arrays that no parameter takes
	Shapes  []string // "name: have [2 3], want [3 2]"
	Types   []string // arrays that hold no floats
}

// Error gives every problem a line.
func (p *Problems) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s does not fit its model:", p.Dir)
	for _, part := range []struct {
		what  string
		names []string
	}{{"missing", p.Missing}, {"unused", p.Unused}, {"misshapen", p.Shapes}, {"not of floats", p.Types}} {
		for i, n := range part.names {
			if i == 20 {
				fmt.Fprintf(&b, "\n  and %d more %s", len(part.names)-i, part.what)
				break
			}
			fmt.Fprintf(&b, "\n  %s: %s", part.what, n)
		}
	}
	return b.String()
}

// Bind gives the parameters of the model m, the struct behind a pointer, the
// arrays of the file: views of the mapping, not copies.
func (f *Folder) Bind(m any, r Rules) error {
	p := &Problems{Dir: f.Dir}
	byName := map[string]safetensors.Tensor{}
	for t := range f.Weights.All() {
		byName[r.pageName(t.Name)] = t
	}
	taken := map[string]bool{}
	for name, w := range nn.Params(m) {
		at, t, ok := r.find(name, byName)
		if !ok {
			p.Missing = append(p.Missing, name)
			continue
		}
		taken[at] = true
		w.Name = name
		dtype, ok := paramType(t.DType)
		switch {
		case !ok:
			p.Types = append(p.Types, t.String())
		case !slices.Equal(t.Shape, w.Shape):
			p.Shapes = append(p.Shapes, fmt.Sprintf("%s: have %v, want %v", name, t.Shape, w.Shape))
		default:
			w.BindKept(dtype, t.Data, t)
		}
	}
	for name, t := range byName {
		if !taken[name] && !r.ignored(name, byName, t) {
			p.Unused = append(p.Unused, t.Name)
		}
	}
	slices.Sort(p.Unused)
	if len(p.Missing)+len(p.Unused)+len(p.Shapes)+len(p.Types) > 0 {
		return p
	}
	return nil
}

// pageName is the page's name for an array of the file.
func (r Rules) pageName(name string) string {
	for i := 0; i+1 < len(r.Rename); i += 2 {
		if head, ok := strings.CutSuffix(name, r.Rename[i]); ok {
			return head + r.Rename[i+1]
		}
	}
	return name
}

// find looks for the array of a parameter, with the network's prefix added or
// left out, or under the names it may be tied to.
func (r Rules) find(name string, file map[string]safetensors.Tensor) (at string, t safetensors.Tensor, ok bool) {
	tries := []string{name}
	if r.Base != "" {
		tries = append(tries, r.Base+"."+name, strings.TrimPrefix(name, r.Base+"."))
	}
	for alias, own := range r.Tied {
		if own == name || r.Base+"."+name == own {
			tries = append(tries, alias)
		}
	}
	for _, at := range tries {
		if t, ok := file[at]; ok {
			return at, t, true
		}
	}
	return "", safetensors.Tensor{}, false
}

// ignored says whether an array that no parameter takes may be there.
func (r Rules) ignored(name string, file map[string]safetensors.Tensor, t safetensors.Tensor) bool {
	for _, end := range r.Ignore {
		if strings.HasSuffix(name, end) {
			return true
		}
	}
	for _, start := range r.Spare {
		if strings.HasPrefix(name, start) {
			return true
		}
	}
	if own, ok := r.Tied[name]; ok { // a repeated array must repeat the same numbers
		_, first, found := r.find(own, file)
		return found && string(first.Data) == string(t.Data)
	}
	return false
}

// paramType is the storage of floats that a parameter can have.
func paramType(t safetensors.DType) (nn.DType, bool) {
	switch t {
	case safetensors.F32:
		return nn.F32, true
	case safetensors.BF16:
		return nn.BF16, true
	case safetensors.F16:
		return nn.F16, true
	}
	return 0, false
}
