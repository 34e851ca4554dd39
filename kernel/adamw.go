package kernel

import "math"

// AdamWArgs are the scalars of one optimizer step, computed in float64 and
// rounded once.
type AdamWArgs struct {
	keep    float32 // 1 - rate·decay
	mix     float32 // 1 - beta1
	beta2   float32
	mix2    float32 // 1 - beta2
	root    float32 // √(1 - beta2ᵗ)
	eps     float32
	advance float32 // -rate / (1 - beta1ᵗ)
}

// NewAdamWArgs prepares step number step, which counts from 1.
func NewAdamWArgs(rate, beta1, beta2, eps, decay float64, step int) *AdamWArgs {
	t := float64(step)
	return &AdamWArgs{
		keep:    float32(1 - float64(rate*decay)),
		mix:     float32(1 - beta1),
		beta2:   float32(beta2),
		mix2:    float32(1 - beta2),
		root:    float32(math.Sqrt(1 - math.Pow(beta2, t))),
		eps:     float32(eps),
		advance: float32(-rate / (1 - math.Pow(beta1, t))),
	}
}

func adamWGo(w, g, m, v []float32, a *AdamWArgs) {
	g, m, v = g[:len(w)], m[:len(w)], v[:len(w)]
	for i := range w {
		m[i] = FMA(a.mix, g[i]-m[i], m[i])
		v[i] = FMA(a.mix2*g[i], g[i], v[i]*a.beta2)
		denominator := sqrt(v[i])/a.root + a.eps
		w[i] = float32(w[i]*a.keep) + a.advance*m[i]/denominator
	}
}
