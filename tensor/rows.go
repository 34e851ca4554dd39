package tensor

import (
	"slices"
	"strconv"
)

func itoa(n int) string { return strconv.Itoa(n) }

// Gather: y_i = x[ids_i], a row of x for each id, [len(ids), width]; an id of -1
// gives a row of zeros. Adjoint: x̄[ids_i] += ȳ_i, i ascending, in the gradient
// that x has by then: a second one of a whole vocabulary is never made.
func (x *Tensor) Gather(ids []int32) *Tensor {
	y := x.scope.New(len(ids), x.width)
	for i, id := range ids {
		if id < -1 || int(id) >= x.rows {
			panic(fault("Gather", "id "+itoa(int(id))+" at place "+itoa(i)+" is not a row", x))
		}
	}
	x.scope.Compute(false, func() {
		y.eachRow(1, func(lo, hi int) {
			for i := lo; i < hi; i++ {
				if ids[i] < 0 {
					clear(y.Row(i))
				} else {
					x.copyRow(y.Row(i), int(ids[i]))
				}
			}
		})
	}, []*Tensor{y}, x)
	return x.scope.Record("Gather", y, []*Tensor{x}, nil, func(g *Tensor) []*Tensor {
		dx := x.gradToAddTo()
		add := x.scope.Kernels().Add
		dx.scope.Device.Parallel(x.width, max(64, x.width/4), func(lo, hi int, _ *workspace) {
			for i, id := range ids {
				if id >= 0 {
					row := dx.Row(int(id))[lo:hi]
					add(row, row, g.Row(i)[lo:hi])
				}
			}
		})
		return []*Tensor{nil}
	})
}

// Concat sets matrices of equal height side by side, [rows, Σ width]. There must
// be at least one.
func Concat(parts ...*Tensor) *Tensor {
	width := 0
	for _, x := range parts {
		if x.rows != parts[0].rows {
			panic(fault("Concat", "heights differ", parts[0], x))
		}
		width += x.width
	}
	s := parts[0].scope
	y := s.New(parts[0].rows, width)
	at := make([]int, len(parts))
	for i, off := 0, 0; i < len(parts); i++ {
		at[i] = off
		off += parts[i].width
	}
	s.Compute(false, func() {
		for i, x := range parts {
			copyInto(y.Cols(at[i], at[i]+x.width), x)
		}
	}, []*Tensor{y}, parts...)
	return s.Record("Concat", y, parts, nil, func(g *Tensor) []*Tensor {
		grads := make([]*Tensor, len(parts))
		for i, x := range parts {
			grads[i] = g.Cols(at[i], at[i]+x.width)
		}
		return grads
	})
}

// Stack sets matrices of equal width one below the other, [Σ rows, width]. There
// must be at least one.
func Stack(parts ...*Tensor) *Tensor {
	rows := 0
	for _, x := range parts {
		if x.width != parts[0].width {
			panic(fault("Stack", "widths differ", parts[0], x))
		}
		rows += x.rows
	}
	s := parts[0].scope
	y := s.New(rows, parts[0].width)
	at := make([]int, len(parts))
	for i, off := 0, 0; i < len(parts); i++ {
		at[i] = off
		off += parts[i].rows
	}
	s.Compute(false, func() {
		for i, x := range parts {
			copyInto(y.Slice(at[i], at[i]+x.rows), x)
		}
	}, []*Tensor{y}, parts...)
	return s.Record("Stack", y, parts, nil, func(g *Tensor) []*Tensor {
		grads := make([]*Tensor, len(parts))
		for i, x := range parts {
			grads[i] = g.Slice(at[i], at[i]+x.rows)
		}
		return grads
	})
}

// MeanRows is the mean of each run of rows off[i]:off[i+1], [len(off)-1,
// width], rows ascending; the mean of an empty run is zero. Adjoint: each row of
// a run receives its ȳ divided by the run's length.
func (x *Tensor) MeanRows(off []int) *Tensor {
	n := len(off) - 1
	if n < 0 || off[0] < 0 || off[n] > x.rows || !slices.IsSorted(off) {
		panic(fault("MeanRows", "the runs do not ascend within its rows", x))
	}
	k := x.scope.Kernels()
	y := x.scope.New(n, x.width)
	x.scope.Device.Parallel(n, 1, func(lo, hi int, _ *workspace) {
		for i := lo; i < hi; i++ {
			sum := y.Row(i)
			clear(sum)
			for r := off[i]; r < off[i+1]; r++ {
				k.Add(sum, sum, x.Row(r))
			}
			if c := off[i+1] - off[i]; c > 0 {
				k.Scale(sum, sum, 1/float32(c))
			}
		}
	})
	return x.scope.Record("MeanRows", y, []*Tensor{x}, nil, func(g *Tensor) []*Tensor {
		dx := x.scope.Zeros(x.shape...)
		x.scope.Device.Parallel(n, 1, func(lo, hi int, _ *workspace) {
			for i := lo; i < hi; i++ {
				for r := off[i]; r < off[i+1]; r++ {
					k.Scale(dx.Row(r), g.Row(i), 1/float32(off[i+1]-off[i]))
				}
			}
		})
		return []*Tensor{dx}
	})
}

