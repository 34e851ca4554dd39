package bag

import (
	"context"
	"errors"
	"math"

	"github.com/qkvgo/qkv/kernel"
	"github.com/qkvgo/qkv/model"
)

// pairs is how many steps L-BFGS remembers.
const pairs = 10

// piece is how many numbers of a long vector are summed at a time.
const piece = 4096

// step is what L-BFGS remembers of one: the way, and how the gradient changed.
type step struct {
	way, change []float64
	product     float64 // of both
}

// minimize finds the lowest point from zero on (Liu & Nocedal 1989; two loops:
// Nocedal & Wright 2006, algorithm 7.4). Steps obey Wolfe's conditions.
func (r *regression) minimize(ctx context.Context, o model.FitOptions) (x []float64, f model.Fitted, err error) {
	n := r.size()
	x = make([]float64, n)
	g, nextX, nextG, way := make([]float64, n), make([]float64, n), make([]float64, n), make([]float64, n)
	f.Objective = r.at(x, g)
	f.Gradient = greatest(g)
	enough := float64(o.Tolerance * f.Gradient)
	var steps []step
	for f.Converged = f.Gradient <= enough; !f.Converged && f.Iterations < o.Most; {
		if ctx.Err() != nil {
			return nil, f, context.Cause(ctx)
		}
		r.descend(way, g, steps)
		slope, first := r.dot(way, g), 1.0
		if len(steps) == 0 {
			first = 1 / math.Sqrt(r.dot(g, g))
		}
		value, ok := r.search(x, way, nextX, nextG, f.Objective, slope, first)
		if !ok {
			break // rounding is as large as what is left to gain
		}
		s := step{make([]float64, n), make([]float64, n), 0}
		r.each(n, func(i int) { s.way[i], s.change[i] = nextX[i]-x[i], nextG[i]-g[i] })
		if s.product = r.dot(s.way, s.change); s.product > 0 {
			if steps = append(steps, s); len(steps) > pairs {
				steps = steps[1:]
			}
		}
		x, nextX, g, nextG = nextX, x, nextG, g
		f.Iterations, f.Objective, f.Gradient = f.Iterations+1, value, greatest(g)
		f.Converged = f.Gradient <= enough
		if o.Watch != nil {
			o.Watch(f.Iterations, f.Objective)
		}
	}
	if math.IsNaN(f.Objective) || math.IsInf(f.Objective, 0) {
		return nil, f, errors.New("fit: the loss is not finite: are the features?")
	}
	return x, f, nil
}

// descend makes way −H·g, H the remembered estimate of the inverse curvature.
func (r *regression) descend(way, g []float64, steps []step) {
	r.each(len(g), func(i int) { way[i] = -g[i] })
	alpha := make([]float64, len(steps))
	for t := len(steps) - 1; t >= 0; t-- {
		s := steps[t]
		alpha[t] = r.dot(s.way, way) / s.product
		r.each(len(g), func(i int) { way[i] -= float64(alpha[t] * s.change[i]) })
	}
	if n := len(steps); n > 0 {
		scale := steps[n-1].product / r.dot(steps[n-1].change, steps[n-1].change)
		r.each(len(g), func(i int) { way[i] *= scale })
	}
	for t, s := range steps {
		beta := alpha[t] - r.dot(s.change, way)/s.product
		r.each(len(g), func(i int) { way[i] += float64(beta * s.way[i]) })
	}
}

// search finds a length along way that lowers the objective enough and flattens it
// enough (Wolfe's conditions with 1e-4 and 0.9), by doubling and halving; false where
// rounding hides it.
func (r *regression) search(x, way, nextX, nextG []float64, value, slope, length float64) (lower float64, ok bool) {
	lo, hi := 0.0, math.Inf(1)
	value += float64(1e-13 * math.Abs(value)) // what rounding may add
	for range 60 {
		r.each(len(x), func(i int) { nextX[i] = x[i] + float64(length*way[i]) })
		lower = r.at(nextX, nextG)
		switch {
		case !(lower <= value+float64(1e-4*length*slope)):
			hi = length
		case r.dot(way, nextG) < 0.9*slope:
			lo = length
		default:
			return lower, true
		}
		if length = (lo + hi) / 2; math.IsInf(hi, 1) {
			length = 2 * lo
		}
	}
	return lower, false
}

// each calls f for 0 … n-1, in any order.
func (r *regression) each(n int, f func(i int)) {
	r.dev.Parallel(n, piece, func(lo, hi int, _ *kernel.Workspace) {
		for i := lo; i < hi; i++ {
			f(i)
		}
	})
}

// dot is Σ x·y: pieces in order, then the pieces' sums in order.
func (r *regression) dot(x, y []float64) float64 {
	sums := make([]float64, (len(x)+piece-1)/piece)
	r.dev.Parallel(len(x), piece, func(lo, hi int, _ *kernel.Workspace) {
		sum := 0.0
		for i := lo; i < hi; i++ {
			sum += float64(x[i] * y[i])
		}
		sums[lo/piece] = sum
	})
	sum := 0.0
	for _, s := range sums {
		sum += s
	}
	return sum
}

// greatest is the greatest magnitude.
func greatest(x []float64) float64 {
	m := 0.0
	for _, v := range x {
		m = max(m, math.Abs(v))
	}
	return m
}
