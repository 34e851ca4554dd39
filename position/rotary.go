package position

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"

	"github.com/qkvgo/qkv/internal/portable"
	"github.com/qkvgo/qkv/nn"
	"github.com/qkvgo/qkv/tensor"
)

// Rotary turns queries and keys by angles that grow with their positions, so
// that dot products depend on distances (Su et al. 2021, RoFormer, §3.2). The
// halves of a head vector are the two coordinates, in Hugging Face's order:
//
//	y = x·cos(pos·ω) + (−x₂, x₁)·sin(pos·ω),  ω_i = θ^(−2i/dim)
//
// Scaling changes the frequencies ω for longer contexts.
type Rotary struct {
	dim       int       // how much of each head is turned, from its start
	theta     float64   // base of the frequencies
	positions int       // the context the model was trained for
	inverse   []float32 // ω
	factor    float32   // what cosines and sines are multiplied by
	dynamic   float64   // factor of dynamic scaling; 0: frequencies are fixed
}

// Scaling is rope_scaling of a config: how frequencies change for contexts
// longer than those of pre-training.
type Scaling struct {
	Type      string    `json:"rope_type"` // default, linear, dynamic, yarn, longrope, llama3
	OldType   string    `json:"type"`      // the same in older configs
	Factor    float64   `json:"factor"`
	Original  int       `json:"original_max_position_embeddings"`
	Attention *float64  `json:"attention_factor"`
	BetaFast  float64   `json:"beta_fast"`
	BetaSlow  float64   `json:"beta_slow"`
	LowFreq   float64   `json:"low_freq_factor"`
	HighFreq  float64   `json:"high_freq_factor"`
	Long      []float64 `json:"long_factor"`
	Short     []float64 `json:"short_factor"`
}

// NewRotary makes the rotation of the first dim numbers of each head. positions
// is the config's max_position_embeddings, original its own
// original_max_position_embeddings, which longrope reads, or 0; scaling is its
// rope_scaling: null, or an object whose unknown keys and types are errors.
func NewRotary(dim int, theta float64, positions, original int, scaling json.RawMessage) (*Rotary, error) {
	r := &Rotary{dim: dim, theta: theta, positions: positions, factor: 1}
	if dim <= 0 || dim%2 != 0 {
		return nil, fmt.Errorf("rotary: %d numbers of a head cannot be turned in pairs", dim)
	}
	s := Scaling{Type: "default"}
	if len(scaling) > 0 && string(bytes.TrimSpace(scaling)) != "null" {
		s.Type = ""
		d := json.NewDecoder(bytes.NewReader(scaling))
		d.DisallowUnknownFields()
		if err := d.Decode(&s); err != nil {
			return nil, fmt.Errorf("rope_scaling: %w", err)
		}
		if s.Type == "" {
			s.Type = s.OldType
		}
	}
	return r, r.scale(s, original)
}

// scale sets the frequencies.
func (r *Rotary) scale(s Scaling, original int) error {
	switch s.Type {
	case "linear", "dynamic", "yarn", "llama3":
		if s.Factor < 1 {
			return fmt.Errorf("rope_scaling: factor is %v, want 1 or more", s.Factor)
		}
	}
	powers := r.powers(r.theta) // θ^(2i/dim)
	r.inverse = make([]float32, len(powers))
	for i, p := range powers {
		r.inverse[i] = 1 / p
	}
	switch s.Type {
	case "default":
	case "linear": // Chen et al. 2023, Position Interpolation
		for i := range r.inverse {
			r.inverse[i] /= float32(s.Factor)
		}
	case "dynamic": // NTK-aware, by the length at hand: see at
		r.dynamic = s.Factor
		if r.dim <= 2 {
			return fmt.Errorf("rope_scaling: dynamic scaling needs more than 2 numbers of a head, have %d", r.dim)
		}
	case "yarn":
		r.yarn(s, powers)
	case "longrope":
		return r.longRope(s, original, powers)
	case "llama3":
		return r.llama3(s)
	default:
		return fmt.Errorf("rope_scaling: %w: type %q (known: default, linear, dynamic, yarn, longrope, llama3)", errors.ErrUnsupported, s.Type)
	}
	return nil
}

// powers is base^(2i/dim), rounded to float32 where the reference rounds.
func (r *Rotary) powers(base float64) []float32 {
	out := make([]float32, r.dim/2)
	for i := range out {
		out[i] = float32(portable.Pow(float64(float32(base)), float64(float32(2*i)/float32(r.dim))))
	}
	return out
}

// yarn keeps high frequencies, interpolates low ones, and mixes those between
// (Peng et al. 2023, YaRN, eq. 17–23).
func (r *Rotary) yarn(s Scaling, powers []float32) {
	fast, slow := s.BetaFast, s.BetaSlow
	if fast == 0 {
		fast = 32
	}
	if slow == 0 {
		slow = 1
	}
	// turning is the place whose frequency turns n times within the context.
	turning := func(n float64) float64 {
		return float64(r.dim) * portable.Log(float64(r.positions)/(n*2*math.Pi)) / (2 * portable.Log(r.theta))
	}
	low := max(math.Floor(turning(fast)), 0)
	high := min(math.Ceil(turning(slow)), float64(r.dim-1))
	if low == high {
		high += 0.001
	}
	for i, p := range powers {
		ramp := (float32(i) - float32(low)) / float32(high-low)
		keep := 1 - min(max(ramp, 0), 1)
		slowed := 1 / (float32(s.Factor) * p)
		r.inverse[i] = float32(slowed*(1-keep)) + float32(1/p*keep)
	}
	r.factor = float32(float64(0.1*portable.Log(s.Factor)) + 1)
	if s.Attention != nil {
		r.factor = float32(*s.Attention)
	}
}

