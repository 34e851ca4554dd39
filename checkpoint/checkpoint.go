// Package checkpoint goes from a Hugging Face folder to a model and back:
// config.json into a page's Config, named arrays into a page's parameters, and
// both out again in the same form and under the same names.
//
// Everything is checked before the first number is used, and all that is wrong
// comes in one error.
package checkpoint

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"maps"
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
	Untied  []string // arrays that repeat a parameter with other numbers
}

// Error gives every problem a line.
func (p *Problems) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s does not fit its model:", p.Dir)
	for _, part := range []struct {
		what  string
		names []string
	}{{"missing", p.Missing}, {"unused", p.Unused}, {"misshapen", p.Shapes}, {"not of floats", p.Types},
		{"repeated with other numbers", p.Untied}} {
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
	if p := f.bind(m, r); p.any() {
		return p
	}
	return nil
}

// any says whether there is a problem.
func (p *Problems) any() bool {
	return len(p.Missing)+len(p.Unused)+len(p.Shapes)+len(p.Types)+len(p.Untied) > 0
}

// bind binds what fits, and lists what does not.
func (f *Folder) bind(m any, r Rules) *Problems {
	p := &Problems{Dir: f.Dir}
	byName := map[string]safetensors.Tensor{}
	for t := range f.Weights.All() {
		name := r.pageName(t.Name)
		if first, twice := byName[name]; twice {
			p.Unused = append(p.Unused, t.Name+" (the same as "+first.Name+")")
			continue
		}
		byName[name] = t
	}
	page := maps.Collect(nn.Params(m))
	headless := r.headless(byName, page)
	taken := map[string]bool{}
	for name, w := range nn.Params(m) {
		at, t, ok := r.find(name, byName, page)
		if !ok {
			p.Missing = append(p.Missing, name)
			continue
		}
		taken[at] = true
		w.Name = name
		if !slices.Equal(t.Shape, w.Shape) {
			p.Shapes = append(p.Shapes, fmt.Sprintf("%s: have %v, want %v", name, t.Shape, w.Shape))
			continue
		}
		if err := bind(w, t); err != nil {
			p.Types = append(p.Types, err.Error())
		}
	}
	for name, t := range byName {
		switch {
		case taken[name] || r.ignored(name):
		case r.Tied[name] != "":
			r.repeated(name, t, byName, page, p)
		case !r.spare(name) && (!headless || strings.HasPrefix(name, r.Base+".")):
			p.Unused = append(p.Unused, t.Name)
		}
	}
	slices.Sort(p.Unused)
	slices.Sort(p.Untied)
	return p
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
// left out, or under the names it may be tied to and that are no parameters of
// the page themselves.
func (r Rules) find(name string, file map[string]safetensors.Tensor, page map[string]*nn.Param) (at string, t safetensors.Tensor, ok bool) {
	tries := []string{name}
	if r.Base != "" {
		tries = append(tries, r.Base+"."+name, strings.TrimPrefix(name, r.Base+"."))
	}
	for alias, own := range r.Tied {
		if page[alias] == nil && (own == name || r.Base+"."+name == own) {
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

// headless says whether the page is the network alone and the file has a head
// beside it.
func (r Rules) headless(file map[string]safetensors.Tensor, page map[string]*nn.Param) bool {
	if r.Base == "" {
		return false
	}
	for name := range page {
		if strings.HasPrefix(name, r.Base+".") {
			return false
		}
	}
	for name := range file {
		if strings.HasPrefix(name, r.Base+".") {
			return true
		}
	}
	return false
}

// ignored says whether an array of that name is no parameter in any model.
func (r Rules) ignored(name string) bool {
	return slices.ContainsFunc(r.Ignore, func(end string) bool { return strings.HasSuffix(name, end) })
}

// spare says whether an array that no parameter takes may be there.
func (r Rules) spare(name string) bool {
	return slices.ContainsFunc(r.Spare, func(start string) bool { return strings.HasPrefix(name, start) })
}

// repeated holds an array against the parameter that it repeats. Other numbers
// are a problem, except in a head that the page does not have.
func (r Rules) repeated(name string, t safetensors.Tensor, file map[string]safetensors.Tensor, page map[string]*nn.Param, p *Problems) {
	own := r.Tied[name]
	_, first, ok := r.find(own, file, page)
	if ok && first.DType == t.DType && bytes.Equal(first.Data, t.Data) {
		return
	}
	module, _, _ := strings.Cut(strings.TrimSuffix(name, ".weight"), ".decoder")
	headless := true
	for have := range page {
		headless = headless && !strings.HasPrefix(have, module+".")
	}
	switch {
	case r.spare(name) && headless:
	case page[own] != nil:
		p.Untied = append(p.Untied, fmt.Sprintf("%s: config.json ties it to %s (tie_word_embeddings), which differs", t.Name, own))
	default:
		p.Unused = append(p.Unused, t.Name)
	}
}

// bind gives the parameter the array's numbers: a view, or float32 values of its
// own where the file has wider ones.
func bind(w *nn.Param, t safetensors.Tensor) error {
	switch t.DType {
	case safetensors.F32:
		w.BindKept(nn.F32, t.Data, t)
	case safetensors.BF16:
		w.BindKept(nn.BF16, t.Data, t)
	case safetensors.F16:
		w.BindKept(nn.F16, t.Data, t)
	case safetensors.F64:
		v := make([]float32, t.Len())
		if err := t.ToFloat32(v); err != nil {
			return err
		}
		w.Set(v)
	default:
		return errors.New(t.String())
	}
	return nil
}
