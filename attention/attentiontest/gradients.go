package attentiontest

import (
	"fmt"
	"math"

	"github.com/qkvgo/qkv/device/cpu"
)

// The gradients of Q, K, V and the terms' parameters are the slopes of the
// oracle's loss.
func gradientLaw(s *Subject, d *draw, dev *cpu.Device) error {
	x := d.problem(s, d.IntN(3) == 0)
	return about(x, x.checkSlopes(s, d, x.learn(dev, everyGradient), x.exactly()))
}

// checkSlopes compares some gradients with central differences.
func (x *problem) checkSlopes(s *Subject, d *draw, r *results, e *exact) error {
	inputs := append([][]float64{e.q, e.k, e.v}, e.params...)
	for i, g := range r.gradients() {
		if len(g.data) != len(inputs[i]) {
			return fmt.Errorf("gradient of %s: %d numbers, want %d", g.of, len(g.data), len(inputs[i]))
		}
		if len(g.data) == 0 {
			continue
		}
		largest := 0.0
		for _, v := range g.data {
			largest = max(largest, math.Abs(float64(v)))
		}
		for range 6 {
			k := d.IntN(len(g.data))
			want := e.slope(&inputs[i][k])
			if have := float64(g.data[k]); !(math.Abs(have-want) <= 2*s.Tolerance*unit*max(largest, 1)) {
				return fmt.Errorf("gradient of %s: number %d is %v, want %v", g.of, k, have, want)
			}
		}
	}
	return nil
}

// slope is how the loss changes with one number.
func (e *exact) slope(at *float64) float64 {
	const step = 1e-4
	x := *at
	*at = x + step
	up := e.loss()
	*at = x - step
	down := e.loss()
	*at = x
	return (up - down) / (2 * step)
}

// A gradient has the same bits whichever others are asked for.
func partLaw(s *Subject, d *draw, dev *cpu.Device) error {
	x := d.problem(s, d.IntN(3) == 0)
	x.fused = false
	all := x.learn(dev, everyGradient)
	for _, w := range []wants{{q: true}, {k: true}, {v: true}, {params: true}, {q: true, v: true}} {
		if w == (wants{params: true}) && all.params == nil {
			continue
		}
		r := x.learn(dev, w)
		if err := sameResults(r, all); err != nil {
			return about(x, fmt.Errorf("with %+v: %w", w, err))
		}
		if (r.dq != nil) != w.q || (r.dk != nil) != w.k || (r.dv != nil) != w.v {
			return about(x, fmt.Errorf("with %+v: other gradients came out", w))
		}
	}
	return nil
}

// In a training pass some weights are dropped and the others scaled up, as many
// as the rate says; the same in the mix, whatever V is, and in the gradients.
func dropoutLaw(s *Subject, d *draw, dev *cpu.Device) error {
	x := d.problem(s, d.IntN(3) == 0)
	full := *x
	full.identity()
	full.fused = false
	plain := full.forward(dev).out
	x.core.Drop, x.seed = float32(0.1+0.5*d.Float64()), d.Uint64()
	full.core, full.seed = x.core, x.seed
	dropped := full.forward(dev).out

	e := x.exactly()
	e.keep = make([]float64, x.rows.Rows()*x.core.Heads*max(x.longest(), 1))
	met, kept, scale := 0.0, 0.0, 1/(1-float64(x.core.Drop))
	for i, w := range plain {
		switch ratio := float64(dropped[i]) / float64(w); {
		case w == 0:
		case ratio == 0:
			met++
		case math.Abs(ratio-scale) < 1e-5*scale:
			met, kept = met+1, kept+1
			e.keep[i] = scale
		default:
			return about(x, fmt.Errorf("weight %d became %v times itself, want 0 or %v", i, ratio, scale))
		}
	}
	rate := float64(x.core.Drop)
	if off := math.Abs(kept - met*(1-rate)); off > 5*math.Sqrt(met*rate*(1-rate))+1 {
		return about(x, fmt.Errorf("%v of %v weights kept at a rate of %v", kept, met, rate))
	}
	out, lse := e.results()
	r := x.forward(dev)
	err := near("out", r.out, out, 2*s.Tolerance)
	if err == nil && r.lse != nil {
		err = near("lse", r.lse, lse, s.Tolerance)
	}
	if err == nil && s.Mechanism.Abilities().Learns {
		err = x.checkSlopes(&Subject{Tolerance: 2 * s.Tolerance}, d, x.learn(dev, everyGradient), e)
	}
	return about(x, err)
}
