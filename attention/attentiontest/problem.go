package attentiontest

import (
	"context"
	"fmt"
	"math"
	"strings"

	"github.com/qkvgo/qkv/attention"
	"github.com/qkvgo/qkv/device/cpu"
	"github.com/qkvgo/qkv/nn"
	"github.com/qkvgo/qkv/tensor"
)

// problem is one call of attention with all it needs.
type problem struct {
	oracle     Oracle
	core       attention.Core
	dk, dv     int
	rows, keys nn.Batch // the same batch unless cross
	cross      bool
	fused      bool // Q, K and V are columns of one tensor
	biases     []Bias
	q, k, v    []float32
	dout, dlse []float32 // gradients of the results
	seed       uint64    // of dropout
	probe      nn.Probe
}

// results is what a run gives.
type results struct {
	out, lse   []float32
	dq, dk, dv []float32   // nil without a tape
	params     [][]float32 // gradients of all biases' parameters
}

func (x *problem) kv() int { return x.core.KVHeads }

// String describes the problem.
func (x *problem) String() string {
	var names []string
	for _, b := range x.biases {
		names = append(names, b.Name)
	}
	return fmt.Sprintf("%d heads of %d/%d on %d, rows %v, keys %v, scale %v, cap %v, drop %v, pattern %#v, terms [%s]",
		x.core.Heads, x.dk, x.dv, x.kv(), x.rows.Off, x.keys.Off, x.core.Scale, x.core.Softcap, x.core.Drop, x.core.Pattern, strings.Join(names, " "))
}

// overheard is a mechanism that keeps what it gave.
type overheard struct {
	attention.Mechanism
	out, lse *tensor.Tensor
}

// Attend is Mechanism's.
func (o *overheard) Attend(p *nn.Pass, c *attention.Call) (out, lse *tensor.Tensor) {
	o.out, o.lse = o.Mechanism.Attend(p, c)
	return o.out, o.lse
}

// wants says which gradients are asked for.
type wants struct{ q, k, v, params bool }

var everyGradient = wants{true, true, true, true}

// forward computes the call without gradients.
func (x *problem) forward(dev *cpu.Device) *results {
	p := nn.NewPass(context.Background(), x.rows, nn.Options{Device: dev})
	defer p.Close()
	r := &results{}
	r.out, r.lse, _, _ = x.attend(p, nil)
	return r
}

// learn computes the call and its gradients.
func (x *problem) learn(dev *cpu.Device, w wants) *results {
	p := nn.NewPass(context.Background(), x.rows, nn.Options{Device: dev, Tape: true})
	defer p.Close()
	r := &results{}
	var operands [3]*tensor.Tensor
	var loss *tensor.Tensor
	r.out, r.lse, operands, loss = x.attend(p, &w)
	loss.Backward()
	for i, g := range []*[]float32{&r.dq, &r.dk, &r.dv} {
		if from := operands[i].Grad(); from != nil {
			*g = from.Cols(x.columns(i)).Float32s()
		}
	}
	for _, b := range x.biases {
		for _, param := range b.Params {
			r.params = append(r.params, nil)
			if g := p.Grad(param); g != nil {
				r.params[len(r.params)-1] = g.Float32s()
			}
		}
	}
	return r
}

// attend calls the core in a pass. With w it records and gives the loss,
// Σ out·dout + Σ lse·dlse; operands are what gradients are collected at.
func (x *problem) attend(p *nn.Pass, w *wants) (out, lse []float32, operands [3]*tensor.Tensor, loss *tensor.Tensor) {
	p.Train, p.Seed, p.Probe = x.core.Drop > 0, x.seed, x.probe
	core, ear := x.core, &overheard{Mechanism: x.core.Mechanism}
	core.Mechanism = ear
	var terms []attention.Term
	for _, b := range x.biases {
		for _, param := range b.Params {
			param.Frozen = w == nil || !w.params
		}
		terms = append(terms, b.Term)
	}
	operand := func(want bool, data []float32, rows, width int) *tensor.Tensor {
		if w != nil && want {
			return p.Input(data, rows, width)
		}
		return p.Of(data, rows, width)
	}
	if w == nil {
		w = &wants{}
	}
	n, m, hq, hk, hv := x.rows.Rows(), x.keys.Rows(), x.core.Heads*x.dk, x.kv()*x.dk, x.kv()*x.dv
	var q, k, v *tensor.Tensor
	if x.fused {
		all := operand(w.q, fuse(n, part{x.q, hq}, part{x.k, hk}, part{x.v, hv}), n, hq+hk+hv)
		q, k, v = all.Cols(0, hq), all.Cols(hq, hq+hk), all.Cols(hq+hk, hq+hk+hv)
		operands = [3]*tensor.Tensor{all, all, all}
	} else {
		q, k, v = operand(w.q, x.q, n, hq), operand(w.k, x.k, m, hk), operand(w.v, x.v, m, hv)
		operands = [3]*tensor.Tensor{q, k, v}
	}
	var y *tensor.Tensor
	if x.cross {
		y = core.Cross(p, q, k, v, x.keys, terms...)
	} else {
		y = core.Attend(p, q, k, v, attention.Full, terms...)
	}
	out = y.Float32s()
	if ear.lse != nil {
		lse = ear.lse.Float32s()
	}
	if p.Tape != nil {
		loss = y.Mul(p.Of(x.dout, n, y.Width())).Sum()
		if ear.lse != nil {
			loss = loss.Add(ear.lse.Mul(p.Of(x.dlse, n, x.core.Heads)).Sum())
		}
	}
	return out, lse, operands, loss
}

