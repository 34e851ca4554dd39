package attention_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/qkvgo/qkv/attention"
	"github.com/qkvgo/qkv/device/cpu"
	"github.com/qkvgo/qkv/nn"
)

// BenchmarkAttention reports GFLOP/s of one call over n tokens, forward and with
// its adjoint, on one thread: 4·n²·heads·width operations forward, 14 with the
// adjoint, half of them where a query meets the keys up to its place only.
func BenchmarkAttention(b *testing.B) {
	for _, shape := range []struct{ heads, width int }{{12, 64}, {8, 32}} {
		for _, n := range []int{128, 197, 512, 1024, 4096} {
			for _, pattern := range []attention.Plain{attention.Full, attention.Causal} {
				b.Run(fmt.Sprintf("heads=%d/width=%d/tokens=%d/%v/forward", shape.heads, shape.width, n, pattern), func(b *testing.B) {
					benchmark(b, shape.heads, shape.width, n, pattern, false)
				})
				b.Run(fmt.Sprintf("heads=%d/width=%d/tokens=%d/%v/train", shape.heads, shape.width, n, pattern), func(b *testing.B) {
					benchmark(b, shape.heads, shape.width, n, pattern, true)
				})
			}
		}
	}
}

func benchmark(b *testing.B, heads, width, n int, pattern attention.Plain, train bool) {
	dev := cpu.New(cpu.Options{Threads: 1})
	defer dev.Close()
	d := rand.New(rand.NewPCG(1, 1))
	q, k, v := normal(d, n*heads*width), normal(d, n*heads*width), normal(d, n*heads*width)
	core := attention.Core{Heads: heads}
	for b.Loop() {
		p := nn.NewPass(context.Background(), nn.Sequences(n), nn.Options{Device: dev, Tape: train})
		if train {
			x, y, z := p.Input(q, n, heads*width), p.Input(k, n, heads*width), p.Input(v, n, heads*width)
			core.Attend(p, x, y, z, pattern).Sum().Backward()
		} else {
			core.Attend(p, p.Of(q, n, heads*width), p.Of(k, n, heads*width), p.Of(v, n, heads*width), pattern)
		}
		p.Close()
	}
	flops := 4 * float64(n) * float64(n) * float64(heads*width)
	if train {
		flops *= 3.5
	}
	if pattern == attention.Causal {
		flops *= float64(n+1) / float64(2*n)
	}
	b.ReportMetric(flops*float64(b.N)/float64(b.Elapsed().Nanoseconds()), "GFLOP/s")
}

// BenchmarkDecode is one more row of one sequence over a cache, which grows by it:
// time, and the bytes of the first n keys and values that go by per second.
func BenchmarkDecode(b *testing.B) {
	for _, shape := range []struct{ heads, kv, width int }{{12, 12, 64}, {8, 8, 32}, {32, 8, 64}} {
		for _, n := range []int{1024, 8192} {
			b.Run(fmt.Sprintf("heads=%d/kv=%d/width=%d/cache=%d", shape.heads, shape.kv, shape.width, n), func(b *testing.B) {
				dev := cpu.New(cpu.Options{Threads: 1})
				defer dev.Close()
				d := rand.New(rand.NewPCG(1, 1))
				core := attention.Core{Heads: shape.heads, KVHeads: shape.kv}
				var memory nn.Memory
				defer memory.Close()
				feed := func(n int) func() {
					q, k, v := normal(d, n*shape.heads*shape.width), normal(d, n*shape.kv*shape.width), normal(d, n*shape.kv*shape.width)
					return func() {
						p := nn.NewPass(context.Background(), nn.Sequences(n), nn.Options{Device: dev})
						defer p.Close()
						p.Memory = &memory
						core.Attend(p, p.Of(q, n, shape.heads*shape.width), p.Of(k, n, shape.kv*shape.width), p.Of(v, n, shape.kv*shape.width), attention.Full)
					}
				}
				feed(n)()
				step := feed(1)
				for b.Loop() {
					step()
				}
				b.ReportMetric(8*float64(n*shape.kv*shape.width)*float64(b.N)/float64(b.Elapsed().Nanoseconds()), "GB/s")
			})
		}
	}
}
