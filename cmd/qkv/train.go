package main

import (
	"errors"
	"fmt"
	"runtime/debug"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/qkvgo/qkv/internal/progress"
	"github.com/qkvgo/qkv/nn"
	"github.com/qkvgo/qkv/train"
)

func newTrain(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "train",
		Short: "Train a model from nothing",
		Args:  cobra.NoArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newTrainLM(a), newTrainMLM(a), newTrainCLM(a))
	return cmd
}

func newTrainLM(a *app) *cobra.Command {
	var o train.LM
	var store string
	cmd := &cobra.Command{
		Use:   "lm FILE...",
		Short: "Train a language model on text files",
		Long: `Learn a byte-level vocabulary from text, train a small Llama or GPT-2 on it, and write a
Hugging Face folder that qkv and Python load. FILE is a text file, a folder of .txt and .md files, or
@LIST, a file that names files, one a line. A document ends with its file or at a line <|endoftext|>.

The folder --out gets config.json, model.safetensors and tokenizer.json, a log of every step (log.jsonl) and
training.json, which says what the model was made from. Ctrl-C saves and stops; the same command with --resume
goes on, to the bits of a run that never stopped. The same command on the same texts gives the same file on
any number of threads and any CPU.`,
		Example: `  qkv train lm books/ --steps 2000 --out my-model
  qkv train lm @train.txt --val @validation.txt --arch gpt2 --layers 8 --lr 2e-3 --out my-gpt`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if o.Out == "" {
				return usagef("want --out DIR, the folder of the result")
			}
			o.Texts = args
			switch strings.ToLower(store) {
			case "f32":
				o.Store = nn.F32
			case "bf16":
				o.Store = nn.BF16
			default:
				return usagef("--dtype-out %s: have f32 and bf16", store)
			}
			v := thisVersion(debug.ReadBuildInfo())
			o.Command, o.Version = commandLine(cmd, args), strings.TrimSpace(v.Version+" "+v.Revision)
			return a.trainLM(cmd, o)
		},
	}
	f := cmd.Flags()
	f.StringVarP(&o.Out, "out", "o", "", "folder of the result (required)")
	f.BoolVar(&o.Resume, "resume", false, "go on from the latest checkpoint in the folder --out")
	f.StringArrayVar(&o.Validation, "val", nil, "text to evaluate on, named as FILE is; may be repeated")
	f.StringVar(&o.Arch, "arch", "llama", "llama or gpt2")
	f.IntVar(&o.Layers, "layers", 6, "layers")
	f.IntVar(&o.Width, "width", 256, "width of the hidden states")
	f.IntVar(&o.Heads, "heads", 8, "attention heads")
	f.IntVar(&o.KVHeads, "kv-heads", 0, "heads of keys and values, llama (default as --heads)")
	f.IntVar(&o.FFN, "ffn", 0, "inner width of the feed-forward layers (default 8/3 of the width for llama, 4 times for gpt2)")
	f.IntVar(&o.Context, "context", 256, "tokens a sequence")
	f.IntVar(&o.Vocab, "vocab", 4096, "tokens of the vocabulary to learn")
	f.BoolVar(&o.Chars, "chars", false, "characters are the tokens, whatever --vocab says")
	f.StringVar(&o.Tokenizer, "tokenizer", "", "folder of a tokenizer to use instead of learning one")
	f.BoolVar(&o.Tied, "tie", true, "use the embeddings as output layer too")
	f.Float64Var(&o.InitStd, "init-std", 0.02, "standard deviation of the first weights")
	f.IntVar(&o.Steps, "steps", 1000, "optimizer steps")
	f.IntVar(&o.Batch, "batch", 16, "sequences a step")
	f.IntVar(&o.Accumulate, "accumulate", 1, "parts in which a step's batch is computed: more take less memory")
	f.Float64Var(&o.Rate, "lr", 1e-3, "highest learning rate")
	f.Float64Var(&o.LeastRate, "min-lr", 1e-4, "learning rate at the end of the cosine")
	f.IntVar(&o.Warmup, "warmup", 100, "steps in which the learning rate rises from 0")
	f.Float64Var(&o.Beta2, "beta2", 0.95, "decay of AdamW's mean of squares")
	f.Float64Var(&o.Decay, "weight-decay", 0.1, "weight decay of matrices")
	f.Float64Var(&o.Clip, "clip", 1, "greatest norm of the gradient; 0: any")
	f.Float64Var(&o.Dropout, "dropout", 0, "dropout rate")
	f.Uint64Var(&o.Seed, "seed", 1, "seed of first weights, order and dropout")
	f.IntVar(&o.EvalEvery, "eval-every", 250, "steps between evaluations on --val")
	f.IntVar(&o.EvalWindows, "eval-windows", 256, "sequences of such an evaluation, spread over the text; 0: all (the last evaluation takes all)")
	f.IntVar(&o.SaveEvery, "save-every", 250, "steps between checkpoints")
	f.StringVar(&store, "dtype-out", "f32", "how the result's weights are stored: f32 or bf16")
	return cmd
}

// trainLM trains and shows how it goes.
func (a *app) trainLM(cmd *cobra.Command, o train.LM) error {
	var meter *progress.Meter
	o.Watch = func(e train.Event) {
		r := e.Record
		if r == nil {
			fmt.Fprintln(a.stderr, e.Message)
			return
		}
		if meter == nil {
			meter = a.progress(progress.Plan{Label: "train", Total: int64(o.Steps), Unit: "steps", Work: "tokens"})
			meter.Add(int64(r.Step-1), 0)
		}
		meter.Note(fmt.Sprintf("loss %.3f", r.Loss))
		meter.Add(1, int64(o.Batch*o.Context))
		if r.ValLoss != 0 {
			meter.Clear()
			fmt.Fprintf(a.stderr, "step %d: loss %.4f, validation %.4f, perplexity %.2f, %.3f bits per byte\n",
				r.Step, r.Loss, r.ValLoss, r.Perplexity, r.BitsPerByte)
		}
	}
	err := o.Train(cmd.Context())
	if meter != nil {
		meter.Done()
	}
	if err != nil {
		return a.ended(err)
	}
	_, err = fmt.Fprintln(a.stdout, o.Out)
	return err
}

// commandLine is the command as a person would type it, without where the result went.
func commandLine(cmd *cobra.Command, args []string) string {
	words := append([]string{cmd.CommandPath()}, args...)
	cmd.Flags().Visit(func(f *pflag.Flag) {
		if f.Name == "out" || f.Name == "resume" {
			return
		}
		values := []string{f.Value.String()}
		if list, ok := f.Value.(pflag.SliceValue); ok {
			values = list.GetSlice()
		}
		for _, v := range values {
			words = append(words, "--"+f.Name+"="+v)
		}
	})
	return strings.Join(words, " ")
}

// ended is a training run's error for main: of a run that was stopped it says here
// where it is kept and how to go on.
func (a *app) ended(err error) error {
	if stopped := (*train.Stopped)(nil); errors.As(err, &stopped) {
		fmt.Fprintf(a.stderr, "qkv: %v\n", stopped)
		return errReported
	}
	return err
}
