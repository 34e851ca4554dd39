package main

import (
	"context"
	"fmt"
	"maps"
	"runtime/debug"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/qkvgo/qkv/finetune"
	"github.com/qkvgo/qkv/internal/progress"
	"github.com/qkvgo/qkv/lora"
	"github.com/qkvgo/qkv/train"
)

func newFinetune(a *app) *cobra.Command {
	var flags *optionFlags
	var resume, json bool
	var rank int
	cmd := &cobra.Command{
		Use:   "finetune [MODEL] DATA...",
		Short: "Teach a model a task of your own",
		Long: `Give the network in the folder MODEL, pretrained or fine-tuned before, a head for the task that DATA shows,
train both, and write a Hugging Face folder that qkv and Python load. With --from-scratch KIND there is
no MODEL: the network, its vocabulary too, is made from DATA.

DATA is a table (CSV, TSV, JSON, JSONL, Parquet) with a column of texts and one of labels, a folder or zip file with
a folder of texts or of pictures for each class, or sentences in CoNLL's form. One class of several is
learned, unless --label-separator says that a row has several labels, --task regression that labels
are numbers, or the files hold tagged words.

With --dev or --dev-share the model is judged after every epoch and the best weights are the result; with
--test or --test-share the result is judged once more. The folder --out gets the model, finetune.yaml
with all options (--config reads it), log.jsonl with every step, runs/ for TensorBoard, and report.json.
Ctrl-C saves and stops; the same command with --resume goes on, to the bits of a run that never stopped;
a second Ctrl-C stops at once.`,
		Example: `  qkv finetune models/bert-base-uncased reviews.csv --dev-share 0.1 --test-share 0.1 --epochs 3 --lr 3e-5 --out reviews
  qkv finetune models/bert-base-uncased train.tsv --no-header --text 1 --label 2 --dev dev.tsv --out sst2
  qkv finetune models/bert-base-cased train.conll --dev dev.conll --out names
  qkv finetune models/vit-base-patch16-224 clothes/ --test-share 0.2 --freeze 'vit.*' --out clothes-model
  qkv finetune --from-scratch lstm questions.txt --format labelled --label-end : --bidirectional --lr 2e-3 --out trec
  qkv finetune --config reviews/finetune.yaml --seed 2 --out reviews-2`,
		RunE: func(cmd *cobra.Command, args []string) error {
			o, err := flags.options(cmd)
			if err != nil {
				return usageError{err}
			}
			if o.Kind == "" && len(args) > 0 {
				o.Model, args = args[0], args[1:]
			} else if cmd.Flags().Changed("from-scratch") {
				o.Model = ""
			}
			if len(args) > 0 {
				o.Train = args
			}
			if rank > 0 {
				o.LoRA = &lora.Config{Rank: rank}
			}
			switch {
			case o.Model == "" && o.Kind == "":
				return usagef("want MODEL, the folder to start from, or --from-scratch KIND")
			case len(o.Train) == 0:
				return usagef("want DATA, the files to learn from")
			case o.Out == "":
				return usagef("want --out DIR, the folder of the result")
			}
			v := thisVersion(debug.ReadBuildInfo())
			o.Resume, o.Command, o.Version = resume, commandLine(cmd, cmd.Flags().Args()), strings.TrimSpace(v.Version+" "+v.Revision)
			return a.finetune(cmd, o, json)
		},
	}
	flags = addOptions(cmd, reading, tuning)
	f := cmd.Flags()
	f.StringVar(&flags.config, "config", "", "YAML or JSON file of options; flags count more")
	f.IntVar(&rank, "lora", 0, "train adapters of this rank in place of the weights (peft_config in --config says more)")
	f.BoolVar(&resume, "resume", false, "go on from the latest checkpoint in the folder --out")
	f.BoolVar(&json, "json", false, "print the report as one JSON object")
	return cmd
}

// finetune trains, shows how it goes, and prints the report.
func (a *app) finetune(cmd *cobra.Command, o finetune.Options, json bool) error {
	show := a.newTrainProgress(cmd.Context())
	o.Watch = show.event
	out, err := o.Run(cmd.Context())
	show.done()
	if err != nil {
		return a.ended(err)
	}
	defer out.Model.Close()
	if json {
		return a.printJSON(struct {
			Out    string           `json:"out"`
			Steps  int              `json:"steps"`
			Best   int              `json:"best_step,omitempty"`
			Report *finetune.Report `json:"report,omitempty"`
		}{o.Out, out.Result.Steps, out.Result.BestAt, out.Report()})
	}
	if r := out.Report(); r != nil {
		fmt.Fprint(a.stdout, r, "\n")
	}
	_, err = fmt.Fprintln(a.stdout, o.Out)
	return err
}

// trainProgress shows a run: a meter with the last losses as a line of bars, a line for each judgement, and at the end the
// curve of the loss.
type trainProgress struct {
	a      *app
	silent func() bool // ends the waiting for Ctrl-C
	meter  *progress.Meter
	losses []float64
}

// newTrainProgress shows a run under ctx, whose end it explains to a person who waits for it.
func (a *app) newTrainProgress(ctx context.Context) *trainProgress {
	return &trainProgress{a: a, silent: context.AfterFunc(ctx, func() {
		if isTerminal(a.stderr) {
			fmt.Fprintln(a.stderr, "\nsaving after this step; Ctrl-C again stops at once")
		}
	})}
}

// event takes news of the run.
func (s *trainProgress) event(e train.Event) {
	r := e.Record
	if r == nil {
		fmt.Fprintln(s.a.stderr, e.Message)
		return
	}
	if s.meter == nil {
		s.meter = s.a.progress(progress.Plan{Label: "train", Total: int64(r.Steps), Unit: "steps", Work: "tokens"})
		s.meter.Add(int64(r.Step-1), 0)
	}
	s.losses = append(s.losses, r.Loss)
	s.meter.Note(fmt.Sprintf("loss %.4f %s · rate %.3g", r.Loss, progress.Bars(s.losses, 24), r.Rate))
	s.meter.Add(1, int64(r.Rows))
	if r.Metrics == nil {
		return
	}
	s.meter.Clear()
	line := fmt.Sprintf("step %d", r.Step)
	if r.Epoch > 0 {
		line += fmt.Sprintf(", epoch %.4g", r.Epoch)
	}
	line += fmt.Sprintf(": loss %.4f; judged", r.Loss)
	for _, key := range slices.Sorted(maps.Keys(r.Metrics)) {
		if key == "loss" || key == "accuracy" || strings.HasSuffix(key, "f1") || key == "pearson" || key == "mcc" {
			line += fmt.Sprintf(" %s %.4f", key, r.Metrics[key])
		}
	}
	if r.Best {
		line += ", the best so far"
	}
	fmt.Fprintln(s.a.stderr, line)
}

// done ends the show.
func (s *trainProgress) done() {
	s.silent()
	if s.meter == nil {
		return
	}
	s.meter.Done()
	if isTerminal(s.a.stderr) && len(s.losses) > 1 {
		fmt.Fprint(s.a.stderr, progress.Plot("loss", s.losses, 64, 8))
	}
}
