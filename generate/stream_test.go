package generate

import (
	"context"
	"errors"
	"fmt"
	"math"
	"runtime"
	"slices"
	"strings"
	"testing"
)

// letters spells each id as a piece of text; the last byte of a piece may wait for the next id.
type letters struct {
	pieces []string
	late   string
}

func (l *letters) Push(id int32) string {
	text := l.late + l.pieces[id]
	l.late = ""
	if n := len(text); n > 1 && text[n-1] == '~' { // stands for an unfinished character
		text, l.late = text[:n-1], "~"
	}
	return text
}

func (l *letters) Flush() string {
	late := l.late
	l.late = ""
	return late
}

// script is a model that says the given ids, whatever is read.
func script(t *testing.T, vocab, prompt int, ids ...int32) *fake {
	return &fake{t: t, vocab: vocab, logits: func(past []int32, into []float32) {
		clear(into)
		if n := len(past) - prompt; n < len(ids) {
			into[ids[n]] = 5
		}
	}}
}

func collect(t *testing.T, f *fake, text Detokenizer, o Options) (pieces []string) {
	t.Helper()
	for piece, err := range Text(t.Context(), f, text, []int32{0}, o) {
		if err != nil {
			t.Fatal(err)
		}
		if piece == "" {
			t.Error("an empty piece")
		}
		pieces = append(pieces, piece)
	}
	if f.open != 0 {
		t.Error("the session is left open")
	}
	return pieces
}

func TestTextHoldsBackStopStrings(t *testing.T) {
	pieces := []string{"</s>", "On", "ce", " up", "on", ". ", "T", "he", "~", "x~", "END"}
	for _, c := range []struct {
		ids   []int32
		stops StopStrings
		want  []string
	}{
		{[]int32{1, 2, 3, 4, 0}, nil, []string{"On", "ce", " up", "on"}},
		{[]int32{1, 2, 3, 4, 0}, StopStrings{"zz"}, []string{"On", "ce", " up", "on"}},
		{[]int32{1, 2, 3, 4, 5, 6, 7, 0}, StopStrings{". The"}, []string{"On", "ce", " up", "on"}},
		{[]int32{1, 2, 5, 6, 6, 7, 0}, StopStrings{". The"}, []string{"On", "ce", ". TT", "he"}},
		{[]int32{1, 2, 3, 4, 0}, StopStrings{"e u"}, []string{"On", "c"}},
		{[]int32{1, 2, 3, 0}, StopStrings{"upper"}, []string{"On", "ce", " ", "up"}}, // it does not come after all
		{[]int32{1, 2, 3, 4, 0}, StopStrings{"pon", "eu", "ce"}, []string{"On"}},
		{[]int32{1, 10, 2, 0}, StopStrings{"N", "D", "E"}, []string{"On"}}, // the first in the text wins
		{[]int32{1, 9, 0}, nil, []string{"On", "x", "~"}},                  // the rest comes with Flush
		{[]int32{1, 9, 0}, StopStrings{"~"}, []string{"On", "x"}},          // also for stop strings
		{[]int32{1, 9, 0}, StopStrings{"x"}, []string{"On"}},               // and nothing after one
		{[]int32{0}, StopStrings{"x"}, nil},
	} {
		have := collect(t, script(t, len(pieces), 1, c.ids...), &letters{pieces: pieces}, Options{EOS: IDs{0}, StopStrings: c.stops})
		if !slices.Equal(have, c.want) {
			t.Errorf("%v until %q: have %q, want %q", c.ids, c.stops, have, c.want)
		}
	}
}

