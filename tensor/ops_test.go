package tensor_test

import (
	"math"
	"slices"
	"strings"

	"github.com/qkvgo/qkv/kernel"
	"github.com/qkvgo/qkv/tensor"
)

// call is an op with its operands and the same in float64.
type call struct {
	in  []mat
	op  func(x []*tensor.Tensor) *tensor.Tensor
	ref func(x []mat) mat
}

// op is a line of the table that every exported op must have. Bounds are in
// units of 2⁻²⁴, half the distance of float32s at 1.
type op struct {
	name     string
	relative float64 // most error by the result's size
	absolute float64 // most error besides
	slope    float64 // most error of a gradient, by the largest one or 1; 0: 64
	byRow    []int   // operands whose row i alone decides row i of the result
	draw     func(d draw) call
}

// ops are all ops.
var ops = []op{
	{name: "Add", relative: 1, byRow: []int{0, 1}, draw: func(d draw) call {
		return pair(d, (*tensor.Tensor).Add, func(x, z float64) float64 { return x + z })
	}},
	{name: "Sub", relative: 1, byRow: []int{0, 1}, draw: func(d draw) call {
		return pair(d, (*tensor.Tensor).Sub, func(x, z float64) float64 { return x - z })
	}},
	{name: "Mul", relative: 1, byRow: []int{0, 1}, draw: func(d draw) call {
		return pair(d, (*tensor.Tensor).Mul, func(x, z float64) float64 { return x * z })
	}},
	{name: "Gate", relative: 16, absolute: 16, slope: 256, byRow: []int{0, 1}, draw: func(d draw) call {
		acts := []tensor.Activation{tensor.SiLU, tensor.GELU, tensor.GELUTanh, tensor.QuickGELU}
		i := d.IntN(len(acts))
		f := []func(float64) float64{silu, gelu, geluTanh, geluQuick}[i]
		return pair(d, func(x, z *tensor.Tensor) *tensor.Tensor { return x.Gate(z, acts[i]) }, func(x, z float64) float64 { return f(x) * z })
	}},
	{name: "Scale", relative: 1, byRow: []int{0}, draw: func(d draw) call {
		c := float32(d.NormFloat64())
		return single(d.normal(d.rows(), d.width()), func(x *tensor.Tensor) *tensor.Tensor { return x.Scale(c) },
			func(x mat) mat { return x.each(func(v float64) float64 { return float64(c) * v }) })
	}},
	{name: "AddRow", relative: 1, byRow: []int{0}, draw: func(d draw) call {
		x := d.normal(d.rows(), d.width())
		return call{[]mat{x, d.normal(1, x.width)},
			func(x []*tensor.Tensor) *tensor.Tensor { return x[0].AddRow(x[1]) },
			func(x []mat) mat { return x[0].with(x[1], func(x, b float64) float64 { return x + b }) }}
	}},
	unary("ReLU", 0, 0, (*tensor.Tensor).ReLU, relu),
	unary("GELU", 8, 2, (*tensor.Tensor).GELU, gelu),
	unary("GELUTanh", 8, 4, (*tensor.Tensor).GELUTanh, geluTanh),
	unary("GELUQuick", 8, 2, (*tensor.Tensor).GELUQuick, geluQuick),
	unary("SiLU", 8, 0, (*tensor.Tensor).SiLU, silu),
	unary("Tanh", 4, 0, (*tensor.Tensor).Tanh, math.Tanh),
	unary("Sigmoid", 4, 0, (*tensor.Tensor).Sigmoid, sigmoid),
	unary("LeakyReLU", 2, 0, func(x *tensor.Tensor) *tensor.Tensor { return x.LeakyReLU(0.01) }, leakyReLU),
	unary("Clamp", 0, 0, func(x *tensor.Tensor) *tensor.Tensor { return x.Clamp(-10, 6) }, func(x float64) float64 { return min(max(x, -10), 6) }),
	unary("Mish", 8, 2, (*tensor.Tensor).Mish, mish),
	unary("Exp", 2, 0, (*tensor.Tensor).Exp, math.Exp),
	{name: "Log", relative: 2, byRow: []int{0}, draw: func(d draw) call {
		x := d.of(d.rows(), d.width(), func() float64 { return 0.1 + 3*d.Float64() })
		return single(x, (*tensor.Tensor).Log, func(x mat) mat { return x.each(math.Log) })
	}},
	{name: "Dropout", relative: 3, draw: func(d draw) call {
		rate, seed, site := float32(0.9*d.Float64()), d.Uint64(), d.Uint64()
		return single(d.normal(d.rows(), d.width()), func(x *tensor.Tensor) *tensor.Tensor { return x.Dropout(rate, seed, site) },
			func(x mat) mat {
				u := make([]float32, len(x.v))
				kernel.Uniform(u, seed, site, 0)
				y := newMat(x.rows, x.width)
				for i, v := range x.v {
					if u[i] >= rate {
						y.v[i] = v / (1 - float64(rate))
					}
				}
				return y
			})
	}},
	{name: "Softmax", relative: 8, byRow: []int{0}, draw: func(d draw) call {
		return single(d.normal(d.rows(), d.width()), (*tensor.Tensor).Softmax,
			func(x mat) mat { return logSoftmax(x).each(math.Exp) })
	}},
	{name: "LogSoftmax", relative: 2, absolute: 8, byRow: []int{0}, draw: func(d draw) call {
		return single(d.normal(d.rows(), d.width()), (*tensor.Tensor).LogSoftmax, logSoftmax)
	}},
	{name: "ScoredCrossEntropy", relative: 64, absolute: 256, slope: 4096, draw: func(d draw) call {
		x, w := d.normal(1+d.rows(), 3), d.normal(4, 3)
		b, targets := d.normal(1, 4), make([]int32, x.rows)
		for i := range targets {
			if targets[i] = int32(d.IntN(4)); i > 0 && d.IntN(4) == 0 {
				targets[i] = tensor.Ignore
			}
		}
		return call{[]mat{x, w, b}, func(x []*tensor.Tensor) *tensor.Tensor { return x[0].ScoredCrossEntropy(x[1], x[2], targets) }, func(in []mat) mat {
			bias := newMat(in[0].rows, 4)
			for i := range bias.v {
				bias.v[i] = in[2].v[i%4]
			}
			y, sum, count := logSoftmax(in[0].times(in[1].transposed()).with(bias, func(a, b float64) float64 { return a + b })), 0.0, 0
			for i, t := range targets {
				if t != tensor.Ignore {
					sum, count = sum-y.at(i, int(t)), count+1
				}
			}
			return mat{1, 1, []float64{sum / float64(count)}}
		}}
	}},
	{name: "CrossEntropy", relative: 2, absolute: 8, draw: func(d draw) call {
		x := d.normal(d.rows(), d.width())
		targets, count := make([]int32, x.rows), 0
		for i := range targets {
			targets[i] = tensor.Ignore
			if x.width > 0 && (i == 0 || d.IntN(4) > 0) {
				targets[i], count = int32(d.IntN(x.width)), count+1
			}
		}
		return single(x, func(x *tensor.Tensor) *tensor.Tensor { return x.CrossEntropy(targets) }, func(x mat) mat {
			y, sum := logSoftmax(x), 0.0
			for i, t := range targets {
				if t != tensor.Ignore {
					sum -= y.at(i, int(t))
				}
			}
			return number(sum / float64(count))
		})
	}},
	{name: "MSE", relative: 4, draw: func(d draw) call {
		return loss(d, (*tensor.Tensor).MSE, func(x, t float64) float64 { return (x - t) * (x - t) })
	}},
	{name: "L1", relative: 2, draw: func(d draw) call {
		return loss(d, (*tensor.Tensor).L1, func(x, t float64) float64 { return math.Abs(x - t) })
	}},
	{name: "BCEWithLogits", relative: 8, draw: func(d draw) call {
		return loss(d, (*tensor.Tensor).BCEWithLogits, func(x, t float64) float64 {
			return -t*math.Log(sigmoid(x)) - (1-t)*math.Log(sigmoid(-x))
		})
	}},
	{name: "Pointwise", relative: 16, absolute: 8, slope: 256, draw: func(d draw) call {
		x := d.normal(d.rows(), d.width())
		t := d.of(x.rows, x.width, d.Float64)
		kind := pointLosses[d.IntN(len(pointLosses))]
		for i := range x.v {
			if kind.name == "BCE" {
				x.v[i] = float64(float32(0.05 + 0.9*d.Float64()))
			}
			if gap := math.Abs(x.v[i] - t.v[i]); gap < 1e-2 || math.Abs(gap-0.5) < 1e-2 {
				x.v[i] = t.v[i] + 0.25
			}
		}
		positive := d.of(1, x.width, d.Float64).float32s()
		target := t.float32s()
		loss, ref := kind.make(positive)
		return single(x, func(x *tensor.Tensor) *tensor.Tensor { return x.Pointwise(loss, target) }, func(x mat) mat {
			y := newMat(x.rows, x.width)
			for i := range x.v {
				y.v[i] = ref(x.v[i], float64(target[i]), i%x.width)
			}
			return y
		})
	}},
	{name: "CrossEntropyRows", relative: 16, absolute: 32, slope: 128, draw: func(d draw) call {
		x := d.normal(d.rows(), 1+d.width())
		targets, smoothing := make([]int32, x.rows), float32(0.5*d.Float64())
		for i := range targets {
			if targets[i] = int32(d.IntN(x.width)); d.IntN(4) == 0 {
				targets[i] = tensor.Ignore
			}
		}
		var weights []float32
		weight := func(c int) float64 { return 1 }
		if d.IntN(2) == 0 {
			weights = d.of(1, x.width, d.Float64).float32s()
			weight = func(c int) float64 { return float64(weights[c]) }
		}
		return single(x, func(x *tensor.Tensor) *tensor.Tensor { return x.CrossEntropyRows(targets, smoothing, weights) }, func(x mat) mat {
			y, log, eps := newMat(x.rows, 1), logSoftmax(x), float64(smoothing)
			for i, t := range targets {
				if t == tensor.Ignore {
					continue
				}
				y.v[i] = -(1 - eps) * weight(int(t)) * log.at(i, int(t))
				for c := range x.width {
					y.v[i] -= eps / float64(x.width) * weight(c) * log.at(i, c)
				}
			}
			return y
		})
	}},
	{name: "CTC", relative: 16, absolute: 64, slope: 256, draw: func(d draw) call {
		classes := 2 + d.IntN(2)
		blank := d.IntN(classes)
		off, targets := []int{0}, [][]int32{}
		for range d.IntN(4) {
			var labels []int32
			for range d.IntN(3) {
				labels = append(labels, int32((blank+1+d.IntN(classes-1))%classes))
			}
			targets = append(targets, labels)
			off = append(off, off[len(off)-1]+2*len(labels)+d.IntN(2))
		}
		x := d.normal(off[len(off)-1], classes)
		return single(x, func(x *tensor.Tensor) *tensor.Tensor { return x.CTC(off, targets, blank, false) }, func(x mat) mat {
			y := newMat(len(targets), 1)
			for i, labels := range targets {
				y.v[i] = -math.Log(spelled(x, off[i], off[i+1], labels, int32(blank), int32(blank)))
			}
			return y
		})
	}},
	{name: "GIoU", relative: 16, absolute: 16, slope: 256, draw: func(d draw) call {
		boxes := func() mat {
			b := d.normal(1+d.IntN(4), 4)
			for i := range b.rows {
				r := b.row(i)
				r[2], r[3] = float64(float32(r[0]+0.5+d.Float64())), float64(float32(r[1]+0.5+d.Float64()))
			}
			return b
		}
		return call{[]mat{boxes(), boxes()}, func(x []*tensor.Tensor) *tensor.Tensor { return x[0].GIoU(x[1]) }, func(x []mat) mat {
			y := newMat(x[0].rows, x[1].rows)
			for i := range y.rows {
				for j := range y.width {
					a, b := x[0].row(i), x[1].row(j)
					shared := max(0, min(a[2], b[2])-max(a[0], b[0])) * max(0, min(a[3], b[3])-max(a[1], b[1]))
					union := (a[2]-a[0])*(a[3]-a[1]) + (b[2]-b[0])*(b[3]-b[1]) - shared
					all := (max(a[2], b[2]) - min(a[0], b[0])) * (max(a[3], b[3]) - min(a[1], b[1]))
					y.v[i*y.width+j] = shared/union - (all-union)/all
				}
			}
			return y
		}}
	}},
	{name: "LayerNorm", relative: 4, absolute: 16, slope: 512, byRow: []int{0}, draw: func(d draw) call {
		x, eps, parts := d.normal(d.rows(), d.width()), float32(0.1), d.IntN(3)
		in := []mat{x, d.normal(1, x.width), d.normal(1, x.width)}[:1+parts]
		return call{in, func(x []*tensor.Tensor) *tensor.Tensor {
			return x[0].LayerNorm(optional(x, 1), optional(x, 2), eps)
		}, func(x []mat) mat { return affine(normalized(x[0], true, float64(eps)), x[1:]) }}
	}},
	{name: "RMSNorm", relative: 4, absolute: 16, slope: 512, byRow: []int{0}, draw: func(d draw) call {
		x, eps, parts := d.normal(d.rows(), d.width()), float32(0.1), d.IntN(2)
		in := []mat{x, d.normal(1, x.width)}[:1+parts]
		return call{in, func(x []*tensor.Tensor) *tensor.Tensor { return x[0].RMSNorm(optional(x, 1), eps) },
			func(x []mat) mat { return affine(normalized(x[0], false, float64(eps)), x[1:]) }}
	}},
	{name: "Linear", relative: 8, absolute: 64, slope: 512, byRow: []int{0}, draw: func(d draw) call {
		return projection(d, true)
	}},
	{name: "Conv1D", relative: 8, absolute: 64, slope: 512, byRow: []int{0}, draw: func(d draw) call {
		return projection(d, false)
	}},
	{name: "MatMul", relative: 1, absolute: 64, slope: 256, byRow: []int{0}, draw: func(d draw) call {
		x := d.normal(d.rows(), d.width())
		return call{[]mat{x, d.normal(x.width, d.width())}, func(x []*tensor.Tensor) *tensor.Tensor { return x[0].MatMul(x[1]) },
			func(x []mat) mat { return x[0].times(x[1]) }}
	}},
	{name: "MatMulT", relative: 1, absolute: 64, slope: 256, byRow: []int{0}, draw: func(d draw) call {
		x := d.normal(d.rows(), d.width())
		return call{[]mat{x, d.normal(d.rows(), x.width)}, func(x []*tensor.Tensor) *tensor.Tensor { return x[0].MatMulT(x[1]) },
			func(x []mat) mat { return x[0].times(x[1].transposed()) }}
	}},
	{name: "Gather", draw: func(d draw) call {
		x := d.normal(d.rows(), d.width())
		ids := make([]int32, d.rows())
		for i := range ids {
			ids[i] = int32(d.IntN(x.rows+1) - 1)
		}
		return single(x, func(x *tensor.Tensor) *tensor.Tensor { return x.Gather(ids) }, func(x mat) mat {
			y := newMat(len(ids), x.width)
			for i, id := range ids {
				if id >= 0 {
					copy(y.row(i), x.row(int(id)))
				}
			}
			return y
		})
	}},
	{name: "MeanRows", relative: 8, absolute: 8, draw: func(d draw) call {
		x := d.normal(d.rows(), d.width())
		off := []int{0, x.rows}
		for range d.IntN(4) {
			off = append(off, d.IntN(x.rows+1))
		}
		slices.Sort(off)
		return single(x, func(x *tensor.Tensor) *tensor.Tensor { return x.MeanRows(off) }, func(x mat) mat {
			y := newMat(len(off)-1, x.width)
			for i := range y.rows {
				for r := off[i]; r < off[i+1]; r++ {
					for j := range y.width {
						y.v[i*y.width+j] += x.at(r, j) / float64(off[i+1]-off[i])
					}
				}
			}
			return y
		})
	}},
	{name: "MaxRows", draw: func(d draw) call {
		x := d.normal(d.rows(), d.width())
		off := []int{0, x.rows}
		for range d.IntN(4) {
			off = append(off, d.IntN(x.rows+1))
		}
		slices.Sort(off)
		return single(x, func(x *tensor.Tensor) *tensor.Tensor { return x.MaxRows(off) }, func(x mat) mat {
			y := newMat(len(off)-1, x.width)
			for i := range y.rows {
				for j := range y.width {
					for r := off[i]; r < off[i+1]; r++ {
						if v := x.at(r, j); r == off[i] || v > y.v[i*y.width+j] {
							y.v[i*y.width+j] = v
						}
					}
				}
			}
			return y
		})
	}},
	{name: "Sum", relative: 8, absolute: 64, draw: func(d draw) call {
		return single(d.normal(d.rows(), d.width()), (*tensor.Tensor).Sum, func(x mat) mat { return number(x.sum()) })
	}},
	{name: "Repeat", draw: func(d draw) call {
		n := d.rows()
		return single(d.normal(1, d.width()), func(x *tensor.Tensor) *tensor.Tensor { return x.Repeat(n) },
			func(x mat) mat { return newMat(n, x.width).with(x, func(_, x float64) float64 { return x }) })
	}},
	{name: "ScaleRows", relative: 1, draw: func(d draw) call {
		x := d.normal(d.rows(), d.width())
		c := make([]float32, x.rows)
		for i := range c {
			c[i] = float32(d.IntN(3)) * 0.75
		}
		return single(x, func(x *tensor.Tensor) *tensor.Tensor { return x.ScaleRows(c) }, func(x mat) mat {
			y := newMat(x.rows, x.width)
			for i, v := range x.v {
				y.v[i] = float64(c[i/x.width]) * v
			}
			return y
		})
	}},
	{name: "Mix", relative: 2, absolute: 16, draw: func(d draw) call {
		x := d.normal(1+d.rows(), d.width())
		rows, weights := make([][]int32, d.rows()), [][]float32{}
		for i := range rows {
			var w []float32
			for range d.IntN(5) {
				rows[i], w = append(rows[i], int32(d.IntN(x.rows))), append(w, float32(d.NormFloat64()))
			}
			weights = append(weights, w)
		}
		return single(x, func(x *tensor.Tensor) *tensor.Tensor { return x.Mix(rows, weights) }, func(x mat) mat {
			y := newMat(len(rows), x.width)
			for i := range rows {
				for t, r := range rows[i] {
					for j := range x.width {
						y.v[i*x.width+j] += float64(weights[i][t]) * x.at(int(r), j)
					}
				}
			}
			return y
		})
	}},
	{name: "Column", draw: func(d draw) call {
		return single(d.normal(d.rows(), 1), (*tensor.Tensor).Column, mat.transposed)
	}},
	{name: "Cols", draw: func(d draw) call {
		x := d.normal(d.rows(), d.width())
		lo := d.IntN(x.width + 1)
		hi := lo + d.IntN(x.width-lo+1)
		return single(x, func(x *tensor.Tensor) *tensor.Tensor { return x.Cols(lo, hi) },
			func(x mat) mat { return x.window(0, x.rows, lo, hi) })
	}},
	{name: "Slice", draw: func(d draw) call {
		x := d.normal(d.rows(), d.width())
		lo := d.IntN(x.rows + 1)
		hi := lo + d.IntN(x.rows-lo+1)
		return single(x, func(x *tensor.Tensor) *tensor.Tensor { return x.Slice(lo, hi) },
			func(x mat) mat { return x.window(lo, hi, 0, x.width) })
	}},
	{name: "Reshape", draw: func(d draw) call {
		a, b := d.rows(), d.width()
		x := d.normal(2*a, 3*b)
		return single(x, func(x *tensor.Tensor) *tensor.Tensor {
			return x.Scale(1).Reshape(a, 3, 2*b) // Scale: rows without gaps, whatever x is
		}, func(x mat) mat { return mat{3 * a, 2 * b, x.v} })
	}},
	{name: "Concat", draw: func(d draw) call {
		rows := d.rows()
		return call{[]mat{d.normal(rows, d.width()), d.normal(rows, d.width()), d.normal(rows, d.width())},
			func(x []*tensor.Tensor) *tensor.Tensor { return tensor.Concat(x...) },
			func(x []mat) mat {
				t := make([]mat, len(x))
				for i := range x {
					t[i] = x[i].transposed()
				}
				return below(t).transposed()
			}}
	}},
	{name: "Stack", draw: func(d draw) call {
		width := d.width()
		return call{[]mat{d.normal(d.rows(), width), d.normal(d.rows(), width), d.normal(d.rows(), width)},
			func(x []*tensor.Tensor) *tensor.Tensor { return tensor.Stack(x...) }, below}
	}},
}

