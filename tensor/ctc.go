package tensor

import (
	"math"
	"slices"

	"github.com/qkvgo/qkv/kernel"
)

// CTC is how unlikely a labelling is under the scores of every frame, whatever
// frames spell it out (Graves et al. 2006, §4): −ln of the summed probability of
// all paths, [sequences, 1]. x is logarithms of probabilities, [frames, classes];
// sequence i owns rows off[i]:off[i+1] and has the labels targets[i], none of
// them blank. Where the frames are too few the loss is infinite, or 0 and
// without gradient where zeroInfinity.
//
// Adjoint: x̄_tk = −ȳ·Σ_s α_t(s)β_t(s)/p over the places s of k among the labels
// with blanks between them: how likely a path goes through k at t.
func (x *Tensor) CTC(off []int, targets [][]int32, blank int, zeroInfinity bool) *Tensor {
	n := len(targets)
	if len(off) != n+1 || off[0] < 0 || off[n] > x.rows || !slices.IsSorted(off) || blank < 0 || blank >= x.width {
		panic(fault("CTC", "the sequences do not ascend within its rows, or the blank is no class", x))
	}
	s, k := x.scope, x.scope.Kernels()
	paths, size := make([]ctcPath, n), 0
	for i, labels := range targets {
		p := ctcPath{rows: x.Slice(off[i], off[i+1]), at: size}
		p.labels = append(p.labels, int32(blank))
		for _, c := range labels {
			if c < 0 || int(c) >= x.width || int(c) == blank {
				panic(fault("CTC", "the label "+itoa(int(c))+" of sequence "+itoa(i)+" is no class, or the blank", x))
			}
			p.labels = append(p.labels, c, int32(blank))
		}
		paths[i] = p
		size += p.rows.rows * len(p.labels)
	}
	loss, forward := s.New(n, 1).Exact(), s.New(max(size, 1)).Exact()
	s.Device.Parallel(n, 1, func(lo, hi int, _ *workspace) {
		for i := lo; i < hi; i++ {
			loss.Row(i)[0] = -paths[i].forward(k, forward.data)
			if loss.Row(i)[0] == inf && zeroInfinity {
				loss.Row(i)[0] = 0
			}
		}
	})
	return s.Record("CTC", loss, []*Tensor{x}, []*Tensor{x, forward, loss}, func(g *Tensor) []*Tensor {
		dx := x.scope.Zeros(x.shape...)
		for i := range paths {
			paths[i].rows = x.Slice(off[i], off[i+1]) // x may lie elsewhere by now
		}
		s.Device.Parallel(n, 1, func(lo, hi int, _ *workspace) {
			for i := lo; i < hi; i++ {
				if p := paths[i]; !p.impossible(k, forward.data) {
					p.backward(k, forward.data, loss.Row(i)[0], g.Row(i)[0], dx.Slice(off[i], off[i+1]))
				} else if !zeroInfinity {
					for r := off[i]; r < off[i+1]; r++ {
						for j := range dx.Row(r) {
							dx.Row(r)[j] = float32(math.NaN())
						}
					}
				}
			}
		})
		return []*Tensor{dx}
	})
}

// ctcPath is a sequence's labels with a blank before, between and after them.
type ctcPath struct {
	labels []int32
	rows   *Tensor
	at     int // where its forward variables start
}

var inf = float32(math.Inf(1))

// never is the logarithm of 0, in a form that can be subtracted from itself.
const never = -1e30

// skips says whether a path may go from place s−2 to s without the blank between.
func (p *ctcPath) skips(s int) bool {
	return s >= 2 && s%2 == 1 && p.labels[s] != p.labels[s-2]
}

// alpha is the forward variables of frame t, by place.
func (p *ctcPath) alpha(all []float32, t int) []float32 {
	return all[p.at+t*len(p.labels):][:len(p.labels)]
}

// forward fills in the logarithms of the forward variables and gives that of all
// paths together: -Inf where there is none (Graves et al. 2006, eq. 5–8).
func (p *ctcPath) forward(k *kernel.Set, all []float32) float32 {
	places, sum := len(p.labels), newLogSum(len(p.labels))
	for t := range p.rows.rows {
		for s := range places {
			sum.stay[s], sum.next[s], sum.skip[s] = never, never, never
			switch {
			case t == 0 && s < 2:
				sum.stay[s] = 0
			case t > 0:
				before := p.alpha(all, t-1)
				sum.stay[s] = before[s]
				if s > 0 {
					sum.next[s] = before[s-1]
				}
				if p.skips(s) {
					sum.skip[s] = before[s-2]
				}
			}
		}
		now := p.alpha(all, t)
		sum.into(k, now)
		for s, c := range p.labels {
			now[s] = max(now[s]+p.rows.Row(t)[c], never)
		}
	}
	return p.total(k, all)
}

// total is the logarithm of the probability of all paths.
func (p *ctcPath) total(k *kernel.Set, all []float32) float32 {
	if p.rows.rows == 0 {
		if len(p.labels) == 1 {
			return 0
		}
		return -inf
	}
	last := p.alpha(all, p.rows.rows-1)
	if log := k.LogSumExp(last[max(0, len(last)-2):]); log > never/2 {
		return log
	}
	return -inf
}

func (p *ctcPath) impossible(k *kernel.Set, all []float32) bool { return p.total(k, all) == -inf }

// backward adds the adjoint to dx (Graves et al. 2006, eq. 9–15).
func (p *ctcPath) backward(k *kernel.Set, all []float32, loss, g float32, dx *Tensor) {
	places, frames := len(p.labels), p.rows.rows
	sum, beta := newLogSum(places), make([]float32, places)
	for t := frames - 1; t >= 0; t-- {
		for s := range places {
			sum.stay[s], sum.next[s], sum.skip[s] = never, never, never
			switch {
			case t == frames-1 && s >= places-2:
				sum.stay[s] = 0
			case t < frames-1:
				after := p.rows.Row(t + 1)
				sum.stay[s] = beta[s] + after[p.labels[s]]
				if s+1 < places {
					sum.next[s] = beta[s+1] + after[p.labels[s+1]]
				}
				if s+2 < places && p.skips(s+2) {
					sum.skip[s] = beta[s+2] + after[p.labels[s+2]]
				}
			}
		}
		sum.into(k, beta)
		share := sum.stay
		for s := range share {
			beta[s] = max(beta[s], never)
			share[s] = p.alpha(all, t)[s] + beta[s] + loss
		}
		k.Exp(share, share)
		for s, c := range p.labels {
			dx.Row(t)[c] -= float32(share[s] * g)
		}
	}
}

// logSum is three terms of each place whose exponentials are to be summed.
type logSum struct{ stay, next, skip, most []float32 }

func newLogSum(n int) *logSum {
	room := make([]float32, 4*n)
	return &logSum{room[:n:n], room[n : 2*n : 2*n], room[2*n : 3*n : 3*n], room[3*n:]}
}

// into is dst = ln(exp(stay) + exp(next) + exp(skip)), place by place.
func (l *logSum) into(k *kernel.Set, dst []float32) {
	k.Max(l.most, l.stay, l.next)
	k.Max(l.most, l.most, l.skip)
	for _, x := range [][]float32{l.stay, l.next, l.skip} {
		k.Sub(x, x, l.most)
		k.Exp(x, x)
	}
	k.Add(dst, l.stay, l.next)
	k.Add(dst, dst, l.skip)
	k.Log(dst, dst)
	k.Add(dst, dst, l.most)
}