// The text does not depend on where ids divide it, and ends where a search in the whole would.
func TestTextIsWhatASearchInTheWholeGives(t *testing.T) {
	pieces := []string{"</s>", "a", "b", "ab", "ba", "aab", "bb~"}
	for seed := range uint64(300) {
		f := hashed(t, len(pieces), 3, seed)
		whole := strings.Join(collect(t, f, &letters{pieces: pieces}, Options{EOS: IDs{0}, DoSample: true, Seed: seed, MaxNewTokens: 30}), "")
		for _, stop := range []string{"aab", "bbb", "abab", "b~a", "aaaa", "~"} {
			want, _, _ := strings.Cut(whole, stop)
			have := strings.Join(collect(t, f, &letters{pieces: pieces},
				Options{EOS: IDs{0}, DoSample: true, Seed: seed, MaxNewTokens: 30, StopStrings: StopStrings{stop}}), "")
			if have != want {
				t.Fatalf("seed %d: %q until %q: have %q, want %q", seed, whole, stop, have, want)
			}
		}
	}
}

func TestGenerateStopsAtStrings(t *testing.T) {
	pieces := []string{"</s>", "On", "ce", " up", "on"}
	out := generate(t, script(t, len(pieces), 1, 1, 2, 3, 4, 0), [][]int32{{0}}, Options{EOS: IDs{0}, StopStrings: StopStrings{"e u"},
		Detokenizer: func() Detokenizer { return &letters{pieces: pieces} }})
	same(t, "stopped", out, []Sequence{{IDs: []int32{1, 2, 3}, Finish: FinishStop}})
}

func TestStreamIsGenerate(t *testing.T) {
	for name, o := range ways() {
		t.Run(name, func(t *testing.T) {
			want := generate(t, hashed(t, 23, 2, 5), [][]int32{{3, 4}}, o)[0].IDs
			f := hashed(t, 23, 2, 5)
			var have []int32
			for id, err := range Stream(t.Context(), f, []int32{3, 4}, o) {
				if err != nil {
					t.Fatal(err)
				}
				have = append(have, id)
			}
			if !slices.Equal(have, want) || f.open != 0 {
				t.Errorf("have %v, want %v", have, want)
			}
			// Breaking off closes the session and leaves the model alone.
			f = hashed(t, 23, 2, 5)
			for _, err := range Stream(t.Context(), f, []int32{3, 4}, o) {
				if err != nil {
					t.Fatal(err)
				}
				break
			}
			if f.open != 0 || o.NumBeams < 2 && f.steps != 0 {
				t.Errorf("%d sessions are open after %d steps", f.open, f.steps)
			}
		})
	}
}

func TestStreamErrorsComeLast(t *testing.T) {
	f := hashed(t, 9, 1, 1)
	f.failAt = 3
	var have []string
	for id, err := range Stream(t.Context(), f, []int32{1}, Options{}) {
		have = append(have, fmt.Sprint(id > 0 || err == nil, errors.Is(err, errBroken)))
	}
	if want := []string{"true false", "true false", "true false", "false true"}; !slices.Equal(have, want) {
		t.Errorf("have %v, want %v", have, want)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	n := 0
	for _, err := range Stream(ctx, hashed(t, 9, 1, 1), []int32{1}, Options{}) {
		if n++; n == 2 {
			cancel()
		}
		if n == 3 && !errors.Is(err, context.Canceled) || n > 3 {
			t.Errorf("yield %d has error %v", n, err)
		}
	}
	for _, err := range Text(t.Context(), hashed(t, 9, 1, 1), &letters{}, []int32{1}, Options{TopP: 7}) {
		if err == nil || !strings.Contains(err.Error(), "top_p") {
			t.Errorf("have error %v", err)
		}
	}
}

// A number of new tokens that no machine can hold reserves no memory in advance.
func TestHugeLimitsReserveNothing(t *testing.T) {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range Stream(t.Context(), &still{rows: [][]float32{{1, 2}}}, []int32{1}, Options{MaxNewTokens: math.MaxInt32}) {
		break
	}
	runtime.ReadMemStats(&after)
	if n := after.TotalAlloc - before.TotalAlloc; n > 1<<17 {
		t.Errorf("%d bytes for one token", n)
	}
}
