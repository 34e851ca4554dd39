package attentiontest

import (
	"context"
	"fmt"
	"math"
	"slices"

	"github.com/qkvgo/qkv/attention"
	"github.com/qkvgo/qkv/device/cpu"
	"github.com/qkvgo/qkv/nn"
	"github.com/qkvgo/qkv/tensor"
)

const unit = 0x1p-24 // half a rounding error of numbers near 1

// near compares numbers with the oracle's, up to units of 2⁻²⁴ of the largest
// value or 1.
func near(what string, have []float32, want []float64, units float64) error {
	if len(have) != len(want) {
		return fmt.Errorf("%s: %d numbers, want %d", what, len(have), len(want))
	}
	scale := 1.0
	for _, w := range want {
		if !math.IsInf(w, 0) {
			scale = max(scale, math.Abs(w))
		}
	}
	for i, w := range want {
		if h := float64(have[i]); h != w && !(math.Abs(h-w) <= units*unit*scale) {
			return fmt.Errorf("%s: number %d is %v, want %v (off by %.0f units)", what, i, h, w, math.Abs(h-w)/unit/scale)
		}
	}
	return nil
}

// same compares bits.
func same(what string, have, want []float32) error {
	if len(have) != len(want) {
		return fmt.Errorf("%s: %d numbers, want %d", what, len(have), len(want))
	}
	for i := range want {
		if math.Float32bits(have[i]) != math.Float32bits(want[i]) {
			return fmt.Errorf("%s: number %d is %v, want the bits of %v", what, i, have[i], want[i])
		}
	}
	return nil
}

// sameResults compares all bits that both have.
func sameResults(have, want *results) error {
	if err := same("out", have.out, want.out); err != nil {
		return err
	}
	if err := same("lse", have.lse, want.lse); err != nil {
		return err
	}
	for i, g := range want.gradients() {
		if h := have.gradients()[i]; h.data != nil && g.data != nil {
			if err := same("gradient of "+g.of, h.data, g.data); err != nil {
				return err
			}
		}
	}
	return nil
}

type gradient struct {
	of   string
	data []float32
}

func (r *results) gradients() []gradient {
	all := []gradient{{"Q", r.dq}, {"K", r.dk}, {"V", r.dv}}
	for i, g := range r.params {
		all = append(all, gradient{fmt.Sprintf("parameter %d of the terms", i), g})
	}
	return all
}

// about adds what the problem was.
func about(x *problem, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%w\n\tfor %v", err, x)
}

// The mix and the log-sum-exp are the oracle's.
func oracleLaw(s *Subject, d *draw, dev *cpu.Device) error {
	x := d.problem(s, d.IntN(3) == 0)
	r := x.forward(dev)
	out, lse := x.exactly().results()
	err := near("out", r.out, out, s.Tolerance)
	if err == nil && r.lse != nil {
		err = near("lse", r.lse, lse, s.Tolerance)
	}
	return about(x, err)
}

// With V = I the mix is the weights: the oracle's, summing to 1, or 0 where a
// query meets nobody. The probe receives the same, row by row.
func weightsLaw(s *Subject, d *draw, dev *cpu.Device) error {
	x := d.problem(s, d.IntN(3) == 0)
	x.identity()
	watch := &watcher{wants: func(int, int, int) bool { return true }, seen: map[[3]int][]float32{}}
	x.probe = watch
	r := x.forward(dev)
	var err error
	x.exactly().each(func(seq, head int, weights [][]float64, lse []float64) {
		for i, w := range weights {
			row := r.out[((x.rows.Off[seq]+i)*x.core.Heads+head)*x.dv:][:x.dv]
			what := fmt.Sprintf("weights of query %d, head %d, sequence %d", i, head, seq)
			total, sum := 1.0, 0.0
			for _, v := range row {
				sum += float64(v)
			}
			if math.IsInf(lse[i], -1) {
				total = 0
			}
			seen, ok := watch.seen[[3]int{seq, head, i}]
			switch {
			case err != nil:
			case math.Abs(sum-total) > s.Tolerance*unit:
				err = fmt.Errorf("%s sum to %v, want %v", what, sum, total)
			default:
				err = near(what, row[:len(w)], w, s.Tolerance)
				if err == nil && s.Mechanism.Abilities().Weights {
					if !ok {
						err = fmt.Errorf("%s did not reach the probe", what)
					} else {
						err = near("the probe's "+what, seen, w, s.Tolerance)
					}
				}
			}
		}
	})
	return about(x, err)
}

// identity makes the values of every sequence the rows of I.
func (x *problem) identity() {
	x.dv = max(x.longest(), 1)
	x.v = make([]float32, x.keys.Rows()*x.kv()*x.dv)
	for seq := range x.keys.Len() {
		for r := x.keys.Off[seq]; r < x.keys.Off[seq+1]; r++ {
			for h := range x.kv() {
				x.v[(r*x.kv()+h)*x.dv+r-x.keys.Off[seq]] = 1
			}
		}
	}
	n := x.rows.Rows() * x.core.Heads * x.dv
	x.dout = make([]float32, n)
	for i := range x.dout {
		x.dout[i] = float32(i%7) - 3
	}
}

