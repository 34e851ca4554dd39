package train

import (
	"bytes"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/qkvgo/qkv/device/cpu"
	"github.com/qkvgo/qkv/nn"
	"github.com/qkvgo/qkv/safetensors"
)

// rules are all rules, each also with everything switched on.
var rules = map[string]Rule{
	"sgd": SGD{}, "momentum": SGD{Momentum: 0.9, Dampening: 0.1}, "nesterov": SGD{Momentum: 0.9, Nesterov: true},
	"rmsprop": RMSProp{}, "centered": RMSProp{Centered: true, Momentum: 0.5},
	"adam": Adam{}, "amsgrad": Adam{AMSGrad: true, Decoupled: true}, "nadam": NAdam{}, "radam": RAdam{}, "lion": Lion{},
	"adafactor": Adafactor{}, "adafactor relative": Adafactor{Relative: true, WarmUp: true, ScaleParameter: true, Beta1: 0.9},
}

// parts are parameters of several shapes, one larger than a piece.
func parts(r *rand.Rand) (names []string, params []*nn.Param) {
	for i, shape := range [][]int{{3, 5}, {7}, {2, 3, 4}, {}, {99, 101}} {
		w := nn.NewParam(shape...)
		w.Set(normals(r, w.Len()))
		names, params = append(names, fmt.Sprintf("h.%d.weight", i)), append(params, w)
	}
	return names, params
}

func normals(r *rand.Rand, n int) []float32 {
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(r.NormFloat64())
	}
	return x
}

func named(names []string, params []*nn.Param) func(func(string, *nn.Param) bool) {
	return func(yield func(string, *nn.Param) bool) {
		for i, w := range params {
			if !yield(names[i], w) {
				return
			}
		}
	}
}

// descend takes steps with random gradients from the first on, and saves and
// restores after step pause.
func descend(t *testing.T, rule Rule, o OptimizerOptions, steps, pause int) [][]float32 {
	r := rand.New(rand.NewPCG(1, 2))
	names, params := parts(r)
	d := NewOptimizer(named(names, params), rule, o)
	for step := range steps {
		if step == pause {
			var file bytes.Buffer
			if err := safetensors.Encode(&file, d.State(), nil); err != nil {
				t.Fatal(err)
			}
			f, err := safetensors.Parse(file.Bytes())
			if err != nil {
				t.Fatal(err)
			}
			d = NewOptimizer(named(names, params), rule, o)
			if err := d.Restore(f); err != nil {
				t.Fatal(err)
			}
		}
		d.Gradients().Reset()
		for i, w := range params {
			if g := normals(r, w.Len()); i != 1 || step%2 == 0 {
				d.Gradients().Set(i, g)
			}
		}
		d.Update(d.Rate())
	}
	var out [][]float32
	for _, w := range params {
		out = append(out, w.Float32())
	}
	return out
}

func sameBits(a, b [][]float32) bool { return slices.EqualFunc(a, b, equalBits) }

// Every rule moves the same way on any number of threads and when it was
// stopped; a rate of zero moves nothing; every group has its own rate.
func TestRules(t *testing.T) {
	_, still := parts(rand.New(rand.NewPCG(1, 2)))
	for name, rule := range rules {
		one, three := cpu.New(cpu.Options{Threads: 1}), cpu.New(cpu.Options{Threads: 3})
		o := OptimizerOptions{Rate: 0.01, Decay: 0.1, Device: one}
		if a, ok := rule.(Adafactor); ok && a.Relative {
			o.Rate = 1 // of a warm-up that starts at a millionth
		}
		want := descend(t, rule, o, 7, -1)
		o.Device = three
		if !sameBits(want, descend(t, rule, o, 7, -1)) {
			t.Errorf("%s: other bits on three threads", name)
		}
		if !sameBits(want, descend(t, rule, o, 7, 3)) {
			t.Errorf("%s: other bits after a restart", name)
		}
		o.Groups = []Group{{"h.[24].*", 0, 1}, {"*", 1, 1}}
		grouped := descend(t, rule, o, 7, 5)
		o.Rate = 0
		resting := descend(t, rule, o, 7, 3)
		for i, w := range still {
			if equalBits(want[i], w.Float32()) {
				t.Errorf("%s: parameter %d did not move", name, i)
			}
			if !equalBits(resting[i], w.Float32()) {
				t.Errorf("%s: parameter %d moved at rate 0", name, i)
			}
			if frozen := i == 2 || i == 4; !equalBits(grouped[i], map[bool][]float32{true: w.Float32(), false: want[i]}[frozen]) {
				t.Errorf("%s: parameter %d does not move as its group says", name, i)
			}
		}
		for _, d := range []*cpu.Device{one, three} {
			if n := d.Memory().InUse; n != 0 {
				t.Errorf("%s: %d bytes in use", name, n)
			}
			d.Close()
		}
	}
}

