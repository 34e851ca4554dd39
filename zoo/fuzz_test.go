package zoo_test

import (
	"encoding/json"
	"runtime"
	"testing"

	"github.com/qkvgo/qkv/nn"
	"github.com/qkvgo/qkv/zoo"
)

// most is what a model without values may take: 4096 layers of the largest
// family.
const most = 64 << 20

// build makes the model of every architecture from one config. It fails where
// that panics or takes memory as the config's sizes say.
func build(t *testing.T, config []byte) {
	for _, architecture := range append(zoo.Architectures(), "") {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		m, _, _, err := zoo.New(config, architecture)
		runtime.ReadMemStats(&after)
		if took := after.TotalAlloc - before.TotalAlloc; took > most+100*uint64(len(config)) {
			t.Errorf("%s: %d bytes for %d bytes of config (%v)", architecture, took, len(config), err)
		}
		if err != nil {
			continue
		}
		for name, w := range nn.Params(m) {
			for _, n := range w.Shape {
				if n < 0 {
					t.Errorf("%s: %s has shape %v", architecture, name, w.Shape)
				}
			}
		}
	}
}

// lies are values that no model has.
var lies = []any{-1, 0, 1, 3, 1 << 20, 1 << 28, 1 << 40, 0.5, 1e300, -1e300, "gelu", "x", "", true, nil,
	[]int{}, []int{1 << 28, 1 << 28}, []int{-1}, config{}, config{"rope_type": "yarn", "factor": 2}, config{"rope_type": "longrope", "long_factor": []int{}}}

// A lie in any key of any config costs nothing and crashes nothing.
func TestLies(t *testing.T) {
	seen := map[string]bool{}
	for _, c := range tiny {
		if seen[c.architecture] {
			continue
		}
		seen[c.architecture] = true
		keys := config{"num_labels": nil, "head_dim": nil, "partial_rotary_factor": nil, "rope_scaling": nil, "rope_theta": nil, "n_inner": nil}.with(c.config)
		for key := range keys {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			for _, lie := range lies {
				b, err := json.Marshal(c.config.with(config{key: lie}))
				if err != nil {
					t.Fatal(err)
				}
				zoo.New(b, c.architecture)
			}
			runtime.ReadMemStats(&after)
			if took := after.TotalAlloc - before.TotalAlloc; took > most {
				t.Errorf("%s with lies in %s: %d bytes", c.architecture, key, took)
			}
		}
	}
}

// FuzzReadConfig builds every architecture from any bytes.
func FuzzReadConfig(f *testing.F) {
	for _, c := range tiny {
		b, err := json.Marshal(c.config)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Add([]byte(`{"architectures": []}`))
	f.Add([]byte(`{"architectures": 3}`))
	f.Add([]byte(`null`))
	f.Fuzz(build)
}
