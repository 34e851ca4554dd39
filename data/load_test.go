package data

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math/rand/v2"
	"os"
	"reflect"
	"runtime"
	"slices"
	"sync/atomic"
	"testing"
	"time"
)

func TestPermutation(t *testing.T) {
	for n := range 20 {
		order := Permutation(n, 1, 2)
		slices.Sort(order)
		for i, v := range order {
			if i != v {
				t.Fatalf("%d: %v is no permutation", n, order)
			}
		}
	}
	one := Permutation(50, 1, 2)
	if slices.Equal(one, Permutation(50, 1, 3)) || slices.Equal(one, Permutation(50, 2, 2)) || !slices.Equal(one, Permutation(50, 1, 2)) {
		t.Error("an order is not the seed's and the epoch's")
	}
}

func TestSpool(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	for _, n := range []int{0, 1, 7, 8, 9, 100} {
		all := invented(n, false, r)
		for i := range all {
			all[i].Source = Place{"file", i + 1}
			all[i].Text += " <\u2028\n>"
			if i%3 == 0 {
				all[i].Labels = []string{"a", "b"}[:i%2]
			}
		}
		dir := t.TempDir()
		s, err := NewSpool(dir, Each(all))
		if err != nil {
			t.Fatal(err)
		}
		if have, err := s.Rows(0, s.Len()); err != nil || s.Len() != n || n > 0 && !reflect.DeepEqual(have, all) {
			t.Errorf("%d rows come back as %+v, %v", n, have, err)
		}
		var orders [][]string
		for _, how := range []Shuffle{{Seed: 1, Rows: 4, Blocks: 3}, {Seed: 1, Rows: 4, Blocks: 3}, {Seed: 2, Rows: 4, Blocks: 3}, {Seed: 1, Epoch: 1, Rows: 4, Blocks: 3}, {}} {
			have, err := Collect(s.Shuffled(how))
			if err != nil || !slices.Equal(ids(have), ids(all)) {
				t.Errorf("%+v: %d rows become %d, %v", how, n, len(have), err)
			}
			var order []string
			for _, e := range have {
				order = append(order, e.ID)
			}
			orders = append(orders, order)
		}
		if !slices.Equal(orders[0], orders[1]) {
			t.Error("one seed gives two orders")
		}
		for i, other := range orders[2:] {
			if n == 100 && slices.Equal(orders[0], other) {
				t.Errorf("order %d is that of another seed", i+2)
			}
		}
		for range s.Shuffled(Shuffle{}) {
			break
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
			t.Errorf("Close leaves %v, %v", left, err)
		}
	}
	for _, e := range []Example{{Text: "\xff"}, {Text: "a", Labels: []string{"\xff"}}} {
		if _, err := NewSpool(t.TempDir(), Each([]Example{e})); err == nil {
			t.Errorf("%q is no error", e)
		}
	}
}

func TestPack(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 8))
	self := func(n int) int { return n }
	for range 300 {
		lengths := make([]int, r.IntN(60))
		for i := range lengths {
			lengths[i] = r.IntN(11)
		}
		p := Packing{Tokens: 10 + r.IntN(30), Sequences: r.IntN(5), Window: r.IntN(20), Seed: r.Uint64()}
		batches, err := Collect(Pack(p, Each(lengths), self))
		if err != nil {
			t.Fatal(err)
		}
		var all []int
		for _, b := range batches {
			sum := 0
			for _, n := range b {
				sum += n
			}
			if len(b) == 0 || sum > p.Tokens || p.Sequences > 0 && len(b) > p.Sequences {
				t.Errorf("%+v: a batch %v", p, b)
			}
			if p.Window > 1 && !slices.IsSortedFunc(b, func(x, y int) int { return y - x }) {
				t.Errorf("%+v: a batch %v is not sorted", p, b)
			}
			all = append(all, b...)
		}
		again, err := Collect(Pack(p, Each(lengths), self))
		if err != nil || !reflect.DeepEqual(again, batches) {
			t.Errorf("%+v: %v, then %v", p, batches, again)
		}
		if p.Window > 1 {
			slices.Sort(all)
			lengths = slices.Sorted(slices.Values(lengths))
		}
		if !slices.Equal(all, lengths) {
			t.Errorf("%+v: %v became %v", p, lengths, all)
		}
	}
	if batches, err := Collect(Pack(Packing{Tokens: 5}, Each([]int{2, 3, 1, 5}), self)); err != nil || !reflect.DeepEqual(batches, [][]int{{2, 3}, {1}, {5}}) {
		t.Errorf("have %v, %v", batches, err)
	}
	if _, err := Collect(Pack(Packing{Tokens: 5}, Each([]int{6}), self)); err == nil {
		t.Error("a sequence longer than a batch is no error")
	}
}