// longRope scales each frequency by a factor of its own (Ding et al. 2024,
// LongRoPE, §3.2). A config that names the original context, as Phi-3's do, says
// by it how far the context was stretched, whatever the factor.
func (r *Rotary) longRope(s Scaling, original int, powers []float32) error {
	context, factor := r.positions, s.Factor
	if original > 0 {
		context, factor = original, float64(r.positions)/float64(original)
	}
	if factor == 0 {
		return fmt.Errorf("rope_scaling: longrope needs factor, or original_max_position_embeddings beside rope_scaling")
	}
	factors := s.Long
	if factor <= 1 {
		factors = s.Short
	}
	if len(factors) != len(powers) {
		return fmt.Errorf("rope_scaling: %d factors for %d frequencies", len(factors), len(powers))
	}
	for i, p := range powers {
		r.inverse[i] = 1 / (float32(factors[i]) * p)
	}
	switch {
	case s.Attention != nil:
		r.factor = float32(*s.Attention)
	case factor > 1:
		r.factor = float32(math.Sqrt(1 + portable.Log(factor)/portable.Log(float64(context))))
	}
	return nil
}

// llama3 slows low frequencies down and leaves high ones (Dubey et al. 2024, The
// Llama 3 Herd of Models, §3.2; the ramp between is their code's).
func (r *Rotary) llama3(s Scaling) error {
	if s.Original <= 0 || s.LowFreq <= 0 || s.HighFreq <= s.LowFreq {
		return fmt.Errorf("rope_scaling: llama3 needs original_max_position_embeddings, low_freq_factor and a larger high_freq_factor")
	}
	old := float64(s.Original)
	for i, w := range r.inverse {
		wave := float32(2*math.Pi) / w
		switch {
		case wave > float32(old/s.LowFreq):
			r.inverse[i] = w / float32(s.Factor)
		case wave >= float32(old/s.HighFreq):
			smooth := (float32(old)/wave - float32(s.LowFreq)) / float32(s.HighFreq-s.LowFreq)
			r.inverse[i] = float32((1-smooth)*w)/float32(s.Factor) + float32(smooth*w)
		}
	}
	return nil
}

// at is the frequencies for a sequence that counts as n positions.
func (r *Rotary) at(n int) []float32 {
	if r.dynamic == 0 || n <= r.positions {
		return r.inverse
	}
	grown := r.dynamic*float64(n)/float64(r.positions) - (r.dynamic - 1)
	inverse := r.powers(r.theta * portable.Pow(grown, float64(r.dim)/float64(r.dim-2)))
	for i, p := range inverse {
		inverse[i] = 1 / p
	}
	return inverse
}

// Rotate turns each head of x, [rows, heads·width], by the positions of the
// pass's rows. heads 0 is an error. Adjoint: the same with angles reversed.
func (r *Rotary) Rotate(p *nn.Pass, x *tensor.Tensor, heads int) *tensor.Tensor {
	if heads <= 0 || x.Width()%heads != 0 || x.Width()/heads < r.dim {
		panic(&tensor.Fault{Op: "Rotate", Shapes: [][]int{x.Shape()}, Msg: fmt.Sprintf("not %d heads of %d numbers or more", heads, r.dim)})
	}
	angles := p.Once(r, func() *tensor.Tensor { return r.angles(p) })
	return x.Scope().Record("Rotate", r.turn(x, angles, heads, 0), []*tensor.Tensor{x}, nil, func(g *tensor.Tensor) []*tensor.Tensor {
		return []*tensor.Tensor{r.turn(g, angles, heads, r.dim)}
	})
}

// angles is the table of the pass, a row for each: cosines, sines and negated
// sines, [rows, 3·dim/2].
func (r *Rotary) angles(p *nn.Pass) *tensor.Tensor {
	k, half := p.Kernels(), r.dim/2
	t := p.New(max(p.Rows.Rows(), 1), 3*half)
	for i := range p.Rows.Len() {
		inverse := r.at(p.Rows.ContextOf(i))
		for row := p.Rows.Off[i]; row < p.Rows.Off[i+1]; row++ {
			out := t.Row(row)
			cos, sin, negated := out[:half], out[half:2*half], out[2*half:]
			k.Scale(negated, inverse, float32(p.Rows.Positions[row]))
			k.Cos(cos, negated)
			k.Sin(sin, negated)
			if r.factor != 1 {
				k.Scale(cos, cos, r.factor)
				k.Scale(sin, sin, r.factor)
			}
			k.Scale(negated, sin, -1)
		}
	}
	return t
}

// turn is x turned by the angles whose sines start at column dim/2 plus shift/2.
func (r *Rotary) turn(x, angles *tensor.Tensor, heads, shift int) *tensor.Tensor {
	s, k, half := x.Scope(), x.Scope().Kernels(), r.dim/2
	y := s.New(x.Rows(), x.Width())
	width := x.Width() / heads
	s.Compute(false, func() {
		s.EachRow(x.Rows(), x.Width()*2, func(i int) {
			a, from, to := angles.Row(i), x.Row(i), y.Row(i)
			cos, sin := a[:half], a[half+shift/2:][:half]
			for h := range heads {
				lo := h * width
				k.Rotary(to[lo:lo+r.dim], from[lo:lo+r.dim], cos, sin)
				copy(to[lo+r.dim:lo+width], from[lo+r.dim:lo+width])
			}
		})
	}, []*tensor.Tensor{y}, x, angles)
	return y
}