func single(x mat, f func(*tensor.Tensor) *tensor.Tensor, ref func(mat) mat) call {
	return call{[]mat{x}, func(x []*tensor.Tensor) *tensor.Tensor { return f(x[0]) }, func(x []mat) mat { return ref(x[0]) }}
}

func pair(d draw, f func(x, z *tensor.Tensor) *tensor.Tensor, ref func(x, z float64) float64) call {
	x := d.normal(d.rows(), d.width())
	return call{[]mat{x, d.normal(x.rows, x.width)}, func(x []*tensor.Tensor) *tensor.Tensor { return f(x[0], x[1]) },
		func(x []mat) mat { return x[0].with(x[1], ref) }}
}

func unary(name string, relative, absolute float64, f func(*tensor.Tensor) *tensor.Tensor, ref func(float64) float64) op {
	return op{name: name, relative: relative, absolute: absolute, byRow: []int{0}, draw: func(d draw) call {
		return single(d.away(d.rows(), d.width()), f, func(x mat) mat { return x.each(ref) })
	}}
}

// loss is a mean over elements x and targets in [0, 1] that are not equal.
func loss(d draw, f func(*tensor.Tensor, []float32) *tensor.Tensor, ref func(x, t float64) float64) call {
	x := d.normal(d.rows(), d.width())
	t := d.of(x.rows, x.width, d.Float64)
	for i := range x.v {
		if math.Abs(x.v[i]-t.v[i]) < 1e-2 {
			x.v[i] += 0.0625
		}
	}
	target := t.float32s()
	return single(x, func(x *tensor.Tensor) *tensor.Tensor { return f(x, target) },
		func(x mat) mat { return number(x.with(t, ref).sum() / float64(len(x.v))) })
}

