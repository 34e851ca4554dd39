package model_test

import (
	"math"
	"slices"
	"testing"

	"github.com/qkvgo/qkv/model"
	"github.com/qkvgo/qkv/nn"
	"github.com/qkvgo/qkv/tensor"
)

// A decoder's class is read before the first padding token, unless the sequence
// begins with it or has none.
func TestLastToken(t *testing.T) {
	rows := nn.Sequences(4, 3, 2, 1)
	ids := []int32{5, 6, 9, 9, 9, 5, 9, 5, 6, 9}
	pad := int32(9)
	if got, want := model.LastToken(rows, ids, &pad), []int32{1, 6, 8, 9}; !slices.Equal(got, want) {
		t.Errorf("have %v, want %v", got, want)
	}
	if got, want := model.LastToken(rows, ids, nil), []int32{3, 6, 8, 9}; !slices.Equal(got, want) {
		t.Errorf("without a padding token: have %v, want %v", got, want)
	}
}

// pass starts a pass over sequences of the given lengths.
func pass(t *testing.T, lengths ...int) *nn.Pass {
	p := nn.NewPass(t.Context(), nn.Sequences(lengths...), nn.Options{})
	t.Cleanup(p.Close)
	return p
}

// entropy is −log of the softmax of row at i.
func entropy(row []float32, i int) float64 {
	sum := 0.0
	for _, v := range row {
		sum += math.Exp(float64(v))
	}
	return math.Log(sum) - float64(row[i])
}

func near(t *testing.T, name string, got *tensor.Tensor, want float64) {
	t.Helper()
	if math.Abs(float64(got.Scalar())-want) > 1e-6 {
		t.Errorf("%s: have %v, want %v", name, got.Scalar(), want)
	}
}

// A row is scored by the label after it in its own sequence; the last has none.
func TestNextTokenLoss(t *testing.T) {
	p := pass(t, 2, 0, 1, 3)
	scores := []float32{1, 2, 3, 4, 0, 1, 2, 2, 5, 1, 0, 0}
	labels := []int32{0, 1, 1, 0, tensor.Ignore, 0}
	want := (entropy(scores[0:2], 1) + entropy(scores[8:10], 0)) / 2
	near(t, "loss", model.NextTokenLoss(p, p.Of(scores, 6, 2), labels), want)
}

// The answer's ends are classes over a sequence's rows; places outside are left
// out, and a loss of nothing is a fault.
func TestSpanLoss(t *testing.T) {
	p := pass(t, 3, 2)
	scores := []float32{1, 2, 3, 4, 6}
	x := p.Of(scores, 5, 1)
	near(t, "both", model.SpanLoss(p, x, []int32{0, 1}), (entropy(scores[:3], 0)+entropy(scores[3:], 1))/2)
	near(t, "one", model.SpanLoss(p, x, []int32{2, 2}), entropy(scores[:3], 2))
	err := func() (err error) {
		defer tensor.Guard(&err)
		model.SpanLoss(p, x, []int32{-1, 7})
		return nil
	}()
	if err == nil {
		t.Error("no fault without any answer")
	}
}

// The kind of a classifier's loss is the config's, or follows from the labels.
func TestClassified(t *testing.T) {
	scores := []float32{0.5, -1, 2, 1}
	square := func(want ...float32) (sum float64) {
		for i, w := range want {
			sum += float64(scores[i]-w) * float64(scores[i]-w) / float64(len(want))
		}
		return sum
	}
	binary := func(want ...float64) (sum float64) {
		for i, w := range want {
			p := 1 / (1 + math.Exp(-float64(scores[i])))
			sum -= (w*math.Log(p) + (1-w)*math.Log(1-p)) / float64(len(want))
		}
		return sum
	}
	for name, c := range map[string]struct {
		kind  string
		width int
		in    model.Input
		want  float64
	}{
		"classes":                {"", 2, model.Input{Labels: []int32{1, 0}}, (entropy(scores[:2], 1) + entropy(scores[2:], 0)) / 2},
		"classes by name":        {"single_label_classification", 2, model.Input{Labels: []int32{1, 0}}, (entropy(scores[:2], 1) + entropy(scores[2:], 0)) / 2},
		"a number":               {"", 1, model.Input{Targets: []float32{1, 2, 3, 4}}, square(1, 2, 3, 4)},
		"a whole number":         {"", 1, model.Input{Labels: []int32{1, 2, 3, 4}}, square(1, 2, 3, 4)},
		"several numbers":        {"regression", 2, model.Input{Targets: []float32{1, 2, 3, 4}}, square(1, 2, 3, 4)},
		"labels":                 {"", 2, model.Input{Targets: []float32{1, 0, 0, 1}}, binary(1, 0, 0, 1)},
		"labels of whole ones":   {"multi_label_classification", 2, model.Input{Labels: []int32{1, 0, 0, 1}}, binary(1, 0, 0, 1)},
		"without labels: logits": {"", 2, model.Input{}, math.NaN()},
	} {
		p := pass(t, 4/c.width)
		out := model.Classified(model.Labels{ProblemType: c.kind}, p.Of(scores, 4/c.width, c.width), &c.in, model.PerSequence)
		if last := out[len(out)-1]; last.Name != "logits" || last.Axis != model.PerSequence {
			t.Errorf("%s: the last output is %+v", name, last)
		}
		switch {
		case math.IsNaN(c.want) && len(out) != 1:
			t.Errorf("%s: %d outputs", name, len(out))
		case !math.IsNaN(c.want):
			near(t, name, out[0].Value, c.want)
		}
	}
}

// Choices are classes over the sequences of a question, equally many each.
func TestChoose(t *testing.T) {
	p := pass(t, 1, 1, 1, 1, 1, 1)
	scores := []float32{1, 2, 3, 3, 5, 4}
	_, loss := model.Choose(p.Of(scores, 6, 1), 3, []int32{0, 1})
	near(t, "two questions", loss, (entropy(scores[:3], 0)+entropy(scores[3:], 1))/2)
	if _, loss := model.Choose(p.Of(scores, 6, 1), 3, nil); loss != nil {
		t.Error("a loss without answers")
	}
	err := func() (err error) {
		defer tensor.Guard(&err)
		model.Choose(p.Of(scores, 6, 1), 4, []int32{0, 1})
		return nil
	}()
	if err == nil {
		t.Error("no fault where choices are missing")
	}
}

// Labels are counted by their names, then by number, then there are two.
func TestLabels(t *testing.T) {
	five := 5
	for want, l := range map[int]model.Labels{
		2: {}, 5: {Number: &five}, 1: {Number: &five, ID2Label: map[string]string{"0": "yes"}},
	} {
		if l.Count() != want {
			t.Errorf("%+v: have %d, want %d", l, l.Count(), want)
		}
	}
	l := model.Labels{ID2Label: map[string]string{"0": "yes"}}
	if l.Name(0) != "yes" || l.Name(3) != "LABEL_3" {
		t.Errorf("have %s and %s", l.Name(0), l.Name(3))
	}
}
