package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/qkvgo/qkv/measure"
	"github.com/qkvgo/qkv/nn"
)

// benchOptions are the flags of qkv bench.
type benchOptions struct {
	json           bool
	threads, times int
	batch, tokens  int
	lengths        string
	model          string
	dtype          *dtypeFlag
}

func newBench(a *app) *cobra.Command {
	var o benchOptions
	cmd := &cobra.Command{
		Use:   "bench [kernels|attention|train|tokenize|MODEL]...",
		Short: "Time kernels, models and training steps on this machine",
		Long: `Measure this machine's limits, then what is named, and print each beside its limit. MODEL is
a folder, which is also timed from opening it to the first result, or a well-known size with
made-up weights: ` + strings.Join(measure.Named(), ", ") + `.
With train, the models named after it are timed in training, or lstm-2x512; where none are, five
steps by which libraries are compared. Without arguments: kernels.

Times are the best and the median of --times runs, after one that does not count.`,
		Example: `  qkv bench kernels attention
  qkv bench --batch 8 --tokens 128 bert-base
  qkv bench --dtype int8 kernels vit-b16
  qkv bench --json train --batch 2 --tokens 256 gpt2-124m
  qkv bench tokenize -m models/gpt2 < book.txt`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if o.threads < 1 || o.times < 1 || o.batch < 1 || o.tokens < 1 {
				return usagef("want --threads, --times, --batch and --tokens of 1 or more")
			}
			if err := o.dtype.named(); err != nil {
				return err
			}
			if len(args) == 0 {
				args = []string{"kernels"}
			}
			return a.bench(cmd.Context(), args, o)
		},
	}
	o.dtype = addDType(cmd)
	f := cmd.Flags()
	f.BoolVar(&o.json, "json", false, "print one JSON object a timing")
	f.IntVar(&o.threads, "threads", runtime.GOMAXPROCS(0), "threads to use")
	f.IntVar(&o.times, "times", 7, "timings of each thing")
	f.IntVar(&o.batch, "batch", 1, "sequences or pictures at once")
	f.IntVar(&o.tokens, "tokens", 128, "length of each sequence")
	f.StringVar(&o.lengths, "lengths", "", "`FILE` with a length a line: as many sequences of those lengths, as they come")
	f.StringVarP(&o.model, "model", "m", "", "for tokenize: folder with a tokenizer (default the model in the box)")
	return cmd
}

// bench measures what the arguments name.
func (a *app) bench(ctx context.Context, args []string, o benchOptions) (err error) {
	lengths := []int{o.tokens}
	if o.lengths != "" {
		if lengths, err = readLengths(o.lengths); err != nil {
			return err
		}
		o.batch = len(lengths)
	}
	b, err := measure.New(o.threads, o.times, func(r measure.Result) error {
		if o.json {
			return a.printJSON(r)
		}
		return benchLine(a.stdout, r)
	})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.Close()) }()
	if err := b.In(ctx, o.dtype.precision); err != nil {
		return err
	}
	training := false
	for _, what := range args {
		switch {
		case what == "kernels":
			err = b.Kernels(ctx)
		case what == "attention":
			err = b.Attention(ctx)
		case what == "train":
			training = true
		case what == "tokenize":
			err = a.benchTokenize(ctx, b, o.model)
		case training && o.dtype.precision != nn.Float32:
			return usagef("training is in f32: leave out --dtype %s", o.dtype)
		case training:
			err = b.Train(ctx, what, o.batch, lengths)
		default:
			err = b.Model(ctx, what, o.batch, lengths)
		}
		if err != nil {
			return err
		}
	}
	if training && args[len(args)-1] == "train" {
		if o.dtype.precision != nn.Float32 {
			return usagef("training is in f32: leave out --dtype %s", o.dtype)
		}
		return b.Steps(ctx)
	}
	return nil
}

// benchTokenize times a tokenizer on standard input.
func (a *app) benchTokenize(ctx context.Context, b *measure.Bench, model string) error {
	t, err := openTokenizer(model)
	if err != nil {
		return err
	}
	text, err := io.ReadAll(a.stdin)
	if err != nil {
		return err
	}
	if len(text) == 0 {
		return usagef("want a text on standard input to tokenize")
	}
	return b.Tokenize(ctx, t, "standard input", string(text))
}

// readLengths reads a number a line.
func readLengths(name string) ([]int, error) {
	b, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	var lengths []int
	for i, line := range strings.Fields(string(b)) {
		n, err := strconv.Atoi(line)
		if err != nil || n < 1 {
			return nil, fmt.Errorf("%s: entry %d is %q, want a length", name, i+1, line)
		}
		lengths = append(lengths, n)
	}
	if len(lengths) == 0 {
		return nil, fmt.Errorf("%s holds no lengths", name)
	}
	return lengths, nil
}

// benchLine is a timing for people.
func benchLine(w io.Writer, r measure.Result) error {
	line := fmt.Sprintf("%-24s %-22s %8.3f ms  median %8.3f ms", strings.TrimSpace(r.Name+" "+r.Layout), r.Shape, r.Min, r.Median)
	if r.GFLOPS > 0 {
		line += fmt.Sprintf("  %7.1f GFLOP/s", r.GFLOPS)
	}
	if r.GBPS > 0 {
		line += fmt.Sprintf("  %6.2f GB/s", r.GBPS)
	}
	if r.Share > 0 {
		line += fmt.Sprintf("  %3.0f %%", 100*r.Share)
	}
	if r.PeakMB > 0 {
		line += fmt.Sprintf("  peak %.0f MB", r.PeakMB)
	}
	if r.Rate > 0 {
		line += fmt.Sprintf("  %.0f tokens/s", r.Rate)
	}
	if r.Note != "" {
		line += "  (" + r.Note + ")"
	}
	_, err := fmt.Fprintln(w, line)
	return err
}
