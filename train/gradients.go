package train

import (
	"math"

	"github.com/qkvgo/qkv/device"
	"github.com/qkvgo/qkv/device/cpu"
	"github.com/qkvgo/qkv/kernel"
	"github.com/qkvgo/qkv/nn"
	"github.com/qkvgo/qkv/tensor"
)

// Gradients holds a gradient for each parameter, of one pass or summed over
// several. The zero of a parameter that no loss reached is nil, not zeros.
type Gradients struct {
	params []*nn.Param
	pieces []piece
	dev    device.Device
	sums   [][]float32 // one a parameter; nil: the loss did not depend on it
	own    [][]float32 // memory for sums over passes, made at need
	scale  float32     // what the sums are still to be multiplied by
	bound  float32     // what they are then cut off at, above and below; 0: nowhere
}

// piece is elements lo:hi of parameter number param: what one worker does at
// once. How parameters are cut depends on their sizes alone.
type piece struct{ param, lo, hi int }

// pieceSize is the most elements of a piece.
const pieceSize = 8192

// NewGradients is gradients for params, none of them there yet; nil stands for
// the machine's cores.
func NewGradients(params []*nn.Param, dev device.Device) *Gradients {
	if dev == nil {
		dev = cpu.Default()
	}
	g := &Gradients{params: params, dev: dev, sums: make([][]float32, len(params)), own: make([][]float32, len(params)), scale: 1}
	for i, w := range params {
		for lo := 0; lo < w.Len(); lo += pieceSize {
			g.pieces = append(g.pieces, piece{i, lo, min(lo+pieceSize, w.Len())})
		}
	}
	return g
}

// Reset forgets all gradients.
func (g *Gradients) Reset() {
	clear(g.sums)
	g.scale, g.bound = 1, 0
}

// View takes the gradients of a pass, without a copy: they hold until the pass
// is closed.
func (g *Gradients) View(p *nn.Pass) {
	for i, w := range g.params {
		if x := p.Grad(w); x != nil {
			g.sums[i] = flat(x)
		}
	}
}

// Set gives parameter i, in the order of the optimizer, a gradient that no pass
// computed; it stays the caller's.
func (g *Gradients) Set(i int, grad []float32) { g.sums[i] = grad }

// Add adds the gradients of a pass to the sums.
func (g *Gradients) Add(p *nn.Pass) {
	grads := make([][]float32, len(g.params))
	first := make([]bool, len(g.params))
	for i, w := range g.params {
		x := p.Grad(w)
		if x == nil {
			continue
		}
		grads[i], first[i] = flat(x), g.sums[i] == nil
		if g.own[i] == nil {
			g.own[i] = make([]float32, w.Len())
		}
		g.sums[i] = g.own[i]
	}
	add := g.dev.Kernels().Add
	g.each(func(_ int, at piece) {
		switch dst := g.sums[at.param]; {
		case grads[at.param] == nil:
		case first[at.param]:
			copy(dst[at.lo:at.hi], grads[at.param][at.lo:at.hi])
		default:
			add(dst[at.lo:at.hi], dst[at.lo:at.hi], grads[at.param][at.lo:at.hi])
		}
	})
}

// flat is the elements of a gradient, row by row.
func flat(x *tensor.Tensor) []float32 {
	if x.Rows() > 1 && x.Stride() != x.Width() {
		return x.Float32s()
	}
	return x.Data()
}

// Norm is the root of the sum of the squares of all gradients. The sum has an
// order of its own: the lanes of kernel.SumSquares over pieces of a fixed size,
// then the pieces one after the other in float64.
func (g *Gradients) Norm() float64 {
	sums := make([]float64, len(g.pieces))
	k := g.dev.Kernels()
	g.each(func(i int, at piece) {
		if x := g.sums[at.param]; x != nil {
			sums[i] = float64(k.SumSquares(x[at.lo:at.hi]))
		}
	})
	total := 0.0
	for _, s := range sums {
		total += s
	}
	return math.Sqrt(total) * math.Abs(float64(g.scale))
}

// Clip makes the norm at most most, as PyTorch's clip_grad_norm_ does: all
// gradients times most/(norm + 1e-6) where that is below 1. It gives the norm
// before.
func (g *Gradients) Clip(most float64) (norm float64) {
	norm = g.Norm()
	if factor := most / (norm + 1e-6); factor < 1 {
		g.scale = float32(float64(g.scale) * factor)
	}
	return norm
}

// ClipValue cuts every gradient off at most above and at -most below, as PyTorch's
// clip_grad_value_ does, after what Clip did.
func (g *Gradients) ClipValue(most float64) { g.bound = float32(most) }

// room is memory of the device for scaledIn, nothing where it needs none.
func (g *Gradients) room(at piece) []float32 {
	if g.scale == 1 && g.bound == 0 {
		return nil
	}
	return g.dev.Alloc(at.hi - at.lo)
}

// scaledIn is the gradient of a piece, ready to be used: itself, or multiplied
// in room, which is at least as long.
func (g *Gradients) scaledIn(at piece, room []float32) []float32 {
	x := g.sums[at.param][at.lo:at.hi]
	if g.scale == 1 && g.bound == 0 {
		return x
	}
	out := room[:len(x)]
	g.dev.Kernels().Scale(out, x, g.scale)
	if g.bound > 0 {
		for i, v := range out {
			out[i] = min(max(v, -g.bound), g.bound)
		}
	}
	return out
}

// each calls f with every piece and its number, in parallel.
func (g *Gradients) each(f func(i int, at piece)) {
	g.dev.Parallel(len(g.pieces), 1, func(lo, hi int, _ *kernel.Workspace) {
		for i := lo; i < hi; i++ {
			f(i, g.pieces[i])
		}
	})
}
