package nn

import "github.com/qkvgo/qkv/tensor"

// Depth is stochastic depth (Huang et al. 2016): while a network is trained, its
// layers' branches are left out for some sequences. Of Layers layers the first
// always stays, the last goes with probability Rate, those between in equal steps
// (§3, with the first at 0 as in timm).
type Depth struct {
	Rate   float32
	Layers int
}

// rate is the probability that the branches of layer i, counted from 0, are left
// out.
func (d Depth) rate(i int) float32 {
	if d.Layers < 2 {
		return 0
	}
	return d.Rate * float32(min(i, d.Layers-1)) / float32(d.Layers-1)
}

// DropPath is what a branch gives, x, [rows, width], before it is added to the
// stream: zeros for the sequences whose lot it is, x/(1−rate) for others. It is x
// itself unless the pass trains with a Depth. The layer is the one after the last
// that ended.
func (p *Pass) DropPath(x *tensor.Tensor) *tensor.Tensor {
	if !p.Train || p.Depth.Rate == 0 {
		return x
	}
	site := p.Site()
	p.paths++
	rate := p.Depth.rate(p.layer)
	if rate == 0 {
		return x
	}
	return x.ScaleRows(p.lots(rate, site, x.Rows()))
}

// Branch is what a residual branch adds to the stream: dropout, then DropPath.
func (p *Pass) Branch(rate float32, x *tensor.Tensor) *tensor.Tensor {
	return p.DropPath(p.Drop(rate, x))
}

// Paths is how many branches called DropPath while it could leave them out.
func (p *Pass) Paths() int { return p.paths }

// lots are what the rows are multiplied by: 0 with probability rate, else
// 1/(1−rate), the same for all rows of a sequence.
func (p *Pass) lots(rate float32, site uint64, rows int) []float32 {
	n := p.Rows.Len()
	lots := make([]float32, max(n, rows))
	p.Kernels().Uniform(lots, p.Seed, site, 0)
	for i, u := range lots {
		if lots[i] = 1 / (1 - rate); u < rate {
			lots[i] = 0
		}
	}
	if rows != p.Rows.Rows() {
		return lots[:rows] // a row is a sequence
	}
	each := make([]float32, rows)
	for i := range n {
		for r := p.Rows.Off[i]; r < p.Rows.Off[i+1]; r++ {
			each[r] = lots[i]
		}
	}
	return each
}
