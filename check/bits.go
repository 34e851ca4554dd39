package check

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"

	"github.com/qkvgo/qkv/checkpoint"
	"github.com/qkvgo/qkv/device/cpu"
	"github.com/qkvgo/qkv/kernel"
	"github.com/qkvgo/qkv/model"
	"github.com/qkvgo/qkv/nn"
	"github.com/qkvgo/qkv/tensor"
	"github.com/qkvgo/qkv/train"
	"github.com/qkvgo/qkv/zoo"
)

// threads are the numbers of workers a bits check runs on.
var threads = []int{1, 2, 3, 7}

// Bits runs the case in the folder dir on every kernel set of this processor and
// plain Go, with 1, 2, 3 and 7 threads, each sequence alone and together, with
// and without a cache, and demands the same bits everywhere: of outputs, and
// where the case has a loss, of gradients and of the parameters after three
// AdamW steps. A model folder without a case's files is called with made-up
// inputs.
func Bits(ctx context.Context, dir string) Result {
	r := Result{Case: dir, Status: OK}
	r.end(r.bits(ctx, dir))
	return r
}

func (r *Result) bits(ctx context.Context, dir string) (err error) {
	defer tensor.Guard(&err)
	var base map[string][]float32
	for _, set := range kernel.Sets() {
		for _, n := range threads {
			d := cpu.New(cpu.Options{Threads: n, Kernels: set})
			got, err := numbers(ctx, dir, d)
			if closing := d.Close(); err == nil {
				err = closing
			}
			if err != nil {
				return err
			}
			at := fmt.Sprintf("%s on %d threads", set.Name, n)
			if base == nil {
				base = got
			}
			if err := equal(at, base, got); err != nil {
				return err
			}
			r.Runs, r.Tensors = r.Runs+1, len(got)
		}
	}
	return nil
}

// numbers are all that a case computes on one device, by name.
func numbers(ctx context.Context, dir string, d *cpu.Device) (map[string][]float32, error) {
	if !isPart(dir) {
		return everything(ctx, dir, d)
	}
	c, err := loadPart(dir)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	return c.run(ctx, d)
}

// equal says where the bits of two runs differ.
func equal(at string, want, got map[string][]float32) error {
	if len(want) != len(got) {
		return fmt.Errorf("%s: %d tensors, not %d", at, len(got), len(want))
	}
	for name, w := range want {
		if err := equalBits(name, w, got[name]); err != nil {
			return fmt.Errorf("%s: %w", at, err)
		}
	}
	return nil
}

func equalBits(name string, want, got []float32) error {
	if len(want) != len(got) {
		return fmt.Errorf("%s has %d numbers, not %d", name, len(got), len(want))
	}
	for i := range want {
		if math.Float32bits(want[i]) != math.Float32bits(got[i]) {
			return fmt.Errorf("number %d of %s is %v, not %v: other bits", i, name, got[i], want[i])
		}
	}
	return nil
}

// everything runs a case on one device, sees to it that sequences alone and
// cached decoding agree with the whole, and gives all numbers by name.
func everything(ctx context.Context, dir string, d *cpu.Device) (map[string][]float32, error) {
	c, k, err := loadForBits(dir)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	s, err := look(ctx, c.model.Model, k, nn.Options{Device: d})
	if err != nil {
		return nil, err
	}
	all := map[string][]float32{}
	for name, v := range s.outputs {
		all[name] = v.data
	}
	for i, v := range s.layers {
		all[fmt.Sprintf("hidden_states.%d", i)] = v.data
	}
	if err := alone(ctx, c, k, s, d); err != nil {
		return nil, err
	}
	if lm, ok := c.model.Model.(model.CausalLM); ok && k.in.Encoded == nil && causal(lm) {
		if err := cached(ctx, lm, k, s, d); err != nil {
			return nil, err
		}
	}
	if s.outputs["loss"].data != nil {
		return all, trained(ctx, c, k, d, all)
	}
	return all, nil
}

// causal says whether rows of a language model see only those before them: a
// BERT that is no decoder sees all.
func causal(lm model.CausalLM) bool {
	c, ok := lm.(model.Directed)
	return !ok || c.Causal()
}

// loadForBits opens a case, or a plain model folder with made-up inputs.
func loadForBits(dir string) (*testCase, *call, error) {
	if _, err := os.Stat(filepath.Join(dir, metaName)); err == nil {
		c, err := load(dir)
		if err != nil {
			return nil, nil, err
		}
		k, err := c.call()
		if err != nil {
			c.Close()
			return nil, nil, err
		}
		k.rows.Even = false // steps cannot attend to rows that come later
		return c, k, nil
	}
	m, err := zoo.Open(dir)
	if err != nil {
		return nil, nil, err
	}
	k, err := madeUp(m.Model, m.Folder.Config)
	if err != nil {
		m.Close()
		return nil, nil, err
	}
	return &testCase{dir: dir, model: m}, k, nil
}

