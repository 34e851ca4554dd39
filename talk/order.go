package talk

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/qkvgo/qkv/talk/report"
)

// OrderFigures say what a rung makes of the order of words.
type OrderFigures struct {
	Key      string  `json:"key"`
	Pair     float64 `json:"work_to_live"`   // greatest change of a class's score between the two sentences
	Greatest float64 `json:"greatest"`       // the same over all shuffled documents
	Mean     float64 `json:"mean"`           // mean change of the probability of the class that was called
	Flipped  float64 `json:"calls_changed"`  // share of shuffled documents that are called otherwise
	Twins    float64 `json:"twins_accuracy"` // on test documents that have the same words as one of another class
}

// The sentences of the talk.
const (
	workToLive = "work to live"
	liveToWork = "live to work"
)

// order shuffles documents under the eyes of every rung.
func (r *run) order(ctx context.Context) (*report.Section, error) {
	documents, mixed := r.mixed()
	twins := r.set.twins()
	table := report.Table{Caption: report.Text(fmt.Sprintf("What each rung makes of order. The first column: the greatest change of a class’s score between the two sentences of the talk. Then %d test documents, read as they are and with their words shuffled.", len(documents))),
		Columns: []report.Column{{Name: "Rung"}, {Name: "“work to live”, turned round", Right: true}, {Name: "mean change of the called class", Right: true}, {Name: "calls that change", Right: true}}}
	if len(twins) > 0 {
		table.Columns = append(table.Columns, report.Column{Name: "right on twins", Right: true})
	}
	bars := report.Bars{Caption: "Documents that a rung calls otherwise once their words are shuffled. What reads no order cannot notice.", Axis: report.Axis{Label: "calls that change", Format: report.Percent}}
	for _, g := range r.rungs {
		f := OrderFigures{Key: g.key}
		_, pair, err := r.ask(ctx, g, []string{workToLive, liveToWork})
		if err != nil {
			return nil, err
		}
		f.Pair = apart(pair[0], pair[1])
		before, logits, err := r.ask(ctx, g, documents)
		if err != nil {
			return nil, err
		}
		after, others, err := r.ask(ctx, g, mixed)
		if err != nil {
			return nil, err
		}
		var changes []float64
		for i := range before {
			called := top(before[i])
			changes = append(changes, math.Abs(after[i][called]-before[i][called]))
			f.Greatest = max(f.Greatest, apart(logits[i], others[i]))
			if top(after[i]) != called {
				f.Flipped += 1 / float64(len(before))
			}
		}
		f.Mean = mean(changes)
		row := []report.Text{report.Text(g.name), number(f.Pair), report.Text(report.Share(f.Mean)), report.Text(report.Share(f.Flipped))}
		if len(twins) > 0 {
			right := 0
			for _, i := range twins {
				if g.right[i] {
					right++
				}
			}
			f.Twins = float64(right) / float64(len(twins))
			row = append(row, report.Text(fmt.Sprintf("%d of %d", right, len(twins))))
		}
		r.figures.Order = append(r.figures.Order, f)
		table.Rows = append(table.Rows, row)
		bars.Items = append(bars.Items, report.Item{Name: report.Text(g.name), Value: f.Flipped})
	}
	turned, err := r.turned(ctx)
	if err != nil {
		return nil, err
	}
	blocks := []report.Block{
		report.Paragraph{Text: "*Work to live* and *live to work* are different lives and one bag of words: each has one *work*, one *to* and one *live*. So a bag must give them the same vector, to the last bit, whatever it learned; the 0 in its row is exact. Everything above it on the ladder exists because of this."},
		table, bars, turned,
	}
	if len(twins) > 0 {
		blocks = append(blocks, report.Paragraph{Text: report.Text(fmt.Sprintf("The test documents hold %d *twins*: documents with exactly the words of another one of another class. Of two twins a bag can get at most one right, so it cannot pass half of them. Above half, a rung reads order.", len(twins)))}, r.set.twinTable(twins, r.rungs))
	} else {
		blocks = append(blocks, report.Note{Text: "No two of these test documents have the same words and different classes, so nothing here depends on order alone. A rung may ignore order and lose nothing; look at how little the shuffling matters before paying for more."})
	}
	return &report.Section{ID: "order", Title: "Does order matter?", Blocks: blocks}, nil
}

