package train

import (
	"math"
	"path/filepath"
	"strings"
	"testing"

	"github.com/qkvgo/qkv/nn"
	"github.com/qkvgo/qkv/safetensors"
)

// one is an optimizer of a single parameter with the given values, and the
// parameter.
func one(t *testing.T, rule Rule, hyper float64, o OptimizerOptions, values ...float32) (*HD, *nn.Param) {
	t.Helper()
	w := nn.NewParam(len(values))
	w.Set(values)
	h, err := NewHD(named([]string{"w"}, []*nn.Param{w}), rule, hyper, o)
	if err != nil {
		t.Fatal(err)
	}
	return h, w
}

// On the loss w²/2, whose gradient is w, worked out by hand: w goes 1, 0.9,
// 0.9·(1−0.109), …, the rate 0.1, 0.1+0.01·0.9·1, then + 0.01·0.8019·0.9.
func TestHDByHand(t *testing.T) {
	h, w := one(t, SGD{}, 0.01, OptimizerOptions{Rate: 0.1}, 1)
	for _, want := range []struct{ rate, w float64 }{{0.1, 0.9}, {0.109, 0.8019}, {0.1162171, 0.70870550751}} {
		h.Gradients().Reset()
		h.Gradients().Set(0, []float32{w.Float32()[0]})
		h.Update(h.Rate())
		if math.Abs(h.Rate()-want.rate) > 1e-8 || math.Abs(float64(w.Float32()[0])-want.w) > 1e-7 {
			t.Errorf("rate %v, w %v, want %+v", h.Rate(), w.Float32()[0], want)
		}
	}
}

// The formulas of the paper, in float64, with decay, momentum and a schedule.
func TestHDEqualsPaper(t *testing.T) {
	factors := []float64{0.5, 1, 1, 0.75, 0.5, 0.25, 1}
	for name, c := range map[string]struct {
		rule         Rule
		hyper, decay float64
	}{
		"sgd": {SGD{}, 1e-3, 0}, "sgd, decay": {SGD{}, 1e-3, 0.1}, "momentum": {SGD{Momentum: 0.9}, 1e-3, 0.1}, "nesterov": {SGD{Momentum: 0.8, Nesterov: true}, 1e-3, 0},
		"adam": {Adam{}, 1e-3, 0.1}, "adamw": {Adam{Decoupled: true}, 1e-3, 0.1}, "amsgrad": {Adam{AMSGrad: true}, 1e-3, 0},
	} {
		start := []float32{1, -2, 0.5, 3}
		h, w := one(t, c.rule, c.hyper, OptimizerOptions{Rate: 0.05, Decay: c.decay}, append([]float32{}, start...)...)
		n := len(start)
		x, d, m, v, top := make([]float64, n), make([]float64, n), make([]float64, n), make([]float64, n), make([]float64, n)
		for i, s := range start {
			x[i] = float64(s)
		}
		rate, before := 0.05, 0.0
		for step, factor := range factors {
			grad := make([]float32, n)
			for i, now := range w.Float32() {
				grad[i] = now - float32(i) + float32(step%3) // of some loss
			}
			slope := 0.0
			g := make([]float64, n)
			for i := range g {
				g[i] = float64(grad[i])
				if r, ok := c.rule.(Adam); !ok || !r.Decoupled {
					g[i] += c.decay * x[i]
				}
				slope += g[i] * d[i]
			}
			rate += c.hyper * before * slope
			before = factor
			for i := range g {
				switch r := c.rule.(type) {
				case SGD:
					m[i] = r.Momentum*m[i] + g[i]
					if d[i] = m[i]; r.Nesterov {
						d[i] = g[i] + r.Momentum*m[i]
					}
				case Adam:
					if r.Decoupled {
						x[i] *= 1 - rate*factor*c.decay
					}
					m[i], v[i] = 0.9*m[i]+0.1*g[i], 0.999*v[i]+0.001*g[i]*g[i]
					square := v[i]
					if r.AMSGrad {
						top[i] = max(top[i], v[i])
						square = top[i]
					}
					t := float64(step + 1)
					d[i] = m[i] / (1 - math.Pow(0.9, t)) / (math.Sqrt(square/(1-math.Pow(0.999, t))) + 1e-8)
				}
				x[i] -= rate * factor * d[i]
			}
			h.Gradients().Reset()
			h.Gradients().Set(0, grad)
			h.Update(h.Rate() * factor)
			if math.Abs(h.Rate()-rate) > 1e-6*rate {
				t.Errorf("%s: after step %d the rate is %v, want %v", name, step+1, h.Rate(), rate)
			}
			for i, have := range w.Float32() {
				if math.Abs(float64(have)-x[i]) > 1e-5 {
					t.Errorf("%s: after step %d weight %d is %v, want %v", name, step+1, i, have, x[i])
				}
			}
		}
		if math.Abs(rate-0.05) < 1e-3 {
			t.Errorf("%s: the rate hardly moved: %v", name, rate)
		}
	}
}

// Without a hyper rate the bits are the plain rule's; its state restores.
func TestHDState(t *testing.T) {
	for _, rule := range []Rule{SGD{Momentum: 0.9}, Adam{AMSGrad: true}} {
		plain := nn.NewParam(3)
		plain.Set([]float32{1, 2, 3})
		d := NewOptimizer(named([]string{"w"}, []*nn.Param{plain}), rule, OptimizerOptions{Rate: 0.1, Decay: 0.1})
		h, w := one(t, rule, 0, OptimizerOptions{Rate: 0.1, Decay: 0.1}, 1, 2, 3)
		grads := [][]float32{{1, -1, 2}, {0.5, 0, -3}, {2, 2, 1}}
		for _, g := range grads {
			for _, o := range []Optimizer{d, h} {
				o.Gradients().Reset()
				o.Gradients().Set(0, g)
				o.Update(0.1)
			}
		}
		if !equalBits(plain.Float32(), w.Float32()) {
			t.Errorf("%T: have %v, want %v", rule, w.Float32(), plain.Float32())
		}
		whole, a := one(t, rule, 0.01, OptimizerOptions{Rate: 0.1}, 1, 2, 3)
		part, b := one(t, rule, 0.01, OptimizerOptions{Rate: 0.1}, 1, 2, 3)
		for i, g := range grads {
			if i == 2 {
				path := filepath.Join(t.TempDir(), "state")
				if err := safetensors.Write(path, part.State(), nil); err != nil {
					t.Fatal(err)
				}
				f, err := safetensors.Open(path)
				if err != nil {
					t.Fatal(err)
				}
				values := append([]float32{}, b.Float32()...)
				part, b = one(t, rule, 0.01, OptimizerOptions{Rate: 0.1}, values...)
				if err := part.Restore(f); err != nil {
					t.Fatal(err)
				}
				f.Close()
			}
			for _, h := range []*HD{whole, part} {
				h.Gradients().Reset()
				h.Gradients().Set(0, g)
				h.Update(h.Rate())
			}
		}
		if !equalBits(a.Float32(), b.Float32()) || whole.Rate() != part.Rate() {
			t.Errorf("%T: restored to %v at %v, want %v at %v", rule, b.Float32(), part.Rate(), a.Float32(), whole.Rate())
		}
	}
	if _, err := NewHD(nn.Params(newTiny(1)), Lion{}, 0.1, OptimizerOptions{}); err == nil || !strings.Contains(err.Error(), "train.Lion") {
		t.Errorf("lion: %v", err)
	}
}
