package attention_test

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/qkvgo/qkv/attention"
	"github.com/qkvgo/qkv/device/cpu"
	"github.com/qkvgo/qkv/nn"
	"github.com/qkvgo/qkv/tensor"
)

func normal(d *rand.Rand, n int) []float32 {
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(d.NormFloat64())
	}
	return x
}

// text is a sequence whose rows a session is fed: queries, keys and values of
// its core's heads.
type text struct {
	q, k, v []float32
	hidden  []bool
}

// session decodes sequences with a memory.
type session struct {
	dev    *cpu.Device
	core   attention.Core
	dk, dv int
	memory *nn.Memory
}

func newSession(dev *cpu.Device) *session {
	return &session{dev: dev, core: attention.Core{Heads: 4, KVHeads: 2}, dk: 8, dv: 6, memory: new(nn.Memory)}
}

func (s *session) draw(d *rand.Rand, n int) text {
	t := text{normal(d, n*4*s.dk), normal(d, n*2*s.dk), normal(d, n*2*s.dv), make([]bool, n)}
	for i := range t.hidden {
		t.hidden[i] = d.IntN(4) == 0
	}
	return t
}

// feed gives the mix of one more chunk of each sequence, [rows of all, 4·dv].
func (s *session) feed(chunks ...text) []float32 {
	var q, k, v []float32
	var lengths []int
	var hidden []bool
	for _, c := range chunks {
		q, k, v = append(q, c.q...), append(k, c.k...), append(v, c.v...)
		hidden = append(hidden, c.hidden...)
		lengths = append(lengths, len(c.hidden))
	}
	p := nn.NewPass(context.Background(), nn.Sequences(lengths...), nn.Options{Device: s.dev})
	defer p.Close()
	p.Memory, p.Rows.Hidden = s.memory, hidden
	n := p.Rows.Rows()
	return s.core.Attend(p, p.Of(q, n, 4*s.dk), p.Of(k, n, 2*s.dk), p.Of(v, n, 2*s.dv), attention.Causal).Float32s()
}

func (t text) then(u text) text {
	return text{slices.Concat(t.q, u.q), slices.Concat(t.k, u.k), slices.Concat(t.v, u.v), slices.Concat(t.hidden, u.hidden)}
}

// last is the mix of the last n rows of a text fed at once.
func (s *session) last(t text, n int) []float32 {
	fresh := newSession(s.dev)
	fresh.memory.Cache = s.memory.Cache
	defer fresh.memory.Close()
	all := fresh.feed(t)
	return all[len(all)-n*4*s.dv:]
}

func sameBits(x, y []float32) bool {
	return slices.EqualFunc(x, y, func(a, b float32) bool { return math.Float32bits(a) == math.Float32bits(b) })
}

// Beams that are dropped, kept and doubled go on from what they remember, and
// what one appends does not reach another, whether the last page of keys is
// full or not.
func TestSelect(t *testing.T) {
	dev := cpu.New(cpu.Options{Threads: 2})
	defer dev.Close()
	d := rand.New(rand.NewPCG(3, 4))
	for trial := range 30 {
		s := newSession(dev)
		s.memory.Cache = nn.CacheType(trial % 3)
		texts := make([]text, 3)
		for i := range texts {
			texts[i] = s.draw(d, []int{0, 1, 15, 16, 63, 64, 65, 128, 1 + d.IntN(200)}[d.IntN(9)])
		}
		s.feed(texts...)
		for range 4 {
			rows := make([]int, 1+d.IntN(4))
			chosen := make([]text, len(rows))
			for i := range rows {
				rows[i] = d.IntN(len(texts))
				chosen[i] = texts[rows[i]]
			}
			s.memory.Select(rows)
			texts = chosen
			more, n := make([]text, len(texts)), 1+d.IntN(3)
			for i := range texts {
				more[i] = s.draw(d, n)
				texts[i] = texts[i].then(more[i])
			}
			have, row := s.feed(more...), n*4*s.dv
			for i := range texts {
				if !sameBits(have[i*row:(i+1)*row], s.last(texts[i], n)) {
					t.Fatalf("trial %d: sequence %d of %v went on otherwise than alone", trial, i, rows)
				}
			}
		}
		s.memory.Close()
		if n := dev.Memory().InUse; n != 0 {
			t.Fatalf("trial %d: %d bytes in use after Close", trial, n)
		}
	}
}

