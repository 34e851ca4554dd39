package parts

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/qkvgo/qkv/model"
	"github.com/qkvgo/qkv/nn"
	"github.com/qkvgo/qkv/tensor"
)

func small() Config {
	c := Defaults()
	c.V, c.T, c.D, c.F, c.L, c.H = 11, 40, 12, 20, 2, 3
	return c
}

// all are configs of every part.
func all() (list []Config) {
	for _, places := range []string{"none", "learned", "sinusoidal", "rotary", "alibi", "relative"} {
		for _, norm := range []string{"post-layernorm", "pre-layernorm", "post-rmsnorm", "pre-rmsnorm"} {
			c := small()
			c.Position, c.Norm, c.Gated = places, norm, len(list)%2 == 1
			if len(list)%3 == 1 {
				c.Attention, c.Window = "window", 2
			}
			list = append(list, c)
		}
	}
	return list
}

func made(t *testing.T, c Config) *Model {
	t.Helper()
	if err := c.Check(); err != nil {
		t.Fatal(err)
	}
	m, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	nn.Name(m)
	m.Init(1)
	for _, w := range nn.Params(m) {
		if len(w.Shape) > 1 {
			nn.InitNormal(w, 0.4, 1) // far from the small first values, so that all parts speak
		}
	}
	return m
}

func forward(t *testing.T, m *Model, ids []int32, lengths ...int) []float32 {
	t.Helper()
	p := nn.NewPass(t.Context(), nn.Sequences(lengths...), nn.Options{})
	defer p.Close()
	return m.Forward(p, ids).Float32s()
}

func ids(n int) []int32 {
	x := make([]int32, n)
	for i := range x {
		x[i] = int32((5*i + i/3) % 11)
	}
	return x
}

func furthest(x, y []float32) (most float64) {
	for i := range x {
		most = max(most, math.Abs(float64(x[i])-float64(y[i])))
	}
	return most
}

func name(c Config) string {
	return fmt.Sprintf("%s %s gated %v %s decoder %v", c.Position, c.Norm, c.Gated, c.Attention, c.Decoder)
}

// Editing a token changes nothing before it where tokens see only those before them,
// and something after it: talk A16.
func TestCausal(t *testing.T) {
	const n, at = 14, 6
	for _, c := range all() {
		c.Decoder = true
		m := made(t, c)
		was, edited := ids(n), ids(n)
		edited[at] = (edited[at] + 1) % 11
		x, y := forward(t, m, was, n), forward(t, m, edited, n)
		if !slices.Equal(x[:at*c.D], y[:at*c.D]) {
			t.Errorf("%s: an edit changes what stands before it", name(c))
		}
		if slices.Equal(x[at*c.D:(at+1)*c.D], y[at*c.D:(at+1)*c.D]) || slices.Equal(x[(at+1)*c.D:(at+2)*c.D], y[(at+1)*c.D:(at+2)*c.D]) {
			t.Errorf("%s: an edit changes nothing behind it", name(c))
		}
	}
}

// Without positions outputs move with inputs, and the mean of a document does not
// change; with positions it does: talk A03, A15. Only alibi, whose distances have no
// sign, takes a text for its mirror image.
func TestOrder(t *testing.T) {
	const n = 9
	mirror, mixed := make([]int, n), []int{0, 4, 2, 3, 1, 5, 8, 6, 7}
	for i := range mirror {
		mirror[i] = n - 1 - i
	}
	for _, c := range all() {
		c.Attention = "full"
		m := made(t, c)
		x := ids(n)
		h := forward(t, m, x, n)
		for _, order := range [][]int{mirror, mixed} {
			moved := make([]int32, n)
			for i, from := range order {
				moved[i] = x[from]
			}
			g := forward(t, m, moved, n)
			p := nn.NewPass(t.Context(), nn.Sequences(n), nn.Options{})
			mean := func(h []float32) []float32 { return p.Of(h, n, c.D).MeanRows([]int{0, n}).Float32s() }
			middle := mean(h)
			far := furthest(middle, mean(g)) / max(1, furthest(middle, make([]float32, c.D)))
			p.Close()
			rows := 0.0
			for i, from := range order {
				rows = max(rows, furthest(h[from*c.D:(from+1)*c.D], g[i*c.D:(i+1)*c.D]))
			}
			blind := c.Position == "none" || c.Position == "alibi" && &order[0] == &mirror[0]
			switch {
			case blind && (far > 1e-6 || rows > 1e-5):
				t.Errorf("%s: in another order rows differ by %v and their mean by %v", name(c), rows, far)
			case !blind && (rows < 1e-4 || far < 1e-4):
				t.Errorf("%s: another order is the same, up to %v", name(c), far)
			}
		}
	}
}

