package attention_test

import (
	"context"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/qkvgo/qkv/attention"
	"github.com/qkvgo/qkv/device/cpu"
	"github.com/qkvgo/qkv/nn"
	"github.com/qkvgo/qkv/position"
	"github.com/qkvgo/qkv/tensor"
)

// One key head may serve more query heads than a block has rows: a single
// query gets the bits it gets among others.
func TestManyHeadsShareKeys(t *testing.T) {
	dev := cpu.New(cpu.Options{Threads: 2})
	defer dev.Close()
	d := rand.New(rand.NewPCG(5, 6))
	for _, heads := range []int{63, 64, 65, 71, 130} {
		const n, dk, dv = 70, 4, 3
		core := attention.Core{Heads: heads, KVHeads: 1}
		q, k, v := normal(d, n*heads*dk), normal(d, n*dk), normal(d, n*dv)
		attend := func(memory *nn.Memory, lo, hi int) []float32 {
			p := nn.NewPass(context.Background(), nn.Sequences(hi-lo), nn.Options{Device: dev})
			defer p.Close()
			p.Memory = memory
			return core.Attend(p, p.Of(q[lo*heads*dk:hi*heads*dk], hi-lo, heads*dk), p.Of(k[lo*dk:hi*dk], hi-lo, dk),
				p.Of(v[lo*dv:hi*dv], hi-lo, dv), attention.Causal, position.NewALiBi(heads, 8)).Float32s()
		}
		var memory nn.Memory
		whole := attend(nil, 0, n)
		steps := append(attend(&memory, 0, n-2), attend(&memory, n-2, n-1)...)
		steps = append(steps, attend(&memory, n-1, n)...)
		memory.Close()
		if !sameBits(steps, whole) {
			t.Errorf("%d heads: steps differ from the whole", heads)
		}
	}
}

// What only a term learns cannot be learned over a memory either.
func TestLearnedTermWithMemory(t *testing.T) {
	table := nn.NewParam(8, 2)
	table.Set(make([]float32, 16))
	err := func() (err error) {
		defer tensor.Guard(&err)
		p := nn.NewPass(context.Background(), nn.Sequences(3), nn.Options{Tape: true})
		defer p.Close()
		p.Memory = new(nn.Memory)
		x := p.Zeros(3, 4)
		(&attention.Core{Heads: 2}).Attend(p, x, x, x, attention.Causal, &position.Buckets{Table: table, Farthest: 9})
		return nil
	}()
	if err == nil || !strings.Contains(err.Error(), "cannot have a memory") {
		t.Errorf("have %v, want a fault", err)
	}
}