// madeUp is a call of a few sequences of odd lengths, none longer and no id
// larger than the config allows, or of three pictures.
func madeUp(m model.Model, config []byte) (*call, error) {
	k := &call{in: &model.Input{}}
	if v, ok := m.(model.Vision); ok {
		height, width, channels := v.PictureSize()
		g := nn.Grid{Height: height, Width: width}
		k.rows = nn.Pictures(g, g, g)
		k.in.Pixels = make([]float32, k.rows.Rows()*channels)
		kernel.Uniform(k.in.Pixels, 1, 0, 0)
		return k, nil
	}
	limits := struct {
		Vocabulary int `json:"vocab_size"`
		Longest    int `json:"max_position_embeddings"`
		Places     int `json:"n_positions"`
	}{100, 70, 70}
	if err := json.Unmarshal(config, &limits); err != nil {
		return nil, fmt.Errorf("%s: %w", checkpoint.ConfigName, err)
	}
	longest := min(70, limits.Longest, limits.Places)
	k.rows = nn.Sequences((longest+1)/2, 1, longest)
	u := make([]float32, k.rows.Rows())
	kernel.Uniform(u, 1, 0, 0)
	for _, x := range u {
		k.in.IDs = append(k.in.IDs, int32(x*float32(limits.Vocabulary)))
	}
	return k, nil
}

// alone compares each sequence by itself with its part of the batch.
func alone(ctx context.Context, c *testCase, k *call, whole *seen, d *cpu.Device) error {
	for i := range k.rows.Len() {
		one, err := look(ctx, c.model.Model, k.alone(i), nn.Options{Device: d})
		if err != nil {
			return err
		}
		for name, v := range one.outputs {
			w := whole.outputs[name]
			lo, hi := i, i+1
			switch v.axis {
			case model.PerCall:
				continue
			case model.PerRow, model.PerPixel:
				lo, hi = w.rows.Off[i], w.rows.Off[i+1]
			}
			if v.axis == model.PerPixel {
				n := len(w.data) / w.width / w.rows.Len()
				lo, hi = i*n, (i+1)*n
			}
			if err := equalBits(fmt.Sprintf("%s of sequence %d alone", name, i), w.data[lo*w.width:hi*w.width], v.data); err != nil {
				return err
			}
		}
	}
	return nil
}

// cached reads each sequence's first half at once and the rest row by row, with
// a cache, and compares with the whole.
func cached(ctx context.Context, lm model.CausalLM, k *call, whole *seen, d *cpu.Device) error {
	w := whole.outputs["logits"]
	for i := range k.rows.Len() {
		lo, hi := k.rows.Off[i], k.rows.Off[i+1]
		memory := &nn.Memory{}
		for at := lo; at < hi; {
			to := at + 1
			if at == lo {
				to = lo + (hi-lo+1)/2
			}
			p := nn.NewPass(ctx, nn.Sequences(to-at), nn.Options{Device: d})
			p.Memory = memory
			p.Rows.Positions = k.rows.Positions[at:to]
			if k.rows.Context != nil {
				p.Rows.Context = k.rows.Context[i : i+1]
			}
			if k.rows.Hidden != nil {
				p.Rows.Hidden = k.rows.Hidden[at:to]
			}
			got := lm.Unembed(p, lm.Hidden(p, k.in.IDs[at:to])).Float32s()
			p.Close()
			if err := equalBits(fmt.Sprintf("logits of rows %d:%d with a cache", at, to), w.data[at*w.width:to*w.width], got); err != nil {
				memory.Close()
				return err
			}
			at = to
		}
		memory.Close()
	}
	return nil
}

// trained adds gradients, and parameters after three AdamW steps, to all.
func trained(ctx context.Context, c *testCase, k *call, d *cpu.Device, all map[string][]float32) error {
	adam := train.NewAdamW(nn.Params(c.model.Model), train.AdamWOptions{Rate: 1e-3, Beta1: 0.9, Beta2: 0.999, Eps: 1e-8, Decay: 0.01})
	for step := range 3 {
		p := nn.NewPass(ctx, k.rows, nn.Options{Device: d, Tape: true})
		p.Train, p.Seed = true, uint64(step)
		c.model.Run(p, k.in)[0].Value.Backward()
		if step == 0 {
			for name, w := range nn.Params(c.model.Model) {
				if g := p.Grad(w); g != nil {
					all["gradient of "+name] = g.Float32s()
				}
			}
		}
		adam.Step(p)
		p.Close()
	}
	for name, w := range nn.Params(c.model.Model) {
		all["after3 "+name] = append([]float32{}, w.Float32()...)
	}
	return nil
}
