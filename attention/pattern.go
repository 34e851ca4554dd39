package attention

import "math/bits"

// Tile is the number of keys that exact softmax takes at a time. The visible
// keys of a tile, for one query, are the bits of a word.
const Tile = 64

// Cover says how much of a rectangle of queries and keys may meet.
type Cover uint8

// The answers of a Pattern. Some is right for any rectangle.
const (
	Some Cover = iota
	None
	All
)

// Place is where a pattern is asked: which sequence and head, and how many keys
// the sequence has in all.
type Place struct{ Seq, Head, Keys int }

// Pattern says which queries may meet which keys of their sequence. Both are
// counted from the first row of the sequence, rows in a cache among them. A
// Pattern is used by several goroutines at once.
type Pattern interface {
	// Cover says how much of queries q0 ≤ q < q1 and keys k0 ≤ k < k1 may
	// meet. None and All let attention skip the tile or the mask.
	Cover(at Place, q0, q1, k0, k1 int) Cover
	// Row is the keys that query q may meet: bit j stands for key k0+j. Bits
	// of keys that do not exist may be anything.
	Row(at Place, q, k0 int) uint64
}

// Plain is a pattern without numbers.
type Plain uint8

// The plain patterns.
const (
	Full   Plain = iota // all may meet
	Causal              // a query meets keys up to its own place
)

// String is the pattern's name.
func (p Plain) String() string {
	if p > Causal {
		return "unknown"
	}
	return [...]string{"full", "causal"}[p]
}

// Cover is Pattern's.
func (p Plain) Cover(_ Place, q0, q1, k0, k1 int) Cover {
	switch {
	case p == Full || k1-1 <= q0:
		return All
	case k0 > q1-1:
		return None
	}
	return Some
}

// Row is Pattern's.
func (p Plain) Row(_ Place, q, k0 int) uint64 {
	if p == Full {
		return ^uint64(0)
	}
	return span(0, q+1, k0)
}

// Band lets query i meet keys i−Left to i+Right: a sliding window. Mistral's
// window of W keys is Band{Left: W - 1}.
type Band struct{ Left, Right int }

// Cover is Pattern's.
func (b Band) Cover(_ Place, q0, q1, k0, k1 int) Cover {
	switch {
	case k1 <= q0-b.Left || k0 > q1-1+b.Right:
		return None
	case k0 >= q1-1-b.Left && k1-1 <= q0+b.Right:
		return All
	}
	return Some
}

// Row is Pattern's.
func (b Band) Row(_ Place, q, k0 int) uint64 { return span(q-b.Left, q+b.Right+1, k0) }

// Block lets queries meet the keys of their own block of Size rows.
type Block struct{ Size int }

// Cover is Pattern's.
func (b Block) Cover(_ Place, q0, q1, k0, k1 int) Cover {
	lo, hi := q0/b.Size, (q1-1)/b.Size
	first, last := k0/b.Size, (k1-1)/b.Size
	switch {
	case last < lo || first > hi:
		return None
	case lo == hi && first == lo && last == lo:
		return All
	}
	return Some
}

// Row is Pattern's.
func (b Block) Row(_ Place, q, k0 int) uint64 {
	start := q / b.Size * b.Size
	return span(start, start+b.Size, k0)
}

// Prefix lets every query meet the first N keys.
type Prefix struct{ N int }

// Cover is Pattern's.
func (p Prefix) Cover(_ Place, _, _, k0, k1 int) Cover {
	switch {
	case k1 <= p.N:
		return All
	case k0 >= p.N:
		return None
	}
	return Some
}

// Row is Pattern's.
func (p Prefix) Row(_ Place, _, k0 int) uint64 { return span(0, p.N, k0) }

// Global lets the first N rows meet all others and be met by all (Beltagy et
// al. 2020, §3.1; Zaheer et al. 2020, §2).
type Global struct{ N int }

// Cover is Pattern's.
func (g Global) Cover(_ Place, q0, q1, k0, k1 int) Cover {
	switch {
	case q1 <= g.N || k1 <= g.N:
		return All
	case q0 >= g.N && k0 >= g.N:
		return None
	}
	return Some
}

// Row is Pattern's.
func (g Global) Row(_ Place, q, k0 int) uint64 {
	if q < g.N {
		return ^uint64(0)
	}
	return span(0, g.N, k0)
}

// Stride lets query i meet the keys i−k·Step, k = 0, ±1, …: the far half of
// Child et al. 2019, §4.2; with Band it makes their strided pattern.
type Stride struct{ Step int }

// Cover is Pattern's.
func (s Stride) Cover(Place, int, int, int, int) Cover {
	if s.Step == 1 {
		return All
	}
	return Some
}

// Row is Pattern's.
func (s Stride) Row(_ Place, q, k0 int) uint64 {
	first := ((q-k0)%s.Step + s.Step) % s.Step
	var w uint64
	for j := first; j < Tile; j += s.Step {
		w |= 1 << j
	}
	return w
}

// span has the bits of keys lo ≤ k < hi set.
func span(lo, hi, k0 int) uint64 {
	lo, hi = min(max(lo-k0, 0), Tile), min(max(hi-k0, 0), Tile)
	if lo >= hi {
		return 0
	}
	return ^uint64(0) >> (Tile - hi + lo) << lo
}

// visible gives the columns of a tile that any of words sees, first and end;
// the first is a multiple of the kernels' 16 lanes, so that leaving out the
// columns before it does not change the order of a sum.
func visible(words []uint64) (lo, hi int) {
	var any uint64
	for _, w := range words {
		any |= w
	}
	if any == 0 {
		return 0, 0
	}
	return bits.TrailingZeros64(any) &^ 15, bits.Len64(any)
}
