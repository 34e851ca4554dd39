package rnn

import (
	"github.com/qkvgo/qkv/kernel"
	"github.com/qkvgo/qkv/tensor"
)

// Cell is the kind of a recurrent network, as PyTorch's modules call it.
type Cell string

// The kinds.
const (
	Tanh Cell = "RNN_TANH" // h' = tanh(u + v) (Elman 1990)
	ReLU Cell = "RNN_RELU" // h' = max(u + v, 0)
	LSTM Cell = "LSTM"     // c' = σ(f)·c + σ(i)·tanh(g), h' = σ(o)·tanh(c')
	GRU  Cell = "GRU"      // n = tanh(u_n + σ(r)·v_n), h' = n + σ(z)·(h − n)
)

// cell is the arithmetic of one row, in which u and v, [gates·hidden], are what
// the input and the last state say.
type cell struct {
	gates int  // of hidden rows each
	saved int  // what a step keeps for its adjoint, in hiddens
	cells bool // states have a second half: cells
	// In place, saved is u's memory and then du's: they are equally wide.
	inPlace bool
	// step computes the next state from the last one, of which last is the cells
	// where there are some, and writes what the adjoint reads into saved.
	step func(k *kernel.Set, next, last, saved, u, v []float32)
	// back computes the adjoints du and dv of u and v from that of the next
	// state, and makes it that of the last state, as far as v is not on the way.
	back func(k *kernel.Set, grad, next, last, saved, du, dv []float32)
}

func (c Cell) must() cell {
	switch c {
	case Tanh:
		return simple(func(k *kernel.Set) (f func(y, x []float32), back func(dx, g, y []float32)) { return k.Tanh, k.TanhBack })
	case ReLU:
		return simple(func(k *kernel.Set) (f func(y, x []float32), back func(dx, g, y []float32)) { return k.ReLU, k.ReLUBack })
	case LSTM:
		return cell{gates: 4, saved: 4, cells: true, inPlace: true, step: lstm, back: lstmBack}
	case GRU:
		return cell{gates: 3, saved: 4, step: gru, back: gruBack}
	}
	panic(&tensor.Fault{Op: "rnn", Msg: "no cell is named " + string(c)})
}

// simple is a cell of one gate. The slope of both functions can be read off their
// values.
func simple(of func(k *kernel.Set) (f func(y, x []float32), back func(dx, g, y []float32))) cell {
	return cell{gates: 1, step: func(k *kernel.Set, next, _, _, u, v []float32) {
		f, _ := of(k)
		k.Add(next, u, v)
		f(next, next)
	}, back: func(k *kernel.Set, grad, next, _, _, du, dv []float32) {
		_, back := of(k)
		back(du, grad, next)
		copy(dv, du)
		clear(grad)
	}}
}

// split is the n parts of x.
func split(x []float32, n int) (parts [4][]float32) {
	width := len(x) / n
	for i := range n {
		parts[i] = x[i*width : (i+1)*width : (i+1)*width]
	}
	return parts
}

func lstm(k *kernel.Set, next, last, saved, u, v []float32) {
	n := len(next) / 2
	h, c := next[:n], next[n:]
	k.Add(saved, u, v)
	k.Sigmoid(saved[:2*n], saved[:2*n])
	k.Tanh(saved[2*n:3*n], saved[2*n:3*n])
	k.Sigmoid(saved[3*n:], saved[3*n:])
	s := split(saved, 4) // i, f, g, o
	k.Mul(c, s[1], last)
	k.MulAdd(c, s[0], s[2])
	k.Tanh(h, c)
	k.Mul(h, h, s[3])
}

func lstmBack(k *kernel.Set, grad, next, last, saved, du, dv []float32) {
	n := len(next) / 2
	dh, dc, c := grad[:n], grad[n:], next[n:]
	s, d := split(saved, 4), split(dv, 4)
	tanh := d[0] // until that is known
	k.Tanh(tanh, c)
	k.Mul(d[3], dh, tanh)
	k.SigmoidBack(d[3], d[3], s[3])
	k.Mul(dh, dh, s[3])
	k.TanhBack(tanh, dh, tanh)
	k.Add(dc, dc, tanh)
	k.Mul(d[0], dc, s[2])
	k.SigmoidBack(d[0], d[0], s[0])
	k.Mul(d[1], dc, last)
	k.SigmoidBack(d[1], d[1], s[1])
	k.Mul(d[2], dc, s[0])
	k.TanhBack(d[2], d[2], s[2])
	k.Mul(dc, dc, s[1])
	clear(dh)
	copy(du, dv) // may be saved itself
}

func gru(k *kernel.Set, next, last, saved, u, v []float32) {
	n := len(next)
	s := split(saved, 4) // r, z, n, v_n
	k.Add(saved[:2*n], u[:2*n], v[:2*n])
	k.Sigmoid(saved[:2*n], saved[:2*n])
	copy(s[3], v[2*n:])
	k.Mul(s[2], s[0], s[3])
	k.Add(s[2], s[2], u[2*n:])
	k.Tanh(s[2], s[2])
	k.Sub(next, last, s[2])
	k.Mul(next, next, s[1])
	k.Add(next, next, s[2])
}

func gruBack(k *kernel.Set, grad, _, last, saved, du, dv []float32) {
	s, d, e := split(saved, 4), split(du, 3), split(dv, 3)
	k.Sub(e[1], last, s[2])
	k.Mul(e[1], e[1], grad)
	k.SigmoidBack(d[1], e[1], s[1])
	k.Mul(e[2], grad, s[1]) // on the way to the last state
	k.Sub(grad, grad, e[2])
	k.TanhBack(d[2], grad, s[2])
	copy(grad, e[2])
	k.Mul(e[2], d[2], s[0])
	k.Mul(d[0], d[2], s[3])
	k.SigmoidBack(d[0], d[0], s[0])
	copy(e[0], d[0])
	copy(e[1], d[1])
}
