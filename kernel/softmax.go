package kernel

import "math"

// expSubGo writes e^(x-c) and returns the sum of what it wrote.
func expSubGo(dst, x []float32, c float32) float32 {
	x = x[:len(dst)]
	var acc [lanes]float32
	for i, v := range x {
		p := exp(v - c)
		dst[i] = p
		acc[i%lanes] += p
	}
	return fold(&acc)
}

// sumExpSubGo is expSubGo without writing.
func sumExpSubGo(x []float32, c float32) float32 {
	var acc [lanes]float32
	for i, v := range x {
		acc[i%lanes] += exp(v - c)
	}
	return fold(&acc)
}

// subMulGo is dx = y·(g-c).
func subMulGo(dx, g, y []float32, c float32) {
	g, y = g[:len(dx)], y[:len(dx)]
	for i := range dx {
		dx[i] = y[i] * (g[i] - c)
	}
}

// Softmax writes y_i = e^(x_i-m) · (1/Σ_j e^(x_j-m)) with m the largest x: two
// roundings after the exponential. A row of -Inf alone gives NaN.
func (s *Set) Softmax(dst, x []float32) {
	sum := s.expSub(dst, x, s.MaxOf(x[:len(dst)]))
	s.Scale(dst, dst, 1/sum)
}

// SoftmaxBack writes dx = y·(g - Σ g·y), y being what Softmax wrote.
func (s *Set) SoftmaxBack(dx, g, y []float32) {
	s.subMul(dx, g, y, s.Dot(g[:len(dx)], y[:len(dx)]))
}

// LogSumExp returns ln Σ e^x; it is -Inf for an empty row.
func (s *Set) LogSumExp(x []float32) float32 {
	m := s.MaxOf(x)
	if math.IsInf(float64(m), 0) && noNaN(x) {
		return m
	}
	return m + log(s.sumExpSub(x, m))
}

func noNaN(x []float32) bool {
	for _, v := range x {
		if v != v {
			return false
		}
	}
	return true
}

// SoftmaxTile continues a softmax over one more tile of scores (Milakov and
// Gimelshein 2018, "Online normalizer calculation for softmax"). m and l are
// the maximum and the sum of exponentials so far: -Inf and 0 at the start. The
// scores s become e^(s-m2); what was summed before must be scaled by corr:
//
//	m2 = max(m, s), corr = e^(m-m2), l2 = l·corr + Σ e^(s-m2)
//
// Scores of -Inf become exact zeros. While all are -Inf nothing changes: s is
// zero, corr is 1. A NaN makes l2 NaN.
func (set *Set) SoftmaxTile(s []float32, m, l float32) (m2, l2, corr float32) {
	m2 = m
	if v := set.MaxOf(s); v > m2 {
		m2 = v
	}
	if math.IsInf(float64(m2), -1) && noNaN(s) {
		clear(s)
		return m2, l, 1
	}
	corr = exp(m - m2)
	return m2, FMA(l, corr, set.expSub(s, s, m2)), corr
}
