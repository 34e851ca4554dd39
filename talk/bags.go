package talk

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"

	"github.com/qkvgo/qkv/model/bag"
	"github.com/qkvgo/qkv/talk/report"
)

// GramFigures count the n-grams of the documents.
type GramFigures struct {
	N        int     `json:"n"`
	Possible float64 `json:"possible"` // V^n
	Distinct int     `json:"distinct"`
	Once     int     `json:"once"`
	Unseen   float64 `json:"unseen"` // share of those in the test documents that training lacks
}

// bags shows what a bag of words is, and what n-grams cost.
func (r *run) bags(context.Context) (*report.Section, error) {
	blocks := []report.Block{report.Paragraph{Text: "The oldest rung: one number for each word of the vocabulary, how often it occurs. The vector is as wide as the vocabulary and nearly all of it is zero, so only what is not zero is kept, as pairs of word and count."}}
	documents := r.words.ids(texts(r.set.Train))
	if g := r.rung("bag"); g != nil {
		blocks = append(blocks, r.oneBag(g.model.Model.(*bag.Model), documents)...)
		if block := r.weights(g.model.Model.(*bag.Model)); block != nil {
			blocks = append(blocks, block)
		}
	}
	v := r.words.VocabSize()
	held := r.words.ids(texts(r.set.Test))
	table := report.Table{Caption: report.Text(fmt.Sprintf("n-grams of the training documents, with V = %s words. *Unseen*: of the n-grams in the test documents, how many never occurred in training.", report.Whole(int64(v)))),
		Columns: []report.Column{{Name: "n", Right: true}, {Name: "possible, Vⁿ", Right: true}, {Name: "observed", Right: true}, {Name: "seen once", Right: true}, {Name: "unseen in the test", Right: true}, {Name: "bytes if dense", Right: true}, {Name: "bytes kept", Right: true}}}
	unseen := report.Bars{Caption: "The longer the n-gram, the less of the test was ever seen.", Axis: report.Axis{Label: "n-grams of the test documents that training lacks", Format: report.Percent}}
	for n := 1; n <= 4; n++ {
		t := bag.Count(n, documents, held)
		f := GramFigures{n, math.Pow(float64(v), float64(n)), t.Distinct, t.Once, float64(t.Unseen) / float64(max(t.Held, 1))}
		r.figures.Grams = append(r.figures.Grams, f)
		table.Rows = append(table.Rows, []report.Text{number(float64(n)), number(f.Possible), number(float64(f.Distinct)),
			report.Text(report.Share(float64(f.Once) / float64(max(f.Distinct, 1)))), report.Text(report.Share(f.Unseen)),
			report.Text(report.Size(4 * f.Possible)), report.Text(report.Size(float64((4*n + 4) * f.Distinct)))})
		unseen.Items = append(unseen.Items, report.Item{Name: report.Text(fmt.Sprintf("n = %d", n)), Value: f.Unseen})
	}
	return &report.Section{ID: "bags", Title: "Bags of words and n-grams", Blocks: append(blocks,
		report.Paragraph{Text: "n-grams bring local order back: *work to* and *to live* are not *live to* and *to work*. The price is a dimension of Vⁿ. Worse than the memory is that most of what could be counted never is: nearly every longer n-gram occurs once, and what occurs once teaches nothing that carries over to the next document."},
		table, unseen)}, nil
}

// oneBag is the vector of one document, and how empty such vectors are.
func (r *run) oneBag(m *bag.Model, documents [][]int32) []report.Block {
	var filled []float64
	for _, ids := range documents {
		filled = append(filled, float64(len(m.Vector(ids).Index)))
	}
	example := r.set.Test[0].Text
	for _, e := range r.set.Test { // one of some length
		if n := len(r.words.IDs(e.Text)); n >= 8 && n <= 16 {
			example = e.Text
			break
		}
	}
	v := m.Vector(r.words.IDs(example))
	strip := report.Strip{Name: "x"}
	for i, f := range v.Index {
		word, _ := r.words.IDToToken(f)
		strip.Words, strip.Values = append(strip.Words, word), append(strip.Values, float64(v.Value[i]))
	}
	return []report.Block{
		report.Facts{Items: []report.Fact{{Name: "Width of the vector", Value: report.Text(report.Whole(int64(m.F)))},
			{Name: "Not zero, on average", Value: number(mean(filled))}, {Name: "Zeros", Value: report.Text(fmt.Sprintf("%.2f %%", 100*(1-mean(filled)/float64(m.F))))}}},
		report.Strips{Caption: "All that the bag keeps of " + report.Quote(example) + ". Rarer words have higher numbers and stand further back; stronger colour is a higher count.", Rows: []report.Strip{strip}},
	}
}

// weights are the words that speak most for each class.
func (r *run) weights(m *bag.Model) report.Block {
	coef, k := m.Coef.Float32(), len(r.set.Labels)
	if k > 20 || m.Count() != k {
		return nil
	}
	t := report.Table{Caption: "What the bag learned: the words whose weights speak most for each class, against the mean of the others.", Columns: []report.Column{{Name: "Class"}, {Name: "Words"}}}
	for c, label := range r.set.Labels {
		type weight struct {
			word  string
			value float64
		}
		var all []weight
		for f := range m.F {
			sum := 0.0
			for j := range k {
				sum += float64(coef[f*k+j])
			}
			own := float64(coef[f*k+c])
			word, _ := r.words.IDToToken(int32(f))
			all = append(all, weight{word, own - (sum-own)/float64(k-1)})
		}
		slices.SortStableFunc(all, func(a, b weight) int { return cmp.Compare(b.value, a.value) })
		cell := report.Text("")
		for i, w := range all[:min(len(all), 8)] {
			if i > 0 {
				cell += ", "
			}
			cell += report.Plain(w.word)
		}
		t.Rows = append(t.Rows, []report.Text{report.Plain(label), cell})
	}
	return t
}
