package generate

import (
	"github.com/qkvgo/qkv/internal/portable"
	"math"
	"slices"
	"testing"

	"github.com/qkvgo/qkv/internal/philox"
)

// kept runs one warper over the logarithms of probabilities and lists the ids that survive.
func kept(probabilities []float64, build func(*scratch) Warper) []int32 {
	row := make([]float32, len(probabilities))
	for i, p := range probabilities {
		row[i] = float32(math.Log(p))
	}
	build(newScratch(len(row)))(row, nil)
	var ids []int32
	for i, x := range row {
		if x > never {
			ids = append(ids, int32(i))
		}
	}
	return ids
}

func TestWarpersKeepWhatTheirPapersSay(t *testing.T) {
	p := []float64{0.05, 0.4, 0.15, 0.3, 0.1}
	for _, c := range []struct {
		name  string
		build func(*scratch) Warper
		want  []int32
	}{
		{"top_k 2", func(s *scratch) Warper { return topK(2, s) }, []int32{1, 3}},
		{"top_k 9", func(s *scratch) Warper { return topK(9, s) }, []int32{0, 1, 2, 3, 4}},
		{"top_p 0.6: 0.4 + 0.3 hold it", func(s *scratch) Warper { return topP(0.6, 1, s) }, []int32{1, 3}},
		{"top_p 0.3: the best is kept", func(s *scratch) Warper { return topP(0.3, 1, s) }, []int32{1}},
		{"top_p 0.3, at least 3", func(s *scratch) Warper { return topP(0.3, 3, s) }, []int32{1, 2, 3}},
		{"min_p 0.3: from 0.12 on", func(s *scratch) Warper { return minP(0.3, 1, s) }, []int32{1, 2, 3}},
		{"min_p 1", func(s *scratch) Warper { return minP(1, 1, s) }, []int32{1}},
		{"min_p 1, at least 2", func(s *scratch) Warper { return minP(1, 2, s) }, []int32{1, 3}},
		{"epsilon 0.12", func(s *scratch) Warper { return epsilonCutoff(0.12, 1, s) }, []int32{1, 2, 3}},
		{"epsilon 0.9: the best stays", func(s *scratch) Warper { return epsilonCutoff(0.9, 1, s) }, []int32{1}},
		// Entropy 1.392: √0.09·e^−1.392 = 0.0746 is below 0.09.
		{"eta 0.09", func(s *scratch) Warper { return etaCutoff(0.09, 1, s) }, []int32{1, 2, 3, 4}},
		// −ln p − 1.392: 1.60, 0.48, 0.51, 0.19, 0.91. The closest is 0.3, then 0.4, then 0.15.
		{"typical 0.2", func(s *scratch) Warper { return typical(0.2, 1, s) }, []int32{3}},
		{"typical 0.5", func(s *scratch) Warper { return typical(0.5, 1, s) }, []int32{1, 3}},
		{"typical 0.8", func(s *scratch) Warper { return typical(0.8, 1, s) }, []int32{1, 2, 3}},
		{"typical 0.2, at least 2", func(s *scratch) Warper { return typical(0.2, 2, s) }, []int32{1, 3}},
	} {
		if have := kept(p, c.build); !slices.Equal(have, c.want) {
			t.Errorf("%s: have %v, want %v", c.name, have, c.want)
		}
	}
}