// Every rule finds the least of a bowl.
func TestRulesDescend(t *testing.T) {
	for name, rule := range rules {
		w := nn.NewParam(2, 2)
		w.Set([]float32{1, -2, 3, -1})
		o := OptimizerOptions{Rate: 0.06}
		if a, ok := rule.(Adafactor); ok && a.Relative {
			o.Rate = 1000 // its warm-up starts at a millionth
		}
		d := NewOptimizer(named([]string{"w"}, []*nn.Param{w}), rule, o)
		for step := range 1000 {
			g := slices.Clone(w.Float32())
			d.Gradients().Reset()
			d.Gradients().Set(0, g)
			d.Update(d.Rate() * (1 - float64(step)/1000))
		}
		for _, v := range w.Float32() {
			if math.Abs(float64(v)) > 0.1 {
				t.Errorf("%s ends at %v", name, w.Float32())
				break
			}
		}
	}
}

// Adam with decay of its own is AdamW, up to rounding.
func TestDecoupledAdamIsAdamW(t *testing.T) {
	o := OptimizerOptions{Rate: 0.01, Decay: 0.1}
	have := descend(t, Adam{Decoupled: true}, o, 6, -1)
	r := rand.New(rand.NewPCG(1, 2))
	names, params := parts(r)
	a := NewAdamW(named(names, params), AdamWOptions{Rate: o.Rate, Decay: o.Decay})
	for step := range 6 {
		a.Gradients().Reset()
		for i, w := range params {
			if g := normals(r, w.Len()); i != 1 || step%2 == 0 {
				a.Gradients().Set(i, g)
			}
		}
		a.Update(a.Rate())
	}
	for i, w := range params {
		for j, want := range w.Float32() {
			if math.Abs(float64(have[i][j]-want)) > 1e-6 {
				t.Fatalf("parameter %d, element %d: %v, AdamW %v", i, j, have[i][j], want)
			}
		}
	}
}

// Adafactor without room for tricks moves as the paper's algorithm in float64.
func TestAdafactorEqualsPaper(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	const n, m, rate = 3, 5, 0.1
	w := nn.NewParam(n, m)
	w.Set(normals(r, n*m))
	want := make([]float64, n*m)
	for i, v := range w.Float32() {
		want[i] = float64(v)
	}
	d := NewOptimizer(named([]string{"w"}, []*nn.Param{w}), Adafactor{}, OptimizerOptions{Rate: rate})
	row, column := make([]float64, n), make([]float64, m)
	for step := 1; step <= 5; step++ {
		g := normals(r, n*m)
		beta := 1 - math.Pow(float64(step), -0.8)
		rows, columns, total, square := make([]float64, n), make([]float64, m), 0.0, 0.0
		for i, v := range g {
			rows[i/m] += float64(v) * float64(v) / m
			columns[i%m] += float64(v) * float64(v) / n
		}
		for i := range row {
			row[i] = beta*row[i] + (1-beta)*rows[i]
			total += row[i] / n
		}
		for j := range column {
			column[j] = beta*column[j] + (1-beta)*columns[j]
		}
		update := make([]float64, n*m)
		for i, v := range g {
			update[i] = float64(v) / math.Sqrt(row[i/m]*column[i%m]/total)
			square += update[i] * update[i] / (n * m)
		}
		for i := range want {
			want[i] -= rate * update[i] / max(1, math.Sqrt(square))
		}
		d.Gradients().Reset()
		d.Gradients().Set(0, g)
		d.Update(rate)
	}
	for i, v := range w.Float32() {
		if math.Abs(float64(v)-want[i]) > 1e-5 {
			t.Errorf("element %d: %v, want %v", i, v, want[i])
		}
	}
}

