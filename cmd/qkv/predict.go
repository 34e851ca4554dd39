package main

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/qkvgo/qkv/batch"
	"github.com/qkvgo/qkv/data"
	"github.com/qkvgo/qkv/finetune"
	"github.com/qkvgo/qkv/internal/progress"
)

func newPredict(a *app) *cobra.Command {
	var flags *optionFlags
	var o predictOptions
	cmd := &cobra.Command{
		Use:   "predict MODEL [FILE...|-]",
		Short: "Label the rows of files",
		Long: `Run the model in the folder MODEL over the rows of files and print each with its label and score. Of CSV
and TSV files come CSV lines (id, text, label, score), of JSON and JSONL one object a line; so does everything
under --json. Text files are a text a line, folders and zip files hold texts or pictures, .conll files
words, whose labels come in CoNLL's form. Without FILE, or with -, the lines of standard input are the texts.

--all prints the scores of every class. A row has several labels where the model gives several: those of
probability 1/2 and more. For a model of numbers the label is the number.`,
		Example: `  qkv predict reviews new.csv > labelled.csv
  qkv predict spam - < messages.txt
  qkv predict reviews --json --all new.jsonl
  qkv predict names new.conll`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			all, err := flags.options(cmd)
			if err != nil {
				return usageError{err}
			}
			o.columns = all.Columns
			return a.predict(cmd, args[0], args[1:], o)
		},
	}
	flags = addOptions(cmd, reading)
	o.dtype = addDType(cmd)
	f := cmd.Flags()
	f.BoolVar(&o.json, "json", false, "print one JSON object a row")
	f.BoolVar(&o.all, "all", false, "print the scores of all classes")
	return cmd
}

// predictOptions are the flags of qkv predict.
type predictOptions struct {
	columns   finetune.Columns
	json, all bool
	dtype     *dtypeFlag
}

// prediction is a row under --json.
type prediction struct {
	ID     string             `json:"id,omitempty"`
	Text   string             `json:"text,omitempty"`
	Pair   string             `json:"pair,omitempty"`
	File   string             `json:"file,omitempty"`
	Tokens []string           `json:"tokens,omitempty"`
	Tags   []string           `json:"tags,omitempty"`
	Label  *string            `json:"label,omitempty"`
	Labels []string           `json:"labels,omitempty"`
	Value  *float64           `json:"value,omitempty"`
	Score  float64            `json:"score,omitempty"`
	Scores map[string]float64 `json:"scores,omitempty"`
}

// predict labels the rows of files, or the lines of standard input.
func (a *app) predict(cmd *cobra.Command, dir string, files []string, o predictOptions) (err error) {
	m, err := finetune.Load(dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, m.Close()) }()
	m.Precision = o.dtype.precision
	var e finetune.Examples
	if len(files) == 0 || len(files) == 1 && files[0] == "-" {
		for line, err := range lines(cmd.Context(), a.stdin) {
			if err != nil {
				return err
			}
			e.Texts = append(e.Texts, data.Example{Text: line, Source: data.Place{File: "standard input", Line: len(e.Texts) + 1}})
		}
	} else if e, err = readBare(o.columns, m, files); err != nil {
		return err
	}
	if e.Len() == 0 {
		return nil
	}
	if m.Kind == batch.Tags && e.Texts != nil {
		e = finetune.Examples{Sentences: words(e.Texts)}
	}
	meter := a.progress(progress.Plan{Label: "predict", Total: int64(e.Len()), Unit: "rows", Work: "tokens"})
	p, err := m.Predict(cmd.Context(), e, func(examples, rows int) { meter.Add(int64(examples), int64(rows)) })
	meter.Done()
	if err != nil {
		return err
	}
	return a.printPredictions(rowsOf(e, p, o.all), p, o, formOf(files, o))
}

// readBare reads rows that need no labels. Texts for a model that tags words are cut into words at white space.
func readBare(c finetune.Columns, m *finetune.Model, files []string) (finetune.Examples, error) {
	if m.Kind == batch.Tags && c.Task == "" && filepath.Ext(files[0]) == ".conll" {
		c.Task = "tags"
	}
	if c.Format == "" && filepath.Ext(files[0]) == ".txt" {
		c.Format = string(data.Lines)
	}
	e, _, err := c.Read(files...)
	return e, err
}

// words are texts cut at white space.
func words(texts []data.Example) []data.Sentence {
	sentences := make([]data.Sentence, len(texts))
	for i, x := range texts {
		sentences[i] = data.Sentence{Tokens: strings.Fields(x.Text), Source: x.Source}
	}
	return sentences
}