// watcher is a probe that keeps what it is told.
type watcher struct {
	wants func(seq, head, row int) bool
	seen  map[[3]int][]float32
}

// Layer is nn.Probe's.
func (*watcher) Layer(_ *nn.Pass, _ int, x *tensor.Tensor) *tensor.Tensor { return x }

// Wants is attention.WeightProbe's.
func (w *watcher) Wants(_ *attention.Core, seq, head, row int) bool { return w.wants(seq, head, row) }

// Weights is attention.WeightProbe's.
func (w *watcher) Weights(_ *attention.Core, seq, head, row int, weights []float32) {
	w.seen[[3]int{seq, head, row}] = slices.Clone(weights)
}

// The mix of a·V + b·W is a times that of V plus b times that of W.
func linearLaw(s *Subject, d *draw, dev *cpu.Device) error {
	x := d.problem(s, d.IntN(3) == 0)
	first := x.forward(dev)
	v, w, a, b := x.v, d.normal(len(x.v)), float32(d.NormFloat64()), float32(d.NormFloat64())
	x.v = w
	second := x.forward(dev)
	x.v = make([]float32, len(v))
	for i := range v {
		x.v[i] = float32(a*v[i]) + float32(b*w[i])
	}
	want := make([]float64, len(first.out))
	for i := range want {
		want[i] = float64(a)*float64(first.out[i]) + float64(b)*float64(second.out[i])
	}
	return about(x, near("out", x.forward(dev).out, want, s.Tolerance))
}

// The results over a pattern and over the rest, merged by their log-sum-exps,
// are those over all.
func mergeLaw(s *Subject, d *draw, dev *cpu.Device) error {
	x := d.problem(s, d.IntN(3) == 0)
	whole := x.forward(dev)
	if whole.lse == nil {
		return nil
	}
	all, cut := x.core.Pattern, d.anyPattern(2, nil)
	x.core.Pattern = attention.Intersect(all, cut)
	one := x.forward(dev)
	x.core.Pattern = attention.Intersect(all, attention.Except(cut))
	two := x.forward(dev)
	out, lse := make([]float64, len(whole.out)), make([]float64, len(whole.lse))
	for i := range lse {
		a, b := float64(one.lse[i]), float64(two.lse[i])
		if lse[i] = math.Inf(-1); a == lse[i] && b == lse[i] {
			continue
		}
		lse[i] = max(a, b) + math.Log(math.Exp(a-max(a, b))+math.Exp(b-max(a, b)))
		for k := i * x.dv; k < (i+1)*x.dv; k++ {
			out[k] = math.Exp(a-lse[i])*float64(one.out[k]) + math.Exp(b-lse[i])*float64(two.out[k])
		}
	}
	err := near("merged out", whole.out, out, s.Tolerance)
	if err == nil {
		err = near("merged lse", whole.lse, lse, s.Tolerance)
	}
	return about(x, err)
}

// Each sequence alone gives the bits that it gives in the batch, gradients too.
func singlesLaw(s *Subject, d *draw, dev *cpu.Device) error {
	x := d.problem(s, d.IntN(3) == 0)
	x.biases, x.core.Pattern = nil, d.pattern(min(s.Mechanism.Abilities().Patterns, attention.FullOrCausal), nil)
	compute := func(x *problem) *results {
		if s.Mechanism.Abilities().Learns {
			return x.learn(dev, everyGradient)
		}
		return x.forward(dev)
	}
	whole := compute(x)
	for i := range x.rows.Len() {
		alone := compute(x.only(i))
		if err := sameResults(alone, x.resultsOf(whole, i)); err != nil {
			return about(x, fmt.Errorf("sequence %d alone: %w", i, err))
		}
	}
	return nil
}

// only is the problem of one sequence.
func (x *problem) only(i int) *problem {
	y := *x
	y.rows, y.keys = sequence(x.rows, i), sequence(x.keys, i)
	y.q, y.dout, y.dlse = of(x.rows, i, x.q), of(x.rows, i, x.dout), of(x.rows, i, x.dlse)
	y.k, y.v = of(x.keys, i, x.k), of(x.keys, i, x.v)
	return &y
}

// resultsOf is the part of r that belongs to sequence i.
func (x *problem) resultsOf(r *results, i int) *results {
	return &results{out: of(x.rows, i, r.out), lse: of(x.rows, i, r.lse),
		dq: of(x.rows, i, r.dq), dk: of(x.keys, i, r.dk), dv: of(x.keys, i, r.dv)}
}

