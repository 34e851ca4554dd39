package data

import (
	"fmt"
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"
)

// invented gives n examples of a few classes, some texts more than once where
// twins is set.
func invented(n int, twins bool, r *rand.Rand) []Example {
	all := make([]Example, n)
	for i := range all {
		text := i
		if twins {
			text = r.IntN(n)
		}
		all[i] = Example{Text: fmt.Sprint("text ", text), Label: fmt.Sprint("class ", text%7%4), ID: fmt.Sprint(i)}
	}
	return all
}

// ids are the sorted IDs of some examples.
func ids(all ...[]Example) (ids []string) {
	for _, e := range slices.Concat(all...) {
		ids = append(ids, e.ID)
	}
	slices.Sort(ids)
	return ids
}

// counts are the rows of each class.
func counts(all []Example) map[string]int {
	m := map[string]int{}
	for _, e := range all {
		m[e.Label]++
	}
	return m
}

func TestSplit(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 300 {
		n := r.IntN(200)
		twins := r.IntN(2) == 0
		all := invented(n, twins, r)
		p := Parts{Dev: r.Float64() / 2, Test: r.Float64() / 2, Seed: r.Uint64()}
		if n > 10 && r.IntN(2) == 0 {
			p.Test = float64(1 + r.IntN(n/2-1))
		}
		train, dev, test, err := p.Split(all)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(ids(train, dev, test), ids(all)) {
			t.Fatalf("%+v: %d rows became %d, %d and %d", p, n, len(train), len(dev), len(test))
		}
		shares := []float64{0, p.Dev, p.Test}
		if p.Test >= 1 {
			shares[2] = p.Test / float64(n)
		}
		shares[0] = 1 - shares[1] - shares[2]
		side := map[string]int{}
		for i, part := range [][]Example{train, dev, test} {
			for _, e := range part {
				if have, met := side[e.Text]; met && have != i {
					t.Fatalf("%+v: %q is in two parts", p, e.Text)
				}
				side[e.Text] = i
			}
			if twins {
				continue
			}
			if off := math.Abs(float64(len(part)) - shares[i]*float64(n)); off > 2 {
				t.Errorf("%+v: part %d of %d rows has %d", p, i, n, len(part))
			}
			have := counts(part)
			for class, total := range counts(all) {
				if off := math.Abs(float64(have[class]) - shares[i]*float64(total)); off >= 1 {
					t.Errorf("%+v: part %d has %d of %d rows of %s", p, i, have[class], total, class)
				}
			}
		}
		// The order of the files changes nothing, the seed does.
		mixed := slices.Clone(all)
		r.Shuffle(n, func(i, j int) { mixed[i], mixed[j] = mixed[j], mixed[i] })
		_, _, again, err := p.Split(mixed)
		if err != nil || !slices.Equal(ids(again), ids(test)) {
			t.Errorf("%+v: in another order %v, was %v", p, ids(again), ids(test))
		}
		p.Seed++
		_, _, other, err := p.Split(all)
		if err != nil || len(test) > 10 && len(train) > 10 && slices.Equal(ids(other), ids(test)) {
			t.Errorf("%+v: two seeds give the same test set", p)
		}
	}
	for _, p := range []Parts{{Dev: -1}, {Test: math.NaN()}, {Dev: .6, Test: .6}, {Test: 11}} {
		if _, _, _, err := p.Split(invented(10, false, r)); err == nil {
			t.Errorf("%+v is no error", p)
		}
	}
}

func TestPerClass(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	all := invented(100, true, r)
	var before []string
	for n := range 40 {
		some := PerClass(all, n, 5)
		for class, have := range counts(some) {
			if want := min(n, counts(all)[class]); have != want {
				t.Errorf("%d of %s, want %d", have, class, want)
			}
		}
		now := ids(some)
		for _, id := range before {
			if !slices.Contains(now, id) {
				t.Errorf("row %s is among %d a class and not among %d", id, n-1, n)
			}
		}
		before = now
	}
	if slices.Equal(ids(PerClass(all, 5, 5)), ids(PerClass(all, 5, 6))) {
		t.Error("two seeds give the same rows")
	}
}

func TestLabels(t *testing.T) {
	for _, c := range []struct{ names, want Labels }{
		{Labels{"spam", "ham", "spam"}, Labels{"ham", "spam"}},
		{Labels{"10", "9", "-1"}, Labels{"-1", "9", "10"}},
		{Labels{"10", "9", "x"}, Labels{"10", "9", "x"}},
		{nil, nil},
	} {
		if have := NewLabels(slices.Values(c.names)); !slices.Equal(have, c.want) {
			t.Errorf("have %q, want %q", have, c.want)
		}
	}
	l := Labels{"ham", "spam"}
	if id, err := l.ID("spam"); id != 1 || err != nil {
		t.Errorf("have %d, %v", id, err)
	}
	if _, err := l.ID("jam"); err == nil {
		t.Error("an unknown class has a number")
	}
	if have := l.ID2Label(); !reflect.DeepEqual(have, map[string]string{"0": "ham", "1": "spam"}) {
		t.Errorf("have %v", have)
	}
	if have := l.Label2ID(); !reflect.DeepEqual(have, map[string]int{"ham": 0, "spam": 1}) {
		t.Errorf("have %v", have)
	}
}

func TestMeasure(t *testing.T) {
	s, err := Measure(Each([]Example{{Text: "äb", Pair: "c", Label: "x"}, {Text: "d", Labels: []string{"x", "y"}}, {Text: "eeeee"}}), nil)
	want := Stats{3, Lengths{3, 1, 5, 9}, map[string]Lengths{"x": {2, 1, 3, 4}, "y": {1, 1, 1, 1}}}
	if err != nil || !reflect.DeepEqual(s, want) || s.Lengths.Mean() != 3 {
		t.Errorf("have %+v, %v", s, err)
	}
	if l := s.Labels(); !slices.Equal(l, Labels{"x", "y"}) {
		t.Errorf("labels %q", l)
	}
}
