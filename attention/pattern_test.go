package attention_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/qkvgo/qkv/attention"
	"github.com/qkvgo/qkv/nn"
	"github.com/qkvgo/qkv/tensor"
)

// meets is a pattern as a sentence: may query q of a place meet key k?
type meets func(at attention.Place, q, k int) bool

// stated is a pattern with its sentence.
type stated struct {
	pattern attention.Pattern
	meets   meets
}

// drawPattern draws a pattern, patterns combined depth times at most.
func drawPattern(d *rand.Rand, depth int) stated {
	kinds := 8
	if depth > 0 {
		kinds = 12
	}
	var a, b, c stated
	if depth > 0 {
		a, b, c = drawPattern(d, depth-1), drawPattern(d, depth-1), drawPattern(d, depth-1)
	}
	switch d.IntN(kinds) {
	case 0:
		return stated{attention.Full, func(attention.Place, int, int) bool { return true }}
	case 1:
		return stated{attention.Causal, func(_ attention.Place, q, k int) bool { return k <= q }}
	case 2:
		left, right := d.IntN(90)-10, d.IntN(90)-10
		return stated{attention.Band{Left: left, Right: right}, func(_ attention.Place, q, k int) bool { return q-left <= k && k <= q+right }}
	case 3:
		size := 1 + d.IntN(100)
		return stated{attention.Block{Size: size}, func(_ attention.Place, q, k int) bool { return q/size == k/size }}
	case 4:
		n := d.IntN(150)
		return stated{attention.Prefix{N: n}, func(_ attention.Place, _, k int) bool { return k < n }}
	case 5:
		n := d.IntN(150)
		return stated{attention.Global{N: n}, func(_ attention.Place, q, k int) bool { return q < n || k < n }}
	case 6:
		step := 1 + d.IntN(80)
		return stated{attention.Stride{Step: step}, func(_ attention.Place, q, k int) bool { return (q-k)%step == 0 }}
	case 7:
		hidden := make([][]bool, 2) // of 3 sequences
		for i := range hidden {
			hidden[i] = make([]bool, d.IntN(200))
			for j := range hidden[i] {
				hidden[i][j] = d.IntN(70) > j%70
			}
		}
		return stated{attention.Hidden(hidden), func(at attention.Place, _, k int) bool {
			return at.Seq >= len(hidden) || k >= len(hidden[at.Seq]) || !hidden[at.Seq][k]
		}}
	case 8:
		return stated{attention.Union(a.pattern, b.pattern), func(at attention.Place, q, k int) bool { return a.meets(at, q, k) || b.meets(at, q, k) }}
	case 9:
		return stated{attention.Intersect(a.pattern, nil, b.pattern), func(at attention.Place, q, k int) bool { return a.meets(at, q, k) && b.meets(at, q, k) }}
	case 10:
		return stated{attention.Except(a.pattern), func(at attention.Place, q, k int) bool { return !a.meets(at, q, k) }}
	}
	return stated{attention.Heads(a.pattern, b.pattern, c.pattern), func(at attention.Place, q, k int) bool {
		return []stated{a, b, c}[at.Head%3].meets(at, q, k)
	}}
}

// Row and Cover say of any rectangle what the pattern's sentence says of its
// pairs.
func TestPatterns(t *testing.T) {
	d := rand.New(rand.NewPCG(1, 2))
	none, all := 0, 0
	for trial := range 4000 {
		p := drawPattern(d, trial%3)
		at := attention.Place{Seq: d.IntN(3), Head: d.IntN(4), Keys: 300}
		q0, k0 := d.IntN(200), d.IntN(200)
		q1, k1 := q0+1+d.IntN(70), k0+1+d.IntN(140)
		met := 0
		for q := q0; q < q1; q++ {
			for k := k0; k < k1; k++ {
				want := p.meets(at, q, k)
				if have := p.pattern.Row(at, q, k)&1 != 0; have != want {
					t.Fatalf("%#v: Row at %+v says that query %d meets key %d: %v, want %v", p.pattern, at, q, k, have, want)
				}
				if j := k - k0; j < attention.Tile && (p.pattern.Row(at, q, k0)>>j&1 != 0) != want {
					t.Fatalf("%#v: bit %d of Row from key %d on is wrong for query %d", p.pattern, j, k0, q)
				}
				if want {
					met++
				}
			}
		}
		switch p.pattern.Cover(at, q0, q1, k0, k1) {
		case attention.None:
			none++
			if met > 0 {
				t.Fatalf("%#v: Cover says none of queries %d:%d and keys %d:%d at %+v; %d pairs meet", p.pattern, q0, q1, k0, k1, at, met)
			}
		case attention.All:
			all++
			if met < (q1-q0)*(k1-k0) {
				t.Fatalf("%#v: Cover says all of queries %d:%d and keys %d:%d at %+v; %d pairs meet", p.pattern, q0, q1, k0, k1, at, met)
			}
		}
	}
	if none < 400 || all < 400 {
		t.Errorf("Cover said none %d times and all %d times of 4000: it is hardly tested", none, all)
	}
}

