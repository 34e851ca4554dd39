// Package lora adapts a model by products of two thin matrices beside its own
// (low-rank adaptation, Hu et al. 2021): only those are trained, and only those are
// saved, in the files of Hugging Face's PEFT.
package lora

import (
	"context"
	"fmt"
	"iter"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/qkvgo/qkv/nn"
	"github.com/qkvgo/qkv/tensor"
)

// Adapters are the adapters of one model, and the modules of it that are trained
// whole.
type Adapters struct {
	Config Config
	layers []layer
	saved  []module
}

// layer is an adapted layer: a Linear or a Conv1D.
type layer struct {
	name       string // of the module
	weight     *nn.Param
	place      **nn.Adapter // the layer's slot
	transposed bool         // a Conv1D, whose weight is [in, out]
	*nn.Adapter
}

// module is a parameter that is trained whole.
type module struct {
	name string
	w    *nn.Param
}

// Attach gives the layers that the config names adapters: A drawn evenly from
// ±1/√in by the seed, B zeros, so that the model's answers are the same to the bit
// until it is trained. Everything but the adapters and the modules to save is
// frozen.
func Attach(m any, c Config, seed uint64) (*Adapters, error) {
	a, err := declare(m, c)
	if err != nil {
		return nil, err
	}
	for _, l := range a.layers {
		nn.InitKaiming(l.A, math.Sqrt(5), seed)
		nn.InitZeros(l.B)
	}
	a.attach(m)
	return a, nil
}

// declare finds the layers and makes adapters without values.
func declare(m any, c Config) (*Adapters, error) {
	if err := c.Check(); err != nil {
		return nil, err
	}
	match, err := c.Targets.matcher()
	if err != nil {
		return nil, err
	}
	names := map[*nn.Param]string{}
	for name, w := range nn.Params(m) {
		names[w] = name
	}
	a := &Adapters{Config: c}
	seen := map[*nn.Param]bool{}
	add := func(weight *nn.Param, place **nn.Adapter, transposed bool) {
		name, ok := strings.CutSuffix(names[weight], ".weight")
		if !ok || seen[weight] || !match(name) || within(name, c.Save) {
			return
		}
		seen[weight] = true
		out, in := weight.Shape[0], weight.Shape[1]
		if transposed {
			out, in = in, out
		}
		d := &nn.Adapter{A: nn.NewParam(c.rank(), in), B: nn.NewParam(out, c.rank()), Scale: float32(c.Scale()), Drop: float32(c.Dropout)}
		d.A.Name, d.B.Name = prefix+name+".lora_A.weight", prefix+name+".lora_B.weight"
		a.layers = append(a.layers, layer{name, weight, place, transposed, d})
	}
	for _, l := range nn.Find[*nn.Linear](m) {
		add(l.Weight, &l.Adapter, false)
	}
	for _, l := range nn.Find[*nn.Conv1D](m) {
		add(l.Weight, &l.Adapter, true)
	}
	if len(a.layers) == 0 {
		return nil, fmt.Errorf("no linear layer to adapt has a name that target_modules asks for (without it: queries and values of attention); the model has %s", strings.Join(kinds(m, names), ", "))
	}
	slices.SortFunc(a.layers, func(x, y layer) int { return strings.Compare(x.name, y.name) })
	for _, name := range c.Save {
		found := len(a.saved)
		for own, w := range nn.Params(m) {
			if i := strings.LastIndexByte(own, '.'); i >= 0 && inside(own[:i], name) {
				a.saved = append(a.saved, module{own, w})
			}
		}
		if len(a.saved) == found {
			return nil, fmt.Errorf("modules_to_save: the model has no module %s", name)
		}
	}
	return a, nil
}

// inside says whether a module of the given path is, or is part of, one whose name
// ends in end.
func inside(path, end string) bool {
	return strings.Contains("."+path+".", "."+end+".")
}

// kinds are the last parts of the names of a model's linear layers.
func kinds(m any, names map[*nn.Param]string) []string {
	set := map[string]bool{}
	note := func(w *nn.Param) {
		if name, ok := strings.CutSuffix(names[w], ".weight"); ok {
			set[name[strings.LastIndexByte(name, '.')+1:]] = true
		}
	}
	for _, l := range nn.Find[*nn.Linear](m) {
		note(l.Weight)
	}
	for _, l := range nn.Find[*nn.Conv1D](m) {
		note(l.Weight)
	}
	return slices.Sorted(maps.Keys(set))
}

// attach puts the adapters in their places and freezes the rest.
func (a *Adapters) attach(m any) {
	for _, w := range nn.Params(m) {
		w.Frozen = true
	}
	for _, s := range a.saved {
		s.w.Frozen = false
	}
	for _, l := range a.layers {
		*l.place = l.Adapter
	}
}

// Detach takes the adapters away: the model answers as without them. Modules that
// were trained whole stay as they are.
func (a *Adapters) Detach() {
	for _, l := range a.layers {
		*l.place = nil
	}
}

// prefix stands before the names of PEFT's tensors.
const prefix = "base_model.model."

// Named gives the parameters that are trained, under PEFT's names.
func (a *Adapters) Named() iter.Seq2[string, *nn.Param] {
	return func(yield func(string, *nn.Param) bool) {
		for _, l := range a.layers {
			if !yield(l.A.Name, l.A) || !yield(l.B.Name, l.B) {
				return
			}
		}
		for _, s := range a.saved {
			if !yield(prefix+s.name, s.w) {
				return
			}
		}
	}
}

// Merge adds the adapters' products to the weights, W + scale·B·A, and takes the
// adapters away: the model answers as with them, within the rounding of the sums.
func (a *Adapters) Merge() (err error) {
	defer tensor.Guard(&err)
	for _, l := range a.layers {
		l.merge()
	}
	a.Detach()
	return nil
}

func (l layer) merge() {
	p := nn.NewPass(context.Background(), nn.Batch{}, nn.Options{})
	defer p.Close()
	product := p.Use(l.B).MatMul(p.Use(l.A)) // [out, in]
	w, in := l.weight.Own(), product.Width()
	for i := range product.Rows() {
		for j, v := range product.Row(i) {
			at := i*in + j
			if l.transposed {
				at = j*product.Rows() + i
			}
			w[at] += float32(l.Scale * v)
		}
	}
	l.weight.Changed()
}
