package train

import (
	"github.com/qkvgo/qkv/kernel"
	"github.com/qkvgo/qkv/nn"
)

// The rules move in PyTorch's order of operations. A zero number in a rule
// stands for PyTorch's default.

func or(x, fallback float64) float64 {
	if x == 0 {
		return fallback
	}
	return x
}

// decayed is g + decay·w, in room where that is not g.
func decayed(k *kernel.Set, w, g, room []float32, decay float64) []float32 {
	if decay == 0 {
		return g
	}
	copy(room, g)
	k.AddScaled(room, w, float32(decay))
	return room
}

// blend makes m the running mean β·m + (1−β)·x.
func blend(k *kernel.Set, m, x []float32, beta float64) {
	k.Scale(m, m, float32(beta))
	k.AddScaled(m, x, float32(1-beta))
}

// blendSquare is blend with the squares of x, which room takes.
func blendSquare(k *kernel.Set, m, x, room []float32, beta float64) {
	k.Mul(room, x, x)
	blend(k, m, room, beta)
}

// perWeight are slots of the given names with a number a weight.
func perWeight(w *nn.Param, names ...string) []slot {
	slots := make([]slot, len(names))
	for i, name := range names {
		slots[i] = slot{name: name, shape: w.Shape}
	}
	return slots
}

// SGD is gradient descent with momentum (Polyak 1964), Nesterov's if asked for
// (Sutskever et al. 2013, eq. 3–4, in PyTorch's form). Decay is added to the
// gradient.
type SGD struct {
	Momentum, Dampening float64
	Nesterov            bool

	remember bool // what each step moved by stays in the last slot, for HD
}

func (SGD) whole() bool { return false }

func (r SGD) slots(w *nn.Param) []slot {
	var slots []slot
	if r.Momentum != 0 {
		slots = perWeight(w, "momentum_buffer")
	}
	if r.remember {
		slots = append(slots, perWeight(w, "grad_prev")...)
	}
	return slots
}

func (r SGD) move(s *state, rate float64) move {
	first, decay := s.steps == 1, s.decay
	return func(k *kernel.Set, w, g []float32, kept [][]float32, room [2][]float32) {
		g = decayed(k, w, g, room[0], decay)
		if r.Momentum != 0 {
			buffer := kept[0]
			if first {
				copy(buffer, g)
			} else {
				k.Scale(buffer, buffer, float32(r.Momentum))
				k.AddScaled(buffer, g, float32(1-r.Dampening))
			}
			if r.Nesterov {
				copy(room[1], g)
				k.AddScaled(room[1], buffer, float32(r.Momentum))
				g = room[1]
			} else {
				g = buffer
			}
		}
		if r.remember {
			copy(kept[len(kept)-1], g)
		}
		k.AddScaled(w, g, float32(-rate))
	}
}

// RMSProp divides by a running root mean square of the gradient (Hinton 2012,
// lecture 6e), or by its deviation where Centered (Graves 2013, eq. 38–41).
// Decay is added to the gradient.
type RMSProp struct {
	Alpha    float64 // of the running means; 0: 0.99
	Eps      float64 // 0: 1e-8
	Momentum float64
	Centered bool
}

func (RMSProp) whole() bool { return false }

func (r RMSProp) slots(w *nn.Param) []slot {
	return perWeight(w, "square_avg", "grad_avg", "momentum_buffer")
}

func (r RMSProp) move(s *state, rate float64) move {
	alpha, eps, decay := or(r.Alpha, 0.99), or(r.Eps, 1e-8), s.decay
	return func(k *kernel.Set, w, g []float32, kept [][]float32, room [2][]float32) {
		square, mean, buffer, root := kept[0], kept[1], kept[2], room[1]
		g = decayed(k, w, g, room[0], decay)
		blendSquare(k, square, g, root, alpha)
		if r.Centered {
			blend(k, mean, g, alpha)
			k.Mul(root, mean, mean)
			k.Sub(root, square, root)
			k.Sqrt(root, root)
		} else {
			k.Sqrt(root, square)
		}
		k.AddConst(root, root, float32(eps))
		k.Div(root, g, root)
		if r.Momentum > 0 {
			k.Scale(buffer, buffer, float32(r.Momentum))
			k.Add(buffer, buffer, root)
			root = buffer
		}
		k.AddScaled(w, root, float32(-rate))
	}
}

// Lion moves by the sign of a blend of momentum and gradient (Chen et al. 2023,
// algorithm 2). Decay is times the rate, as AdamW's.
type Lion struct {
	Beta1, Beta2 float64 // 0: 0.9 and 0.99
}

func (Lion) whole() bool { return false }

func (Lion) slots(w *nn.Param) []slot { return perWeight(w, "exp_avg") }

func (r Lion) move(s *state, rate float64) move {
	beta1, beta2, keep := or(r.Beta1, 0.9), or(r.Beta2, 0.99), 1-float64(rate*s.decay)
	return func(k *kernel.Set, w, g []float32, kept [][]float32, room [2][]float32) {
		momentum, update := kept[0], room[0]
		copy(update, momentum)
		blend(k, update, g, beta1)
		for i, v := range update {
			switch {
			case v > 0:
				update[i] = 1
			case v < 0:
				update[i] = -1
			}
		}
		k.Scale(w, w, float32(keep))
		k.AddScaled(w, update, float32(-rate))
		blend(k, momentum, g, beta2)
	}
}
