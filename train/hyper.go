package train

import (
	"encoding/binary"
	"fmt"
	"iter"
	"math"

	"github.com/qkvgo/qkv/kernel"
	"github.com/qkvgo/qkv/nn"
	"github.com/qkvgo/qkv/safetensors"
)

// HD learns its learning rate by descent on it (Baydin et al. 2018, "Online learning
// rate adaptation with hypergradient descent", algorithms 4 and 6): with d the
// direction of the step before, w ← w − rate·d, the loss falls with the rate by
// g·d, and so
//
//	rate ← rate + hyper·(g·d)
//
// before each step. AdaTune calls the two SGDHD and AdamHD, and hyper
// hypergrad_lr. The rate is one number, and g·d a sum over all parameters, as in
// the paper; unlike it, AdaTune's AdamHD moves the rate parameter by parameter.
//
// Where a schedule or a group multiplies the rate, the derivative has the factor.
type HD struct {
	*Descent
	hyper  float64
	rate   float64 // learnt so far, without the schedule's factor
	factor float64 // of the schedule, in the step before
}

// past says what a rule moved a parameter by in the step before, per unit of rate.
type past interface {
	Rule
	// before gives what makes the direction, in room or in a slot, of a piece
	// whose slots are kept; s counts the steps done.
	before(s *state) func(k *kernel.Set, kept [][]float32, room []float32) []float32
	// decays says whether weight decay is part of the gradient.
	decays() bool
}

func (r SGD) before(*state) func(*kernel.Set, [][]float32, []float32) []float32 {
	return func(_ *kernel.Set, kept [][]float32, _ []float32) []float32 { return kept[len(kept)-1] }
}

func (SGD) decays() bool { return true }

func (r Adam) before(s *state) func(*kernel.Set, [][]float32, []float32) []float32 {
	b := r.filled()
	first, scale := 1/left(b.Beta1, s.steps), 1/math.Sqrt(left(b.Beta2, s.steps))
	return func(k *kernel.Set, kept [][]float32, room []float32) []float32 {
		square := kept[1]
		if r.AMSGrad {
			square = kept[2]
		}
		k.Sqrt(room, square)
		k.Scale(room, room, float32(scale))
		k.AddConst(room, room, float32(b.Eps))
		k.Div(room, kept[0], room)
		k.Scale(room, room, float32(first))
		return room
	}
}

func (r Adam) decays() bool { return !r.Decoupled }

// NewHD is an optimizer for params that begins at o.Rate and changes it by the
// hyper rate. The rule is SGD or Adam; other rules are an error.
func NewHD(params iter.Seq2[string, *nn.Param], rule Rule, hyper float64, o OptimizerOptions) (*HD, error) {
	switch r := rule.(type) {
	case SGD:
		r.remember = true
		rule = r
	case Adam:
	default:
		return nil, fmt.Errorf("a hypergradient learning rate goes with sgd, adam, amsgrad and adamw, not with %T", rule)
	}
	return &HD{Descent: NewOptimizer(params, rule, o), hyper: hyper, rate: o.Rate}, nil
}

// Rate is the rate as learnt so far.
func (h *HD) Rate() float64 { return h.rate }

// Step moves the parameters by the gradients of p, after Backward and before Close.
func (h *HD) Step(p *nn.Pass) {
	h.grads.Reset()
	h.grads.View(p)
	h.Update(h.rate)
}

// Update changes the rate by the gradients and the step before, and then moves the
// parameters. rate is Rate times the schedule's factor.
func (h *HD) Update(rate float64) {
	factor := 1.0
	if h.rate != 0 {
		factor = rate / h.rate
	}
	h.rate += float64(h.hyper * float64(h.factor*h.slope()))
	h.factor = factor
	h.Descent.Update(float64(h.rate * factor))
}

// slope is g·d over all parameters: the lanes of kernel.Dot over pieces of a fixed
// size, then the pieces one after the other in float64.
func (h *HD) slope() float64 {
	rule := h.rule.(past)
	sums := make([]float64, len(h.grads.pieces))
	before := make([]func(*kernel.Set, [][]float32, []float32) []float32, len(h.states))
	for i, s := range h.states {
		if h.grads.sums[i] != nil && s.steps > 0 {
			before[i] = rule.before(s)
		}
	}
	k := h.grads.dev.Kernels()
	h.grads.each(func(i int, at piece) {
		f := before[at.param]
		if f == nil {
			return
		}
		s, n := h.states[at.param], at.hi-at.lo
		room := h.grads.dev.Alloc(3 * n)
		defer h.grads.dev.Free(room)
		kept := make([][]float32, len(s.kept))
		for j, x := range s.kept {
			kept[j] = x[at.lo:at.hi]
		}
		g := h.grads.scaledIn(at, room[:n:n])
		if rule.decays() {
			g = decayed(k, s.w.Float32()[at.lo:at.hi], g, room[n:2*n:2*n], s.decay)
		}
		sums[i] = float64(s.rate * float64(k.Dot(g, f(k, kept, room[2*n:]))))
	})
	total := 0.0
	for _, s := range sums {
		total += s
	}
	return total
}

// hyperName is the state of the rate: it and the schedule's last factor, float64.
const hyperName = "hypergradient"

// State is the rule's, and the rate.
func (h *HD) State() []safetensors.Tensor {
	raw := binary.LittleEndian.AppendUint64(nil, math.Float64bits(h.rate))
	raw = binary.LittleEndian.AppendUint64(raw, math.Float64bits(h.factor))
	return append(h.Descent.State(), safetensors.Tensor{Name: hyperName, DType: safetensors.F64, Shape: []int{2}, Data: raw})
}

// Restore takes up a State; where it fails, it changes nothing.
func (h *HD) Restore(f *safetensors.File) error {
	t, ok := f.Tensor(hyperName)
	if !ok || t.DType != safetensors.F64 || len(t.Data) != 16 {
		return fmt.Errorf("the optimizer's state lacks %s, two numbers of 64 bits", hyperName)
	}
	if err := h.Descent.Restore(f); err != nil {
		return err
	}
	h.rate = math.Float64frombits(binary.LittleEndian.Uint64(t.Data))
	h.factor = math.Float64frombits(binary.LittleEndian.Uint64(t.Data[8:]))
	return nil
}
