package tensor_test

import (
	"math"
	"math/rand/v2"

	"github.com/qkvgo/qkv/tensor"
)

// mat is a matrix in float64, the plain arithmetic that ops are held to.
type mat struct {
	rows, width int
	v           []float64
}

func newMat(rows, width int) mat { return mat{rows, width, make([]float64, rows*width)} }

func (m mat) at(i, j int) float64 { return m.v[i*m.width+j] }

func (m mat) set(i, j int, v float64) { m.v[i*m.width+j] = v }

func (m mat) row(i int) []float64 { return m.v[i*m.width : (i+1)*m.width] }

// each is f of every element.
func (m mat) each(f func(float64) float64) mat {
	y := newMat(m.rows, m.width)
	for i, v := range m.v {
		y.v[i] = f(v)
	}
	return y
}

// with is f of the elements of two matrices; a single row serves every row.
func (m mat) with(z mat, f func(x, z float64) float64) mat {
	y := newMat(m.rows, m.width)
	for i := range m.v {
		y.v[i] = f(m.v[i], z.v[i%len(z.v)])
	}
	return y
}

// times is m·z.
func (m mat) times(z mat) mat {
	y := newMat(m.rows, z.width)
	for i := range m.rows {
		for k := range m.width {
			for j := range z.width {
				y.v[i*z.width+j] += m.at(i, k) * z.at(k, j)
			}
		}
	}
	return y
}

func (m mat) transposed() mat {
	y := newMat(m.width, m.rows)
	for i := range m.rows {
		for j := range m.width {
			y.set(j, i, m.at(i, j))
		}
	}
	return y
}

func (m mat) sum() float64 {
	s := 0.0
	for _, v := range m.v {
		s += v
	}
	return s
}

// window is rows r0:r1 and columns c0:c1.
func (m mat) window(r0, r1, c0, c1 int) mat {
	y := newMat(r1-r0, c1-c0)
	for i := range y.rows {
		copy(y.row(i), m.row(r0 + i)[c0:c1])
	}
	return y
}

// float32s rounds every element.
func (m mat) float32s() []float32 {
	f := make([]float32, len(m.v))
	for i, v := range m.v {
		f[i] = float32(v)
	}
	return f
}

func number(v float64) mat { return mat{1, 1, []float64{v}} }

// The activations, and the row functions.

func sigmoid(x float64) float64 { return 1 / (1 + math.Exp(-x)) }

func relu(x float64) float64 { return max(x, 0) }

func gelu(x float64) float64 { return x * (1 + math.Erf(x/math.Sqrt2)) / 2 }

func geluTanh(x float64) float64 {
	return x / 2 * (1 + math.Tanh(math.Sqrt(2/math.Pi)*(x+0.044715*x*x*x)))
}

func geluQuick(x float64) float64 { return x * sigmoid(1.702*x) }

func leakyReLU(x float64) float64 { return max(x, 0) + float64(float32(0.01))*min(x, 0) }

func mish(x float64) float64 { return x * math.Tanh(math.Log1p(math.Exp(x))) }

func silu(x float64) float64 { return x * sigmoid(x) }

func logSumExp(x []float64) float64 {
	s, top := 0.0, math.Inf(-1)
	for _, v := range x {
		top = max(top, v)
	}
	for _, v := range x {
		s += math.Exp(v - top)
	}
	return top + math.Log(s)
}

func logSoftmax(x mat) mat {
	y := newMat(x.rows, x.width)
	for i := range x.rows {
		lse := logSumExp(x.row(i))
		for j, v := range x.row(i) {
			y.set(i, j, v-lse)
		}
	}
	return y
}

// normalized is (x − mean)/√(var + eps) along rows; the mean stays where center
// is false.
func normalized(x mat, center bool, eps float64) mat {
	y := newMat(x.rows, x.width)
	for i := range x.rows {
		mean, square, n := 0.0, 0.0, float64(x.width)
		for _, v := range x.row(i) {
			if center {
				mean += v / n
			}
		}
		for _, v := range x.row(i) {
			square += (v - mean) * (v - mean) / n
		}
		for j, v := range x.row(i) {
			y.set(i, j, (v-mean)/math.Sqrt(square+eps))
		}
	}
	return y
}

// activations are the named activations and their plain functions.
var activations = map[tensor.Activation]func(float64) float64{
	tensor.Identity: func(x float64) float64 { return x }, tensor.Linear: func(x float64) float64 { return x },
	tensor.ReLU: relu, tensor.ReLU2: func(x float64) float64 { return relu(x) * relu(x) }, tensor.LeakyReLU: leakyReLU, tensor.Mish: mish,
	tensor.ReLU6: func(x float64) float64 { return min(relu(x), 6) }, tensor.GELUPython: gelu, tensor.GELUAccurate: geluTanh,
	tensor.GELU10: func(x float64) float64 { return min(max(gelu(x), -10), 10) }, tensor.GELU: gelu, tensor.GELUNew: geluTanh, tensor.GELUFast: geluTanh, tensor.GELUTanh: geluTanh,
	tensor.QuickGELU: geluQuick, tensor.SiLU: silu, tensor.Swish: silu, tensor.Tanh: math.Tanh, tensor.Sigmoid: sigmoid,
}

// draw is where the cases' sizes and numbers come from.
type draw struct {
	*rand.Rand
	large bool // large enough that loops are split
}

func newDraw(seed uint64, large bool) draw { return draw{rand.New(rand.NewPCG(seed, 1)), large} }

func (d draw) rows() int {
	if d.large {
		return 60 + d.IntN(60)
	}
	return []int{0, 1, 1, 2, 3, 4, 7}[d.IntN(7)]
}

func (d draw) width() int {
	if d.large {
		return 250 + d.IntN(80)
	}
	return []int{0, 1, 1, 2, 3, 5, 16, 17, 35}[d.IntN(9)]
}

// of is a matrix of numbers that float32 holds exactly, each drawn by f.
func (d draw) of(rows, width int, f func() float64) mat {
	m := newMat(rows, width)
	for i := range m.v {
		m.v[i] = float64(float32(f()))
	}
	return m
}

func (d draw) normal(rows, width int) mat { return d.of(rows, width, d.NormFloat64) }

// away is a normal matrix without numbers near zero, for functions with a kink.
func (d draw) away(rows, width int) mat {
	return d.of(rows, width, func() float64 {
		v := d.NormFloat64()
		return v + math.Copysign(1e-2, v)
	})
}
