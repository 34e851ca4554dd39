package eval

import (
	"encoding/json"
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// labelled are random labels, got right about half of the time.
func labelled(r *rand.Rand, rows, n int) (want, got []int) {
	for range rows {
		w := r.IntN(n)
		g := w
		if r.IntN(2) == 0 {
			g = r.IntN(n)
		}
		want, got = append(want, w), append(got, g)
	}
	return want, got
}

func shuffled[A, B any](r *rand.Rand, a []A, b []B) (x []A, y []B) {
	for _, i := range r.Perm(len(a)) {
		x, y = append(x, a[i]), append(y, b[i])
	}
	return x, y
}

func near(a, b float64) bool { return math.Abs(a-b) <= 1e-12*max(1, math.Abs(a), math.Abs(b)) }

func TestConfusionLaws(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		n := 1 + r.IntN(6)
		want, got := labelled(r, 1+r.IntN(50), n)
		c, err := Classes(want, got, n)
		if err != nil {
			t.Fatal(err)
		}
		plain, err := Accuracy(want, got)
		if err != nil || plain != c.Accuracy() {
			t.Fatalf("accuracy of labels %v (%v), of the matrix %v", plain, err, c.Accuracy())
		}
		if m := c.Micro(); m.F1 != c.Accuracy() && !near(m.F1, c.Accuracy()) {
			t.Errorf("micro F1 %v, accuracy %v", m.F1, c.Accuracy())
		}
		for _, s := range []Score{c.Micro(), c.Macro(), c.Weighted()} {
			for _, v := range []float64{s.Precision, s.Recall, s.F1} {
				if !(v >= 0 && v <= 1+1e-15) {
					t.Errorf("%+v is outside 0 to 1", s)
				}
			}
			if s.Support != len(want) {
				t.Errorf("support %d of %d rows", s.Support, len(want))
			}
		}
		if w := c.Weighted(); !near(w.Recall, c.Accuracy()) {
			t.Errorf("weighted recall %v, accuracy %v", w.Recall, c.Accuracy())
		}
		if v := c.MCC(); !(v >= -1-1e-12 && v <= 1+1e-12) {
			t.Errorf("MCC %v", v)
		}
		swapped, err := Classes(got, want, n)
		if err != nil {
			t.Fatal(err)
		}
		if !near(c.MCC(), swapped.MCC()) {
			t.Errorf("MCC %v, with the sides swapped %v", c.MCC(), swapped.MCC())
		}
		w2, g2 := shuffled(r, want, got)
		moved, err := Classes(w2, g2, n)
		if err != nil || moved.String() != c.String() {
			t.Errorf("rows in another order: %v\n%vwant\n%v", err, moved, c)
		}
		for _, w := range []Weights{Unweighted, Linear, Quadratic} {
			k, err := c.Kappa(w)
			back, errBack := swapped.Kappa(w)
			if (err == nil) != (errBack == nil) || !near(k, back) || k > 1 {
				t.Errorf("kappa %v (%v), with the sides swapped %v (%v)", k, err, back, errBack)
			}
		}
	}
}

func TestPerfect(t *testing.T) {
	want := []int{2, 0, 1, 1, 2, 2}
	c, err := Classes(want, want, 3)
	if err != nil {
		t.Fatal(err)
	}
	kappa, err := c.Kappa(Quadratic)
	if err != nil {
		t.Fatal(err)
	}
	positive, scores := []bool{false, true, false, true}, []float64{.1, .9, .2, .8}
	auc, err1 := ROCAUC(positive, scores)
	ap, err2 := AveragePrecision(positive, scores)
	x := []float64{3, 1, 2, 7}
	r2, err3 := R2(x, x)
	pearson, err4 := Pearson(x, x)
	spearman, err5 := Spearman(x, x)
	kendall, err6 := Kendall(x, x)
	ndcg, err7 := NDCG(x, x, 2)
	if err := errors.Join(err1, err2, err3, err4, err5, err6, err7); err != nil {
		t.Fatal(err)
	}
	for i, v := range []float64{c.Accuracy(), c.Macro().F1, c.Weighted().F1, c.MCC(), kappa, auc, ap, r2, pearson, spearman, kendall, ndcg} {
		if !near(v, 1) {
			t.Errorf("figure %d of perfect answers is %v", i, v)
		}
	}
}

