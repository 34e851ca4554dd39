package eval

import (
	"encoding/json"
	"errors"
	"math"
	"os"
	"slices"
	"testing"
)

// figures collects how far we are from a reference.
type figures struct {
	t     *testing.T
	cases int
	worst float64
}

// same compares a figure with the reference's, where nil stands for undefined.
func (f *figures) same(name string, i int, have float64, err error, want *float64) {
	f.t.Helper()
	f.cases++
	switch {
	case want == nil && !errors.Is(err, ErrUndefined):
		f.t.Errorf("%s, case %d: have %v, %v, want it to be undefined", name, i, have, err)
	case want == nil:
	case err != nil:
		f.t.Errorf("%s, case %d: %v, want %v", name, i, err, *want)
	default:
		d := math.Abs(have-*want) / max(1, math.Abs(*want))
		f.worst = max(f.worst, d)
		if !(d <= 1e-12) { // sums in another order
			f.t.Errorf("%s, case %d: have %v, want %v", name, i, have, *want)
		}
	}
}

// sameScore compares precision, recall and F1, and perhaps support.
func (f *figures) sameScore(name string, i int, have Score, want []float64) {
	f.t.Helper()
	f.same(name+" precision", i, have.Precision, nil, &want[0])
	f.same(name+" recall", i, have.Recall, nil, &want[1])
	f.same(name+" F1", i, have.F1, nil, &want[2])
	if len(want) > 3 && have.Support != int(want[3]) {
		f.t.Errorf("%s support, case %d: have %d, want %v", name, i, have.Support, want[3])
	}
}

// report logs the comparison, which must have been one.
func (f *figures) report(than string) {
	if f.cases < 100 {
		f.t.Errorf("only %d figures were compared", f.cases)
	}
	f.t.Logf("%d figures, worst difference from %s %.1e", f.cases, than, f.worst)
}

func readJSON(t *testing.T, name string, into any) {
	t.Helper()
	b, err := os.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, into); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
}

func bools(zeros []int) []bool {
	b := make([]bool, len(zeros))
	for i, v := range zeros {
		b[i] = v != 0
	}
	return b
}

// What scikit-learn, SciPy and statsmodels say, written by testdata/reference.py.
func TestReference(t *testing.T) {
	var ref struct {
		Classes []struct {
			Want, Got              []int
			N                      int
			Confusion              [][]int
			Accuracy               float64
			Each                   [][4]float64
			Micro, Macro, Weighted [3]float64
			MCC                    *float64
			Kappa                  [3]*float64
			Report                 string
		}
		Binary []struct {
			Want           []int
			Score          []float64
			AUC, AP, Brier *float64
		}
		Multi []struct {
			Want                           []int
			P                              [][]float64
			K                              int
			TopK, LogLoss, Macro, Weighted *float64
		}
		Numbers []struct {
			X, Y                                     []float64
			MSE, MAE, R2, Pearson, Spearman, Kendall *float64
		}
		Ranked []struct {
			Gain, Score []float64
			K           int
			At, All     *float64
			Hit         []int
			Map         *float64
		}
		Wilson []struct {
			Right, N         int
			Level, Low, High float64
		}
		McNemar []struct {
			B, C          int
			Exact, Chi, P float64
		}
	}
	readJSON(t, "reference.json", &ref)
	f := &figures{t: t}
	defer f.report("the reference")

	for i, c := range ref.Classes {
		m, err := Classes(c.Want, c.Got, c.N)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.EqualFunc(m.Counts, c.Confusion, slices.Equal) {
			t.Errorf("confusion, case %d: have %v, want %v", i, m.Counts, c.Confusion)
		}
		f.same("accuracy", i, m.Accuracy(), nil, &c.Accuracy)
		for k := range c.N {
			f.sameScore("class", i, m.Class(k), c.Each[k][:])
		}
		f.sameScore("micro", i, m.Micro(), c.Micro[:])
		f.sameScore("macro", i, m.Macro(), c.Macro[:])
		f.sameScore("weighted", i, m.Weighted(), c.Weighted[:])
		f.same("MCC", i, m.MCC(), nil, c.MCC)
		for w, want := range c.Kappa {
			have, err := m.Kappa(Weights(w))
			f.same("kappa", i, have, err, want)
		}
		r, err := m.Report(nil)
		if err != nil {
			t.Fatal(err)
		}
		if c.Report != "" && r.String() != c.Report {
			t.Errorf("report, case %d: have\n%swant\n%s", i, r, c.Report)
		}
	}
	for i, c := range ref.Binary {
		have, err := ROCAUC(bools(c.Want), c.Score)
		f.same("ROC AUC", i, have, err, c.AUC)
		have, err = AveragePrecision(bools(c.Want), c.Score)
		f.same("average precision", i, have, err, c.AP)
		if c.Brier != nil {
			have, err = Brier(bools(c.Want), c.Score)
			f.same("Brier", i, have, err, c.Brier)
		}
	}
	for i, c := range ref.Multi {
		have, err := TopK(c.Want, c.P, c.K)
		f.same("top k", i, have, err, c.TopK)
		have, err = LogLoss(c.Want, c.P)
		f.same("log loss", i, have, err, c.LogLoss)
		_, macro, weighted, err := ROCAUCs(c.Want, c.P)
		f.same("macro ROC AUC", i, macro, err, c.Macro)
		f.same("weighted ROC AUC", i, weighted, err, c.Weighted)
	}
	for i, c := range ref.Numbers {
		for _, m := range []struct {
			name string
			f    func(x, y []float64) (float64, error)
			want *float64
		}{
			{"MSE", MSE, c.MSE}, {"MAE", MAE, c.MAE}, {"R2", R2, c.R2},
			{"Pearson", Pearson, c.Pearson}, {"Spearman", Spearman, c.Spearman}, {"Kendall", Kendall, c.Kendall},
		} {
			have, err := m.f(c.X, c.Y)
			f.same(m.name, i, have, err, m.want)
		}
	}
	for i, c := range ref.Ranked {
		have, err := NDCG(c.Gain, c.Score, c.K)
		f.same("NDCG@k", i, have, err, c.At)
		have, err = NDCG(c.Gain, c.Score, 0)
		f.same("NDCG", i, have, err, c.All)
		if c.Map != nil {
			r, err := Rank(bools(c.Hit), c.Score)
			f.same("MAP", i, r.AveragePrecision(), err, c.Map)
		}
	}
	for i, c := range ref.Wilson {
		have, err := Wilson(c.Right, c.N, c.Level)
		f.same("Wilson low", i, have.Low, err, &c.Low)
		f.same("Wilson high", i, have.High, err, &c.High)
	}
	for i, c := range ref.McNemar {
		first, second := make([]bool, c.B+c.C+2), make([]bool, c.B+c.C+2)
		for j := range c.B + c.C { // both are wrong on the two rows after
			first[j] = j < c.B
			second[j] = !first[j]
		}
		have, err := McNemar(first, second)
		if have.OnlyFirst != c.B || have.OnlySecond != c.C {
			t.Errorf("McNemar, case %d: have %+v, want counts %d and %d", i, have, c.B, c.C)
		}
		f.same("McNemar exact", i, have.Exact, err, &c.Exact)
		f.same("McNemar chi-square", i, have.ChiSquare, err, &c.Chi)
		f.same("McNemar p", i, have.P, err, &c.P)
	}
}
