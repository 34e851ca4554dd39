package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/qkvgo/qkv/finetune"
)

func newEval(a *app) *cobra.Command {
	var flags *optionFlags
	var o evalOptions
	cmd := &cobra.Command{
		Use:   "eval MODEL DATA...",
		Short: "Say how good a model is on labelled data",
		Long: `Run the model in the folder MODEL over labelled examples and print every metric that fits its task, with
95 % intervals: Wilson's for accuracies, a bootstrap over the examples for the others. Of classes that
is accuracy, F1, MCC, kappa, areas under curves, calibration, a table of the classes and the confusion
matrix; of several labels, numbers and tagged words what is usual for these. DATA is read as qkv finetune
reads it.

A language model is judged on text files (.txt, .md, folders, @LIST): loss, perplexity and bits per byte.

--against takes a second model: both are held against each other on the same examples, by McNemar's test
and a paired bootstrap.`,
		Example: `  qkv eval reviews test.csv
  qkv eval sst2 test.tsv --no-header --text 1 --label 2 --against sst2-bag
  qkv eval names test.conll --json
  qkv eval models/gpt2 books/ --window 512`,
		Args: cobra.MinimumNArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			all, err := flags.options(cmd)
			if err != nil {
				return usageError{err}
			}
			o.columns = all.Columns
			if isText(args[1]) && all.Columns.Format == "" {
				return a.evalText(cmd, args[0], args[1:], o)
			}
			return a.eval(cmd, args[0], args[1:], o)
		},
	}
	flags = addOptions(cmd, reading)
	o.dtype = addDType(cmd)
	f := cmd.Flags()
	f.StringVar(&o.against, "against", "", "folder of a second model to compare with")
	f.IntVar(&o.window, "window", 0, "language models: tokens of a window (default as many as the model has positions for)")
	f.BoolVar(&o.json, "json", false, "print one JSON object")
	return cmd
}

// isText says whether a file holds text without a table around it: .txt, .md, a list, or a folder whose files lie in it.
func isText(name string) bool {
	switch ext := filepath.Ext(name); {
	case strings.HasPrefix(name, "@") || ext == ".txt" || ext == ".md":
		return true
	}
	entries, err := os.ReadDir(name)
	return err == nil && slices.ContainsFunc(entries, func(e os.DirEntry) bool {
		return !e.IsDir() && (filepath.Ext(e.Name()) == ".txt" || filepath.Ext(e.Name()) == ".md")
	})
}

// evalText prints how well a language model says what comes next, and how well a second one does.
func (a *app) evalText(cmd *cobra.Command, dir string, files []string, o evalOptions) error {
	for _, dir := range []string{dir, o.against} {
		if dir == "" {
			continue
		}
		r, err := finetune.EvaluateText(cmd.Context(), dir, o.window, files...)
		if err != nil {
			return err
		}
		if o.json {
			err = a.printJSON(r)
		} else {
			_, err = fmt.Fprint(a.stdout, r)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// evalOptions are the flags of qkv eval.
type evalOptions struct {
	columns finetune.Columns
	against string
	json    bool
	window  int // of language models
	dtype   *dtypeFlag
}

// eval prints the report of a model, and of a second one the comparison.
func (a *app) eval(cmd *cobra.Command, dir string, files []string, o evalOptions) error {
	e, skipped, err := o.columns.Read(files...)
	if err != nil {
		return err
	}
	if skipped != nil && skipped.Count > 0 {
		fmt.Fprintf(a.stderr, "%d bad rows were passed over, the first: %v\n", skipped.Count, skipped.First[0])
	}
	first, err := a.evalOne(cmd, dir, e, o)
	if err != nil {
		return err
	}
	var second *finetune.Report
	var compared *finetune.Comparison
	if o.against != "" {
		if second, err = a.evalOne(cmd, o.against, e, o); err == nil {
			compared, err = finetune.Compare(first, second)
		}
		if err != nil {
			return err
		}
	}
	if o.json {
		return a.printJSON(struct {
			Report     *finetune.Report     `json:"report"`
			Against    *finetune.Report     `json:"against,omitempty"`
			Comparison *finetune.Comparison `json:"comparison,omitempty"`
		}{first, second, compared})
	}
	fmt.Fprint(a.stdout, first)
	if compared != nil {
		fmt.Fprintf(a.stdout, "\nagainst %s:\n%s\n%s", o.against, second.Figures[0], compared)
	}
	return nil
}

// evalOne is the report of one model.
func (a *app) evalOne(cmd *cobra.Command, dir string, e finetune.Examples, o evalOptions) (_ *finetune.Report, err error) {
	m, err := finetune.Load(dir)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, m.Close()) }()
	m.Precision = o.dtype.precision
	r, err := m.Evaluate(cmd.Context(), e)
	if err == nil && r.Cut > 0 {
		fmt.Fprintf(a.stderr, "%s: %d of %d examples were longer than %d tokens and lost their end\n", dir, r.Cut, r.Examples, m.MaxLength)
	}
	return r, err
}
