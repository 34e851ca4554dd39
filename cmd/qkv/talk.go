package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"

	"github.com/spf13/cobra"

	"github.com/qkvgo/qkv/checkpoint"
	"github.com/qkvgo/qkv/data"
	"github.com/qkvgo/qkv/internal/progress"
	"github.com/qkvgo/qkv/talk"
)

func newTalk(a *app) *cobra.Command {
	var o talk.Options
	src := talk.Source{}
	var out, format string
	var asJSON, skip bool
	cmd := &cobra.Command{
		Use:   "talk [DIR|FILE...]",
		Short: "Climb from bag of words to Transformer on your own documents",
		Long: `Train every ancestor of the Transformer on labelled documents, compare them honestly, and write a report with
pictures that explains what each can and cannot do: "LSTM is dead. Long live Transformers!" redone on your texts.

DIR holds a folder of texts for each class; FILE is a CSV, TSV, JSON or JSONL table with a text and a label. Without
either the run is on messages to a library that come with qkv. A fifth of the documents is kept for testing
unless --test names others; --unlabelled names texts without labels to pretrain on.

The folder --out gets report.html, one file that needs no network, the same as report.md and report.json, and two
models that qkv predict and Python load: best, and cheapest, the one with the fewest parameters of those whose interval
reaches the best. Ctrl-C writes the report of what was done by then.`,
		Example: `  qkv talk
  qkv talk mails/ --out mails-report
  qkv talk reviews.csv --text review --label stars --unlabelled more-reviews.txt
  qkv talk mails/ --model bert-base-uncased/
  qkv talk mails/ --sentence "the man bit the dog" --seed 7
  qkv talk train.jsonl --test test.jsonl --quick --json`,
		RunE: func(cmd *cobra.Command, args []string) error {
			src.Paths, src.Seed, src.Reader.Format = args, o.Seed, data.Format(format)
			if skip {
				src.Reader.Skip = &data.Skips{Limit: -1}
			}
			v := thisVersion(debug.ReadBuildInfo())
			o.Command, o.Version = commandLine(cmd, args), strings.TrimSpace(v.Version+" "+v.Revision)
			if o.Base.Dir != "" {
				o.Base.Name = filepath.Base(o.Base.Dir) + ", fine-tuned"
			}
			return a.talk(cmd, src, o, out, asJSON)
		},
	}
	f := cmd.Flags()
	f.StringVarP(&out, "out", "o", "qkv-talk", "folder of the report and the models")
	f.StringVar(&src.Reader.Columns.Text, "text", "", `column of the text (default "text")`)
	f.StringVar(&src.Reader.Columns.Label, "label", "", `column of the label (default "label")`)
	f.StringVar(&format, "format", "", "csv, tsv, jsonl, json or labelled (default by the file's name)")
	f.StringVar(&src.Reader.LabelEnd, "label-end", "", "a label ends where this begins: with : the label DESC:manner is DESC")
	f.BoolVar(&src.Reader.NoHeader, "no-header", false, "tables start with their first row; columns are numbers from 1")
	f.BoolVar(&skip, "skip-bad", false, "leave out rows that cannot be read, and count them")
	f.StringArrayVar(&src.Test, "test", nil, "documents to test on, named as FILE is (default a fifth of the others)")
	f.StringArrayVar(&src.Unlabelled, "unlabelled", nil, "texts without labels to pretrain on: a file of lines, a table or a folder")
	f.StringArrayVar(&o.Sentences, "sentence", nil, "a sentence of your own to turn round and to show to heads and gates; may be repeated")
	f.StringVarP(&o.Base.Dir, "model", "m", "", "folder of a pretrained model of text to fine-tune as the last rung")
	f.Float64Var(&o.Base.Rate, "model-lr", 0, "learning rate of that model (default 5e-5)")
	f.Uint64Var(&o.Seed, "seed", 1, "seed of the split, of first weights and of the order")
	f.BoolVar(&o.Quick, "quick", false, "small models and few steps: to see how it goes, not for figures")
	f.BoolVar(&asJSON, "json", false, "print the figures as one JSON object")
	return cmd
}

// talk reads the documents, runs, and writes.
func (a *app) talk(cmd *cobra.Command, src talk.Source, o talk.Options, out string, asJSON bool) error {
	set, err := talk.Box()
	if len(src.Paths) > 0 {
		set, err = talk.Read(src)
	}
	if err != nil {
		return err
	}
	if o.Base.Dir != "" { // said now, not after the other rungs
		if _, err := checkpoint.Config(os.DirFS(o.Base.Dir), o.Base.Dir); err != nil {
			return err
		}
	}
	if err := os.MkdirAll(out, 0o777); err != nil {
		return fmt.Errorf("--out: %w", err)
	}
	defer os.Remove(out) // where it stayed empty
	const units = 1000
	meter := a.progress(progress.Plan{Label: "talk", Total: units, Unit: "‰"})
	done := int64(0)
	o.Progress = func(share float64, what string) {
		meter.Note(what)
		now := int64(share * units)
		meter.Add(now-done, now-done)
		done = now
	}
	result, runErr := talk.Run(cmd.Context(), set, o)
	meter.Done()
	if result == nil {
		return runErr
	}
	if err := result.Write(out); err != nil {
		return errors.Join(runErr, err)
	}
	if runErr != nil {
		fmt.Fprintf(a.stderr, "qkv: stopped early; %s has what was done by then\n", filepath.Join(out, talk.HTMLFile))
		return runErr
	}
	if asJSON {
		return a.printJSON(result.Figures)
	}
	_, err = fmt.Fprintln(a.stdout, filepath.Join(out, talk.HTMLFile))
	return err
}