// Every fault is an error that names what is wrong, and none is a panic.
func TestFaults(t *testing.T) {
	nan := math.NaN()
	one := func(v float64, err error) error { return err }
	for _, c := range []struct {
		err       error
		mentions  string
		undefined bool
	}{
		{err: second(Classes([]int{1}, nil, 2)), mentions: "1 wanted but 0 got"},
		{err: second(Classes(nil, nil, 2)), mentions: "no rows"},
		{err: second(Classes([]int{2}, []int{0}, 2)), mentions: "wants label 2, outside 0 to 1"},
		{err: second(Classes([]int{0}, []int{-1}, 2)), mentions: "got label -1, outside 0 to 1"},
		{err: second(Classes([]int{0}, []int{0}, 0)), mentions: "0 classes"},
		{err: one(Accuracy(nil, nil)), mentions: "accuracy: no rows"},
		{err: one(Confusion{}.Kappa(Linear)), mentions: "kappa", undefined: true},
		{err: second(Confusion{Counts: [][]int{{1}}}.Report([]string{"a", "b"})), mentions: "2 names for 1 classes"},
		{err: one(ROCAUC([]bool{true}, []float64{1})), mentions: "1 of 1 rows are positive", undefined: true},
		{err: one(ROCAUC([]bool{true, false}, []float64{1, nan})), mentions: "score 1 is NaN"},
		{err: one(MAE([]float64{1}, []float64{nan})), mentions: "mae: got number 0 is NaN"},
		{err: one(R2([]float64{nan}, []float64{1})), mentions: "wanted number 0 is NaN"},
		{err: one(MSE([]float64{1e308}, []float64{-1e308})), mentions: "too large", undefined: true},
		{err: one(Pearson([]float64{1e308, -1e308}, []float64{1, 2})), mentions: "spread", undefined: true},
		{err: one(AveragePrecision([]bool{false, true}, []float64{1})), mentions: "2 wanted but 1 got"},
		{err: second(Rank([]bool{true}, nil)), mentions: "rank: 1 wanted but 0 got"},
		{err: one(TopK([]int{0}, [][]float64{{1, nan}}, 1)), mentions: "top k: row 0: score 1 is NaN"},
		{err: one(BitsPer(nil, 1)), mentions: "no tokens"},
		{err: one(LogLoss(nil, nil)), mentions: "log loss: no rows"},
		{err: areas([]int{0, 0}, [][]float64{{.5, .5}, {.1, .9}}), mentions: "class 0 against the rest", undefined: true},
		{err: areas([]int{0}, nil), mentions: "1 wanted but 0 got"},
		{err: one(AveragePrecision([]bool{false}, []float64{1})), mentions: "no row is positive", undefined: true},
		{err: one(TopK([]int{0}, [][]float64{{1}}, 0)), mentions: "k is 0"},
		{err: one(TopK([]int{0, 0}, [][]float64{{1, 2}, {1}}, 1)), mentions: "row 1 has 1 scores"},
		{err: one(TopK([]int{0}, [][]float64{{}}, 1)), mentions: "row 0 has 0 scores"},
		{err: one(TopK([]int{3}, [][]float64{{1, 2}}, 1)), mentions: "wants label 3, outside 0 to 1"},
		{err: second(Top([][]float64{{}})), mentions: "row 0 has no scores"},
		{err: one(LogLoss([]int{0}, [][]float64{{2, -1}})), mentions: "probability 0 is 2"},
		{err: one(Brier([]bool{true}, []float64{nan})), mentions: "probability 0 is NaN"},
		{err: second(Calibrate([]bool{true}, []float64{.5}, 0)), mentions: "0 bins"},
		{err: second(Calibrate([]bool{true}, []float64{1.5}, 3)), mentions: "probability 0 is 1.5"},
		{err: one(Perplexity(nil)), mentions: "no tokens"},
		{err: one(Perplexity([]float64{nan})), mentions: "log-probability 0 is NaN"},
		{err: one(BitsPer([]float64{-1}, 0)), mentions: "0 units"},
		{err: one(MSE([]float64{1}, []float64{math.Inf(1)})), mentions: "got number 0 is +Inf"},
		{err: one(R2([]float64{1}, []float64{1})), mentions: "1 rows, it takes 2", undefined: true},
		{err: one(Spearman([]float64{1, 2}, []float64{3, 3})), mentions: "spearman", undefined: true},
		{err: one(NDCG([]float64{0}, []float64{1}, 0)), mentions: "no document has a gain", undefined: true},
		{err: one(NDCG([]float64{-1}, []float64{1}, 0)), mentions: "gain 0 is -1"},
		{err: one(NDCG([]float64{1}, []float64{1}, -1)), mentions: "k is -1"},
		{err: second(Searches(nil, 1)), mentions: "no queries"},
		{err: second(Searches([]Ranked{{Hits: []bool{false}}}, 1)), mentions: "query 0 has no relevant", undefined: true},
		{err: second(Searches([]Ranked{{Hits: []bool{true, true}, Relevant: 1}}, 1)), mentions: "2 hits but 1 relevant"},
		{err: second(Searches([]Ranked{{Relevant: 1}}, 0)), mentions: "k is 0"},
		{err: second(Wilson(3, 2, 0)), mentions: "3 right of 2"},
		{err: second(Wilson(1, 2, 1)), mentions: "level 1"},
		{err: second(McNemar(nil, nil)), mentions: "no rows"},
		{err: second(Bootstrap(0, nil, Resampling{})), mentions: "no rows"},
		{err: second(Bootstrap(1, nil, Resampling{Rounds: -1})), mentions: "-1 rounds"},
		{err: second(PairedBootstrap(1, nil, Resampling{Level: nan})), mentions: "level NaN"},
	} {
		if c.err == nil || !strings.Contains(c.err.Error(), c.mentions) || errors.Is(c.err, ErrUndefined) != c.undefined {
			t.Errorf("have error %v, want one with %q (undefined: %v)", c.err, c.mentions, c.undefined)
		}
	}
}