// projection is a Linear or a Conv1D with any activation.
func projection(d draw, transposed bool) call {
	names := make([]tensor.Activation, 0, len(activations))
	for a := range activations {
		names = append(names, a)
	}
	slices.Sort(names)
	act := names[d.IntN(len(names))]
	x, out, parts := d.away(d.rows(), d.width()), d.width(), d.IntN(2)
	w := d.normal(x.width, out)
	if transposed {
		w = w.transposed()
	}
	in := []mat{x, w, d.normal(1, out)}[:2+parts]
	sums := func(x []mat) mat {
		w := x[1]
		if transposed {
			w = w.transposed()
		}
		y := x[0].times(w)
		if len(x) > 2 {
			y = y.with(x[2], func(x, b float64) float64 { return x + b })
		}
		return y
	}
	if strings.Contains(string(act), "relu") && slices.ContainsFunc(sums(in).v, func(v float64) bool { return min(math.Abs(v), math.Abs(v-6)) < 1e-2 }) {
		act = tensor.SiLU // a sum is so near the kink that differences cross it
	}
	f := (*tensor.Tensor).Conv1D
	if transposed {
		f = (*tensor.Tensor).Linear
	}
	return call{in, func(x []*tensor.Tensor) *tensor.Tensor { return f(x[0], x[1], optional(x, 2), act) },
		func(x []mat) mat { return sums(x).each(activations[act]) }}
}