// A pattern answers in whole tiles where it can, so that attention skips them.
func TestCoverIsSharp(t *testing.T) {
	at := attention.Place{Keys: 1000}
	for _, c := range []struct {
		p    attention.Pattern
		none [4]int // the nearest rectangle of which nothing meets
		all  [4]int // the largest of which all meet
	}{
		{attention.Causal, [4]int{0, 64, 64, 128}, [4]int{63, 128, 0, 64}},
		{attention.Band{Left: 63, Right: 0}, [4]int{127, 191, 0, 64}, [4]int{63, 64, 0, 64}},
		{attention.Band{Left: 0, Right: 63}, [4]int{0, 1, 64, 128}, [4]int{0, 1, 0, 64}},
		{attention.Block{Size: 64}, [4]int{64, 128, 0, 64}, [4]int{64, 128, 64, 128}},
		{attention.Prefix{N: 64}, [4]int{0, 64, 64, 128}, [4]int{0, 64, 0, 64}},
		{attention.Global{N: 64}, [4]int{64, 65, 64, 65}, [4]int{0, 64, 500, 564}},
		{attention.Hidden([][]bool{make64Hidden()}), [4]int{0, 64, 0, 64}, [4]int{0, 64, 64, 128}},
	} {
		if have := c.p.Cover(at, c.none[0], c.none[1], c.none[2], c.none[3]); have != attention.None {
			t.Errorf("%#v: Cover of %v is %v, want None", c.p, c.none, have)
		}
		if have := c.p.Cover(at, c.all[0], c.all[1], c.all[2], c.all[3]); have != attention.All {
			t.Errorf("%#v: Cover of %v is %v, want All", c.p, c.all, have)
		}
	}
}

func make64Hidden() []bool {
	hidden := make([]bool, 64)
	for i := range hidden {
		hidden[i] = true
	}
	return hidden
}

// Plain patterns print their names.
func ExamplePlain() {
	fmt.Println(attention.Full, attention.Causal)
	// Output: full causal
}

// A pattern that cannot be is a fault that says why, not a crash.
func TestWrongPatterns(t *testing.T) {
	for _, c := range []struct {
		pattern attention.Pattern
		want    string
	}{
		{attention.Block{}, "Block has a size of 0"},
		{attention.Stride{}, "Stride has a step of 0"},
		{attention.Stride{Step: -2}, "step of -2"},
		{attention.Union(nil), "nil"},
		{attention.Union(), "Union of no patterns"},
		{attention.Heads(), "Heads of no patterns"},
		{attention.Except(nil), "nil"},
		{attention.Plain(9), "no plain pattern 9"},
		{attention.Intersect(attention.Causal, attention.Union(attention.Band{}, attention.Except(attention.Block{Size: -1}))), "size of -1"},
	} {
		attend := func() (err error) {
			defer tensor.Guard(&err)
			p := nn.NewPass(context.Background(), nn.Sequences(3), nn.Options{})
			defer p.Close()
			x := p.Of(make([]float32, 6), 3, 2)
			(&attention.Core{Heads: 1}).Attend(p, x, x, x, c.pattern)
			return nil
		}
		var fault *tensor.Fault
		if err := attend(); !errors.As(err, &fault) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%#v: %v, want a fault with %q", c.pattern, err, c.want)
		}
	}
}
