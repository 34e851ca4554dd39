package eval

import (
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// share is the statistic of an accuracy.
func share(right []bool) Statistic {
	return func(rows []int) (float64, error) { return float64(count(rows, right)) / float64(len(rows)), nil }
}

func coin(r *rand.Rand, n int, p float64) []bool {
	right := make([]bool, n)
	for i := range right {
		right[i] = r.Float64() < p
	}
	return right
}

func TestBootstrap(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 8))
	for range 10 {
		right := coin(r, 20+r.IntN(100), .7)
		a, err := Bootstrap(len(right), share(right), Resampling{Seed: 1, Rounds: 300})
		if err != nil {
			t.Fatal(err)
		}
		if !(a.Low <= a.Point && a.Point <= a.High) || a.Low < 0 || a.High > 1 || a.Level != .95 {
			t.Errorf("interval %+v", a)
		}
		again, err := Bootstrap(len(right), share(right), Resampling{Seed: 1, Rounds: 300})
		if err != nil || again != a {
			t.Errorf("the same seed gave %+v and %+v (%v)", a, again, err)
		}
		narrow, err := Bootstrap(len(right), share(right), Resampling{Seed: 1, Rounds: 300, Level: .5})
		if err != nil || narrow.Low < a.Low || narrow.High > a.High {
			t.Errorf("half of the draws span %+v, 95 %% of them %+v (%v)", narrow, a, err)
		}
	}
}

// The draws are a matter of seed and counter alone: these are the ones on every
// machine.
func TestBootstrapDraws(t *testing.T) {
	var seen [][]int
	_, err := Bootstrap(8, func(rows []int) (float64, error) {
		seen = append(seen, slices.Clone(rows))
		return 0, nil
	}, Resampling{Seed: 42, Rounds: 2})
	if err != nil {
		t.Fatal(err)
	}
	want := [][]int{{0, 1, 2, 3, 4, 5, 6, 7}, {3, 2, 5, 5, 6, 2, 5, 3}, {1, 7, 0, 5, 4, 7, 3, 2}}
	if !slices.EqualFunc(seen, want, slices.Equal) {
		t.Errorf("have %v, want %v", seen, want)
	}
}

// An interval of 90 % holds the truth about nine times in ten.
func TestCoverage(t *testing.T) {
	r := rand.New(rand.NewPCG(9, 10))
	const trials, truth = 200, .8
	var boot, wilson int
	for i := range trials {
		right := coin(r, 60, truth)
		b, err := Bootstrap(len(right), share(right), Resampling{Seed: uint64(i), Rounds: 100, Level: .9})
		if err != nil {
			t.Fatal(err)
		}
		hits := int(math.Round(b.Point * 60))
		w, err := Wilson(hits, 60, .9)
		if err != nil {
			t.Fatal(err)
		}
		if b.Low <= truth && truth <= b.High {
			boot++
		}
		if w.Low <= truth && truth <= w.High {
			wilson++
		}
	}
	// 180 expected; √(200·0.9·0.1) = 4.2 is the standard deviation, and few rows make
	// shares coarse.
	for name, held := range map[string]int{"bootstrap": boot, "wilson": wilson} {
		if held < 160 || held > 197 {
			t.Errorf("%s held the truth in %d of %d", name, held, trials)
		}
	}
}

func TestBootstrapUndefined(t *testing.T) {
	positive, scores := []bool{true, false, false}, []float64{.9, .1, .5}
	auc := func(rows []int) (float64, error) {
		var p []bool
		var s []float64
		for _, i := range rows {
			p, s = append(p, positive[i]), append(s, scores[i])
		}
		return ROCAUC(p, s)
	}
	i, err := Bootstrap(3, auc, Resampling{})
	if err != nil || i.Point != 1 || i.Low != 1 || i.High != 1 {
		t.Errorf("rounds with one class should be left out: %+v, %v", i, err)
	}
	calls := 0
	_, err = Bootstrap(3, func([]int) (float64, error) {
		if calls++; calls == 1 {
			return 1, nil
		}
		return 0, undefined("it", "so")
	}, Resampling{Rounds: 5})
	if !errors.Is(err, ErrUndefined) {
		t.Errorf("no round was defined: have %v", err)
	}
	if _, err := Bootstrap(3, func([]int) (float64, error) { return math.NaN(), nil }, Resampling{}); err == nil {
		t.Error("a statistic of NaN passed")
	}
	broken := errors.New("broken")
	if _, err := Bootstrap(3, func([]int) (float64, error) { return 0, broken }, Resampling{}); !errors.Is(err, broken) {
		t.Errorf("have %v, want the statistic's own error", err)
	}
}

func TestPairedBootstrap(t *testing.T) {
	r := rand.New(rand.NewPCG(11, 12))
	gain := func(first, second []bool) Statistic {
		return func(rows []int) (float64, error) {
			return float64(count(rows, second)-count(rows, first)) / float64(len(rows)), nil
		}
	}
	weak, strong := coin(r, 300, .6), coin(r, 300, .9)
	p, err := PairedBootstrap(300, gain(weak, strong), Resampling{})
	if err != nil || p.P > .01 || p.Difference.Low <= 0 {
		t.Errorf("0.6 against 0.9: %+v, %v", p, err)
	}
	back, err := PairedBootstrap(300, gain(strong, weak), Resampling{})
	if err != nil || !near(back.Difference.Point, -p.Difference.Point) || back.P != p.P {
		t.Errorf("swapped: %+v, %+v, %v", p, back, err)
	}
	if same, err := PairedBootstrap(300, gain(weak, weak), Resampling{}); err != nil || same.P != 1 || same.Difference.Point != 0 {
		t.Errorf("a model against itself: %+v, %v", same, err)
	}
}

func TestMcNemar(t *testing.T) {
	r := rand.New(rand.NewPCG(13, 14))
	for range 50 {
		a, b := coin(r, 80, .7), coin(r, 80, .6)
		x, err1 := McNemar(a, b)
		y, err2 := McNemar(b, a)
		if err1 != nil || err2 != nil || x.OnlyFirst != y.OnlySecond || !near(x.Exact, y.Exact) || x.P != y.P {
			t.Fatalf("%+v, swapped %+v", x, y)
		}
		if !(x.Exact > 0 && x.Exact <= 1 && x.P > 0 && x.P <= 1) {
			t.Errorf("p-values of %+v", x)
		}
	}
}

func TestWilsonNarrows(t *testing.T) {
	last := 1.0
	for n := 10; n <= 100000; n *= 10 {
		i, err := Wilson(n*9/10, n, 0)
		if err != nil || i.High-i.Low >= last || i.Low > .9 || i.High < .9 {
			t.Errorf("%d rows: %v, %v", n, i, err)
		}
		last = i.High - i.Low
	}
	for n := 1; n < 300; n++ {
		none, err1 := Wilson(0, n, .9)
		all, err2 := Wilson(n, n, .9)
		if err := errors.Join(err1, err2); err != nil || none.Low != 0 || all.High != 1 || none.High >= 1 || all.Low <= 0 {
			t.Errorf("%d rows: none right %v, all right %v, %v", n, none, all, err)
		}
	}
	if i := (Interval{.912, .89, .9312, .95}); i.String() != "0.912 [0.890, 0.931]" {
		t.Error(i)
	}
}
