package train

import (
	"math"
	"strings"

	"github.com/qkvgo/qkv/nn"
)

// Initial gives the parameters of the model m their first values: matrices are
// drawn from a normal distribution of deviation std, those that end a residual
// branch (of layers layers) from one of std/√(2·layers), as GPT-2's were
// (Radford et al. 2019, §2.3); Hugging Face does this for GPT-2 alone, but it
// serves a Llama as well. Biases are 0 and the weights of norms 1.
func Initial(m any, seed uint64, std float64, layers int) {
	nn.Name(m)
	for name, w := range nn.Params(m) {
		switch {
		case len(w.Shape) > 1 && residual(name):
			nn.InitNormal(w, float32(std/math.Sqrt(2*float64(layers))), seed)
		case len(w.Shape) > 1:
			nn.InitNormal(w, float32(std), seed)
		case strings.HasSuffix(name, "weight"):
			nn.InitOnes(w)
		default:
			nn.InitZeros(w)
		}
	}
}

// residual says whether a parameter's product is added to the main stream.
func residual(name string) bool {
	for _, end := range []string{"c_proj.weight", "o_proj.weight", "down_proj.weight"} {
		if strings.HasSuffix(name, end) {
			return true
		}
	}
	return false
}