func areas(want []int, scores [][]float64) error {
	_, _, _, err := ROCAUCs(want, scores)
	return err
}

func second[T any](_ T, err error) error { return err }

// The area under the curve is the share of pairs in the right order.
func TestROCAUCByPairs(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for range 100 {
		rows := 2 + r.IntN(40)
		positive, scores := make([]bool, rows), make([]float64, rows)
		for i := range rows {
			positive[i], scores[i] = i == 0 || i > 1 && r.IntN(2) == 0, float64(r.IntN(9))
		}
		var right, all float64
		for i := range rows {
			for j := range rows {
				if positive[i] && !positive[j] {
					all++
					if scores[i] > scores[j] {
						right++
					} else if scores[i] == scores[j] {
						right += 0.5
					}
				}
			}
		}
		positive, scores = shuffled(r, positive, scores)
		have, err := ROCAUC(positive, scores)
		if err != nil || !near(have, right/all) {
			t.Errorf("have %v (%v), want %v", have, err, right/all)
		}
		for i := range positive {
			positive[i] = !positive[i]
		}
		turned, err := ROCAUC(positive, scores)
		if err != nil || !near(turned, 1-have) {
			t.Errorf("with the sides swapped %v (%v), want %v", turned, err, 1-have)
		}
	}
}

