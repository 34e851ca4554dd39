package zoo_test

import (
	"context"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/qkvgo/qkv/device/cpu"
	"github.com/qkvgo/qkv/model"
	"github.com/qkvgo/qkv/nn"
	"github.com/qkvgo/qkv/safetensors"
	"github.com/qkvgo/qkv/zoo"
	"github.com/qkvgo/qkv/zoo/zootest"
)

// measured runs the pass that a forecast is for on a device of its own and gives
// the most memory it held and what panels it left.
func measured(t *testing.T, m model.Model, n, threads int) (peak int64, panels int64) {
	t.Helper()
	d := cpu.New(cpu.Options{Threads: threads})
	in, rows := &model.Input{IDs: make([]int32, n)}, nn.Sequences(n)
	if v, ok := m.(model.Vision); ok {
		h, w, c := v.PictureSize()
		rows = nn.Pictures(nn.Grid{Height: h, Width: w})
		in = &model.Input{Pixels: make([]float32, h*w*c)}
	}
	p := nn.NewPass(context.Background(), rows, nn.Options{Device: d})
	lm, reads := m.(model.CausalLM)
	if d, ok := m.(model.Directed); ok && !d.Causal() {
		reads = false // each token sees those after it: there is nothing to go on from
	}
	if reads {
		p.Memory = &nn.Memory{}
		defer p.Memory.Close()
		lm.Unembed(p, p.Last(lm.Hidden(p, in.IDs)))
	} else {
		m.Run(p, in)
	}
	p.Close()
	if p.Memory != nil {
		p.Memory.Close()
	}
	peak = d.Memory().Peak
	if err := d.Close(); err != nil { // refuses while anything is in use
		t.Error(err)
	}
	for _, w := range nn.Params(m) {
		_, bytes := w.Copies()
		panels += int64(bytes)
	}
	return peak, panels
}

// larger gives a config of more width and length, so that pieces, threads and
// tiles count, and of the given number of layers.
func larger(kind string, layers int) string {
	return strings.NewReplacer(`"hidden_size": 8`, `"hidden_size": 32`, `"n_embd": 8`, `"n_embd": 32`,
		`"intermediate_size": 12`, `"intermediate_size": 88`,
		`"max_position_embeddings": 16`, `"max_position_embeddings": 512`, `"n_positions": 16`, `"n_positions": 512`,
		`"image_size": 8`, `"image_size": 48`,
		`"num_hidden_layers": 2`, fmt.Sprintf(`"num_hidden_layers": %d`, layers), `"n_layer": 2`, fmt.Sprintf(`"n_layer": %d`, layers),
	).Replace(zootest.Configs[kind])
}

func open(t *testing.T, config string) *zoo.Loaded {
	t.Helper()
	dir := t.TempDir()
	if err := zootest.MakeFrom(config, dir); err != nil {
		t.Fatal(err)
	}
	m, err := zoo.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Close() })
	return m
}

// kinds are of every family.
var kinds = []string{"gpt2", "llama", "bert-classifier", "vit"}

// A pass holds what its forecast says: exactly on one thread; on more, which may
// or may not all hold their scratch at once, no more than forecast and no less
// than one thread holds.
func TestForecastIsMeasured(t *testing.T) {
	for _, kind := range kinds {
		m := open(t, larger(kind, 2))
		for _, n := range []int{1, 100, 257} {
			if m.Vision() {
				n = 1
			}
			least := int64(0)
			for _, threads := range []int{1, 2, 3} {
				f, err := zoo.ForecastOn(m.Model, n, nn.Float32, nn.CacheFloat32, cpu.Options{Threads: threads})
				if err != nil {
					t.Fatal(err)
				}
				if threads == 1 {
					least = f.Pass
				}
				peak, panels := measured(t, m.Model, n, threads)
				if peak > f.Pass || peak < least {
					t.Errorf("%s, %d rows, %d threads: the pass held %d bytes, forecast %d", kind, n, threads, peak, f.Pass)
				}
				if panels != f.Panels {
					t.Errorf("%s: panels of %d bytes, forecast %d", kind, panels, f.Panels)
				}
			}
		}
	}
}

// Every page of the table has a forecast, which its pass holds to.
func TestEveryForecast(t *testing.T) {
	each(t, func(t *testing.T, _ string, _ []byte, m model.Model) {
		n := 4
		if _, ok := m.(model.Vision); ok {
			n = 1
		}
		f, err := zoo.ForecastOn(m, n, nn.Float32, nn.CacheFloat32, cpu.Options{Threads: 1})
		if err != nil {
			t.Fatal(err)
		}
		if peak, panels := measured(t, m, n, 1); peak != f.Pass || panels != f.Panels {
			t.Errorf("the pass held %d bytes and %d of panels, forecast %d and %d", peak, panels, f.Pass, f.Panels)
		}
	})
}

