package talk

import (
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/qkvgo/qkv/attention"
	"github.com/qkvgo/qkv/device/cpu"
	"github.com/qkvgo/qkv/model/rnn"
	"github.com/qkvgo/qkv/nn"
	"github.com/qkvgo/qkv/position"
	"github.com/qkvgo/qkv/scratch"
	"github.com/qkvgo/qkv/talk/report"
	"github.com/qkvgo/qkv/tensor"
)

// The laws of the talk that the run itself must keep; those of the models are beside
// the models. The rows are those of the checklist.

// ready is a run that learned its vocabularies and nothing else.
func ready(t *testing.T) *run {
	t.Helper()
	set, err := Box()
	if err != nil {
		t.Fatal(err)
	}
	set.limit(tiny.limits, 1)
	r := &run{Options: Options{Seed: 1, Device: cpu.Default(), Now: clock()}, set: set, size: tiny}
	if err := r.prepare(); err != nil {
		t.Fatal(err)
	}
	return r
}

// A03: to a bag any order is the same to the last bit; a Transformer without positions
// and with the mean of its outputs is blind to order within 1e-6, and with positions
// it is not; nor is an LSTM. A15 says the same of positions.
func TestOrder(t *testing.T) {
	r := ready(t)
	ask := func(c recipe) float64 {
		m, err := r.make(c, 1)
		if err != nil {
			t.Fatal(err)
		}
		for _, w := range nn.Params(m.Model) { // weights that say something
			draw := rand.New(rand.NewPCG(1, uint64(w.Len())))
			x := w.Own()
			for i := range x {
				if !w.Frozen && x[i] == 0 {
					x[i] = float32(0.1 * draw.NormFloat64())
				}
			}
			w.Changed()
		}
		_, logits, err := r.ask(t.Context(), &rung{recipe: c, model: m}, []string{workToLive, liveToWork})
		if err != nil {
			t.Fatal(err)
		}
		return apart(logits[0], logits[1])
	}
	for _, c := range r.recipes() {
		switch d := ask(c); {
		case c.key == "bag" && d != 0:
			t.Errorf("a bag tells the two apart by %v", d)
		case slices.Contains([]string{"rnn", "lstm", "transformer"}, c.key) && d == 0:
			t.Errorf("%s does not tell the two apart", c.key)
		}
	}
	if d := ask(r.lab(func(o *scratch.Options) { o.Positions = "none" })); d > 1e-6 {
		t.Errorf("without positions the two are %v apart", d)
	}
	if d := ask(r.lab(nil)); d < 1e-6 {
		t.Errorf("with positions the two are %v apart", d)
	}
}

