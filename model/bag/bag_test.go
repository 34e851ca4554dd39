package bag

import (
	"encoding/json"
	"math"
	"os"
	"slices"
	"testing"

	"github.com/qkvgo/qkv/device/cpu"
	"github.com/qkvgo/qkv/kernel"
	"github.com/qkvgo/qkv/model"
	"github.com/qkvgo/qkv/nn"
)

// recorded are fits of scikit-learn to the documents, run to their ends.
type recorded struct {
	Vocab     int       `json:"vocab"`
	Documents [][]int32 `json:"documents"`
	Cases     []struct {
		Name          string      `json:"name"`
		Range         []int       `json:"range"`
		Binary        bool        `json:"binary"`
		IDF           bool        `json:"idf"`
		Sublinear     bool        `json:"sublinear"`
		MinDocuments  int         `json:"min_df"`
		C             float64     `json:"C"`
		Labels        []int32     `json:"labels"`
		Features      [][]int32   `json:"features"` // in the order of vector and coef
		Vector        []float64   `json:"vector"`   // of document 4
		Probabilities [][]float64 `json:"probabilities"`
		Coef          [][]float64 `json:"coef"`
		Intercept     []float64   `json:"intercept"`
	} `json:"cases"`
}

func readRecorded(t *testing.T) (r recorded) {
	t.Helper()
	b, err := os.ReadFile("testdata/logistic.json")
	if err == nil {
		err = json.Unmarshal(b, &r)
	}
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func near(have, want, tolerance float64) bool { return math.Abs(have-want) <= tolerance }

// Features, their weights and the fitted probabilities are scikit-learn's.
func TestLikeScikitLearn(t *testing.T) {
	r := readRecorded(t)
	for _, c := range r.Cases {
		t.Run(c.Name, func(t *testing.T) {
			config := Defaults()
			config.V, config.Range, config.Binary, config.IDF, config.Sublinear = r.Vocab, c.Range, c.Binary, c.IDF, c.Sublinear
			if c.IDF {
				config.Norm = "l2"
			}
			classes := int(slices.Max(c.Labels)) + 1
			config.Number = &classes
			m := made(t, config, r.Documents, Limits{MinDocuments: c.MinDocuments})
			if m.F != len(c.Features) {
				t.Fatalf("%d features, want %d", m.F, len(c.Features))
			}
			f, err := m.Fit(t.Context(), r.Documents, c.Labels, model.FitOptions{C: c.C, Tolerance: 1e-9})
			if err != nil || !f.Converged {
				t.Fatalf("%+v, %v", f, err)
			}
			vector, k := m.Vector(r.Documents[4]), m.Count()
			for i, ids := range c.Features {
				g := gram{-1, -1, -1, -1, -1, -1, -1, -1}
				copy(g[:], ids)
				at, ok := m.feature(g)
				if !ok {
					t.Fatalf("n-gram %v has no feature", ids)
				}
				have := float32(0)
				if j, ok := slices.BinarySearch(vector.Index, at); ok {
					have = vector.Value[j]
				}
				if !near(float64(have), c.Vector[i], 1e-6) {
					t.Errorf("%v: weight %v, want %v", ids, have, c.Vector[i])
				}
				// Both stop near the lowest point, not on it.
				for j, row := range c.Coef {
					if w := m.Coef.Float32()[int(at)*k+k-len(c.Coef)+j]; !near(float64(w), row[i], 2e-4) {
						t.Errorf("%v: coefficient %v, want %v", ids, w, row[i])
					}
				}
			}
			for i, want := range c.Probabilities {
				p := nn.NewPass(t.Context(), nn.Sequences(len(r.Documents[i])), nn.Options{})
				have := m.Run(p, &model.Input{IDs: r.Documents[i]})[0].Value.Softmax().Float32s()
				p.Close()
				for j := range want {
					if !near(float64(have[j]), want[j], 5e-5) {
						t.Errorf("document %d: probabilities %v, want %v", i, have, want)
					}
				}
			}
		})
	}
}

// made is a model for the n-grams of documents.
func made(t *testing.T, c Config, documents [][]int32, l Limits) *Model {
	t.Helper()
	c, grams := c.Collect(documents, l)
	if err := c.Check(); err != nil {
		t.Fatal(err)
	}
	m := New(c)
	m.SetFeatures(grams)
	m.Init(0)
	return m
}

// A document's vector has a number for each word that occurs, no other, and order
// does not matter: talk A02, A03. The scores of the vector in full are those of its
// numbers, to the bit.
func TestSparseIsDense(t *testing.T) {
	r := readRecorded(t)
	for _, c := range []Config{{Range: []int{1, 1}}, {Range: []int{1, 3}}, {Range: []int{1, 2}, Hashed: true, F: 31}, {Range: []int{1, 2}, IDF: true, Norm: "l2"}} {
		c.V = r.Vocab
		m := made(t, c, r.Documents, Limits{})
		if _, err := m.Fit(t.Context(), r.Documents, r.Cases[1].Labels, model.FitOptions{}); err != nil {
			t.Fatal(err)
		}
		for _, ids := range r.Documents {
			p := nn.NewPass(t.Context(), nn.Sequences(len(ids)), nn.Options{})
			in := &model.Input{IDs: ids}
			full := m.Represent(p, in)
			if have, want := m.Run(p, in)[0].Value.Float32s(), m.Judge(p, full).Float32s(); !slices.Equal(have, want) {
				t.Errorf("%+v: scores %v, in full %v", c, have, want)
			}
			distinct := len(slices.Compact(slices.Sorted(slices.Values(ids))))
			zeros := 0
			for _, v := range full.Row(0) {
				if v == 0 {
					zeros++
				}
			}
			v := m.Vector(ids)
			if full.Width()-zeros != len(v.Index) || c.Range[1] == 1 && len(v.Index) > distinct {
				t.Errorf("%+v: %d numbers, %d zeros of %d, %d words", c, len(v.Index), zeros, full.Width(), distinct)
			}
			if back := slices.Clone(ids); m.words() {
				slices.Reverse(back)
				if again := m.Vector(back); !slices.Equal(again.Index, v.Index) || !slices.Equal(again.Value, v.Value) {
					t.Errorf("%v and backwards: %v, %v", ids, v, again)
				}
			}
			p.Close()
		}
	}
}

// "work to live" and "live to work" share all words and no pair of them; n-grams that
// occur are no more than can: talk A04.
func TestGrams(t *testing.T) {
	const work, to, live = 0, 1, 2
	a, b := []int32{work, to, live}, []int32{live, to, work}
	for n, shared := range map[int]int{1: 3, 2: 0, 3: 0} {
		have := Count(n, [][]int32{a}, [][]int32{b})
		if have.Held-have.Unseen != shared {
			t.Errorf("%d tokens: %d shared, want %d", n, have.Held-have.Unseen, shared)
		}
	}
	r := readRecorded(t)
	for n := 1; n <= 4; n++ {
		c := Count(n, r.Documents[:20], r.Documents[20:])
		most := 0
		for _, ids := range r.Documents[:20] {
			most += max(len(ids)-n+1, 0)
		}
		if c.Total != most || c.Distinct > most || float64(c.Distinct) > math.Pow(float64(r.Vocab), float64(n)) || c.Once > c.Distinct || c.Unseen > c.Held {
			t.Errorf("%+v, and %d can occur", c, most)
		}
	}
	unknown := int32(to)
	c := Config{V: 3, Range: []int{1, 3}, Unknown: &unknown}
	if n := len(slices.Collect(c.grams(a))); n != 2 {
		t.Errorf("%d n-grams without the unknown word, want 2", n)
	}
}

// Threads change no bit of a fit.
func TestFitSameBits(t *testing.T) {
	r := readRecorded(t)
	var want []float32
	for _, threads := range []int{1, 2, 3, 7} {
		d := cpu.New(cpu.Options{Threads: threads, Kernels: kernel.Best()})
		m := made(t, Config{V: r.Vocab, Range: []int{1, 2}, IDF: true, Norm: "l2"}, r.Documents, Limits{})
		if _, err := m.Fit(t.Context(), r.Documents, r.Cases[1].Labels, model.FitOptions{Device: d}); err != nil {
			t.Fatal(err)
		}
		d.Close()
		if want == nil {
			want = m.Coef.Float32()
		}
		if !slices.Equal(m.Coef.Float32(), want) {
			t.Errorf("%d threads give other coefficients", threads)
		}
	}
}

// What cannot be fitted is an error.
func TestFitErrors(t *testing.T) {
	m := made(t, Config{V: 3, Range: []int{1, 1}}, nil, Limits{})
	for name, c := range map[string]struct {
		documents [][]int32
		labels    []int32
	}{"nothing": {}, "fewer labels": {[][]int32{{1}, {2}}, []int32{0}}, "no such class": {[][]int32{{1}}, []int32{2}}} {
		if _, err := m.Fit(t.Context(), c.documents, c.labels, model.FitOptions{}); err == nil {
			t.Errorf("%s is no error", name)
		}
	}
	for _, c := range []Config{{V: 3, F: 3}, {V: 3, F: 3, Range: []int{2, 1}}, {V: 3, F: 4, Range: []int{1, 1}}, {V: 1 << 25, F: 4, Range: []int{1, 2}}} {
		if c.Check() == nil {
			t.Errorf("%+v is no error", c)
		}
	}
}
