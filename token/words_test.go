package token

import (
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// randomText returns a text of characters on which patterns differ.
func randomText(r *rand.Rand, n int) string {
	alphabet := []rune("aZéßſK's'tLLre  \u00a0\u3000\t\n\r.,!_-1²٣Ⅳ日́😀\u200d")
	var b strings.Builder
	for range n {
		b.WriteRune(alphabet[r.IntN(len(alphabet))])
	}
	return b.String()
}

func TestKnownPatternsEqualTheirExpressions(t *testing.T) {
	for pattern, words := range knownPatterns {
		re, err := compileRegex(pattern)
		if err != nil {
			t.Fatal(err)
		}
		r := rand.New(rand.NewPCG(1, 2))
		for range 3000 {
			text := randomText(r, r.IntN(16))
			for i := 0; i < len(text); {
				start, end := re.find(text, i)
				if have := words(text, i); start != i || end != have {
					t.Fatalf("%s: %q at %d: have an end at %d, want a match from %d to %d", pattern, text, i, have, start, end)
				}
				i = end
			}
		}
	}
}

func TestHeapEqualsScan(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for range 2000 {
		var merges []mergeSlot
		for rank := range int32(40) {
			merges = append(merges, mergeSlot{pairOf(r.Int32N(12), r.Int32N(12)), rank, r.Int32N(12)})
		}
		table := newMergeTable(merges)
		word := make([]piecePart, r.IntN(scanMax+1))
		for i := range word {
			word[i] = piecePart{r.Int32N(12), int32(i + 1)}
		}
		a, b := append([]piecePart(nil), word...), append([]piecePart(nil), word...)
		a, b = a[:table.apply(a)], b[:table.applyHeap(b)]
		if len(a) != len(b) {
			t.Fatalf("%v: have %v by heap, %v by scan", word, b, a)
		}
		for i := range a {
			if a[i] != b[i] {
				t.Fatalf("%v: have %v by heap, %v by scan", word, b, a)
			}
		}
	}
}

func TestConcurrentUse(t *testing.T) {
	tok := small(t)
	text := strings.Repeat("hello world, well <|end|> ", 20)
	want := tok.IDs(text)
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for range 20 {
				own := text[i:]
				if have := tok.Decode(tok.IDs(own), false); have != own {
					t.Errorf("have %q, want %q", have, own)
				}
				if have := tok.IDs(text); !slices.Equal(have, want) {
					t.Errorf("have %v, want %v", have, want)
				}
			}
		})
	}
	wg.Wait()
}

func TestLongWordsTakeLinearTime(t *testing.T) {
	if testing.Short() {
		t.Skip("takes a second")
	}
	toks := tinyTokenizers(t)
	for name, tok := range toks {
		for _, unit := range []string{"a", "hello", " ", "é", "\u0301", "ab</w>"} {
			text := strings.Repeat(unit, 1<<20/len(unit))
			start := time.Now()
			tok.IDs(text)
			// Squared it would be a quarter of an hour; a minute is for machines that have other work.
			if d := time.Since(start); d > time.Minute {
				t.Errorf("%s: a megabyte of %q takes %v", name, unit, d)
			}
		}
	}
}