// Beams that began alike share the memory of their common start.
func TestSelectShares(t *testing.T) {
	dev := cpu.New(cpu.Options{Threads: 1})
	defer dev.Close()
	d := rand.New(rand.NewPCG(5, 6))
	s := newSession(dev)
	defer s.memory.Close()
	s.feed(s.draw(d, 64*20))
	before := dev.Memory().InUse
	s.memory.Select([]int{0, 0, 0, 0, 0, 0, 0, 0})
	if now := dev.Memory().InUse; now != before {
		t.Errorf("8 beams take %d bytes, want the %d of one", now, before)
	}
	var one [8]text
	for i := range one {
		one[i] = s.draw(d, 1)
	}
	s.feed(one[:]...)
	if now := dev.Memory().InUse; now > before*3/2 {
		t.Errorf("8 beams with a row each of their own take %d bytes, one took %d", now, before)
	}
}

// A memory that grows row by row takes at most twice what its rows need and a
// little more.
func TestGrowth(t *testing.T) {
	dev := cpu.New(cpu.Options{Threads: 1})
	defer dev.Close()
	d := rand.New(rand.NewPCG(7, 8))
	s := newSession(dev)
	row := int64(4 * 2 * (s.dk + s.dv)) // bytes of a key and a value
	for n := 1; n <= 200; n++ {
		s.feed(s.draw(d, 1))
		// A quarter more is what the device's classes of sizes may add.
		if have, most := dev.Memory().InUse, (int64(n)*2+16)*row*5/4; have > most {
			t.Fatalf("%d rows take %d bytes, want %d at most", n, have, most)
		}
	}
	s.memory.Close()
	if n := dev.Memory().InUse; n != 0 {
		t.Errorf("%d bytes in use after Close", n)
	}
}

