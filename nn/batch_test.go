package nn

import (
	"slices"
	"strings"
	"testing"
)

// Sequences and pictures of any lengths make batches that check.
func TestBatches(t *testing.T) {
	b := Sequences(3, 0, 2)
	if !slices.Equal(b.Off, []int{0, 3, 3, 5}) || !slices.Equal(b.Positions, []int32{0, 1, 2, 0, 1}) {
		t.Errorf("have %+v", b)
	}
	if f, l := b.Firsts(), b.Lasts(); !slices.Equal(f, []int32{0, -1, 3}) || !slices.Equal(l, []int32{2, -1, 4}) {
		t.Errorf("firsts %v, lasts %v", f, l)
	}
	if n := []int{b.ContextOf(0), b.ContextOf(1), b.ContextOf(2)}; !slices.Equal(n, []int{3, 0, 2}) {
		t.Errorf("contexts %v", n)
	}
	b.Context = []int{7, 8, 9}
	if b.ContextOf(1) != 8 {
		t.Errorf("context %d, want 8", b.ContextOf(1))
	}
	for _, b := range []Batch{b, {}, Sequences(), Sequences(0), Pictures(), Pictures(Grid{2, 3}, Grid{0, 4})} {
		if err := b.Check(); err != nil {
			t.Errorf("%+v: %v", b, err)
		}
	}
	if n := (Batch{}).Len() + (Batch{}).Rows() + Sequences().Len(); n != 0 {
		t.Errorf("empty batches have %d", n)
	}
}

// Check names what does not fit.
func TestBatchCheck(t *testing.T) {
	for want, spoil := range map[string]func(b *Batch){
		"starts at row 1":        func(b *Batch) { b.Off[0] = 1 },
		"ends before it starts":  func(b *Batch) { b.Off[1] = 9 },
		"4 positions for 5 rows": func(b *Batch) { b.Positions = b.Positions[:4] },
		"1 grids":                func(b *Batch) { b.Grids = []Grid{{1, 1}} },
		"grid of -1 × 2":         func(b *Batch) { b.Grids = []Grid{{1, 3}, {-1, 2}} },
		"3 contexts":             func(b *Batch) { b.Context = make([]int, 3) },
		"2 marks":                func(b *Batch) { b.Hidden = make([]bool, 2) },
	} {
		b := Sequences(3, 2)
		spoil(&b)
		if err := b.Check(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("have %v, want %s", err, want)
		}
	}
}