// formOf is how rows are printed: json, csv, or lines of label and score for texts without a table around them.
func formOf(files []string, o predictOptions) string {
	if o.json {
		return "json"
	}
	if len(files) == 0 {
		return "lines"
	}
	switch filepath.Ext(files[0]) {
	case ".csv", ".tsv":
		return "csv"
	case ".json", ".jsonl":
		return "json"
	}
	if f := data.Format(o.columns.Format); f == data.CSV || f == data.TSV {
		return "csv"
	}
	return "lines"
}

// rowsOf joins what was read with what the model says of it.
func rowsOf(e finetune.Examples, p *batch.Predictions, all bool) []prediction {
	rows := make([]prediction, e.Len())
	for i, x := range e.Texts {
		rows[i] = prediction{ID: x.ID, Text: x.Text, Pair: x.Pair}
	}
	for i, x := range e.Pictures {
		rows[i].File = x.Name
	}
	if p.Kind == batch.Tags {
		for i, s := range e.Sentences {
			rows[i].Tokens, rows[i].Tags = s.Tokens, p.Tags(i)
		}
		return rows
	}
	for i, scores := range p.Probabilities() {
		r := &rows[i]
		if p.Kind == batch.Regression {
			r.Value = &scores[0]
			continue
		}
		if all {
			r.Scores = map[string]float64{}
			for c, name := range p.Labels {
				r.Scores[name] = scores[c]
			}
		}
		if p.Kind == batch.Labels {
			r.Labels = []string{}
			for c, name := range p.Labels {
				if scores[c] >= 0.5 {
					r.Labels = append(r.Labels, name)
				}
			}
			r.Score = slices.Max(scores)
			continue
		}
		best := slices.Index(scores, slices.Max(scores))
		r.Label, r.Score = &p.Labels[best], scores[best]
	}
	return rows
}

// answer is the label, labels or number of a row as text.
func (r prediction) answer() string {
	switch {
	case r.Value != nil:
		return fmt.Sprintf("%.6g", *r.Value)
	case r.Label != nil:
		return *r.Label
	}
	return strings.Join(r.Labels, ",")
}

// printPredictions prints rows in a form.
func (a *app) printPredictions(rows []prediction, p *batch.Predictions, o predictOptions, form string) error {
	switch {
	case form == "json":
		for _, r := range rows {
			if err := a.printJSON(r); err != nil {
				return err
			}
		}
		return nil
	case p.Kind == batch.Tags:
		for _, r := range rows {
			for w, token := range r.Tokens {
				if _, err := fmt.Fprintf(a.stdout, "%s\t%s\n", token, r.Tags[w]); err != nil {
					return err
				}
			}
			fmt.Fprintln(a.stdout)
		}
		return nil
	case form == "csv":
		return a.predictionTable(rows, p, o)
	}
	for _, r := range rows {
		line := r.answer()
		if r.Value == nil {
			line += fmt.Sprintf("\t%.4f", r.Score)
		}
		if r.File != "" {
			line = r.File + "\t" + line
		}
		if o.all {
			for _, name := range p.Labels {
				line += fmt.Sprintf("\t%s %.4f", name, r.Scores[name])
			}
		}
		if _, err := io.WriteString(a.stdout, line+"\n"); err != nil {
			return err
		}
	}
	return nil
}

// predictionTable prints rows as CSV.
func (a *app) predictionTable(rows []prediction, p *batch.Predictions, o predictOptions) error {
	var ids, pairs bool
	for _, r := range rows {
		ids, pairs = ids || r.ID != "", pairs || r.Pair != ""
	}
	w := csv.NewWriter(a.stdout)
	cells := func(id, text, pair, label, score string, all []string) error {
		var row []string
		if ids {
			row = append(row, id)
		}
		row = append(row, text)
		if pairs {
			row = append(row, pair)
		}
		row = append(row, label)
		if p.Kind != batch.Regression {
			row = append(row, score)
		}
		return w.Write(append(row, all...))
	}
	var names []string
	if o.all {
		names = p.Labels
	}
	err := cells("id", "text", "pair", "label", "score", names)
	for _, r := range rows {
		var all []string
		for _, name := range names {
			all = append(all, fmt.Sprintf("%.6f", r.Scores[name]))
		}
		err = errors.Join(err, cells(r.ID, r.Text, r.Pair, r.answer(), fmt.Sprintf("%.6f", r.Score), all))
	}
	w.Flush()
	return errors.Join(err, w.Error())
}