// Sum is the sum of all elements, a scalar: rows by the kernels' order, then
// rows ascending. Adjoint: every element of x̄ is ȳ.
func (x *Tensor) Sum() *Tensor {
	k := x.scope.Kernels()
	y, sum := x.scope.New(), float32(0)
	for i := range x.rows {
		sum += k.Sum(x.Row(i))
	}
	y.data[0] = sum
	return x.scope.Record("Sum", y, []*Tensor{x}, nil, func(g *Tensor) []*Tensor {
		dx := x.like()
		for i := range dx.data {
			dx.data[i] = g.Row(0)[0]
		}
		return []*Tensor{dx}
	})
}

// Repeat puts x, one row, n times one below the other, [n, width]. Adjoint: the
// sum of the rows, ascending.
func (x *Tensor) Repeat(n int) *Tensor {
	if x.rows != 1 {
		panic(fault("Repeat", "repeats a single row", x))
	}
	y := x.scope.New(n, x.width)
	for i := range n {
		copy(y.Row(i), x.Row(0))
	}
	return x.scope.Record("Repeat", y, []*Tensor{x}, nil, func(g *Tensor) []*Tensor { return []*Tensor{g.columnSums(x)} })
}

// ScaleRows: y_i = c_i·x_i, a number for each row. Adjoint: x̄_i = c_i·ȳ_i.
func (x *Tensor) ScaleRows(c []float32) *Tensor {
	if len(c) != x.rows {
		panic(fault("ScaleRows", "must have one number a row, has "+itoa(len(c)), x))
	}
	y := x.rowsTimes(c)
	return x.scope.Record("ScaleRows", y, []*Tensor{x}, nil, func(g *Tensor) []*Tensor { return []*Tensor{g.rowsTimes(c)} })
}

func (x *Tensor) rowsTimes(c []float32) *Tensor {
	y, k := x.like(), x.scope.Kernels()
	x.eachRow(1, func(lo, hi int) {
		for i := lo; i < hi; i++ {
			k.Scale(y.Row(i), x.Row(i), c[i])
		}
	})
	return y
}

// Mix: y_i = Σ_t weight[i][t]·x[row[i][t]], a fixed sparse matrix times x:
// interpolation of position tables, pooling, upsampling. t ascending, each by
// one fused multiply–add. Adjoint: the transposed matrix, i ascending.
func (x *Tensor) Mix(rows [][]int32, weights [][]float32) *Tensor {
	for i := range rows {
		for _, r := range rows[i] {
			if r < 0 || int(r) >= x.rows || len(rows[i]) != len(weights[i]) {
				panic(fault("Mix", "place "+itoa(i)+" takes what is not a row, or not one weight a row", x))
			}
		}
	}
	k := x.scope.Kernels()
	y := x.scope.Zeros(len(rows), x.width)
	y.eachRow(4, func(lo, hi int) {
		for i := lo; i < hi; i++ {
			for t, r := range rows[i] {
				k.AddScaled(y.Row(i), x.Row(int(r)), weights[i][t])
			}
		}
	})
	return x.scope.Record("Mix", y, []*Tensor{x}, nil, func(g *Tensor) []*Tensor {
		dx := x.scope.Zeros(x.shape...)
		x.scope.Device.Parallel(x.width, max(64, x.width/4), func(lo, hi int, _ *workspace) {
			for i := range rows {
				for t, r := range rows[i] {
					k.AddScaled(dx.Row(int(r))[lo:hi], g.Row(i)[lo:hi], weights[i][t])
				}
			}
		})
		return []*Tensor{dx}
	})
}

// Column is x, [n, 1], as one row, [1, n]. Adjoint: the row as a column.
func (x *Tensor) Column() *Tensor {
	if x.width != 1 {
		panic(fault("Column", "takes a single column", x))
	}
	y := x.scope.New(1, x.rows)
	for i := range x.rows {
		y.data[i] = x.Row(i)[0]
	}
	return x.scope.Record("Column", y, []*Tensor{x}, nil, func(g *Tensor) []*Tensor {
		dx := x.like()
		for i := range x.rows {
			dx.data[i] = g.Row(0)[i]
		}
		return []*Tensor{dx}
	})
}