// columns is where Q, K or V, number i, is in the tensor that holds it.
func (x *problem) columns(i int) (lo, hi int) {
	widths := [...]int{x.core.Heads * x.dk, x.kv() * x.dk, x.kv() * x.dv}
	for _, w := range widths[:i] {
		if x.fused {
			lo += w
		}
	}
	return lo, lo + widths[i]
}

// part is a matrix of some columns.
type part struct {
	data  []float32
	width int
}

// fuse lays matrices of n rows side by side.
func fuse(n int, parts ...part) []float32 {
	var all []float32
	for i := range n {
		for _, x := range parts {
			all = append(all, x.data[i*x.width:(i+1)*x.width]...)
		}
	}
	return all
}

// exact is the problem in float64.
type exact struct {
	*problem
	q, k, v []float64
	params  [][]float64
	keep    []float64 // [rows, heads, keys] what dropout multiplies weights by; nil: nothing
	visible [][]bool  // [sequences·heads] which pairs of queries and keys may meet
}

func (x *problem) exactly() *exact {
	e := &exact{problem: x, q: wide(x.q), k: wide(x.k), v: wide(x.v)}
	for _, b := range x.biases {
		for _, p := range b.Params {
			e.params = append(e.params, wide(p.Float32()))
		}
	}
	for seq := range x.rows.Len() {
		for head := range x.core.Heads {
			e.visible = append(e.visible, x.pairs(seq, head))
		}
	}
	return e
}

// pairs says which queries of a sequence, in order, may meet which keys.
func (x *problem) pairs(seq, head int) (meet []bool) {
	queries, keys := x.rows.Off[seq+1]-x.rows.Off[seq], x.keys.Off[seq+1]-x.keys.Off[seq]
	at, hidden := attention.Place{Seq: seq, Head: head, Keys: keys}, x.keys.HiddenOf(seq)
	for i := range queries {
		for j := range keys {
			meet = append(meet, (hidden == nil || !hidden[j]) && x.core.Pattern.Row(at, i, j)&1 != 0)
		}
	}
	return meet
}

func wide(x []float32) []float64 {
	y := make([]float64, len(x))
	for i, v := range x {
		y[i] = float64(v)
	}
	return y
}

// each calls f with the weights of every sequence and head.
func (e *exact) each(f func(seq, head int, weights [][]float64, lse []float64)) {
	scale := float64(e.core.Scale)
	if scale == 0 {
		scale = float64(float32(1 / math.Sqrt(float64(e.dk))))
	}
	for seq := range e.rows.Len() {
		for head := range e.core.Heads {
			h := &Head{Scale: scale, Softcap: float64(e.core.Softcap)}
			kv := head * e.kv() / e.core.Heads
			for r := e.rows.Off[seq]; r < e.rows.Off[seq+1]; r++ {
				h.Q = append(h.Q, e.q[(r*e.core.Heads+head)*e.dk:][:e.dk])
			}
			for r := e.keys.Off[seq]; r < e.keys.Off[seq+1]; r++ {
				h.K = append(h.K, e.k[(r*e.kv()+kv)*e.dk:][:e.dk])
			}
			visible := e.visible[seq*e.core.Heads+head]
			h.Visible = func(i, j int) bool { return visible[i*len(h.K)+j] }
			h.Bias = func(i, j int) (sum float64) {
				params := e.params
				for _, b := range e.biases {
					sum += b.Score(params, head, i, j, h.Q[i], h.K[j], scale)
					params = params[len(b.Params):]
				}
				return sum
			}
			weights, lse := e.oracle(h)
			f(seq, head, weights, lse)
		}
	}
}

// results gives the mix and the log-sum-exp.
func (e *exact) results() (out, lse []float64) {
	out, lse = make([]float64, e.rows.Rows()*e.core.Heads*e.dv), make([]float64, e.rows.Rows()*e.core.Heads)
	e.each(func(seq, head int, weights [][]float64, sums []float64) {
		kv := head * e.kv() / e.core.Heads
		for i, w := range weights {
			r := e.rows.Off[seq] + i
			lse[r*e.core.Heads+head] = sums[i]
			o := out[(r*e.core.Heads+head)*e.dv:][:e.dv]
			for j, p := range w {
				if e.keep != nil {
					p *= e.keep[(r*e.core.Heads+head)*e.longest()+j]
				}
				v := e.v[((e.keys.Off[seq]+j)*e.kv()+kv)*e.dv:][:e.dv]
				for d := range o {
					o[d] += p * v[d]
				}
			}
		}
	})
	return out, lse
}

// loss is Σ out·dout + Σ lse·dlse, log-sum-exps of −Inf left out.
func (e *exact) loss() (sum float64) {
	out, lse := e.results()
	for i, o := range out {
		sum += o * float64(e.dout[i])
	}
	for i, l := range lse {
		if !math.IsInf(l, -1) {
			sum += l * float64(e.dlse[i])
		}
	}
	return sum
}

// longest is the largest number of keys of a sequence.
func (x *problem) longest() (n int) {
	for i := range x.keys.Len() {
		n = max(n, x.keys.Off[i+1]-x.keys.Off[i])
	}
	return n
}
