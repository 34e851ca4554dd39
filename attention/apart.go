package attention

import "github.com/qkvgo/qkv/kernel"

// uneven says whether the heads of keys of the sequences are so few, or so
// unequal, that together would leave threads without work for longer than it
// takes to compute scores twice.
func (a *adjoint) uneven() bool {
	busy := make([]int, a.pass.Device.Threads())
	total, longest := 0, 0
	for seq := range a.Rows.Len() {
		cost := a.group * (a.Rows.Off[seq+1] - a.Rows.Off[seq]) * a.KeysOf(seq)
		for range a.KVHeads {
			least := 0
			for i := range busy {
				if busy[i] < busy[least] {
					least = i
				}
			}
			busy[least] += cost
			total += cost
			longest = max(longest, busy[least])
		}
	}
	return togetherProducts*longest > apartProducts*total/len(busy)
}

// Products of a tile: scores, gradients of weights, and those for Q, K and V; the
// first two twice where Q goes apart from K and V.
const togetherProducts, apartProducts = 5, 7

// apart sweeps twice: once over blocks of queries, for their gradients, once over
// runs of keys, for those of keys and values. Each sum is computed by one thread
// in the order of together, so the bits are the same.
func (a *adjoint) apart() {
	sides := make([]*side, a.Rows.Len()*a.KVHeads)
	type piece struct{ side, t0, t1 int }
	var pieces []piece
	var queries []block
	for i := range sides {
		seq, kv := i/a.KVHeads, i%a.KVHeads
		n := a.KeysOf(seq)
		memory := a.pass.Device.Alloc(a.sideLen(n))
		defer a.pass.Device.Free(memory)
		sides[i] = a.side(n, memory)
		for t := 0; t < tiles(n); t += sweepTiles {
			pieces = append(pieces, piece{i, t, min(t+sweepTiles, tiles(n))})
		}
		for head := kv * a.group; head < (kv+1)*a.group; head++ {
			queries = a.ofHead(queries, seq, head, a.rows)
		}
	}
	a.pass.Device.Parallel(len(pieces), 1, func(lo, hi int, _ *kernel.Workspace) {
		for _, p := range pieces[lo:hi] {
			for t := p.t0; t < p.t1; t++ {
				a.fill(sides[p.side], p.side/a.KVHeads, p.side%a.KVHeads, t)
			}
		}
	})
	if a.dq != nil {
		a.pass.Device.Parallel(len(queries), 1, func(lo, hi int, ws *kernel.Workspace) {
			s := a.backScratch(ws)
			defer s.free()
			for i := lo; i < hi; i++ {
				b := &queries[i]
				a.block(b, sides[b.seq*a.KVHeads+b.kvhead], 0, tiles(a.KeysOf(b.seq)), wanted{q: true}, s)
			}
		})
	}
	if a.dk == nil && a.dv == nil {
		return
	}
	a.pass.Device.Parallel(len(pieces), 1, func(lo, hi int, ws *kernel.Workspace) {
		s := a.backScratch(ws)
		defer s.free()
		for _, p := range pieces[lo:hi] {
			seq, kv := p.side/a.KVHeads, p.side%a.KVHeads
			for i := range queries {
				if b := &queries[i]; b.seq == seq && b.kvhead == kv {
					a.block(b, sides[p.side], p.t0, p.t1, wanted{k: a.dk != nil, v: a.dv != nil}, s)
				}
			}
			a.write(sides[p.side], seq, kv, p.t0, p.t1)
		}
	})
}

// sweepTiles is how many tiles of keys a piece of the second sweep has.
const sweepTiles = 4
