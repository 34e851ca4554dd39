package eval

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// Report is the table that classification_report of scikit-learn prints: a line
// for each class, then averages.
type Report struct {
	Lines    []Line  `json:"classes"`
	Accuracy float64 `json:"accuracy"`
	Macro    Score   `json:"macro"`
	Weighted Score   `json:"weighted"`
	Total    int     `json:"total"`
	micro    *Score  // of spans: printed where classes have their accuracy
}

// Line is the score of a named class.
type Line struct {
	Name string `json:"name"`
	Score
}

// Report names the classes and makes their table. Classes that occur neither in
// what was wanted nor in what was got have no line. No names: the labels
// themselves.
func (c Confusion) Report(names []string) (Report, error) {
	if names != nil && len(names) != len(c.Counts) {
		return Report{}, fmt.Errorf("eval: report: %d names for %d classes", len(names), len(c.Counts))
	}
	r := Report{Accuracy: c.Accuracy(), Macro: c.Macro(), Weighted: c.Weighted(), Total: c.Total()}
	for _, k := range c.Occurring() {
		name := fmt.Sprint(k)
		if names != nil {
			name = names[k]
		}
		r.Lines = append(r.Lines, Line{name, c.Class(k)})
	}
	return r, nil
}

// String is the table, with two digits after the point.
func (r Report) String() string {
	width := len("weighted avg")
	for _, l := range r.Lines {
		width = max(width, utf8.RuneCountInString(l.Name))
	}
	var b strings.Builder
	line := func(name string, s Score) {
		fmt.Fprintf(&b, "%*s  %9.2f %9.2f %9.2f %9d\n", width, name, s.Precision, s.Recall, s.F1, s.Support)
	}
	fmt.Fprintf(&b, "%*s  %9s %9s %9s %9s\n\n", width, "", "precision", "recall", "f1-score", "support")
	for _, l := range r.Lines {
		line(l.Name, l.Score)
	}
	b.WriteByte('\n')
	if r.micro != nil {
		line("micro avg", *r.micro)
	} else {
		fmt.Fprintf(&b, "%*s  %9s %9s %9.2f %9d\n", width, "accuracy", "", "", r.Accuracy, r.Total)
	}
	line("macro avg", r.Macro)
	line("weighted avg", r.Weighted)
	return b.String()
}

// String is the matrix with wanted classes as rows and got ones as columns.
func (c Confusion) String() string {
	width := len(fmt.Sprint(max(c.Total(), len(c.Counts))))
	var b strings.Builder
	fmt.Fprintf(&b, "want\\got")
	for k := range c.Counts {
		fmt.Fprintf(&b, " %*d", width, k)
	}
	b.WriteByte('\n')
	for k, row := range c.Counts {
		fmt.Fprintf(&b, "%8d", k)
		for _, count := range row {
			fmt.Fprintf(&b, " %*d", width, count)
		}
		b.WriteByte('\n')
	}
	return b.String()
}
