package talk

import (
	"context"
	"fmt"
	"slices"

	"github.com/qkvgo/qkv/talk/report"
)

// documents says what the run is about.
func (r *run) documents(context.Context) (*report.Section, error) {
	s := r.set
	share, label := s.majority()
	r.figures.Set = SetFigures{s.Name, s.Labels, len(s.Train), len(s.Test), len(s.Unlabelled), share}
	count := map[string]int{}
	var lengths []int
	for _, e := range slices.Concat(s.Train, s.Test) {
		count[e.Label]++
		lengths = append(lengths, len(r.words.IDs(e.Text)))
	}
	slices.Sort(lengths)
	bars := report.Bars{Caption: "Labelled documents of each class.", Axis: report.Axis{Label: "documents"}}
	for _, l := range s.Labels {
		bars.Items = append(bars.Items, report.Item{Name: report.Plain(l), Value: float64(count[l])})
	}
	examples := report.Table{Caption: "The first test document of each class.", Columns: []report.Column{{Name: "Class"}, {Name: "Document"}}}
	for _, l := range s.Labels {
		for _, e := range s.Test {
			if e.Label == l {
				examples.Rows = append(examples.Rows, []report.Text{report.Plain(l), report.Plain(cut(e.Text, 200))})
				break
			}
		}
	}
	cutOff := 0
	for _, ids := range r.pieces.ids(texts(s.Train)) {
		if len(ids)+2 > r.size.length {
			cutOff++
		}
	}
	text := fmt.Sprintf("%s %d documents of %d classes teach, %d others test; %d without a label serve to pretrain. Half of all documents have %d words or fewer, the longest has %d. Always calling the class %s would be right in %s of the tests: below that nothing was learned.",
		s.Split, len(s.Train), len(s.Labels), len(s.Test), len(s.Unlabelled), lengths[len(lengths)/2], lengths[len(lengths)-1], report.Quote(label), report.Share(share))
	note := fmt.Sprintf("Bags read whole words, %s of them; the networks read pieces of words, %s of them, learned from the same text, so that a word they never met still says something. No test document took part in either. Networks read %d pieces of a document at most; %d of the training documents are longer and lose their end.",
		report.Whole(int64(r.words.VocabSize())), report.Whole(int64(r.pieces.VocabSize())), r.size.length, cutOff)
	if s.LeftOut > 0 {
		note += fmt.Sprintf(" So that the run ends in minutes, %s labelled documents were left out, classes alike.", report.Whole(int64(s.LeftOut)))
	}
	if s.Skipped > 0 {
		note += fmt.Sprintf(" %d rows could not be read.", s.Skipped)
	}
	return &report.Section{ID: "documents", Title: "The documents", Blocks: []report.Block{
		report.Paragraph{Text: report.Text(text)}, bars, report.Details{Summary: "One document of each class", Blocks: []report.Block{examples}}, report.Note{Text: report.Text(note)},
	}}, nil
}

// cut shortens a text to so many characters.
func cut(text string, most int) string {
	if r := []rune(text); len(r) > most {
		return string(r[:most-1]) + "…"
	}
	return text
}