// A04: observed n-grams are at most V^n and at most there are places for them; the
// pair of sentences shares its three words and no pair of words.
func TestGrams(t *testing.T) {
	r := ready(t)
	if _, err := r.bags(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, f := range r.figures.Grams {
		places := 0
		for _, ids := range r.words.ids(texts(r.set.Train)) {
			places += max(0, len(ids)-f.N+1)
		}
		if float64(f.Distinct) > f.Possible || f.Distinct > places || f.Once > f.Distinct {
			t.Errorf("%+v with %d places", f, places)
		}
	}
	a, b := strings.Fields(workToLive), strings.Fields(liveToWork)
	for i := range 2 {
		for j := range 2 {
			if a[i] == b[j] && a[i+1] == b[j+1] {
				t.Errorf("both have %s %s", a[i], a[i+1])
			}
		}
	}
	if bagOf(workToLive) != bagOf(liveToWork) {
		t.Error("the bags differ")
	}
}

// A06, A08: in a linear recurrent cell whose weight is s times an orthogonal matrix
// the gradient k steps back is sᵏ times the one at the end: 0.9¹⁰⁰ = 2.656e-5, 1.1¹⁰⁰ =
// 1.378e4. tanh is linear near 0.
func TestGradientsOfALinearCell(t *testing.T) {
	for _, c := range []struct{ s, want float64 }{{0.9, 2.656e-5}, {1.1, 1.378e4}} {
		net := rnn.New(rnn.Config{Cell: rnn.Tanh, Input: 2, Hidden: 2, NoBias: true})
		sin, cos := math.Sincos(0.7)
		s := c.s
		net.Directions[0].WeightHH.Set([]float32{float32(s * cos), float32(-s * sin), float32(s * sin), float32(s * cos)})
		net.Directions[0].WeightIH.Set([]float32{1, 0, 0, 1})
		p := nn.NewPass(t.Context(), nn.Sequences(101), nn.Options{Tape: true})
		x := p.Input(make([]float32, 202), 101, 2)
		_, last := net.Forward(p, x, nil)
		last.H.Mul(p.Of([]float32{0.6, 0.8}, 1, 2)).Sum().Backward()
		norm := func(row []float32) float64 { return math.Hypot(float64(row[0]), float64(row[1])) }
		g := x.Grad()
		if ratio := norm(g.Row(0)) / norm(g.Row(100)); math.Abs(ratio/c.want-1) > 1e-3 {
			t.Errorf("s = %v: 100 steps back the gradient is %v of that at the end, want %v", s, ratio, c.want)
		}
		p.Close()
	}
}

// A07: the gates that the report shows are those of the network: the last state by the
// equations is that of the network; and the forget slider's figures are the talk's.
func TestGates(t *testing.T) {
	net := rnn.New(rnn.Config{Cell: rnn.LSTM, Input: 3, Hidden: 4})
	net.Init(3)
	x := rows(6, 3)
	p := nn.NewPass(t.Context(), nn.Sequences(6), nn.Options{})
	defer p.Close()
	_, last := net.Forward(p, p.Of(x, 6, 3), nil)
	steps := LSTMSteps(net.Directions[0], x, 3)
	for j, v := range steps[5].H {
		if math.Abs(v-float64(last.H.Row(0)[j])) > 1e-6 || math.Abs(steps[5].C[j]-float64(last.C.Row(0)[j])) > 1e-6 {
			t.Errorf("unit %d: by the equations %v, by the network %v", j, v, last.H.Row(0)[j])
		}
	}
	for _, f := range forgetSlider().(report.Slider).Frames {
		y := f.Block.(report.Lines).Series[0].Y
		switch left := y[len(y)-1]; {
		case f.Name == "1" && math.Abs(left-2.5e-14) > 0.05e-14, f.Name == "5" && math.Abs(left-0.511) > 0.001:
			t.Errorf("bias %s leaves %v after 100 tokens", f.Name, left)
		}
	}
}

// A10: attention is cheaper than recurrence exactly where n < d; n=512, d=768:
// 2.013e8 against 3.020e8. A contiguous filter of 3 reaches over 81 tokens in 4 steps,
// dilated.
func TestLayerCosts(t *testing.T) {
	c := LayerCosts(512, 768, 3, 32)
	if math.Abs(c[0].Work-2.013e8) > 1e5 || math.Abs(c[1].Work-3.020e8) > 1e5 {
		t.Errorf("have %v and %v", c[0].Work, c[1].Work)
	}
	for _, n := range []float64{1, 95, 96, 97, 4096} {
		if c := LayerCosts(n, 96, 3, 32); c[0].Work < c[1].Work != (n < 96) {
			t.Errorf("n = %v: %v against %v", n, c[0].Work, c[1].Work)
		}
	}
	if c := LayerCosts(81, 8, 3, 27); c[2].Path != 4 || c[3].Path != 3 || c[1].Path != 81 || c[0].Path != 1 {
		t.Errorf("ways: %+v", c)
	}
	n := []float64{1, 2, 4, 8}
	if e, f, rest := slope(n, []float64{3, 12, 48, 192}); math.Abs(e-2) > 1e-9 || math.Abs(f-3) > 1e-9 || rest > 1e-9 {
		t.Errorf("3n² is fitted as %v·n^%v, %v off", f, e, rest)
	}
}

// A11: what is compared has the same data and steps, and within 5 % as many
// parameters; so have the racers of A09.
func TestEqualSizes(t *testing.T) {
	for _, z := range []size{quick, full} {
		r := ready(t)
		r.size = z
		count := map[string]int{}
		for _, c := range r.recipes() {
			m, err := r.make(c, 1)
			if err != nil {
				t.Fatal(err)
			}
			count[c.key] = scratch.Parameters(m.Model)
		}
		if a, b := float64(count["lstm"]), float64(count["transformer"]); math.Abs(a/b-1) > 0.05 {
			t.Errorf("width %d: the LSTM has %v parameters, the Transformer %v", z.width, a, b)
		}
		if have, want := count["transformer"], transformerCount(z, r.pieces.VocabSize(), len(r.set.Labels)); have != want {
			t.Errorf("the Transformer has %d parameters, counted %d", have, want)
		}
		if c := r.racers(); math.Abs(float64(c[0].count)/float64(c[1].count)-1) > 0.05 {
			t.Errorf("the racers have %d and %d parameters", c[0].count, c[1].count)
		}
	}
}

// A12: attention by loops and by matrices are one; orthonormal keys and a sharp query
// give the value that matches; keys and values in another order change nothing.
func TestDictionary(t *testing.T) {
	const n, d = 5, 5
	keys, values := make([]float32, n*d), rows(n, d)
	for i := range n {
		keys[i*d+i] = 1
	}
	look := func(q, k, v []float32) []float32 {
		p := nn.NewPass(t.Context(), nn.Sequences(1), nn.Options{})
		defer p.Close()
		core := attention.Core{Heads: 1}
		return core.Cross(p, p.Of(q, 1, d), p.Of(k, n, d), p.Of(v, n, d), nn.Sequences(n)).Float32s()
	}
	for i := range n {
		q := make([]float32, d)
		q[i] = 1000
		if far := apart(look(q, keys, values), values[i*d:(i+1)*d]); far > 1e-6 {
			t.Errorf("key %d gives a value %v off", i, far)
		}
	}
	q := rows(1, d)
	straight := look(q, keys, values)
	if far := apart(straight, AttendByLoops(q, keys, values, d)); far > 1e-6 {
		t.Errorf("loops and matrices differ by %v", far)
	}
	var k, v []float32
	for _, i := range []int{3, 0, 4, 1, 2} {
		k, v = append(k, keys[i*d:(i+1)*d]...), append(v, values[i*d:(i+1)*d]...)
	}
	if far := apart(straight, look(q, k, v)); far > 1e-6 {
		t.Errorf("another order of keys moves the mix by %v", far)
	}
}

// A13: a map's rows are weights: not below 0 and 1 together; what is switched off comes
// back to the bit; any number of heads has the same weights, 4d² and biases.
func TestHeads(t *testing.T) {
	r := ready(t)
	var c recipe
	for _, c = range r.recipes() {
		if c.key == "transformer" {
			break
		}
	}
	m, err := r.make(c, 1)
	if err != nil {
		t.Fatal(err)
	}
	for l, heads := range r.gaze(t.Context(), m.Model, r.long(9, 1)[0]) {
		if len(heads) != r.size.heads {
			t.Errorf("layer %d shows %d heads", l, len(heads))
		}
		for _, queries := range heads {
			for _, w := range queries {
				sum := float32(0)
				for _, v := range w {
					sum += v
					if v < 0 {
						t.Errorf("a weight is %v", v)
					}
				}
				if len(queries) != 9 || len(w) != 9 || math.Abs(float64(sum-1)) > 1e-5 {
					t.Errorf("%d queries, %d weights, sum %v", len(queries), len(w), sum)
				}
			}
		}
	}
	outs := outputs(m.Model)
	if len(outs) != r.size.layers {
		t.Fatalf("%d output projections for %d layers", len(outs), r.size.layers)
	}
	before := slices.Clone(outs[0].Float32())
	back := silence(outs[0], 1, r.size.heads)
	if slices.Equal(before, outs[0].Float32()) {
		t.Error("a silent head still speaks")
	}
	back()
	if !slices.Equal(before, outs[0].Float32()) {
		t.Error("what was switched off did not come back")
	}
	for _, h := range []int{1, 2, 4} {
		o := c.made
		o.Heads = h
		if m, err := r.make(recipe{made: o}, 1); err != nil || scratch.Parameters(m.Model) != transformerCount(r.size, r.pieces.VocabSize(), len(r.set.Labels)) {
			t.Errorf("%d heads change the number of parameters (%v)", h, err)
		}
	}
}

// A15: the pictures' figures: ‖PE‖² = d/2, and a dot product depends on the offset
// alone.
func TestPlaces(t *testing.T) {
	const n, d = 64, 64
	table := position.Sinusoids(n, d, false)
	at := func(p int) []float32 { return table[p*d : (p+1)*d] }
	for p := range n {
		if s := dot(at(p), at(p)); math.Abs(s-d/2) > 1e-4 {
			t.Errorf("‖PE(%d)‖² is %v", p, s)
		}
		if p+7 < n {
			if a, b := dot(at(p), at(p+7)), dot(at(0), at(7)); math.Abs(a-b) > 1e-4 {
				t.Errorf("from %d: %v, from 0: %v", p, a, b)
			}
		}
	}
}

// A17: slopes: the sigmoid's is 0.25 at most and tanh's 1; ReLU's is 0 or 1; ten
// sigmoids pass on 9.5e-7; what counts as flat and as dead.
func TestSlopes(t *testing.T) {
	for act, most := range map[tensor.Activation]float64{tensor.Sigmoid: 0.25, tensor.Tanh: 1, tensor.ReLU: 1} {
		if have := greatestSlope(act); math.Abs(have-most) > 1e-4 {
			t.Errorf("%s: slope %v at most, want %v", act, have, most)
		}
	}
	for _, v := range slopeOf(tensor.ReLU, []float32{-3, -0.1, 0.1, 3}) {
		if v != 0 && v != 1 {
			t.Errorf("a slope of ReLU is %v", v)
		}
	}
	if text := string(depthText()); !strings.Contains(text, "9.54 × 10⁻⁷") {
		t.Errorf("ten sigmoids: %s", text)
	}
	flat, dead := flatShares([]float32{0, 1, 0, 0, 1, 0.5}, 3, 0.01) // two rows of three units
	if math.Abs(flat-0.5) > 1e-9 || math.Abs(dead-1.0/3) > 1e-9 {
		t.Errorf("have %v flat and %v dead", flat, dead)
	}
}

// A20: of a pretrained network only the head is new.
func TestOnlyTheHeadIsNew(t *testing.T) {
	r := ready(t)
	for _, c := range r.recipes() {
		if c.pretext == "" {
			continue
		}
		p, err := r.pretrain(t.Context(), c, 1, nil)
		if err != nil {
			t.Fatal(err)
		}
		m, err := r.make(c, 1)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range adopt(m.Model, p.Model.Model) {
			if !strings.HasPrefix(name, "classifier.") {
				t.Errorf("%s: %s is new", c.key, name)
			}
		}
		// A25: a model that knows nothing yet loses about ln V on each token.
		if u := math.Log(float64(r.pieces.VocabSize())); math.Abs(p.before-u) > 0.3 {
			t.Errorf("%s: %v nats before training, ln V is %v", c.key, p.before, u)
		}
	}
}

// A21: days and price follow from what is stated.
func TestPrice(t *testing.T) {
	c := report.Calculator{Parameters: 1e9, Tokens: 1e10, Speed: 1e14, Devices: 10, Price: 2}.Cost()
	if hours := 6e19 / 1e14 / 3600; c.Operations != 6e19 || math.Abs(c.DeviceDays-hours/24) > 1e-9 || math.Abs(c.Days-hours/240) > 1e-9 || math.Abs(c.Money-2*hours) > 1e-9 {
		t.Errorf("have %+v", c)
	}
}

// A22: an LSTM's state has one size whatever it has read, and read token by token it is
// that of the whole; a cache grows by 2·L·d numbers a token.
func TestStream(t *testing.T) {
	net := rnn.New(rnn.Config{Cell: rnn.LSTM, Input: 8, Hidden: 8, Layers: 2})
	net.Init(1)
	x := rows(100, 8)
	memory := &nn.Memory{}
	defer memory.Close()
	var last rnn.State
	for i := range 100 {
		p := nn.NewPass(t.Context(), nn.Sequences(1), nn.Options{})
		p.Memory = memory
		_, last = net.Forward(p, p.Of(x[i*8:(i+1)*8], 1, 8), nil)
		if have := 4 * (last.H.Rows()*last.H.Width() + last.C.Rows()*last.C.Width()); float64(have) != LSTMBytes(2, 8) {
			t.Fatalf("after %d tokens the state has %d bytes, want %v", i+1, have, LSTMBytes(2, 8))
		}
		if i == 99 {
			q := nn.NewPass(t.Context(), nn.Sequences(100), nn.Options{})
			_, whole := net.Forward(q, q.Of(x, 100, 8), nil)
			if apart(last.H.Float32s(), whole.H.Float32s()) != 0 {
				t.Error("token by token the state is another one")
			}
			q.Close()
		}
		p.Close()
	}
	if CacheBytes(2, 1000, 8) != 2*2*1000*8*4 || CacheBytes(2, 2000, 8) != 2*CacheBytes(2, 1000, 8) {
		t.Error("the cache is not linear in the tokens")
	}
}

// A24: the counts of one layer, by formula and by counting.
func TestCounts(t *testing.T) {
	lstm := rnn.New(rnn.Config{Cell: rnn.LSTM, Input: 12, Hidden: 12})
	if have := parameters(lstm); have != LSTMParameters(12) {
		t.Errorf("an LSTM layer has %d parameters, counted %d", have, LSTMParameters(12))
	}
	if have := parameters(rnn.New(rnn.Config{Cell: rnn.LSTM, Input: 10, Hidden: 20})); have != 2560 {
		t.Errorf("x=10, h=20: %d", have)
	}
	if have := BlockParameters(768); have != 7087872 {
		t.Errorf("a block of BERT has %d", have)
	}
}

// A26: the same seed gives the same curve.
func TestSameSeedSameCurve(t *testing.T) {
	r := ready(t)
	var curves [2][]float64
	for i := range curves {
		g, err := r.experiment(t.Context(), r.lab(nil), nil)
		if err != nil {
			t.Fatal(err)
		}
		curves[i] = g.losses
	}
	if !slices.Equal(curves[0], curves[1]) {
		t.Errorf("have %v and %v", curves[0], curves[1])
	}
}

// The learning curve is drawn on over the logarithm of the labels, and never beyond 1.
func TestNextLabels(t *testing.T) {
	if have := gain(100, 200, 0.5, 0.6); math.Abs(have-0.1*math.Log2(1.5)) > 1e-12 {
		t.Errorf("have %v", have)
	}
	if have := gain(10, 20, 0.5, 0.99); have > 0.01+1e-12 {
		t.Errorf("beyond 1 by %v", have-0.01)
	}
}

// Documents that a limit keeps out are missed by all classes alike.
func TestAtMost(t *testing.T) {
	set, err := Box()
	if err != nil {
		t.Fatal(err)
	}
	some := atMost(set.Train, 100, 1)
	count := map[string]int{}
	for _, e := range some {
		count[e.Label]++
	}
	if len(some) > 100 || len(some) < 90 || len(count) != len(set.Labels) {
		t.Errorf("%d documents of %v", len(some), count)
	}
	for _, n := range count {
		if n != count[set.Labels[0]] {
			t.Errorf("have %v", count)
		}
	}
	if all := atMost(set.Train, 0, 1); len(all) != len(set.Train) {
		t.Error("no limit is one")
	}
}
