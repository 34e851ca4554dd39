package data

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/qkvgo/qkv/model"
)

// numbers is a set of 0 … n-1 whose batches have them as ids; element i has
// i%5+1 tokens.
func numbers(n int) Set[int] {
	items := make([]int, n)
	for i := range items {
		items[i] = i
	}
	return Set[int]{Items: items, Seed: 9, Length: func(i int) int { return i%5 + 1 }, Make: func(items []int, draw uint64) (Batch, error) {
		in := &model.Input{Targets: []float32{float32(draw >> 40)}}
		for _, i := range items {
			in.IDs = append(in.IDs, int32(i))
		}
		return Batch{Input: in}, nil
	}}
}

// batches gives the ids of batches n up to n+count.
func batches(t *testing.T, s Set[int], n int64, count int) (ids [][]int32, draws []float32) {
	t.Helper()
	for b, err := range s.From(n) {
		if err != nil {
			t.Fatal(err)
		}
		if ids, draws = append(ids, b.Input.IDs), append(draws, b.Input.Targets[0]); len(ids) == count {
			break
		}
	}
	return ids, draws
}

func TestSet(t *testing.T) {
	for _, c := range []struct{ rows, tokens, window, workers int }{{8, 0, 0, 0}, {0, 17, 0, 1}, {6, 20, 0, 3}, {0, 23, 16, 2}, {4, 0, 12, 1}} {
		t.Run(fmt.Sprint(c), func(t *testing.T) {
			s := numbers(53)
			s.Rows, s.Tokens, s.Window, s.Workers = c.rows, c.tokens, c.window, c.workers
			one, three := int(s.Batches(1)), int(s.Batches(3))
			all, draws := batches(t, s, 0, three)
			for epoch := range 3 {
				lo, hi := int(s.Batches(float64(epoch))), int(s.Batches(float64(epoch+1)))
				seen := slices.Concat(all[lo:hi]...)
				if slices.IsSorted(seen) {
					t.Errorf("pass %d is not shuffled", epoch)
				}
				slices.Sort(seen)
				for i, v := range seen {
					if int(v) != i || len(seen) != 53 {
						t.Fatalf("pass %d is not every element once: %v", epoch, seen)
					}
				}
			}
			if slices.Equal(all[0], all[one]) {
				t.Error("two passes begin alike")
			}
			slices.Sort(draws)
			if len(slices.Compact(draws)) < three-1 {
				t.Errorf("draws repeat: %v", draws)
			}
			for _, b := range all {
				tokens := 0
				for _, i := range b {
					tokens += int(i)%5 + 1
				}
				if len(b) == 0 || c.rows > 0 && len(b) > c.rows || c.tokens > 0 && tokens > c.tokens {
					t.Errorf("a batch of %d rows and %d tokens", len(b), tokens)
				}
			}
			for n := range three { // from anywhere it goes on as it would have
				part, _ := batches(t, s, int64(n), three-n)
				if !slices.EqualFunc(part, all[n:], slices.Equal) {
					t.Fatalf("from batch %d other ones come", n)
				}
			}
			if half := int(s.Batches(0.5)); half < one/2 || half > one/2+1 {
				t.Errorf("half of %d batches is %d", one, half)
			}
			var ordered []int32
			for b, err := range s.InOrder() {
				if err != nil {
					t.Fatal(err)
				}
				ordered = append(ordered, b.Input.IDs...)
			}
			if c.window == 0 && !slices.IsSorted(ordered) || len(ordered) != 53 {
				t.Errorf("in order: %v", ordered)
			}
		})
	}
}

func TestSetRefuses(t *testing.T) {
	long, bare, empty := numbers(9), numbers(9), numbers(0)
	long.Tokens, empty.Rows = 4, 2
	for want, s := range map[string]Set[int]{"element 4 has 5 tokens": long, "say how large": bare, "is empty": empty} {
		for _, seq := range []func() error{
			func() error { _, err := Collect(s.InOrder()); return err },
			func() error { _, err := Collect(s.From(0)); return err },
		} {
			if err := seq(); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("have %v, want %q", err, want)
			}
		}
	}
}