// A pass holds one layer and its output, however many layers there are; only a
// cache grows with them.
func TestMemoryOfOneLayer(t *testing.T) {
	for _, kind := range kinds {
		var held, cached [2]int64
		for i, layers := range []int{2, 5} {
			m := open(t, larger(kind, layers))
			f, err := zoo.ForecastOn(m.Model, 1, nn.Float32, nn.CacheFloat32, cpu.Options{Threads: 1})
			if !m.Vision() {
				f, err = zoo.ForecastOn(m.Model, 130, nn.Float32, nn.CacheFloat32, cpu.Options{Threads: 1})
			}
			if err != nil {
				t.Fatal(err)
			}
			peak, _ := measured(t, m.Model, 130, 1)
			held[i], cached[i] = peak-f.Cache, f.Cache
		}
		// The last layer's cache and its activations are at their height
		// together; so are those of the first.
		if held[0] != held[1] {
			t.Errorf("%s: %d bytes with 2 layers, %d with 5, beside a cache of %d and %d", kind, held[0], held[1], cached[0], cached[1])
		}
		if 5*cached[0] != 2*cached[1] {
			t.Errorf("%s: a cache of %d bytes with 2 layers, %d with 5", kind, cached[0], cached[1])
		}
	}
}

// Nothing outlives what made it: no mapping after a model's Close, no slab and
// no goroutine after a device's.
func TestNothingIsLeft(t *testing.T) {
	goroutines := runtime.NumGoroutine()
	files, _ := safetensors.Mapped()
	for kind := range zootest.Configs {
		dir := t.TempDir()
		if err := zootest.MakeFrom(larger(kind, 1), dir); err != nil {
			t.Fatal(err)
		}
		m, err := zoo.Open(dir)
		if err != nil {
			t.Fatal(err)
		}
		measured(t, m.Model, 40, 3) // closes its device, which fails while anything is in use
		if err := m.Close(); err != nil {
			t.Error(err)
		}
	}
	if now, bytes := safetensors.Mapped(); now != files {
		t.Errorf("%d files are mapped (%d bytes), %d before", now, bytes, files)
	}
	for range 100 { // workers that were told to end may not have ended yet
		if runtime.NumGoroutine() <= goroutines {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Errorf("%d goroutines, %d before", runtime.NumGoroutine(), goroutines)
}

// The anatomy is the config's.
func TestAnatomy(t *testing.T) {
	for kind, want := range map[string]zoo.Anatomy{
		"gpt2":            {Layers: 2, Width: 8, Heads: 2, KVHeads: 2, Positions: 16, Vocabulary: 13},
		"llama":           {Layers: 2, Width: 8, Heads: 2, KVHeads: 1, Vocabulary: 13},
		"bert":            {Layers: 2, Width: 8, Heads: 2, KVHeads: 2, Positions: 16},
		"bert-classifier": {Layers: 2, Width: 8, Heads: 2, KVHeads: 2, Positions: 16, Classes: 3},
		"vit":             {Layers: 2, Width: 8, Heads: 2, KVHeads: 2, Classes: 2},
	} {
		have, err := zoo.AnatomyOf(open(t, zootest.Configs[kind]).Model)
		if err != nil || have != want {
			t.Errorf("%s: have %+v (%v), want %+v", kind, have, err, want)
		}
	}
}

// The work of a pass is that of its formulas: a product of n, k and m numbers
// takes n·k·m multiply–adds.
func TestWork(t *testing.T) {
	const d, h, f, n, v = 32, 2, 88, 100, 13
	kv := d / h // one head of keys
	perToken := 2 * (d*d + 2*d*kv + d*d + 3*d*f)
	m := open(t, larger("llama", 2))
	have, err := zoo.ForecastOf(m.Model, n)
	if err != nil {
		t.Fatal(err)
	}
	// Attention at least over the visible pairs, at most over all.
	base := int64(n*perToken + d*v)
	visible, all := int64(2*2*d)*n*(n+1)/2, int64(2*2*d)*n*n
	if have.Work < base+visible || have.Work > base+all {
		t.Errorf("have %d multiply–adds, want %d to %d", have.Work, base+visible, base+all)
	}
}