// Calls that do not fit the core, the batch or the memory are faults that say
// why.
func TestFaults(t *testing.T) {
	dev := cpu.New(cpu.Options{Threads: 1})
	defer dev.Close()
	three := nn.Sequences(3)
	attend := func(c attention.Core, q, k, v int) func(p *nn.Pass) {
		return func(p *nn.Pass) {
			c.Attend(p, p.Zeros(3, q), p.Zeros(3, k), p.Zeros(3, v), attention.Full)
		}
	}
	var memory nn.Memory
	defer memory.Close()
	site := &attention.Core{Heads: 2}
	remember := func(rows nn.Batch, width int) func(p *nn.Pass) {
		return func(p *nn.Pass) {
			p.Rows, p.Memory = rows, &memory
			n := rows.Rows()
			site.Attend(p, p.Zeros(n, width), p.Zeros(n, width), p.Zeros(n, width), attention.Full)
		}
	}
	for _, c := range []struct {
		does func(p *nn.Pass)
		says string // empty: no fault
	}{
		{attend(attention.Core{}, 4, 4, 4), "0 query heads do not share 0 key heads"},
		{attend(attention.Core{Heads: 3, KVHeads: 2}, 6, 4, 4), "3 query heads do not share 2 key heads"},
		{attend(attention.Core{Heads: 2}, 5, 4, 4), "not multiples of 2 and 2 heads"},
		{attend(attention.Core{Heads: 2}, 4, 4, 5), "not multiples of 2 and 2 heads"},
		{attend(attention.Core{Heads: 2}, 4, 6, 4), "queries and keys differ in width: 2 and 3"},
		{func(p *nn.Pass) {
			(&attention.Core{Heads: 1}).Attend(p, p.Zeros(2, 4), p.Zeros(3, 4), p.Zeros(3, 4), attention.Full)
		}, "2 queries for a batch of 3 rows"},
		{func(p *nn.Pass) {
			(&attention.Core{Heads: 1}).Attend(p, p.Zeros(3, 4), p.Zeros(3, 4), p.Zeros(2, 4), attention.Full)
		}, "keys and values for a batch of 3 rows"},
		{func(p *nn.Pass) {
			(&attention.Core{Heads: 1}).Cross(p, p.Zeros(3, 4), p.Zeros(3, 4), p.Zeros(3, 4), nn.Sequences(1, 2))
		}, "1 sequences of queries meet 2 of keys"},
		{func(p *nn.Pass) { attention.Thirds(p.Zeros(3, 4)) }, "not a multiple of three"},
		{remember(three, 4), ""},
		{remember(nn.Sequences(1, 1), 4), "the memory holds 1 sequences of 2 heads of width 2, the pass has 2"},
		{remember(nn.Sequences(1), 8), "the memory holds 1 sequences of 2 heads of width 2"},
		{func(p *nn.Pass) {
			p.Tape, p.Memory = new(tensor.Tape), new(nn.Memory)
			x := p.Input(make([]float32, 12), 3, 4)
			(&attention.Core{Heads: 1}).Attend(p, x, x, x, attention.Full)
		}, "cannot have a memory"},
		{attend(attention.Core{Heads: 1, Mechanism: plain{}, Softcap: 1}, 4, 4, 4), "the plainest cannot cap its scores"},
		{attend(attention.Core{Heads: 1, Mechanism: plain{}, Pattern: attention.Causal}, 4, 4, 4), "the plainest cannot keep apart"},
		{attend(attention.Core{Heads: 1, Mechanism: plain{}, Pattern: attention.Prefix{N: 1}}, 4, 4, 4), "the plainest cannot keep apart"},
		{attend(attention.Core{Heads: 1, Mechanism: plain{}}, 4, 4, 4), ""},
		{func(p *nn.Pass) {
			p.Memory = new(nn.Memory)
			attend(attention.Core{Heads: 1, Mechanism: plain{}}, 4, 4, 4)(p)
		}, "the plainest cannot go on from a memory"},
		{func(p *nn.Pass) {
			p.Train = true
			attend(attention.Core{Heads: 1, Mechanism: plain{}, Drop: 0.5}, 4, 4, 4)(p)
		}, "the plainest cannot drop weights"},
		{func(p *nn.Pass) {
			p.Tape = new(tensor.Tape)
			x := p.Input(make([]float32, 12), 3, 4)
			(&attention.Core{Heads: 1, Mechanism: plain{}}).Attend(p, x, x, x, attention.Full)
		}, "the plainest has no adjoint"},
	} {
		err := func() (err error) {
			defer tensor.Guard(&err)
			p := nn.NewPass(context.Background(), three, nn.Options{Device: dev})
			defer p.Close()
			c.does(p)
			return nil
		}()
		var fault *tensor.Fault
		switch {
		case c.says == "" && err == nil:
		case c.says == "":
			t.Errorf("%v, want no error", err)
		case !errors.As(err, &fault) || !strings.Contains(err.Error(), c.says):
			t.Errorf("have %v, want a fault that says %q", err, c.says)
		}
	}
}

// plain is a mechanism that can do nothing but give V back.
type plain struct{}

func (plain) Abilities() attention.Abilities { return attention.Abilities{Name: "the plainest"} }

func (plain) Attend(_ *nn.Pass, c *attention.Call) (out, lse *tensor.Tensor) { return c.V, nil }

// Where a query's numbers sum to a negative zero, the sign does not depend on
// which tiles were skipped.
func TestZeroSigns(t *testing.T) {
	dev := cpu.New(cpu.Options{Threads: 1})
	defer dev.Close()
	const n = 130
	v := make([]float32, n)
	v[0] = -math.SmallestNonzeroFloat32 // times a weight under one half it is −0
	run := func(pattern attention.Pattern) float32 {
		p := nn.NewPass(context.Background(), nn.Sequences(n), nn.Options{Device: dev})
		defer p.Close()
		y := (&attention.Core{Heads: 1}).Attend(p, p.Zeros(n, 1), p.Zeros(n, 1), p.Of(v, n, 1), pattern)
		return y.Row(n - 1)[0]
	}
	for _, pattern := range []attention.Pattern{attention.Full, attention.Prefix{N: 3}, attention.Prefix{N: 64}, attention.Except(attention.Band{Left: 3, Right: 3})} {
		if bits := math.Float32bits(run(pattern)); bits != 0 {
			t.Errorf("%#v: have bits %#x, want +0", pattern, bits)
		}
	}
}
