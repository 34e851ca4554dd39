package tensor

import "slices"

// MaxRows is the greatest number of each column in each run of rows
// off[i]:off[i+1], [len(off)-1, width]; zeros where a run is empty. Adjoint: ȳ goes
// to the first row of the run that holds the maximum.
func (x *Tensor) MaxRows(off []int) *Tensor {
	n := len(off) - 1
	if n < 0 || off[0] < 0 || off[n] > x.rows || !slices.IsSorted(off) {
		panic(fault("MaxRows", "the runs do not ascend within its rows", x))
	}
	y := x.scope.New(n, x.width)
	x.scope.Device.Parallel(n, 1, func(lo, hi int, _ *workspace) {
		for i := lo; i < hi; i++ {
			top := y.Row(i)
			clear(top)
			if off[i] < off[i+1] {
				copy(top, x.Row(off[i]))
			}
			for r := off[i] + 1; r < off[i+1]; r++ {
				for j, v := range x.Row(r)[:len(top)] {
					if v > top[j] {
						top[j] = v
					}
				}
			}
		}
	})
	return x.scope.Record("MaxRows", y, []*Tensor{x}, []*Tensor{x, y}, func(g *Tensor) []*Tensor {
		dx := x.scope.Zeros(x.shape...)
		x.scope.Device.Parallel(n, 1, func(lo, hi int, _ *workspace) {
			for i := lo; i < hi; i++ {
				for j, top := range y.Row(i) {
					for r := off[i]; r < off[i+1]; r++ {
						if x.Row(r)[j] == top {
							dx.Row(r)[j] = g.Row(i)[j]
							break
						}
					}
				}
			}
		})
		return []*Tensor{dx}
	})
}
