package train

import (
	"fmt"
	"iter"
	"path"
	"strconv"
	"strings"

	"github.com/qkvgo/qkv/nn"
	"github.com/qkvgo/qkv/tensor"
)

// Group gives the parameters whose names match factors of their own. Of several
// that match, the first counts.
type Group struct {
	Pattern string  `json:"pattern"` // of names, as path.Match has them: "h.*.ln_?.weight"
	Rate    float64 `json:"rate"`    // factor on the learning rate
	Decay   float64 `json:"decay"`   // factor on the weight decay
}

// settings are the rate's factor and the weight decay of one parameter.
func settings(groups []Group, name string, w *nn.Param, decay float64, matricesOnly bool) (float64, float64) {
	if matricesOnly && len(w.Shape) < 2 {
		decay = 0
	}
	for _, g := range groups {
		if matches(g.Pattern, name) {
			return g.Rate, float64(decay * g.Decay)
		}
	}
	return 1, decay
}

func matches(pattern, name string) bool {
	ok, err := path.Match(pattern, name)
	if err != nil {
		panic(&tensor.Fault{Op: "Group", Msg: fmt.Sprintf("the pattern %q of names: %v", pattern, err)})
	}
	return ok
}

// Freeze makes the parameters of the model m whose names match one of the
// patterns keep their values: optimizers made afterwards leave them out. A
// pattern that matches none is an error, and nothing is frozen then.
func Freeze(m any, patterns ...string) error {
	var frozen []*nn.Param
	for _, pattern := range patterns {
		found := len(frozen)
		for name, w := range nn.Params(m) {
			ok, err := path.Match(pattern, name)
			if err != nil {
				return fmt.Errorf("freeze %q: %w", pattern, err)
			}
			if ok {
				frozen = append(frozen, w)
			}
		}
		if len(frozen) == found {
			return fmt.Errorf("freeze %q: no parameter has such a name", pattern)
		}
	}
	for _, w := range frozen {
		w.Frozen = true
	}
	return nil
}

// Layerwise is groups that lower the rate from the output to the input, by the
// factor decay a layer (Howard & Ruder 2018, §3.2). The first number in a name
// is its layer; what has none counts as below all layers, or above them if it
// comes after them.
func Layerwise(params iter.Seq2[string, *nn.Param], decay float64) []Group {
	places, layers := heights(params)
	groups := make([]Group, len(places))
	for i, p := range places {
		rate := 1.0
		for range layers + 1 - p.height {
			rate *= decay
		}
		groups[i] = Group{p.name, rate, 1}
	}
	return groups
}

// place is where a parameter stands: 0 below all layers, 1 in the first, and one
// more than there are layers above them.
type place struct {
	name   string
	w      *nn.Param
	height int
}

// heights gives each parameter its place, and the number of layers.
func heights(params iter.Seq2[string, *nn.Param]) (places []place, layers int) {
	const above = -1
	for name, w := range params {
		layer, ok := layerOf(name)
		switch {
		case ok:
			layer++
			layers = max(layers, layer)
		case layers > 0:
			layer = above
		}
		places = append(places, place{name, w, layer})
	}
	for i := range places {
		if places[i].height == above {
			places[i].height = layers + 1
		}
	}
	return places, layers
}

// layerOf is the first number between the dots of a name.
func layerOf(name string) (int, bool) {
	for part := range strings.SplitSeq(name, ".") {
		if n, err := strconv.Atoi(part); err == nil {
			return n, true
		}
	}
	return 0, false
}
