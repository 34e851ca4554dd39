package talk

import (
	"strings"

	"github.com/qkvgo/qkv/model"
	"github.com/qkvgo/qkv/nn"
)

// outputs are the weights of the output projections of attention, layer by layer,
// [D, D]: whose columns belong to the heads.
func outputs(m model.Model) []*nn.Param {
	var all []*nn.Param
	for name, w := range nn.Params(m) {
		if strings.HasSuffix(name, "attention.output.dense.weight") || strings.HasSuffix(name, "attention.output.weight") {
			all = append(all, w)
		}
	}
	return all
}

// own copies all values of a model out of the file that they are views of.
func own(m model.Model) {
	for _, w := range nn.Params(m) {
		w.Own()
	}
}