// sequence is the batch of sequence i alone.
func sequence(b nn.Batch, i int) nn.Batch {
	s := nn.Sequences(b.Off[i+1] - b.Off[i])
	if b.Hidden != nil {
		s.Hidden = b.HiddenOf(i)
	}
	return s
}

// of is the rows of sequence i of a matrix.
func of(b nn.Batch, i int, data []float32) []float32 {
	width := len(data) / max(b.Rows(), 1)
	return data[b.Off[i]*width : b.Off[i+1]*width]
}

// Rows that come in chunks, of whatever lengths, with a memory, give the bits
// they give at once.
func steppingLaw(s *Subject, d *draw, dev *cpu.Device) error {
	x := d.problem(s, false)
	x.core.Pattern = attention.Causal
	if s.Mechanism.Abilities().Patterns == attention.AnyPattern {
		x.core.Pattern = attention.Intersect(attention.Causal,
			one(d, attention.Pattern(attention.Band{Left: d.IntN(70)}), d.anyPattern(2, x.lengths())))
	}
	want := x.forward(dev)
	var memory nn.Memory
	defer memory.Close()
	core, done := x.core, make([]int, x.rows.Len()) // one core: it is the memory's site
	for left := true; left; {
		left = false
		lengths := make([]int, len(done))
		for i := range lengths {
			rest := x.rows.Off[i+1] - x.rows.Off[i] - done[i]
			lengths[i] = min(rest, one(d, 0, 1, 1, 2, d.IntN(20), d.IntN(100)))
			left = left || lengths[i] < rest
		}
		if err := x.step(&core, &memory, dev, done, lengths, want); err != nil {
			return about(x, err)
		}
	}
	return nil
}

func (x *problem) lengths() []int {
	lengths := make([]int, x.rows.Len())
	for i := range lengths {
		lengths[i] = x.rows.Off[i+1] - x.rows.Off[i]
	}
	return lengths
}

// step computes the next rows of each sequence, so many as lengths says, after
// those that are done.
func (x *problem) step(core *attention.Core, memory *nn.Memory, dev *cpu.Device, done, lengths []int, want *results) error {
	batch := nn.Sequences(lengths...)
	var q, k, v, expected []float32
	for i, n := range lengths {
		lo, hi := x.rows.Off[i]+done[i], x.rows.Off[i]+done[i]+n
		rows := func(data []float32) []float32 {
			width := len(data) / max(x.rows.Rows(), 1)
			return data[lo*width : hi*width]
		}
		q, k, v = append(q, rows(x.q)...), append(k, rows(x.k)...), append(v, rows(x.v)...)
		expected = append(expected, rows(want.out)...)
		if x.rows.Hidden != nil {
			batch.Hidden = append(batch.Hidden, x.rows.Hidden[lo:hi]...)
		}
		done[i] += n
	}
	p := nn.NewPass(context.Background(), batch, nn.Options{Device: dev})
	defer p.Close()
	p.Memory = memory
	var terms []attention.Term
	for _, b := range x.biases {
		terms = append(terms, b.Term)
	}
	n := batch.Rows()
	y := core.Attend(p, p.Of(q, n, x.core.Heads*x.dk), p.Of(k, n, x.kv()*x.dk), p.Of(v, n, x.kv()*x.dv), attention.Full, terms...)
	return same(fmt.Sprintf("out after steps to %v", done), y.Float32s(), expected)
}

// A window as wide as the text is full attention, to the bit.
func windowLaw(s *Subject, d *draw, dev *cpu.Device) error {
	x := d.problem(s, false)
	n := x.longest()
	for _, c := range [][2]attention.Pattern{
		{attention.Full, attention.Band{Left: n, Right: n}},
		{attention.Full, attention.Block{Size: n + 1}},
		{attention.Full, attention.Prefix{N: n}},
		{attention.Full, attention.Stride{Step: 1}},
		{attention.Full, attention.Union(attention.Causal, attention.Except(attention.Causal))},
		{attention.Causal, attention.Band{Left: n}},
	} {
		x.core.Pattern = c[0]
		want := x.forward(dev)
		x.core.Pattern = c[1]
		if err := sameResults(x.forward(dev), want); err != nil {
			return about(x, fmt.Errorf("unlike %#v: %w", c[0], err))
		}
	}
	return nil
}

// Every set of kernels on any number of threads gives the same bits.
func sameBitsLaw(s *Subject, d *draw, dev *cpu.Device) error {
	x := d.problem(s, d.IntN(3) == 0)
	if can := s.Mechanism.Abilities(); can.Drop && d.IntN(2) == 0 {
		x.core.Drop, x.seed = 0.3, d.Uint64()
	}
	compute := func(dev *cpu.Device) *results {
		if s.Mechanism.Abilities().Learns {
			return x.learn(dev, everyGradient)
		}
		return x.forward(dev)
	}
	want := compute(dev)
	return about(x, devices(func(name string, dev *cpu.Device) error {
		return sameResults(compute(dev), want)
	}))
}
