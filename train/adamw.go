package train

import (
	"iter"

	"github.com/qkvgo/qkv/device"
	"github.com/qkvgo/qkv/kernel"
	"github.com/qkvgo/qkv/nn"
	"github.com/qkvgo/qkv/safetensors"
)

// AdamWOptions are the numbers of AdamW (Loshchilov & Hutter 2019, algorithm 2).
type AdamWOptions struct {
	Rate         float64 // learning rate
	Beta1, Beta2 float64 // 0: 0.9 and 0.999
	Eps          float64 // 0: 1e-8
	Decay        float64 // weight decay, times the rate: 0 is none
	// MatricesOnly keeps weight decay away from biases and norms: it works on
	// parameters of two axes and more alone, as GPT-2's training had it.
	MatricesOnly bool
	Groups       []Group       // factors for parameters by name
	Device       device.Device // nil: the machine's cores
}

// AdamW moves parameters against their gradients by PyTorch's arithmetic. Each
// parameter counts its own steps: one that a loss did not reach stays as it is.
type AdamW struct {
	o      AdamWOptions
	states []*moments
	grads  *Gradients
}

// moments is what AdamW remembers of one parameter.
type moments struct {
	name         string
	w            *nn.Param
	rate, decay  float64 // the rate's factor, and the weight decay
	steps        int
	mean, square []float32 // running means of the gradient and of its square
}

// NewAdamW is an optimizer for params, as nn.Params gives them; frozen ones are
// left out. It makes the values of the others the parameters' own.
func NewAdamW(params iter.Seq2[string, *nn.Param], o AdamWOptions) *AdamW {
	if o.Beta1 == 0 {
		o.Beta1 = 0.9
	}
	if o.Beta2 == 0 {
		o.Beta2 = 0.999
	}
	if o.Eps == 0 {
		o.Eps = 1e-8
	}
	a := &AdamW{o: o}
	var list []*nn.Param
	for name, w := range params {
		if w.Frozen {
			continue
		}
		w.Own()
		rate, decay := settings(o.Groups, name, w, o.Decay, o.MatricesOnly)
		m := &moments{name: name, w: w, rate: rate, decay: decay, mean: make([]float32, w.Len()), square: make([]float32, w.Len())}
		a.states, list = append(a.states, m), append(list, w)
	}
	a.grads = NewGradients(list, o.Device)
	return a
}

// Gradients is where the gradients of the optimizer's parameters are collected.
func (a *AdamW) Gradients() *Gradients { return a.grads }

// Rate is the rate of the options.
func (a *AdamW) Rate() float64 { return a.o.Rate }

// Step moves the parameters by the gradients of p, after Backward and before
// Close, at the rate of the options.
func (a *AdamW) Step(p *nn.Pass) {
	a.grads.Reset()
	a.grads.View(p)
	a.Update(a.o.Rate)
}

// Update moves the parameters by what Gradients holds.
func (a *AdamW) Update(rate float64) {
	args := make([]*kernel.AdamWArgs, len(a.states))
	for i, m := range a.states {
		if a.grads.sums[i] != nil {
			m.steps++
			args[i] = kernel.NewAdamWArgs(rate*m.rate, a.o.Beta1, a.o.Beta2, a.o.Eps, m.decay, m.steps)
		}
	}
	step := a.grads.dev.Kernels().AdamW
	a.grads.each(func(_ int, at piece) {
		if args[at.param] == nil {
			return
		}
		room := a.grads.room(at)
		defer a.grads.dev.Free(room)
		m := a.states[at.param]
		lo, hi := at.lo, at.hi
		step(m.w.Float32()[lo:hi], a.grads.scaledIn(at, room), m.mean[lo:hi], m.square[lo:hi], args[at.param])
	})
	for i, m := range a.states {
		if args[i] != nil {
			m.w.Changed()
		}
	}
}

// The names under which the state of a parameter is saved, before its own name.
const (
	meanName   = "exp_avg."
	squareName = "exp_avg_sq."
	stepsName  = "step."
)

// State is what must be kept to go on as if never stopped: views of the two
// running means and the count of steps of each parameter.
func (a *AdamW) State() []safetensors.Tensor {
	var out []safetensors.Tensor
	for _, m := range a.states {
		out = append(out,
			safetensors.Tensor{Name: meanName + m.name, DType: safetensors.F32, Shape: m.w.Shape, Data: bytesOf(m.mean)},
			safetensors.Tensor{Name: squareName + m.name, DType: safetensors.F32, Shape: m.w.Shape, Data: bytesOf(m.square)},
			safetensors.Tensor{Name: stepsName + m.name, DType: safetensors.F32, Data: bytesOf([]float32{float32(m.steps)})})
	}
	return out
}

// Restore takes up a State. It fails, and changes nothing, where one of the
// tensors is missing or has another size.
func (a *AdamW) Restore(f *safetensors.File) error {
	states := make([]moments, len(a.states))
	for i, m := range a.states {
		mean, err := readState(f, meanName+m.name, m.w.Len())
		if err != nil {
			return err
		}
		square, err := readState(f, squareName+m.name, m.w.Len())
		if err != nil {
			return err
		}
		steps, err := readState(f, stepsName+m.name, 1)
		if err != nil {
			return err
		}
		states[i] = moments{m.name, m.w, m.rate, m.decay, int(steps[0]), mean, square}
	}
	for i := range states {
		*a.states[i] = states[i]
	}
	return nil
}
