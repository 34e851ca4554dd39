package main

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"github.com/qkvgo/qkv/finetune"
)

// newTrainMLM and newTrainCLM are qkv train mlm and clm: pretraining of anything that scratch makes or a folder holds.
func newTrainMLM(a *app) *cobra.Command {
	return newPretrain(a, "mlm", "masked-lm", "Train a model to fill in hidden words of texts",
		`Hide 15 % of the tokens of texts and learn to fill them in, as BERT did (Devlin et al. 2019). The
model is made from nothing, a Transformer unless --from-scratch says otherwise, with a vocabulary learnt from the texts, or it is
the one in the folder --model, whose pretraining goes on with texts of your own. qkv finetune then gives it a task.`,
		`  qkv train mlm books/ --width 128 --layers 2 --epochs 3 --lr 1e-3 --out small-bert
  qkv train mlm messages.csv --model models/bert-base-uncased --epochs 1 --lr 5e-5 --out our-bert`)
}

func newTrainCLM(a *app) *cobra.Command {
	return newPretrain(a, "clm", "causal-lm", "Train a model to say what comes next in texts",
		`Learn to say each token of texts from those before it: an LSTM, a GRU or a Transformer of chosen parts made from
nothing with a vocabulary learnt from the texts, or the model in the folder --model. qkv train lm trains Llama and GPT-2 on a stream
of text; here every text is a sequence of its own.`,
		`  qkv train clm messages.csv --from-scratch lstm --width 256 --epochs 5 --lr 2e-3 --out small-lstm
  qkv train clm letters/ --from-scratch transformer --positions rotary --norm pre-rmsnorm --ffn swiglu --out small-llama
  qkv train clm letters/ --model models/gpt2 --epochs 1 --lr 5e-5 --out our-gpt2`)
}

// judging are the options of a run that only labelled examples have.
var judging = []string{"dev", "test", "dev_share", "test_share", "teacher", "temperature", "distillation_alpha", "merge"}

func newPretrain(a *app, name, task, short, long, example string) *cobra.Command {
	var flags *optionFlags
	var resume bool
	p := finetune.Pretraining{Task: task}
	cmd := &cobra.Command{
		Use:   name + " TEXTS...",
		Short: short,
		Long: long + `

TEXTS are text files, folders of .txt and .md files, @LIST (a file that names files), or tables (CSV, TSV, JSONL) whose
column of texts counts. --val names texts to judge on. The folder --out is a Hugging Face folder; it keeps a checkpoint,
from which --resume goes on, and log.jsonl.`,
		Example: example,
		Args:    cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			o, err := flags.options(cmd)
			if err != nil {
				return usageError{err}
			}
			if o.Out == "" {
				return usagef("want --out DIR, the folder of the result")
			}
			p.Texts, p.Scratch, p.Columns, p.Training, p.Length, p.Board = args, o.Scratch, o.Columns, o.Training, o.Length, o.Board
			if p.Model == "" {
				p.Kind = cmp.Or(p.Kind, "transformer")
			}
			p.Out, p.SaveEvery, p.Training.Resume = o.Out, o.Save, resume
			return a.pretrain(cmd, p)
		},
	}
	table := slices.DeleteFunc(slices.Clone(tuning), func(row [3]string) bool { return slices.Contains(judging, row[0]) })
	flags = addOptions(cmd, reading, table)
	f := cmd.Flags()
	f.StringVarP(&p.Model, "model", "m", "", "folder of a model to go on with")
	f.StringArrayVar(&p.Validation, "val", nil, "texts to judge on, named as TEXTS are; may be repeated")
	f.BoolVar(&resume, "resume", false, "go on from the latest checkpoint in the folder --out")
	return cmd
}

// pretrain trains and shows how it goes.
func (a *app) pretrain(cmd *cobra.Command, p finetune.Pretraining) error {
	show := a.newTrainProgress(cmd.Context())
	p.Watch = show.event
	result, err := p.Run(cmd.Context())
	show.done()
	if err != nil {
		return a.ended(err)
	}
	if loss, ok := result.Metrics["loss"]; ok {
		fmt.Fprintf(a.stderr, "validation loss %.4f\n", loss)
	}
	_, err = fmt.Fprintln(a.stdout, p.Out)
	return err
}