// The partial selections agree with full sorts, ties and hidden ids included.
func TestSelectionsEqualSorts(t *testing.T) {
	for seed := range uint64(300) {
		n := 1 + int(seed)%37
		row := make([]float32, n)
		for i := range row {
			row[i] = float32(math.Floor(9*philox.Uniform(seed, [4]uint32{uint32(i)}))) / 2 // many ties
			if philox.Uniform(seed, [4]uint32{uint32(i), 1}) < 0.2 {
				row[i] = never
			}
		}
		sorted := slices.Clone(row)
		slices.SortFunc(sorted, func(a, b float32) int {
			if a > b {
				return -1
			} else if a < b {
				return 1
			}
			return 0
		})
		s := newScratch(n)
		for k := 1; k <= n; k++ {
			if have := s.kthBest(row, k); have != sorted[k-1] {
				t.Fatalf("seed %d: %d-th best of %v is %v, want %v", seed, k, row, have, sorted[k-1])
			}
		}
		if b := best(row); (b < 0) != (sorted[0] == never) || b >= 0 && (row[b] != sorted[0] || slices.Index(row, row[b]) != int(b)) {
			t.Fatalf("seed %d: best of %v is %d", seed, row, b)
		}
		s.order.reset()
		for i, x := range row {
			s.order.add(int32(i), -float64(x))
		}
		s.order.build()
		lastKey, lastID := math.Inf(-1), int32(-1)
		for range n {
			id, key := s.order.pop()
			if key < lastKey || key == lastKey && id <= lastID || key != -float64(row[id]) {
				t.Fatalf("seed %d: %d (%v) follows %d (%v)", seed, id, key, lastID, lastKey)
			}
			lastKey, lastID = key, id
		}
	}
}

// The k best of a podium are the first k of a sort.
func TestPodiumEqualsSort(t *testing.T) {
	for seed := range uint64(100) {
		p := podium{size: 1 + int(seed)%7}
		var all []candidate
		for i := range uint32(40) {
			c := candidate{float32(math.Floor(9 * philox.Uniform(seed, [4]uint32{i}))), int(i / 10), int32(i % 10)}
			all = append(all, c)
			p.offer(c)
			p.offer(candidate{score: float32(math.NaN())})
		}
		slices.SortFunc(all, byRank)
		if !slices.Equal(p.top, all[:p.size]) {
			t.Fatalf("seed %d: have %v, want %v", seed, p.top, all[:p.size])
		}
	}
}

func TestProcessors(t *testing.T) {
	flat := func() []float32 { return []float32{1, -1, 2, -2, 0.5} }
	s := newScratch(5)
	x := never
	for _, c := range []struct {
		name string
		w    Warper
		past []int32
		want []float32
	}{
		{"repetition, once per id", repetition(2, s), []int32{0, 0, 1, 0}, []float32{0.5, -2, 2, -2, 0.5}},
		{"presence and frequency of new ids", presence(0.5, 0.25, 2, s), []int32{4, 4, 0, 2, 2}, []float32{0.25, -1, 1, -2, 0.5}},
		{"no bigram twice", noRepeatNGram(2), []int32{1, 2, 1, 3, 1}, []float32{1, -1, x, x, 0.5}},
		{"no id twice", noRepeatNGram(1), []int32{1, 4}, []float32{1, x, 2, -2, x}},
		{"shorter than the n-gram", noRepeatNGram(4), []int32{1, 2}, flat()},
		{"bad words", badWords([][]int32{{0}, {1}, {2, 3}, {4, 2}}, []int32{1}), []int32{0, 2}, []float32{x, -1, 2, x, 0.5}},
		{"bad word longer than the past", badWords([][]int32{{2, 3}}, nil), []int32{2}, flat()},
		{"no end yet", minLength(3, []int32{1, 2}), []int32{0, 0}, []float32{1, x, x, -2, 0.5}},
		{"may end", minLength(3, []int32{1, 2}), []int32{0, 0, 0}, flat()},
		{"forced", forced(2, 3), []int32{0, 0}, []float32{x, x, x, 0, x}},
		{"not yet forced", forced(2, 3), []int32{0}, flat()},
		{"decay: 2 past the start of 1", exponentialDecay(Decay{1, 2}, 1, []int32{1}), []int32{0, 0, 0, 0}, []float32{1, 2, 2, -2, 0.5}},
		{"decay not begun", exponentialDecay(Decay{3, 2}, 1, []int32{1}), []int32{0, 0, 0, 0}, flat()},
		{"suppressed", suppress([]int32{0, 4}), nil, []float32{x, -1, 2, -2, x}},
		{"suppressed at first", suppressAt(1, []int32{0}), []int32{3}, []float32{x, -1, 2, -2, 0.5}},
		{"not suppressed later", suppressAt(1, []int32{0}), []int32{3, 3}, flat()},
		{"temperature", temperature(0.5), nil, []float32{2, -2, 4, -4, 1}},
	} {
		row := flat()
		c.w(row, c.past)
		if !slices.Equal(row, c.want) {
			t.Errorf("%s: have %v, want %v", c.name, row, c.want)
		}
	}
	if slices.ContainsFunc(s.counts(), func(n int32) bool { return n != 0 }) {
		t.Error("a processor leaves counts behind")
	}
	row := []float32{float32(math.NaN()), float32(math.Inf(1)), never, 3}
	removeInvalid(row, nil)
	if want := []float32{0, math.MaxFloat32, -math.MaxFloat32, 3}; !slices.Equal(row, want) {
		t.Errorf("invalid values become %v, want %v", row, want)
	}
}

