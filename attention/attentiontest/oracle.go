package attentiontest

import "math"

// Head is what one head of one sequence asks, in float64.
type Head struct {
	Q, K           [][]float64 // [queries][Dk], [keys][Dk]
	Scale, Softcap float64
	Bias           func(i, j int) float64 // what the terms add to the score of query i and key j
	Visible        func(i, j int) bool    // whether query i may meet key j
}

// Oracle gives the weights of each query, [queries][keys], and the logarithm of
// what they were divided by, [queries]; zeros and −Inf where a query meets
// nobody.
type Oracle func(h *Head) (weights [][]float64, lse []float64)

// Softmax is the oracle of exact softmax attention (Vaswani et al. 2017, eq. 1).
func Softmax(h *Head) (weights [][]float64, lse []float64) {
	for i, q := range h.Q {
		w, largest, sum := make([]float64, len(h.K)), math.Inf(-1), 0.0
		for j, k := range h.K {
			w[j] = math.Inf(-1)
			if h.Visible(i, j) {
				w[j] = capped(h.Scale*dot(q, k), h.Softcap) + h.Bias(i, j)
			}
			largest = max(largest, w[j])
		}
		for j, s := range w {
			w[j] = 0
			if !math.IsInf(s, -1) {
				w[j] = math.Exp(s - largest)
			}
			sum += w[j]
		}
		for j := range w {
			w[j] /= max(sum, math.SmallestNonzeroFloat64)
		}
		weights, lse = append(weights, w), append(lse, largest+math.Log(sum))
	}
	return weights, lse
}

func capped(s, limit float64) float64 {
	if limit == 0 {
		return s
	}
	return limit * math.Tanh(s/limit)
}

func dot(x, y []float64) (sum float64) {
	for i := range x {
		sum += x[i] * y[i]
	}
	return sum
}