// A window of w tokens over L layers reaches L·w tokens, and no further.
func TestWindow(t *testing.T) {
	const n, w = 21, 3
	c := small()
	c.Position, c.Attention, c.Window = "none", "window", w
	m := made(t, c)
	x, edited := ids(n), ids(n)
	edited[n/2] = (edited[n/2] + 1) % 11
	h, g := forward(t, m, x, n), forward(t, m, edited, n)
	for i := range n {
		same := slices.Equal(h[i*c.D:(i+1)*c.D], g[i*c.D:(i+1)*c.D])
		if far := max(i-n/2, n/2-i); same != (far > c.L*w) {
			t.Errorf("%d tokens away: the same %v", far, same)
		}
	}
}

// Where both parts say nothing a block with norms before them is the identity, and
// one with norms behind them a norm: talk A14.
func TestSilentParts(t *testing.T) {
	const n = 5
	for _, norm := range []string{"pre-layernorm", "post-layernorm", "pre-rmsnorm", "post-rmsnorm"} {
		c := small()
		c.Norm = norm
		m := made(t, c)
		b := m.Blocks[0]
		for _, w := range []*nn.Param{b.Attn.Out.Weight, b.Attn.Out.Bias, b.FFN.Down.Weight, b.FFN.Down.Bias} {
			nn.InitZeros(w)
		}
		p := nn.NewPass(t.Context(), nn.Sequences(n), nn.Options{})
		x := m.Words.Forward(p, ids(n))
		y := b.Forward(p, x)
		want := x
		if !c.pre() {
			want = b.N2.Forward(p, b.N1.Forward(p, x))
		}
		if !slices.Equal(y.Float32s(), want.Float32s()) {
			t.Errorf("%s: a block of silent parts is not what it should be", norm)
		}
		for i := range n { // what a norm gives: mean 0 and variance 1, or mean square 1
			sum, square := 0.0, 0.0
			for _, v := range b.N1.Forward(p, x).Row(i) {
				sum, square = sum+float64(v), square+float64(v)*float64(v)
			}
			if d := float64(c.D); math.Abs(square/d-1) > 1e-3 || norm[len(norm)-9:] == "layernorm" && math.Abs(sum/d) > 1e-6 {
				t.Errorf("%s: mean %v, mean square %v", norm, sum/d, square/d)
			}
		}
		p.Close()
	}
}

// Parameters are 4d² of attention for any number of heads, and the rest as counted by
// hand: talk A13, A24.
func TestParameters(t *testing.T) {
	for _, heads := range []int{1, 3, 4} {
		c := small()
		c.H, c.F = heads, 4*c.D
		m := made(t, c)
		weights, count := 0, 0
		for name, w := range nn.Params(m.Blocks[0]) {
			count += w.Len()
			if len(w.Shape) == 2 && name[0] == 'a' {
				weights += w.Len()
			}
		}
		if d := c.D; weights != 4*d*d || count != 12*d*d+13*d {
			t.Errorf("%d heads: %d weights of attention, want %d; %d in a block, want %d", heads, weights, 4*d*d, count, 12*d*d+13*d)
		}
	}
}

// The scores of filled-in rows are those of all rows, and untrained models know
// nothing: their loss is about ln V: talk A25.
func TestFill(t *testing.T) {
	c := small()
	m, err := NewMaskedLM(c)
	if err != nil {
		t.Fatal(err)
	}
	m.Init(5)
	in := &model.Input{IDs: ids(12), Labels: slices.Repeat([]int32{tensor.Ignore}, 12)}
	in.Labels[3], in.Labels[8] = 1, 7
	p := nn.NewPass(t.Context(), nn.Sequences(7, 5), nn.Options{})
	defer p.Close()
	out := m.Run(p, in)
	want := slices.Concat(out[1].Value.Row(3), out[1].Value.Row(8))
	if have := m.Fill(p, in, []int32{3, 8}).Float32s(); !slices.Equal(have, want) {
		t.Error("rows alone have other scores")
	}
	nn.InitZeros(m.Model.Words.Weight)
	again := nn.NewPass(t.Context(), nn.Sequences(7, 5), nn.Options{})
	defer again.Close()
	if have, want := float64(m.Run(again, in)[0].Value.Scalar()), math.Log(float64(c.V)); math.Abs(have-want) > 1e-5 {
		t.Errorf("a model that knows nothing has loss %v, want ln V = %v", have, want)
	}
}

// Configs that cannot be are errors.
func TestErrors(t *testing.T) {
	for i, change := range []func(c *Config){func(c *Config) { c.V = 0 }, func(c *Config) { c.H = 5 }, func(c *Config) { c.H, c.Position = 4, "rotary" },
		func(c *Config) { c.Position, c.Buckets = "relative", 200 }, func(c *Config) { c.Theta = math.NaN() }} {
		c := small()
		change(&c)
		if c.Check() == nil {
			t.Errorf("case %d is no error", i)
		}
	}
	if _, err := NewLM(small()); err == nil {
		t.Error("a language model that reads both ways is no error")
	}
	c := small()
	c.Decoder = true
	if _, err := NewMaskedLM(c); err == nil {
		t.Error("a masked language model that reads forwards only is no error")
	}
}