// Kendall's tau by its definition, all pairs.
func TestKendallByPairs(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	for range 100 {
		x, y := make([]float64, 3+r.IntN(40)), []float64(nil)
		for i := range x {
			x[i] = float64(r.IntN(8))
			y = append(y, float64(r.IntN(8)))
		}
		var same, onlyX, onlyY float64
		for i := range x {
			for j := range i {
				dx, dy := x[i]-x[j], y[i]-y[j]
				switch {
				case dx*dy > 0:
					same++
				case dx*dy < 0:
					same--
				}
				if dx != 0 {
					onlyX++
				}
				if dy != 0 {
					onlyY++
				}
			}
		}
		have, err := Kendall(x, y)
		if onlyX == 0 || onlyY == 0 {
			if !errors.Is(err, ErrUndefined) {
				t.Errorf("constant column: have %v, %v", have, err)
			}
			continue
		}
		if want := same / math.Sqrt(onlyX*onlyY); err != nil || !near(have, want) {
			t.Errorf("have %v (%v), want %v", have, err, want)
		}
	}
}

func TestCalibrate(t *testing.T) {
	// Four rows in (0.5, 1], three right: |3/4 - 0.8|; one in [0, 0.5], wrong: 0.5.
	c, err := Calibrate([]bool{true, true, true, false, false}, []float64{.8, .9, .7, .8, .5}, 2)
	if err != nil {
		t.Fatal(err)
	}
	if want := (0.05*4 + 0.5*1) / 5; !near(c.ECE, want) || !near(c.MCE, 0.5) {
		t.Errorf("have ECE %v and MCE %v, want %v and 0.5", c.ECE, c.MCE, want)
	}
	if c.Bins[0].Count != 1 || c.Bins[1].Count != 4 {
		t.Errorf("bins %+v", c.Bins)
	}
	for _, want := range []string{"0.500 – 1.000        4    0.800    0.750   -0.050", "error 0.1400"} {
		if !strings.Contains(c.String(), want) {
			t.Errorf("table without %q:\n%s", want, c)
		}
	}
	// Edges belong to the bin below, 0 to the first.
	for bins := 1; bins < 30; bins++ {
		for m := range bins + 1 {
			c, err := Calibrate([]bool{true}, []float64{float64(m) / float64(bins)}, bins)
			if err != nil || c.Bins[max(m-1, 0)].Count != 1 {
				t.Errorf("%d of %d bins: %+v, %v", m, bins, c.Bins, err)
			}
		}
	}
	right, sure, err := Confidence([]int{1, 0}, [][]float64{{.4, .6}, {.3, .7}})
	if err != nil || !right[0] || right[1] || sure[0] != .6 || sure[1] != .7 {
		t.Errorf("confidence: %v %v %v", right, sure, err)
	}
}

func TestTop(t *testing.T) {
	have, err := Top([][]float64{{1, 3, 3}, {2, 2, 1}, {-1}, {-2, 0, 5}})
	if want := []int{1, 0, 0, 2}; err != nil || !slices.Equal(have, want) {
		t.Errorf("have %v (%v), want %v: the first of equals", have, err, want)
	}
}

func TestSurprise(t *testing.T) {
	half := []float64{math.Log(.5), math.Log(.5), math.Log(.5)}
	if p, err := Perplexity(half); err != nil || !near(p, 2) {
		t.Errorf("perplexity of coins: %v, %v", p, err)
	}
	if b, err := BitsPer(half, 6); err != nil || !near(b, .5) {
		t.Errorf("bits of three coins over six characters: %v, %v", b, err)
	}
	if p, err := Perplexity([]float64{math.Inf(-1)}); err != nil || !math.IsInf(p, 1) {
		t.Errorf("perplexity of the impossible: %v, %v", p, err)
	}
}