// The chain applies processors before warpers: top_k sees what a penalty left.
func TestChainOrder(t *testing.T) {
	o := Options{EOS: IDs{0}, MinNewTokens: 1, RepetitionPenalty: 10, DoSample: true, Temperature: 0.5, TopK: new(2)}
	row := []float32{9, 8, 3, 2, 1}
	Warpers(o, 1, 5).Apply(row, []int32{1})
	if want := []float32{never, never, 6, 4, never}; !slices.Equal(row, want) {
		t.Errorf("have %v, want %v", row, want)
	}
	if n := len(Warpers(Options{Temperature: 3, TopP: 0.1}, 1, 5)); n != 0 {
		t.Errorf("greedy decoding has %d warpers, want none", n)
	}
	if n := len(Warpers(Options{DoSample: true}, 1, 5)); n != 1 {
		t.Errorf("sampling has %d warpers by default, want top_k alone", n)
	}
}

// How often ids are drawn is what their probabilities say.
func TestSampleFrequencies(t *testing.T) {
	p := []float64{0.5, 0, 0.25, 0.2, 0.05}
	row := make([]float32, len(p))
	for i := range p {
		row[i] = float32(math.Log(p[i]) + 3)
	}
	s := newScratch(len(p))
	const n = 20000
	var times [5]float64
	for i := range n {
		times[s.sample(row, uniform(1, 0, i, 0))]++
	}
	for i, have := range times {
		if bound := 6*math.Sqrt(n*p[i]*(1-p[i])) + 1e-9; math.Abs(have-n*p[i]) > bound {
			t.Errorf("id %d is drawn %v times of %d, want %v ± %v", i, have, n, n*p[i], bound)
		}
	}
}

func TestMath(t *testing.T) {
	for i := range uint32(20000) {
		x := 1400*philox.Uniform(3, [4]uint32{i}) - 700
		if have, want := portable.Exp(x), math.Exp(x); math.Abs(have-want) > 4e-16*want {
			t.Fatalf("portable.Exp(%v): have %v, want %v", x, have, want)
		}
		y := math.Exp(x / 3)
		if have, want := portable.Log(y), math.Log(y); math.Abs(have-want) > 4e-16*max(math.Abs(want), 0.01) {
			t.Fatalf("portable.Log(%v): have %v, want %v", y, have, want)
		}
		n, e := 1+int(i)%300, float64(int(i)%41-20)/8
		if have, want := power(n, e), math.Pow(float64(n), e); math.Abs(have-want) > 1e-14*want {
			t.Fatalf("%d^%v: have %v, want %v", n, e, have, want)
		}
	}
	if power(60, 1) != 60 || power(60, 2) != 3600 || power(7, 0) != 1 || power(4, -1) != 0.25 {
		t.Error("whole powers are not exact")
	}
	if portable.Exp(math.Inf(-1)) != 0 || portable.Exp(0) != 1 || portable.Log(1) != 0 || !math.IsInf(portable.Exp(1e9), 1) {
		t.Error("borders")
	}
}
