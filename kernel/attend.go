package kernel

import "math"

var negInf = float32(math.Inf(-1))

// The loops below are between the two products of a tile of attention. Their
// matrices are [rows, n] without gaps, and one number for each row says how many
// rows there are.

// scaleMaxGo is x = x·s, top the largest of each row; NaNs are passed over.
func scaleMaxGo(x []float32, s float32, top []float32) {
	n := len(x) / max(len(top), 1)
	for r := range top {
		row := x[r*n : (r+1)*n]
		scaleGo(row, row, s)
		top[r] = maxOfGo(row)
	}
}

// scaleRowsGo is x = x·by, a number for each row.
func scaleRowsGo(x, by []float32) {
	n := len(x) / max(len(by), 1)
	for r, v := range by {
		row := x[r*n : (r+1)*n]
		scaleGo(row, row, v)
	}
}

// tileStepGo goes on to a tile whose largest scores are top: m becomes
// max(m, top), corr = e^(before-m), and shift is what is to be taken from the
// tile's scores. Where a row has seen nobody yet, m is -Inf, shift 0 and corr 1.
func tileStepGo(m, shift, corr, top []float32) {
	shift, corr, top = shift[:len(m)], corr[:len(m)], top[:len(m)]
	for i, before := range m {
		if top[i] > before {
			m[i] = top[i]
		}
		if shift[i], corr[i] = m[i], exp(before-m[i]); m[i] == negInf {
			shift[i], corr[i] = 0, 1
		}
	}
}

// expSubRowsGo is expSub on each row: x = e^(x-shift), and its sums.
func expSubRowsGo(x, shift, sums []float32) {
	n := len(x) / max(len(sums), 1)
	for r := range sums {
		row := x[r*n : (r+1)*n]
		sums[r] = expSubGo(row, row, shift[r])
	}
}

// weightsBackGo is x = e^(x·s-lse), dx = (dx-delta)·x.
func weightsBackGo(x, dx []float32, s float32, lse, delta []float32) {
	n := len(x) / max(len(lse), 1)
	for r := range lse {
		for i := r * n; i < (r+1)*n; i++ {
			x[i] = exp(float32(x[i]*s) - lse[r])
			dx[i] = (dx[i] - delta[r]) * x[i]
		}
	}
}

// scaleZeroGo is dst = x·s + 0.
func scaleZeroGo(dst, x []float32, s float32) {
	x = x[:len(dst)]
	for i := range dst {
		dst[i] = float32(x[i]*s) + 0
	}
}

// SoftmaxRows is SoftmaxTile on each row of scores x, [len(m), n] without gaps,
// after x = x·scale: x becomes exponentials, m and l go on, and corr is what
// earlier sums must be scaled by. spare is scratch of two numbers a row.
func (s *Set) SoftmaxRows(x []float32, scale float32, m, l, corr, spare []float32) {
	rows := len(m)
	shift, sums := spare[:rows], spare[rows:2*rows]
	s.scaleMax(x, scale, sums)
	s.tileStep(m, shift, corr, sums)
	s.expSubRows(x, shift, sums)
	s.MulAdd(sums, l[:rows], corr)
	copy(l, sums)
}

// ScaleRows multiplies each row of x, [len(by), n] without gaps, by a number of
// its own: all of them, or where most are 1 those that are not.
func (s *Set) ScaleRows(x, by []float32) {
	n, others := len(x)/max(len(by), 1), 0
	for _, v := range by {
		if v != 1 {
			others++
		}
	}
	if 4*others > len(by) {
		s.scaleRows(x[:n*len(by)], by)
		return
	}
	for r, v := range by {
		if v != 1 {
			s.Scale(x[r*n:(r+1)*n], x[r*n:(r+1)*n], v)
		}
	}
}

// SoftmaxRowsBack makes of scores x, [len(lse), n] without gaps, and the gradient
// dx of the weights the weights x = e^(x·scale-lse) and the gradient of the
// scores dx = (dx-delta)·x, where delta is Σ of weights times their gradients.
func (s *Set) SoftmaxRowsBack(x, dx []float32, scale float32, lse, delta []float32) {
	s.weightsBack(x, dx[:len(x)], scale, lse, delta[:len(lse)])
}

// Turn writes the n rows of x, width wide, as columns: element (i, j) goes to
// dst[j*stride+i].
func (s *Set) Turn(dst []float32, stride, n, width int, x View) {
	x.check("x", n, width)
	if n == 0 || width == 0 {
		return
	}
	_ = dst[(width-1)*stride+n-1]
	s.tiles.turn(dst, stride, n, width, x)
}

func turnGo(dst []float32, stride, n, width int, x View) {
	for i := range n {
		at := i * x.RowStride
		for j := range width {
			dst[j*stride+i] = x.Data[at+j*x.ColStride]
		}
	}
}

// GemmPlain is Gemm with B read where it is, which needs no gaps between its
// columns, and after column n of each of its rows readable floats up to a
// multiple of 16 columns, whatever they hold.
func (s *Set) GemmPlain(m, n, k int, a, b View, c []float32, ldc int, accumulate bool) {
	if m == 0 || n == 0 {
		return
	}
	checkC(m, n, c, ldc)
	if k == 0 {
		for r := 0; r < m && !accumulate; r++ {
			clear(c[r*ldc:][:n])
		}
		return
	}
	a.check("A", m, k)
	if b.ColStride != 1 || len(b.Data) < (k-1)*b.RowStride+(n+lineFloats-1)/lineFloats*lineFloats {
		panic("kernel: GemmPlain: B has gaps, or is shorter than its shape and stride say")
	}
	t := s.tiles
	for j := 0; j < n; j += t.width {
		from := c[j:]
		if !accumulate {
			from = nil
		}
		t.tile(m, min(t.width, n-j), k, a.Data, a.RowStride, a.ColStride, b.Data[j:], b.RowStride, from, ldc, c[j:], ldc, ahead{})
	}
}