func TestRanked(t *testing.T) {
	r, err := Rank([]bool{true, false, true, false}, []float64{.1, .9, .8, .5})
	if err != nil {
		t.Fatal(err)
	}
	r.Relevant++ // one that the search did not return
	for _, c := range []struct {
		name       string
		have, want float64
	}{
		{"reciprocal rank", r.ReciprocalRank(), 1. / 2},
		{"precision@2", r.Precision(2), 1. / 2},
		{"precision@8", r.Precision(8), 2. / 8},
		{"precision@0", r.Precision(0), 0},
		{"recall@3", r.Recall(3), 1. / 3},
		{"recall@8", r.Recall(8), 2. / 3},
		{"average precision", r.AveragePrecision(), (1./2 + 2./4) / 3},
		{"reciprocal rank of nothing", Ranked{}.ReciprocalRank(), 0},
	} {
		if !near(c.have, c.want) {
			t.Errorf("%s: have %v, want %v", c.name, c.have, c.want)
		}
	}
	all, err := Searches([]Ranked{r, {Hits: []bool{true}, Relevant: 1}}, 1)
	if want := (Search{MRR: .75, MAP: (1 + 1./3) / 2, Precision: .5, Recall: .5, K: 1, Queries: 2}); err != nil ||
		!near(all.MAP, want.MAP) || all.MRR != want.MRR || all.Precision != want.Precision || all.Recall != want.Recall || all.Queries != 2 {
		t.Errorf("have %+v (%v), want %+v", all, err, want)
	}
}

// Whatever the numbers, a figure is a number or there is an error, and what is
// bounded keeps its bounds.
func TestNoNaN(t *testing.T) {
	r := rand.New(rand.NewPCG(17, 18))
	odd := []float64{0, 1, -1, .5, 1e308, -1e308, math.MaxFloat64, 5e-324, 1e-200, 3, math.NaN(), math.Inf(1), math.Inf(-1)}
	for range 3000 {
		rows := r.IntN(5)
		x, y, positive := make([]float64, rows), make([]float64, rows), make([]bool, rows)
		for i := range rows {
			x[i], y[i], positive[i] = odd[r.IntN(len(odd)-r.IntN(4))], odd[r.IntN(len(odd)-r.IntN(4))], r.IntN(2) == 0
		}
		free := []func(x, y []float64) (float64, error){MSE, MAE, R2}
		signed := []func(x, y []float64) (float64, error){Pearson, Spearman, Kendall}
		shares := []func() (float64, error){
			func() (float64, error) { return NDCG(x, y, r.IntN(4)) },
			func() (float64, error) { return ROCAUC(positive, x) },
			func() (float64, error) { return AveragePrecision(positive, x) },
			func() (float64, error) { return Brier(positive, x) },
			func() (float64, error) { c, err := Calibrate(positive, x, 1+r.IntN(4)); return c.ECE, err },
		}
		check := func(least, most float64, f func() (float64, error)) {
			t.Helper()
			if v, err := f(); err == nil && !(v >= least-1e-12 && v <= most+1e-12) || err != nil && v != 0 {
				t.Errorf("%v and %v: have %v (%v), want %v to %v", x, y, v, err, least, most)
			}
		}
		for _, f := range free {
			check(-math.MaxFloat64, math.MaxFloat64, func() (float64, error) { return f(x, y) })
		}
		for _, f := range signed {
			check(-1, 1, func() (float64, error) { return f(x, y) })
		}
		for _, f := range shares {
			check(0, 1, f)
		}
		if len(x) > 0 {
			i, err := Bootstrap(len(x), func(rows []int) (float64, error) { return x[rows[0]], nil }, Resampling{Rounds: 5})
			if err == nil && (math.IsNaN(i.Low) || math.IsNaN(i.High)) {
				t.Errorf("bootstrap of %v: %+v", x, i)
			}
		}
	}
}

func TestReportJSON(t *testing.T) {
	c, err := Classes([]int{0, 2}, []int{0, 2}, 3)
	if err != nil {
		t.Fatal(err)
	}
	r, err := c.Report([]string{"no", "maybe", "yes"})
	if err != nil {
		t.Fatal(err)
	}
	have, err := json.Marshal(r)
	perfect := `"precision":1,"recall":1,"f1":1,"support":`
	want := `{"classes":[{"name":"no",` + perfect + `1},{"name":"yes",` + perfect + `1}],"accuracy":1,"macro":{` + perfect + `2},"weighted":{` + perfect + `2},"total":2}`
	if err != nil || string(have) != want {
		t.Errorf("have %s (%v), want %s", have, err, want)
	}
}
