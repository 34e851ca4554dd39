package attention_test

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/qkvgo/qkv/attention"
	"github.com/qkvgo/qkv/device/cpu"
	"github.com/qkvgo/qkv/kernel"
	"github.com/qkvgo/qkv/nn"
)

// steps feeds n rows of one sequence in chunks to a memory of a type and gives
// the mix of all.
func steps(dev *cpu.Device, kept nn.CacheType, heads, kv, dk, dv int, q, k, v []float32, chunks []int) []float32 {
	core := attention.Core{Heads: heads, KVHeads: kv}
	memory := nn.Memory{Cache: kept}
	defer memory.Close()
	var all []float32
	at := 0
	for _, n := range chunks {
		p := nn.NewPass(context.Background(), nn.Sequences(n), nn.Options{Device: dev})
		p.Memory = &memory
		part := func(x []float32, width int) []float32 { return x[at*width : (at+n)*width] }
		all = append(all, core.Attend(p, p.Of(part(q, heads*dk), n, heads*dk), p.Of(part(k, kv*dk), n, kv*dk), p.Of(part(v, kv*dv), n, kv*dv), attention.Causal).Float32s()...)
		p.Close()
		at += n
	}
	return all
}

// A memory in a narrow type gives the same bits however its rows come, on every
// set and any number of threads; in bfloat16 those of keys and values that were
// rounded before, and in int8 nearly what keys and values give that were rounded
// and widened again.
func TestNarrowMemory(t *testing.T) {
	d := rand.New(rand.NewPCG(11, 12))
	plain := cpu.New(cpu.Options{Threads: 1, Kernels: kernel.Sets()[len(kernel.Sets())-1]})
	defer plain.Close()
	var devices []*cpu.Device
	for _, set := range kernel.Sets() {
		dev := cpu.New(cpu.Options{Threads: 1 + len(devices), Kernels: set})
		defer dev.Close()
		devices = append(devices, dev)
	}
	for trial := range 12 {
		kv, dk, dv := 1+d.IntN(2), []int{1, 7, 16, 24}[d.IntN(4)], []int{1, 9, 16, 32}[d.IntN(4)]
		heads, n := kv*(1+d.IntN(4)), []int{1, 17, 64, 65, 150}[d.IntN(5)]
		q, k, v := normal(d, n*heads*dk), normal(d, n*kv*dk), normal(d, n*kv*dv)
		name := fmt.Sprintf("trial %d: %d rows, %d heads of %d/%d on %d", trial, n, heads, dk, dv, kv)
		var single []int
		for range n {
			single = append(single, 1)
		}
		var chunks []int
		for left := n; left > 0; left -= chunks[len(chunks)-1] {
			chunks = append(chunks, 1+d.IntN(left))
		}
		for _, kept := range []nn.CacheType{nn.CacheBFloat16, nn.CacheInt8} {
			want := steps(plain, kept, heads, kv, dk, dv, q, k, v, []int{n})
			for _, dev := range devices {
				for _, c := range [][]int{{n}, single, chunks} {
					if !sameBits(steps(dev, kept, heads, kv, dk, dv, q, k, v, c), want) {
						t.Fatalf("%s: %v on %s in chunks %v has other bits", name, kept, dev.Name(), c)
					}
				}
			}
			k2, v2 := rounded(kept, k, dk), rounded(kept, v, dv)
			near := steps(plain, nn.CacheFloat32, heads, kv, dk, dv, q, k2, v2, []int{n})
			for i := range want {
				limit := 0.0
				if kept == nn.CacheInt8 {
					limit = 64 * 0x1p-24 * (1 + math.Abs(float64(near[i])))
				}
				if math.Abs(float64(want[i]-near[i])) > limit {
					t.Fatalf("%s: number %d in %v is %v, rounded before it is %v", name, i, kept, want[i], near[i])
				}
			}
		}
	}
}

// rounded is x as a cache keeps it, heads of some width.
func rounded(kept nn.CacheType, x []float32, width int) []float32 {
	set, y := kernel.Best(), make([]float32, len(x))
	if kept == nn.CacheBFloat16 {
		half := make([]uint16, len(x))
		set.F32ToBF16(half, x)
		set.BF16ToF32(y, half)
		return y
	}
	small := make([]int8, width)
	for at := 0; at < len(x); at += width {
		scale := kernel.QuantizeRow(small, x[at:at+width])
		for i, w := range small {
			y[at+i] = float32(w) * scale
		}
	}
	return y
}

// Narrow memories take the memory they say.
func TestNarrowMemoryIsSmall(t *testing.T) {
	dev := cpu.New(cpu.Options{Threads: 1})
	defer dev.Close()
	used := map[nn.CacheType]int64{}
	for kept := nn.CacheFloat32; kept <= nn.CacheInt8; kept++ {
		const n, heads, width = 1024, 4, 64
		memory := nn.Memory{Cache: kept}
		p := nn.NewPass(context.Background(), nn.Sequences(n), nn.Options{Device: dev})
		p.Memory = &memory
		x := p.Of(make([]float32, n*heads*width), n, heads*width)
		(&attention.Core{Heads: heads}).Attend(p, x, x, x, attention.Causal)
		p.Close()
		used[kept] = dev.Memory().InUse
		memory.Close()
	}
	if f, b, i := used[nn.CacheFloat32], used[nn.CacheBFloat16], used[nn.CacheInt8]; b > f*55/100 || i > f*35/100 {
		t.Errorf("bfloat16 takes %d and int8 %d of %d bytes, want 55 and 35 %% at most", b, i, f)
	}
}
