package check

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/qkvgo/qkv/checkpoint"
	"github.com/qkvgo/qkv/model"
	"github.com/qkvgo/qkv/nn"
	"github.com/qkvgo/qkv/tensor"
)

// Cache runs the case in dir with keys and values kept in the given type and says
// how far the scores of a language model are from those in float32.
func Cache(ctx context.Context, dir string, kept nn.CacheType, o Options) Rounded {
	r := Rounded{Case: dir, Status: OK, DType: "cache " + kept.String()}
	end := Result{Case: dir, Status: OK}
	end.end(r.measureCache(ctx, dir, kept, o))
	r.Status, r.Why = end.Status, end.Why
	return r
}

func (r *Rounded) measureCache(ctx context.Context, dir string, kept nn.CacheType, o Options) (err error) {
	defer tensor.Guard(&err)
	if _, err := os.Stat(filepath.Join(dir, checkpoint.ConfigName)); errors.Is(err, fs.ErrNotExist) {
		return &checkpoint.Unsupported{What: "a cache without a model: there is no " + checkpoint.ConfigName}
	}
	c, err := load(dir)
	if err != nil {
		return err
	}
	defer c.Close()
	r.Arch = c.model.Architecture
	lm, ok := c.model.Model.(model.CausalLM)
	if d, directed := c.model.Model.(model.Directed); !ok || directed && !d.Causal() {
		return &checkpoint.Unsupported{What: "a cache in " + r.Arch + ", which does not decode with one"}
	}
	k, err := c.call()
	if err != nil {
		return err
	}
	width := 0
	scores := func(kept nn.CacheType) []float32 {
		memory := &nn.Memory{Cache: kept}
		defer memory.Close()
		p := nn.NewPass(ctx, k.rows, nn.Options{Device: o.Device})
		defer p.Close()
		p.Memory = memory
		y := lm.Unembed(p, lm.Hidden(p, k.in.IDs))
		width = y.Width()
		return y.Float32s()
	}
	want, have := scores(nn.CacheFloat32), scores(kept)
	r.Rows = len(want) / max(width, 1)
	same, all := 0, func(int) bool { return true }
	for i := range r.Rows {
		if greatest(have[i*width:][:width], all) == greatest(want[i*width:][:width], all) {
			same++
		}
	}
	r.Agreement = float64(same) / float64(max(r.Rows, 1))
	return r.compare("scores", have, want, nil)
}