// settle fails where there are more goroutines than before.
func settle(t *testing.T, before int) {
	t.Helper()
	for range 100 {
		if runtime.NumGoroutine() <= before {
			return
		}
		time.Sleep(time.Millisecond)
	}
	t.Errorf("%d goroutines, %d before", runtime.NumGoroutine(), before)
}

// endless counts from 0, and keeps the number given last.
func endless(last *atomic.Int64) iter.Seq2[int, error] {
	return func(yield func(int, error) bool) {
		for i := 0; ; i++ {
			last.Store(int64(i))
			if !yield(i, nil) {
				return
			}
		}
	}
}

func TestAhead(t *testing.T) {
	before := runtime.NumGoroutine()
	var last atomic.Int64
	slow := func(n int) (int, error) {
		time.Sleep(time.Duration(n%3) * 100 * time.Microsecond)
		return n * n, nil
	}
	for _, workers := range []int{0, 1, 3} {
		// Order, and a reader that stops early.
		want := 0
		for v, err := range Ahead(t.Context(), endless(&last), workers, 4, slow) {
			if err != nil || v != want*want {
				t.Fatalf("element %d is %d, %v", want, v, err)
			}
			if n := int(last.Load()); n > want+4+workers+3 {
				t.Fatalf("element %d was read while %d is in use", n, want)
			}
			if want++; want == 50 {
				break
			}
		}
		settle(t, before)
		// A sequence that ends.
		for _, n := range []int{0, 1, 30} {
			have, err := Collect(Ahead(t.Context(), Each(make([]int, n)), workers, 4, slow))
			if err != nil || len(have) != n {
				t.Errorf("%d elements become %d, %v", n, len(have), err)
			}
		}
		settle(t, before)
		// Errors of f and of the sequence.
		broken := errors.New("broken")
		n := 0
		for _, err := range Ahead(t.Context(), endless(&last), workers, 4, func(n int) (int, error) {
			if n == 7 {
				return 0, broken
			}
			return n, nil
		}) {
			if (err != nil) != (n == 7) {
				t.Errorf("element %d: %v", n, err)
			}
			n++
		}
		if n != 8 {
			t.Errorf("%d elements up to the error", n)
		}
		_, err := Collect(Ahead(t.Context(), func(yield func(int, error) bool) { yield(0, broken) }, workers, 4, slow))
		if !errors.Is(err, broken) {
			t.Errorf("error %v", err)
		}
		settle(t, before)
		// The context, with its cause.
		ctx, cancel := context.WithCancelCause(t.Context())
		_, err = Collect(Ahead(ctx, endless(&last), workers, 4, func(n int) (int, error) {
			if n == 20 {
				cancel(broken)
			}
			return n, nil
		}))
		if !errors.Is(err, broken) {
			t.Errorf("error %v", err)
		}
		settle(t, before)
	}
	// Panics of f and of the sequence.
	for name, seq := range map[string]iter.Seq2[int, error]{
		"f":            Ahead(t.Context(), endless(&last), 2, 4, func(int) (int, error) { panic("f") }),
		"the sequence": Ahead(t.Context(), func(func(int, error) bool) { panic("the sequence") }, 2, 4, slow),
	} {
		func() {
			defer func() {
				if p := recover(); p != name {
					t.Errorf("panic %v, want %s", p, name)
				}
			}()
			for v := range seq {
				t.Errorf("%s gives %d", name, v)
			}
		}()
		settle(t, before)
	}
}

func ExamplePack() {
	lengths := Each([]int{3, 9, 4, 8, 2})
	for batch, err := range Pack(Packing{Tokens: 12}, lengths, func(n int) int { return n }) {
		fmt.Println(batch, err)
	}
	// Output:
	// [3 9] <nil>
	// [4 8] <nil>
	// [2] <nil>
}