func TestRestoreRefuses(t *testing.T) {
	w := nn.NewParam(3)
	w.Set([]float32{1, 2, 3})
	for name, rule := range rules {
		d := NewOptimizer(named([]string{"w"}, []*nn.Param{w}), rule, OptimizerOptions{})
		var file bytes.Buffer
		if err := safetensors.Encode(&file, d.State()[1:], nil); err != nil {
			t.Fatal(err)
		}
		f, err := safetensors.Parse(file.Bytes())
		if err != nil {
			t.Fatal(err)
		}
		if d.Restore(f) == nil {
			t.Errorf("%s takes up a state with a hole", name)
		}
	}
}

func TestClipValue(t *testing.T) {
	w := nn.NewParam(4)
	w.Set([]float32{1, 1, 1, 1})
	d := NewOptimizer(named([]string{"w"}, []*nn.Param{w}), SGD{}, OptimizerOptions{Rate: 1})
	d.Gradients().Reset()
	d.Gradients().Set(0, []float32{0.25, -0.25, 3, -4})
	d.Gradients().ClipValue(0.5)
	d.Update(1)
	if want := []float32{0.75, 1.25, 0.5, 1.5}; !slices.Equal(w.Float32(), want) {
		t.Errorf("have %v, want %v", w.Float32(), want)
	}
}

func TestFreezeAndLayerwise(t *testing.T) {
	m := newBigram(11, 4)
	if err := Freeze(m, "*.weight"); err == nil {
		for name, w := range nn.Params(m) {
			if matched := matches("*.weight", name); w.Frozen != matched {
				t.Errorf("%s: frozen %v", name, w.Frozen)
			}
		}
	} else {
		t.Error(err)
	}
	if Freeze(m, "no.such.*") == nil || Freeze(m, "[") == nil {
		t.Error("a pattern without a parameter freezes in silence")
	}
	names := []string{"wte.weight", "h.0.weight", "h.1.bias", "ln_f.weight"}
	groups := Layerwise(named(names, make([]*nn.Param, 4)), 0.5)
	for i, want := range []float64{0.125, 0.25, 0.5, 1} {
		if groups[i] != (Group{names[i], want, 1}) {
			t.Errorf("have %+v, want a factor of %v", groups[i], want)
		}
	}
}

func TestAverages(t *testing.T) {
	w := nn.NewParam(2)
	w.Set([]float32{1, 10})
	params := named([]string{"w"}, []*nn.Param{w})
	swa, ema := NewSWA(params, nil), NewEMA(params, 0.75, nil)
	for _, v := range [][]float32{{1, 10}, {3, 20}, {5, 60}} {
		copy(w.Float32(), v)
		swa.Update()
		ema.Update()
	}
	for _, c := range []struct {
		a    *Average
		want []float32
	}{{swa, []float32{3, 30}}, {ema, []float32{2.375, 24.375}}} {
		var file bytes.Buffer
		if err := safetensors.Encode(&file, c.a.State(), nil); err != nil {
			t.Fatal(err)
		}
		f, err := safetensors.Parse(file.Bytes())
		if err != nil {
			t.Fatal(err)
		}
		again := NewSWA(params, nil)
		if err := again.Restore(f); err != nil {
			t.Fatal(err)
		}
		again.Swap()
		for i, v := range w.Float32() {
			if math.Abs(float64(v-c.want[i])) > 1e-5 {
				t.Errorf("have %v, want %v", w.Float32(), c.want)
			}
		}
		again.Swap()
		if !slices.Equal(w.Float32(), []float32{5, 60}) {
			t.Errorf("the values do not come back: %v", w.Float32())
		}
	}
}