// turned shows what the rungs call sentences and the same with their words in the
// opposite order.
func (r *run) turned(ctx context.Context) (report.Block, error) {
	t := report.Table{Caption: "What each rung calls a sentence, as it stands and backwards.", Columns: []report.Column{{Name: "Sentence"}}}
	var both []string
	for _, s := range r.sentences(3) {
		words := strings.Fields(s)
		slices.Reverse(words)
		both = append(both, s, strings.Join(words, " "))
	}
	for _, s := range both {
		t.Rows = append(t.Rows, []report.Text{report.Plain(s)})
	}
	for _, g := range r.rungs {
		t.Columns = append(t.Columns, report.Column{Name: report.Text(g.name)})
		scores, _, err := r.ask(ctx, g, both)
		if err != nil {
			return nil, err
		}
		for i, s := range scores {
			c := top(s)
			t.Rows[i] = append(t.Rows[i], report.Plain(fmt.Sprintf("%s %.0f %%", r.set.Labels[c], 100*s[c])))
		}
	}
	return report.Details{Summary: "What the rungs call sentences backwards", Blocks: []report.Block{t}}, nil
}

// mixed is up to 100 test documents of three words and more, and the same with
// their words in another order.
func (r *run) mixed() (documents, mixed []string) {
	for i, e := range r.set.Test {
		words := strings.Fields(e.Text)
		if len(words) < 3 || len(documents) == 100 {
			continue
		}
		documents = append(documents, e.Text)
		mixed = append(mixed, strings.Join(shuffled(words, r.Seed, uint64(i)), " "))
	}
	return documents, mixed
}

// apart is the greatest difference of two rows of numbers.
func apart(a, b []float32) float64 {
	most := 0.0
	for i := range a {
		most = max(most, math.Abs(float64(a[i])-float64(b[i])))
	}
	return most
}

// bagOf is what a bag of words knows of a text: case, punctuation and order gone.
func bagOf(text string) string {
	words := fieldsOf(text)
	slices.Sort(words)
	return strings.Join(words, " ")
}

// fieldsOf is the words of a text in lower case.
func fieldsOf(text string) []string {
	return strings.FieldsFunc(strings.ToLower(text), func(c rune) bool {
		return !('a' <= c && c <= 'z' || '0' <= c && c <= '9' || c == '\'' || c > 127 && c != '’')
	})
}

// twins are the test documents that have the same words as one of another class, by
// their bags.
func (s *Set) twins() []int {
	labels := map[string]map[string]bool{}
	for _, e := range s.Test {
		bag := bagOf(e.Text)
		if labels[bag] == nil {
			labels[bag] = map[string]bool{}
		}
		labels[bag][e.Label] = true
	}
	var all []int
	for i, e := range s.Test {
		if len(labels[bagOf(e.Text)]) > 1 {
			all = append(all, i)
		}
	}
	slices.SortStableFunc(all, func(i, j int) int { return strings.Compare(bagOf(s.Test[i].Text), bagOf(s.Test[j].Text)) })
	return all
}

// twinTable shows some twins and who gets them right.
func (s *Set) twinTable(twins []int, rungs []*rung) report.Block {
	t := report.Table{Caption: "Twins, and the rungs that call them right.", Columns: []report.Column{{Name: "Document"}, {Name: "Class"}, {Name: "Right"}}}
	for _, i := range twins[:min(len(twins), 12)] {
		var names []string
		for _, g := range rungs {
			if g.right[i] {
				names = append(names, g.name)
			}
		}
		right := report.Text(strings.Join(names, "; "))
		if len(names) == 0 {
			right = "none"
		}
		t.Rows = append(t.Rows, []report.Text{report.Plain(s.Test[i].Text), report.Plain(s.Test[i].Label), right})
	}
	return report.Details{Summary: "Some twins", Blocks: []report.Block{t}}
}

// number writes a figure as text.
func number(x float64) report.Text { return report.Text(report.Figure(x)) }
