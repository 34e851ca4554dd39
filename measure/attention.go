package measure

import (
	"context"
	"fmt"

	"github.com/qkvgo/qkv/attention"
	"github.com/qkvgo/qkv/nn"
)

// Attention times exact softmax over growing lengths, all pairs, causal and in a
// band, forward, on the way back and both; a band over texts of 1,024 and 65,536
// tokens; many short texts at once; queries that share keys; and one more row
// over a long memory.
func (b *Bench) Attention(ctx context.Context) error {
	const heads, width = 12, 64
	var calls []attentionCall
	for _, n := range []int{128, 512, 1024, 4096} {
		calls = append(calls,
			attentionCall{"full", heads, heads, width, attention.Full, []int{n}, float64(n) * float64(n)},
			attentionCall{"causal", heads, heads, width, attention.Causal, []int{n}, float64(n) * float64(n+1) / 2})
	}
	for _, n := range []int{1024, 4096, 65536} {
		calls = append(calls, attentionCall{"band-512", heads, heads, width, band, []int{n}, bandPairs(n)})
	}
	calls = append(calls,
		attentionCall{"short", 12, 12, 32, attention.Full, many(32, 128), 32 * 128 * 128},
		attentionCall{"short", 12, 12, 32, attention.Full, many(256, 16), 256 * 16 * 16},
		attentionCall{"short", 12, 12, 64, attention.Full, many(8, 128), 8 * 128 * 128},
		attentionCall{"shared", 12, 1, 64, attention.Causal, []int{2048}, 2048 * 2049 / 2})
	for _, c := range calls {
		if err := b.attend(ctx, c); err != nil {
			return err
		}
	}
	return b.attendStep(ctx)
}

// band is a window of 512 keys around each query.
var band = attention.Band{Left: 255, Right: 256}

// bandPairs is the pairs of n queries and keys that it shows.
func bandPairs(n int) (pairs float64) {
	for q := range n {
		pairs += float64(min(n, q+band.Right+1) - max(0, q-band.Left))
	}
	return pairs
}

// many is a batch of n texts of the same length.
func many(n, length int) []int {
	lengths := make([]int, n)
	for i := range lengths {
		lengths[i] = length
	}
	return lengths
}

// attentionCall is one thing to time.
type attentionCall struct {
	name      string
	heads, kv int
	width     int // of a head
	seen      attention.Pattern
	lengths   []int
	pairs     float64 // of queries and keys that meet, in one head
}

// attend times a call forward, back and both.
func (b *Bench) attend(ctx context.Context, c attentionCall) error {
	rows := nn.Sequences(c.lengths...)
	n := rows.Rows()
	q, k := numbers(n*c.heads*c.width), numbers(n*c.kv*c.width)
	core := attention.Core{Heads: c.heads, KVHeads: c.kv}
	shape := fmt.Sprintf("%dx%dx%d", c.lengths[0], c.heads, c.width)
	if len(c.lengths) > 1 {
		shape = fmt.Sprintf("%dx%s", len(c.lengths), shape)
	}
	if c.kv != c.heads {
		shape += fmt.Sprintf(" on %d", c.kv)
	}
	work := c.pairs * float64(c.heads*c.width) * 2
	forward := func() error {
		p := nn.NewPass(ctx, rows, nn.Options{Device: b.Device})
		defer p.Close()
		core.Attend(p, p.Of(q, n, c.heads*c.width), p.Of(k, n, c.kv*c.width), p.Of(k, n, c.kv*c.width), c.seen)
		return nil
	}
	if err := b.report(ctx, Result{Name: "attention-" + c.name, Shape: shape}, work, 0, 0, forward); err != nil {
		return err
	}
	back := func() (func() error, func()) {
		p := nn.NewPass(ctx, rows, nn.Options{Device: b.Device, Tape: true})
		x := core.Attend(p, p.Input(q, n, c.heads*c.width), p.Input(k, n, c.kv*c.width), p.Input(k, n, c.kv*c.width), c.seen).Sum()
		return func() error { x.Backward(); return nil }, p.Close
	}
	if err := b.reportAfter(ctx, Result{Name: "attention-" + c.name + "-back", Shape: shape}, 2.5*work, 0, 0, back); err != nil {
		return err
	}
	return b.report(ctx, Result{Name: "attention-" + c.name + "-train", Shape: shape}, 3.5*work, 0, 0, func() error {
		f, clear := back()
		defer clear()
		return f()
	})
}

// attendStep times one more row over a memory of keys and values that no cache of
// the processor holds, in every type that a memory keeps them in.
func (b *Bench) attendStep(ctx context.Context) error {
	const n, heads, width = 16384, 12, 64
	x := numbers(n * heads * width)
	for _, kv := range []int{12, 4} {
		for kept := nn.CacheFloat32; kept <= nn.CacheInt8; kept++ {
			core, memory := attention.Core{Heads: heads, KVHeads: kv}, nn.Memory{Cache: kept}
			feed := func(rows int, seen attention.Pattern) {
				p := nn.NewPass(ctx, nn.Sequences(rows), nn.Options{Device: b.Device})
				defer p.Close()
				p.Memory = &memory
				k := p.Of(x[:rows*kv*width], rows, kv*width)
				core.Attend(p, p.Of(x[:rows*heads*width], rows, heads*width), k, k, seen)
			}
			feed(n, attention.Band{}) // quick: a row sees itself
			r := Result{Name: "attention-decode", Shape: fmt.Sprintf("%dx%dx%d", n, heads, width), DType: kept.String(), Note: "keys and values in " + kept.String()}
			if kv != heads {
				r.Shape += fmt.Sprintf(" on %d", kv)
			}
			err := b.report(ctx, r, 0, 2*float64(n*kv)*cacheBytes(kept, width), 0, func() error {
				feed(1, attention.Full)
				return nil
			})
			memory.Close()
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// cacheBytes is what a memory holds of a key or value of one head.
func cacheBytes(kept nn.CacheType, width int) float64 {
	switch kept {
	case nn.CacheBFloat16:
		return 2 * float64(width)
	case nn.CacheInt8:
		return float64(width) + 4 // a scale
	}
	return 4 * float64(width)
}
