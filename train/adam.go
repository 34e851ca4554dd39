package train

import (
	"math"

	"github.com/qkvgo/qkv/kernel"
	"github.com/qkvgo/qkv/nn"
)

// Betas are the numbers of the running means of Adam and its kin.
type Betas struct {
	Beta1, Beta2 float64 // 0: 0.9 and 0.999
	Eps          float64 // 0: 1e-8
}

func (b Betas) filled() Betas { return Betas{or(b.Beta1, 0.9), or(b.Beta2, 0.999), or(b.Eps, 1e-8)} }

func (Betas) whole() bool { return false }

func (Betas) slots(w *nn.Param) []slot { return perWeight(w, "exp_avg", "exp_avg_sq") }

// means updates the running means of g and of its square.
func (b Betas) means(k *kernel.Set, g []float32, kept [][]float32, room []float32) (mean, square []float32) {
	blend(k, kept[0], g, b.Beta1)
	blendSquare(k, kept[1], g, room, b.Beta2)
	return kept[0], kept[1]
}

// left is 1 − βᵗ.
func left(beta float64, t int) float64 { return 1 - math.Pow(beta, float64(t)) }

// Adam is algorithm 1 of Kingma & Ba 2015, decay added to the gradient.
type Adam struct {
	Betas
	// AMSGrad divides by the largest running mean of squares so far (Reddi et
	// al. 2018, algorithm 2).
	AMSGrad bool
	// Decoupled makes decay work on the weights, times the rate, as AdamW's.
	Decoupled bool
}

func (r Adam) slots(w *nn.Param) []slot {
	slots := r.Betas.slots(w)
	if r.AMSGrad {
		slots = append(slots, perWeight(w, "max_exp_avg_sq")...)
	}
	return slots
}

func (r Adam) move(s *state, rate float64) move {
	b := r.filled()
	advance, scale := -rate/left(b.Beta1, s.steps), 1/math.Sqrt(left(b.Beta2, s.steps))
	keep, decay := 1.0, s.decay
	if r.Decoupled {
		keep, decay = 1-float64(rate*decay), 0
	}
	return func(k *kernel.Set, w, g []float32, kept [][]float32, room [2][]float32) {
		if keep != 1 {
			k.Scale(w, w, float32(keep))
		}
		root := room[1]
		mean, square := b.means(k, decayed(k, w, g, room[0], decay), kept, root)
		if r.AMSGrad {
			k.Max(kept[2], kept[2], square)
			square = kept[2]
		}
		k.Sqrt(root, square)
		k.Scale(root, root, float32(scale))
		k.AddConst(root, root, float32(b.Eps))
		k.Div(root, mean, root)
		k.AddScaled(w, root, float32(advance))
	}
}

// NAdam is Adam with Nesterov's momentum (Dozat 2016), decay added to the
// gradient.
type NAdam struct {
	Betas
	MomentumDecay float64 // of the momentum's schedule; 0: 4e-3
	// Twice counts the step's own momentum twice in the product that lies
	// ahead, as the recorded reference (PyTorch 1.13.0a0) does.
	Twice bool
}

func (r NAdam) slots(w *nn.Param) []slot {
	return append(r.Betas.slots(w), slot{name: "mu_product", fill: 1})
}

func (r NAdam) move(s *state, rate float64) move {
	b, t := r.filled(), float64(s.steps)
	momentum := func(t float64) float64 {
		warm := float64(0.5 * math.Pow(0.96, float64(t*or(r.MomentumDecay, 4e-3))))
		return float64(b.Beta1 * (1 - warm))
	}
	mu, next := momentum(t), momentum(t+1)
	product := &s.kept[2][0]
	*product = float32(float64(*product) * mu)
	fromGradient := -rate * (1 - mu) / (1 - float64(*product))
	ahead := float64(float64(*product) * next)
	if r.Twice {
		ahead = float64(ahead * mu)
	}
	fromMean := -rate * next / (1 - float64(ahead))
	correction, decay := 1/left(b.Beta2, s.steps), s.decay
	return func(k *kernel.Set, w, g []float32, kept [][]float32, room [2][]float32) {
		g = decayed(k, w, g, room[0], decay)
		root := room[1]
		mean, square := b.means(k, g, kept, root)
		k.Scale(root, square, float32(correction))
		k.Sqrt(root, root)
		k.AddConst(root, root, float32(b.Eps))
		k.Div(room[0], g, root)
		k.AddScaled(w, room[0], float32(fromGradient))
		k.Div(room[0], mean, root)
		k.AddScaled(w, room[0], float32(fromMean))
	}
}

// RAdam is Adam that takes plain steps until the variance of its rate is known
// (Liu et al. 2020, algorithm 2), decay added to the gradient.
type RAdam struct{ Betas }

func (r RAdam) move(s *state, rate float64) move {
	b, t := r.filled(), float64(s.steps)
	left2 := left(b.Beta2, s.steps)
	most := 2/(1-b.Beta2) - 1
	length := most - float64(2*t*(1-left2))/left2
	advance, rectified := -rate/left(b.Beta1, s.steps), length > 5
	if rectified {
		advance *= math.Sqrt((length - 4) * (length - 2) * most / ((most - 4) * (most - 2) * length) * left2)
	}
	decay := s.decay
	return func(k *kernel.Set, w, g []float32, kept [][]float32, room [2][]float32) {
		root := room[1]
		mean, square := b.means(k, decayed(k, w, g, room[0], decay), kept, root)
		if rectified {
			k.Sqrt(root, square)
			k.AddConst(root, root, float32(b.Eps))
			k.Div(root, mean, root)
			mean = root
		}
		k.AddScaled(w, mean, float32(advance))
	}
}
