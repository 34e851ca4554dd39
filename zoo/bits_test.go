package zoo_test

import (
	"math"
	"slices"
	"testing"

	"github.com/qkvgo/qkv/device/cpu"
	"github.com/qkvgo/qkv/kernel"
	"github.com/qkvgo/qkv/model"
	"github.com/qkvgo/qkv/nn"
)

func size(v []float32) float64 {
	sum := 0.0
	for _, x := range v {
		sum += float64(x) * float64(x)
	}
	return math.Sqrt(sum)
}

// Threads and kernels change no bit of any output.
func TestSameBits(t *testing.T) {
	each(t, func(t *testing.T, architecture string, _ []byte, m model.Model) {
		rows, in := call(architecture, m)
		want := run(t, m, rows, in, nil)
		for _, set := range kernel.Sets() {
			d := cpu.New(cpu.Options{Threads: 3, Kernels: set})
			for name, got := range run(t, m, rows, in, d) {
				if !slices.Equal(got, want[name]) {
					t.Errorf("%s: %s differs", set.Name, name)
				}
			}
			d.Close()
		}
	})
}

// A sequence has the same hidden states alone as in a batch, and the same scores
// read token by token with a cache as at once.
func TestAloneAndCached(t *testing.T) {
	each(t, func(t *testing.T, architecture string, _ []byte, m model.Model) {
		lm, ok := m.(model.CausalLM)
		rows, in := call(architecture, m)
		if !ok || in.Encoded != nil {
			return
		}
		hidden := func(rows nn.Batch, ids []int32, memory *nn.Memory) []float32 {
			p := nn.NewPass(t.Context(), rows, nn.Options{})
			defer p.Close()
			p.Memory = memory
			return lm.Unembed(p, lm.Hidden(p, ids)).Float32s()
		}
		whole := hidden(rows, in.IDs, nil)
		for i := range rows.Len() {
			lo, hi := rows.Off[i], rows.Off[i+1]
			want := whole[lo*lm.Vocabulary() : hi*lm.Vocabulary()]
			if got := hidden(nn.Sequences(hi-lo), in.IDs[lo:hi], nil); !slices.Equal(got, want) {
				t.Errorf("sequence %d has other scores alone", i)
			}
			var memory nn.Memory
			var got []float32
			for n := range hi - lo {
				row := nn.Sequences(1)
				row.Positions[0] = int32(n)
				row.Context = []int{hi - lo} // the length that the whole counts as
				got = append(got, hidden(row, in.IDs[lo+n:lo+n+1], &memory)...)
			}
			memory.Close()
			if !slices.Equal(got, want) {
				t.Errorf("sequence %d has other scores with a cache", i)
			}
		}
	})
}