// affine is y ⊙ γ + β with as many of the two as there are.
func affine(y mat, p []mat) mat {
	if len(p) > 0 {
		y = y.with(p[0], func(y, g float64) float64 { return y * g })
	}
	if len(p) > 1 {
		y = y.with(p[1], func(y, b float64) float64 { return y + b })
	}
	return y
}

// below sets matrices one below the other.
func below(x []mat) mat {
	y := mat{width: x[0].width}
	for _, m := range x {
		y.rows, y.v = y.rows+m.rows, append(y.v, m.v...)
	}
	return y
}

func optional(x []*tensor.Tensor, i int) *tensor.Tensor {
	if i < len(x) {
		return x[i]
	}
	return nil
}

// pointLosses are the losses of single numbers; j is the element's column.
var pointLosses = []struct {
	name string
	make func(positive []float32) (tensor.PointLoss, func(x, t float64, j int) float64)
}{
	{"SquaredError", func([]float32) (tensor.PointLoss, func(x, t float64, j int) float64) {
		return tensor.SquaredError(), func(x, t float64, _ int) float64 { return (x - t) * (x - t) }
	}},
	{"AbsoluteError", func([]float32) (tensor.PointLoss, func(x, t float64, j int) float64) {
		return tensor.AbsoluteError(), func(x, t float64, _ int) float64 { return math.Abs(x - t) }
	}},
	{"SmoothL1", func([]float32) (tensor.PointLoss, func(x, t float64, j int) float64) {
		return tensor.SmoothL1(0.5), func(x, t float64, _ int) float64 {
			if d := math.Abs(x - t); d >= 0.5 {
				return d - 0.25
			}
			return (x - t) * (x - t)
		}
	}},
	{"Huber", func([]float32) (tensor.PointLoss, func(x, t float64, j int) float64) {
		return tensor.Huber(0.5), func(x, t float64, _ int) float64 {
			if d := math.Abs(x - t); d >= 0.5 {
				return 0.5 * (d - 0.25)
			}
			return (x - t) * (x - t) / 2
		}
	}},
	{"Logistic", func([]float32) (tensor.PointLoss, func(x, t float64, j int) float64) {
		return tensor.Logistic(nil), func(x, t float64, _ int) float64 {
			return -t*math.Log(sigmoid(x)) - (1-t)*math.Log(sigmoid(-x))
		}
	}},
	{"Logistic", func(p []float32) (tensor.PointLoss, func(x, t float64, j int) float64) {
		return tensor.Logistic(p), func(x, t float64, j int) float64 {
			return -float64(p[j])*t*math.Log(sigmoid(x)) - (1-t)*math.Log(sigmoid(-x))
		}
	}},
	{"BCE", func([]float32) (tensor.PointLoss, func(x, t float64, j int) float64) {
		return tensor.BCE(), func(x, t float64, _ int) float64 { return -t*math.Log(x) - (1-t)*math.Log(1-x) }
	}},
	{"KL", func([]float32) (tensor.PointLoss, func(x, t float64, j int) float64) {
		return tensor.KL(), func(x, t float64, _ int) float64 { return t * (math.Log(t) - x) }
	}},
}

// spelled is the summed probability of all ways to say labels in frames lo:hi,
// found by trying each class in each frame; last is the class of the frame
// before.
func spelled(x mat, lo, hi int, labels []int32, blank, last int32) float64 {
	if lo == hi {
		if len(labels) == 0 {
			return 1
		}
		return 0
	}
	sum := 0.0
	for c := range int32(x.width) {
		rest := labels
		if c != blank && c != last {
			if len(labels) == 0 || labels[0] != c {
				continue
			}
			rest = labels[1:]
		}
		sum += math.Exp(x.at(lo, int(c))) * spelled(x, lo+1, hi, rest, blank, c)
	}
	return sum
}
