package generate

import (
	"github.com/qkvgo/qkv/internal/portable"
	"math"
	"slices"
)

// draw collects the candidates of a group and finds those to go on with: the best, or some drawn.
type draw struct {
	podium
	random  bool
	all     []candidate // in the order offered, of random draws only
	weights []float64   // of all
}

func (d *draw) reset(n int, random bool) {
	d.podium = podium{size: n, top: d.top[:0]}
	d.random, d.all, d.weights = random, d.all[:0], d.weights[:0]
}

func (d *draw) offer(c candidate) {
	if !d.random {
		d.podium.offer(c)
	} else if c.score >= -math.MaxFloat32 {
		d.all = append(d.all, c)
	}
}

// best gives d.size candidates, fewer if fewer were offered, highest score first, valid until reset.
// Random ones are drawn without replacement, with probability proportional to exp(score), uniform(k)
// deciding the k-th; where no probability is left, the best of the rest make up the number.
func (d *draw) best(uniform func(k int) float64) []candidate {
	if !d.random {
		return d.top
	}
	top := never
	for _, c := range d.all {
		top = max(top, c.score)
	}
	for _, c := range d.all {
		d.weights = append(d.weights, portable.Exp(float64(c.score)-float64(top)))
	}
	for k := range min(d.size, len(d.all)) {
		var sum float64
		for _, w := range d.weights {
			sum += w
		}
		i := pick(d.weights, sum, uniform(k))
		if i < 0 {
			break
		}
		d.top, d.weights[i] = append(d.top, d.all[i]), 0
	}
	if len(d.top) < d.size {
		d.fill()
	}
	slices.SortFunc(d.top, byRank)
	return d.top
}

// fill brings d.top to d.size, or to all there are, with the best candidates that are not in it.
func (d *draw) fill() {
	slices.SortFunc(d.all, byRank)
	drawn := slices.Clone(d.top)
	for _, c := range d.all {
		if len(d.top) == d.size {
			return
		}
		if !slices.Contains(drawn, c) {
			d.top = append(d.top, c)
		}
	}
}
