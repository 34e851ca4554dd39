package talk

import (
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

// words are the lower-cased words of a text without punctuation.
func words(text string) []string {
	return strings.FieldsFunc(strings.ToLower(text), func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r) && r != '\''
	})
}

func load(t *testing.T) []Message {
	t.Helper()
	all, err := Messages()
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestClassesAreNearlyEqualAndSplitAlike(t *testing.T) {
	total, test := map[string]int{}, map[string]int{}
	for _, m := range load(t) {
		if !slices.Contains(Labels(), m.Label) {
			t.Errorf("%s: unknown class %q", m.ID, m.Label)
		}
		total[m.Label]++
		switch m.Split {
		case "test":
			test[m.Label]++
		case "train":
		default:
			t.Errorf("%s: split %q", m.ID, m.Split)
		}
	}
	for _, c := range Labels() {
		if total[c] < 140 || total[c] > 190 {
			t.Errorf("%s has %d messages, want 140 to 190", c, total[c])
		}
		if share := float64(test[c]) / float64(total[c]); share < 0.15 || share > 0.32 {
			t.Errorf("%s: %.2f of the messages are in the test split", c, share)
		}
	}
}

func TestNoTextTwice(t *testing.T) {
	ids, texts := map[string]bool{}, map[string]string{}
	check := func(id, text string) {
		key := strings.ToLower(strings.TrimSpace(text))
		if other, ok := texts[key]; ok {
			t.Errorf("%s repeats %s: %q", id, other, text)
		}
		texts[key] = id
		if n := len(words(text)); n < 1 || n > 90 || !utf8.ValidString(text) {
			t.Errorf("%s: %d words or no UTF-8: %q", id, n, text)
		}
	}
	for _, m := range load(t) {
		if ids[m.ID] {
			t.Errorf("id %s occurs twice", m.ID)
		}
		ids[m.ID] = true
		check(m.ID, m.Text)
	}
	for _, text := range Unlabelled() {
		check("unlabelled", text)
	}
}

// No two messages outside a pair share more than two runs of five words.
func TestNoNearDuplicates(t *testing.T) {
	holders := map[string][]int{}
	all := load(t)
	for i, m := range all {
		w := words(m.Text)
		for j := range max(0, len(w)-4) {
			run := strings.Join(w[j:j+5], " ")
			if !slices.Contains(holders[run], i) {
				holders[run] = append(holders[run], i)
			}
		}
	}
	shared := map[[2]int]int{}
	for _, h := range holders {
		for a := range h {
			for b := range a {
				shared[[2]int{h[b], h[a]}]++
			}
		}
	}
	for ij, n := range shared {
		a, b := all[ij[0]], all[ij[1]]
		if n > 2 && (a.Pair == "" || a.Pair != b.Pair) {
			t.Errorf("%s and %s share %d runs of five words", a.ID, b.ID, n)
		}
	}
}

func TestPairsDifferInOrderAlone(t *testing.T) {
	pairs := map[string][]Message{}
	for _, m := range load(t) {
		if (m.Pair != "") != (m.Hard == "order") {
			t.Errorf("%s: pair %q with hard %q", m.ID, m.Pair, m.Hard)
		}
		if m.Pair != "" {
			pairs[m.Pair] = append(pairs[m.Pair], m)
		}
	}
	if len(pairs) < 52 {
		t.Errorf("%d pairs, want at least 52", len(pairs))
	}
	test := 0
	for id, p := range pairs {
		if len(p) != 2 {
			t.Errorf("pair %s has %d messages", id, len(p))
			continue
		}
		a, b := words(p[0].Text), words(p[1].Text)
		slices.Sort(a)
		slices.Sort(b)
		if !slices.Equal(a, b) || p[0].Label == p[1].Label || p[0].Split != p[1].Split {
			t.Errorf("pair %s: %+v", id, p)
		}
		if p[0].Split == "test" {
			test++
		}
	}
	if 2*test < len(pairs)-1 || 2*test > len(pairs)+1 {
		t.Errorf("%d of %d pairs are in the test split, want half", test, len(pairs))
	}
}
