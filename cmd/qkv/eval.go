package main

import (
	"errors"
	"fmt"

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

--against takes a second model: both are held against each other on the same examples, by McNemar's test
and a paired bootstrap.`,
		Example: `  qkv eval reviews test.csv
  qkv eval sst2 test.tsv --no-header --text 1 --label 2 --against sst2-bag
  qkv eval names test.conll --json`,
		Args: cobra.MinimumNArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			all, err := flags.options(cmd)
			if err != nil {
				return usageError{err}
			}
			o.columns = all.Columns
			return a.eval(cmd, args[0], args[1:], o)
		},
	}
	flags = addOptions(cmd, reading)
	o.dtype = addDType(cmd)
	f := cmd.Flags()
	f.StringVar(&o.against, "against", "", "folder of a second model to compare with")
	f.BoolVar(&o.json, "json", false, "print one JSON object")
	return cmd
}

// evalOptions are the flags of qkv eval.
type evalOptions struct {
	columns finetune.Columns
	against string
	json    bool
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
