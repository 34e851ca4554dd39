package train

import (
	"hash/fnv"
	"math"
	"strings"

	"github.com/qkvgo/qkv/kernel"
	"github.com/qkvgo/qkv/nn"
)

// Initial gives a parameter its first values by its name and shape: matrices
// are drawn from a normal distribution of deviation std, those that end a
// residual branch (of layers layers) from one of std/√(2·layers), as GPT-2's
// were (Radford et al. 2019, §2.3); biases are 0 and the weights of norms 1.
//
// A value depends on the seed, the parameter's name and its place alone.
func Initial(m any, seed uint64, std float64, layers int) {
	for name, w := range nn.Params(m) {
		values := make([]float32, w.Len())
		switch {
		case len(w.Shape) > 1 && residual(name):
			normal(values, seed, name, float32(std/math.Sqrt(2*float64(layers))))
		case len(w.Shape) > 1:
			normal(values, seed, name, float32(std))
		case strings.HasSuffix(name, "weight"):
			for i := range values {
				values[i] = 1
			}
		}
		w.Set(values)
		if w.Name == "" {
			w.Name = name
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

// normal fills dst with √(-2·ln u)·cos(2πv)·std (Box & Muller 1958) for uniform
// u, v that seed and name choose.
func normal(dst []float32, seed uint64, name string, std float32) {
	h := fnv.New64a()
	h.Write([]byte(name))
	site := h.Sum64()
	k := kernel.Best()
	v := make([]float32, len(dst))
	kernel.Uniform(dst, seed, site, 0)
	kernel.Uniform(v, seed, site, uint64(len(dst)))
	for i := range dst {
		dst[i] = 1 - dst[i] // (0, 1]
		v[i] *= 2 * math.Pi
	}
	k.Log(dst, dst)
	k.Scale(dst, dst, -2)
	k.Sqrt(dst, dst)
	k.Cos(v, v)
	k.Mul(dst, dst, v)
	k.Scale(dst, dst, std)
}
