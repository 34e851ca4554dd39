package train

import (
	"fmt"
	"iter"

	"github.com/qkvgo/qkv/device"
	"github.com/qkvgo/qkv/kernel"
	"github.com/qkvgo/qkv/nn"
	"github.com/qkvgo/qkv/safetensors"
)

// Optimizer moves parameters against their gradients.
type Optimizer interface {
	// Gradients is where the gradients of the parameters are collected.
	Gradients() *Gradients
	// Rate is the learning rate that schedules multiply.
	Rate() float64
	// Update moves the parameters by what Gradients holds.
	Update(rate float64)
	// State is what must be kept to go on as if never stopped.
	State() []safetensors.Tensor
	// Restore takes up a State; where it fails, it changes nothing.
	Restore(f *safetensors.File) error
}

// OptimizerOptions are the numbers that all rules share.
type OptimizerOptions struct {
	Rate         float64       // learning rate
	Decay        float64       // weight decay, as the rule has it: 0 is none
	MatricesOnly bool          // decay works on parameters of two axes and more alone
	Groups       []Group       // factors for parameters by name
	Device       device.Device // nil: the machine's cores
}

// Rule is how an optimizer moves: SGD, RMSProp, Adam, NAdam, RAdam, Lion or
// Adafactor.
type Rule interface {
	// slots are what the rule remembers of a parameter.
	slots(w *nn.Param) []slot
	// move prepares the step of one parameter, s.steps counted already.
	move(s *state, rate float64) move
	// whole says whether a move needs the parameter in one piece.
	whole() bool
}

// slot is an array that a rule remembers of a parameter, under PyTorch's name.
type slot struct {
	name  string
	shape []int
	fill  float32 // what it starts as
}

// move changes a piece of a parameter w by its gradient g. kept are the same
// piece of the rule's slots, those of one number a weight; room is two pieces
// of scratch.
type move func(k *kernel.Set, w, g []float32, kept [][]float32, room [2][]float32)

// state is what is known of one parameter.
type state struct {
	name        string
	w           *nn.Param
	rate, decay float64 // the rate's factor, and the weight decay
	steps       int
	slots       []slot
	kept        [][]float32
}

// Descent is an optimizer that follows a rule. Each parameter counts its own
// steps: one that a loss did not reach stays as it is.
type Descent struct {
	o      OptimizerOptions
	rule   Rule
	states []*state
	grads  *Gradients
	pieces []piece
}

// NewOptimizer is an optimizer for params, as nn.Params gives them; frozen ones
// are left out. It makes the values of the others the parameters' own.
func NewOptimizer(params iter.Seq2[string, *nn.Param], rule Rule, o OptimizerOptions) *Descent {
	d := &Descent{o: o, rule: rule}
	var list []*nn.Param
	for name, w := range params {
		if w.Frozen {
			continue
		}
		w.Own()
		rate, decay := settings(o.Groups, name, w, o.Decay, o.MatricesOnly)
		s := &state{name: name, w: w, rate: rate, decay: decay, slots: rule.slots(w)}
		for _, a := range s.slots {
			s.kept = append(s.kept, filled(size(a.shape), a.fill))
		}
		d.states, list = append(d.states, s), append(list, w)
	}
	d.grads = NewGradients(list, o.Device)
	d.pieces = d.grads.pieces
	if rule.whole() {
		d.pieces = nil
		for i, w := range list {
			d.pieces = append(d.pieces, piece{i, 0, w.Len()})
		}
	}
	return d
}

func size(shape []int) int {
	n := 1
	for _, d := range shape {
		n *= d
	}
	return n
}

func filled(n int, value float32) []float32 {
	x := make([]float32, n)
	for i := range x {
		x[i] = value
	}
	return x
}

// Gradients is where the gradients of the optimizer's parameters are collected.
func (d *Descent) Gradients() *Gradients { return d.grads }

// Rate is the rate of the options.
func (d *Descent) Rate() float64 { return d.o.Rate }

// Step moves the parameters by the gradients of p, after Backward and before
// Close, at the rate of the options.
func (d *Descent) Step(p *nn.Pass) {
	d.grads.Reset()
	d.grads.View(p)
	d.Update(d.o.Rate)
}

// Update moves the parameters by what Gradients holds.
func (d *Descent) Update(rate float64) {
	moves := make([]move, len(d.states))
	for i, s := range d.states {
		if d.grads.sums[i] != nil {
			s.steps++
			moves[i] = d.rule.move(s, rate*s.rate)
		}
	}
	dev := d.grads.dev
	dev.Parallel(len(d.pieces), 1, func(lo, hi int, _ *kernel.Workspace) {
		for _, at := range d.pieces[lo:hi] {
			if moves[at.param] != nil {
				d.movePiece(dev, at, moves[at.param])
			}
		}
	})
	for i, s := range d.states {
		if moves[i] != nil {
			s.w.Changed()
		}
	}
}

func (d *Descent) movePiece(dev device.Device, at piece, f move) {
	s, n := d.states[at.param], at.hi-at.lo
	room := dev.Alloc(3 * n)
	defer dev.Free(room)
	kept := make([][]float32, len(s.kept))
	for i, x := range s.kept {
		if kept[i] = x; len(x) == s.w.Len() {
			kept[i] = x[at.lo:at.hi]
		}
	}
	g := d.grads.scaledIn(at, room[2*n:])
	f(dev.Kernels(), s.w.Float32()[at.lo:at.hi], g, kept, [2][]float32{room[:n:n], room[n : 2*n : 2*n]})
}

// State is views of all that the rule remembers, and each parameter's steps.
func (d *Descent) State() []safetensors.Tensor {
	var out []safetensors.Tensor
	for _, s := range d.states {
		for i, a := range s.slots {
			out = append(out, safetensors.Tensor{Name: a.name + "." + s.name, DType: safetensors.F32, Shape: a.shape, Data: bytesOf(s.kept[i])})
		}
		out = append(out, safetensors.Tensor{Name: stepsName + s.name, DType: safetensors.F32, Data: bytesOf([]float32{float32(s.steps)})})
	}
	return out
}

// Restore takes up a State. It fails, and changes nothing, where one of the
// tensors is missing or has another size.
func (d *Descent) Restore(f *safetensors.File) error {
	states := make([]state, len(d.states))
	for i, s := range d.states {
		states[i] = *s
		states[i].kept = make([][]float32, len(s.kept))
		for k, a := range s.slots {
			x, err := readState(f, a.name+"."+s.name, len(s.kept[k]))
			if err != nil {
				return err
			}
			states[i].kept[k] = x
		}
		steps, err := readState(f, stepsName+s.name, 1)
		if err != nil {
			return err
		}
		states[i].steps = int(steps[0])
	}
	for i := range states {
		*d.states[i] = states[i]
	}
	return nil
}

// readState reads n numbers of an optimizer's state.
func readState(f *safetensors.File, name string, n int) ([]float32, error) {
	t, ok := f.Tensor(name)
	if !ok {
		return nil, fmt.Errorf("the optimizer's state lacks %s", name)
	}
	if t.Len() != n {
		return nil, fmt.Errorf("the optimizer's state: %s has %d numbers, want %d", name, t.Len(), n)
	}
	out := make([]float32, n)
	return out, t.ToFloat32(out)
}
