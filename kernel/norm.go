package kernel

// normalizeGo writes (x-mean)·rstd.
func normalizeGo(dst, x []float32, mean, rstd float32) {
	x = x[:len(dst)]
	for i, v := range x {
		dst[i] = (v - mean) * rstd
	}
}

// normalizeScaleGo writes ((x-mean)·rstd)·gamma.
func normalizeScaleGo(dst, x, gamma []float32, mean, rstd float32) {
	x, gamma = x[:len(dst)], gamma[:len(dst)]
	for i, v := range x {
		dst[i] = (v - mean) * rstd * gamma[i]
	}
}

// normalizeAffineGo writes FMA((x-mean)·rstd, gamma, beta).
func normalizeAffineGo(dst, x, gamma, beta []float32, mean, rstd float32) {
	x, gamma, beta = x[:len(dst)], gamma[:len(dst)], beta[:len(dst)]
	for i, v := range x {
		dst[i] = FMA((v-mean)*rstd, gamma[i], beta[i])
	}
}

// normSumsGo returns Σ g and Σ g·(x-mean)·rstd.
func normSumsGo(g, x []float32, mean, rstd float32) (sum, dot float32) {
	x = x[:len(g)]
	var sums, dots [lanes]float32
	for i, v := range g {
		sums[i%lanes] += v
		dots[i%lanes] = FMA(v, (x[i]-mean)*rstd, dots[i%lanes])
	}
	return fold(&sums), fold(&dots)
}

// normSumsScaleGo is normSumsGo for g·gamma.
func normSumsScaleGo(g, x, gamma []float32, mean, rstd float32) (sum, dot float32) {
	x, gamma = x[:len(g)], gamma[:len(g)]
	var sums, dots [lanes]float32
	for i, v := range g {
		v = float32(v * gamma[i])
		sums[i%lanes] += v
		dots[i%lanes] = FMA(v, (x[i]-mean)*rstd, dots[i%lanes])
	}
	return fold(&sums), fold(&dots)
}

// normBackGo writes FMA(-b, (x-mean)·rstd, g-a) · rstd.
func normBackGo(dx, g, x []float32, mean, rstd, a, b float32) {
	g, x = g[:len(dx)], x[:len(dx)]
	for i := range dx {
		dx[i] = FMA(-b, (x[i]-mean)*rstd, g[i]-a) * rstd
	}
}

// normBackScaleGo is normBackGo for g·gamma.
func normBackScaleGo(dx, g, x, gamma []float32, mean, rstd, a, b float32) {
	g, x, gamma = g[:len(dx)], x[:len(dx)], gamma[:len(dx)]
	for i := range dx {
		dx[i] = FMA(-b, (x[i]-mean)*rstd, float32(g[i]*gamma[i])-a) * rstd
	}
}

// normGradGo adds g·(x-mean)·rstd to dgamma.
func normGradGo(dgamma, g, x []float32, mean, rstd float32) {
	g, x = g[:len(dgamma)], x[:len(dgamma)]
	for i := range dgamma {
		dgamma[i] = FMA(g[i], (x[i]-mean)*rstd, dgamma[i])
	}
}

// LayerNorm normalizes one row (Ba et al. 2016, eq. 3):
//
//	mean = Σx/n, rstd = 1/√(Σ(x-mean)²/n + eps), dst = (x-mean)·rstd·gamma + beta
//
// gamma and beta may be nil. It returns what the adjoint needs.
func (s *Set) LayerNorm(dst, x, gamma, beta []float32, eps float32) (mean, rstd float32) {
	x = x[:len(dst)]
	n := float32(len(x))
	mean = s.Sum(x) / n
	rstd = rsqrt(s.sumSquaresAbout(x, mean)/n + eps)
	switch {
	case gamma != nil && beta != nil:
		s.normalizeAffine(dst, x, gamma, beta, mean, rstd)
	case gamma != nil:
		s.normalizeScale(dst, x, gamma, mean, rstd)
	default:
		s.normalize(dst, x, mean, rstd)
		if beta != nil {
			s.Add(dst, dst, beta)
		}
	}
	return mean, rstd
}

// LayerNormBack writes the adjoint of LayerNorm with respect to x: with
// h = g·gamma and y = (x-mean)·rstd,
//
//	dx = (h - Σh/n - y·Σ(h·y)/n)·rstd
//
// gamma may be nil.
func (s *Set) LayerNormBack(dx, g, x, gamma []float32, mean, rstd float32) {
	sum, dot := s.normSumsOf(g[:len(dx)], x, gamma, mean, rstd)
	n := float32(len(dx))
	s.normBackOf(dx, g, x, gamma, mean, rstd, sum/n, dot/n)
}

// RMSNorm scales one row to unit mean square (Zhang and Sennrich 2019, eq. 4):
// dst = x·rstd·gamma with rstd = 1/√(Σx²/n + eps). gamma may be nil.
func (s *Set) RMSNorm(dst, x, gamma []float32, eps float32) (rstd float32) {
	x = x[:len(dst)]
	rstd = rsqrt(s.SumSquares(x)/float32(len(x)) + eps)
	if gamma == nil {
		s.normalize(dst, x, 0, rstd)
	} else {
		s.normalizeScale(dst, x, gamma, 0, rstd)
	}
	return rstd
}

// RMSNormBack writes the adjoint of RMSNorm with respect to x: with
// h = g·gamma and y = x·rstd, dx = (h - y·Σ(h·y)/n)·rstd. gamma may be nil.
func (s *Set) RMSNormBack(dx, g, x, gamma []float32, rstd float32) {
	_, dot := s.normSumsOf(g[:len(dx)], x, gamma, 0, rstd)
	s.normBackOf(dx, g, x, gamma, 0, rstd, 0, dot/float32(len(dx)))
}

// NormGrad adds one row to the gradients of a norm's parameters:
// dgamma += g·(x-mean)·rstd, dbeta += g. Either may be nil. For RMSNorm the
// mean is 0. Call it for rows ascending.
func (s *Set) NormGrad(dgamma, dbeta, g, x []float32, mean, rstd float32) {
	if dgamma != nil {
		s.normGrad(dgamma, g, x, mean, rstd)
	}
	if dbeta != nil {
		s.Add(dbeta, dbeta, g)
	}
}

func (s *Set) normSumsOf(g, x, gamma []float32, mean, rstd float32) (sum, dot float32) {
	if gamma == nil {
		return s.normSums(g, x, mean, rstd)
	}
	return s.normSumsScale(g, x, gamma, mean, rstd)
}

func (s *Set) normBackOf(dx, g, x, gamma []float32, mean, rstd, a, b float32) {
	if gamma == nil {
		s.normBack(dx, g, x, mean, rstd, a, b)
		return
	}
	s.normBackScale(dx, g, x, gamma, mean, rstd, a, b)
}
