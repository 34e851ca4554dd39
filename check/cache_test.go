package check_test

import (
	"testing"

	"github.com/qkvgo/qkv/check"
	"github.com/qkvgo/qkv/nn"
)

// A narrow cache moves the scores of a language model, and by little; a cache in
// float32 moves none, and what has no cache is unsupported.
func TestCache(t *testing.T) {
	for name, config := range configs {
		c := newCase(t, config, masks["right"])
		c.run(t) // writes what a case must have
		for kept, most := range map[nn.CacheType]float64{nn.CacheFloat32: 0, nn.CacheBFloat16: 0.02, nn.CacheInt8: 0.05} {
			r := check.Cache(t.Context(), c.dir, kept, check.Options{})
			if r.Status == check.Unsupported && r.Why != "" && name != "gpt2" && name != "llama" {
				continue
			}
			if r.Status != check.OK || r.Rows == 0 || r.Largest > most || (r.Largest > 0) != (kept != nn.CacheFloat32) {
				t.Errorf("%s in %v: %+v, want it within %v", name, kept, r, most)
			}
		}
	}
}
