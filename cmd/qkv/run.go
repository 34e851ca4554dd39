package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/qkvgo/qkv/box"
	"github.com/qkvgo/qkv/generate"
	"github.com/qkvgo/qkv/task"
)

// runOptions are the flags of qkv run.
type runOptions struct {
	model  string
	json   bool
	greedy bool
	decode generate.Options // what the flags say
	flags  *pflag.FlagSet
	dtype  *dtypeFlag
	cache  *cacheFlag
}

// ran is a result under --json.
type ran struct {
	Prompt  string            `json:"prompt"`
	Text    string            `json:"text"` // the new text
	IDs     []int32           `json:"ids"`  // the new ids
	Score   float32           `json:"score,omitempty"`
	Finish  generate.Finish   `json:"finish"`
	Seed    uint64            `json:"seed"`
	Rate    float64           `json:"tokens_per_second"`
	Options *generate.Options `json:"options"`
}

func newRun(a *app) *cobra.Command {
	var o runOptions
	cmd := &cobra.Command{
		Use:   "run [-m MODEL] [PROMPT|-]",
		Short: "Continue a text",
		Long: `Print how a language model goes on from PROMPT, as it is written. Without -m it is the
model in the box, which tells stories. Without PROMPT, or with -, the prompt is read from
standard input.

What the flags leave out is as the model's generation_config.json has it. The same seed
gives the same text on every machine.`,
		Example: `  qkv run "Once upon a time"
  qkv run --greedy --max-tokens 40 "The old king"
  qkv run -m models/gpt2 --seed 7 --temperature 0.7 --top-p 0.9 "In the beginning"
  qkv run --beams 4 --num-return-sequences 2 --json "A little dog"`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			o.flags = cmd.Flags()
			if i := slices.IndexFunc(samplingFlags, o.flags.Changed); i >= 0 && o.greedy {
				return usagef("--greedy draws nothing, so --%s has no meaning beside it", samplingFlags[i])
			}
			prompt, err := a.prompt(args)
			if err != nil {
				return err
			}
			return a.generate(cmd.Context(), prompt, o)
		},
	}
	o.dtype = addDType(cmd)
	o.cache = addCacheDType(cmd)
	f, d := cmd.Flags(), &o.decode
	f.StringVarP(&o.model, "model", "m", "", "model folder (default the one in the box)")
	f.BoolVar(&o.json, "json", false, "print one JSON object a result: text, ids, why it ended, rate")
	f.IntVar(&d.MaxNewTokens, "max-tokens", 200, "most tokens to write")
	f.IntVar(&d.MinNewTokens, "min-tokens", 0, "fewest tokens to write")
	f.Uint64Var(&d.Seed, "seed", 0, "which of the possible texts to write")
	f.BoolVar(&o.greedy, "greedy", false, "always take the likeliest token")
	f.Float64Var(&d.Temperature, "temperature", 0.8, "divide scores by it: below 1 safer, above 1 wilder")
	d.TopK = f.Int("top-k", 50, "draw from the k likeliest tokens; 0: all")
	f.Float64Var(&d.TopP, "top-p", 0.95, "draw from the likeliest tokens that hold this probability")
	f.Float64Var(&d.MinP, "min-p", 0, "draw from tokens at least this fraction as likely as the best")
	f.Float64Var(&d.TypicalP, "typical-p", 1, "draw from the most typical tokens that hold this probability")
	f.Float64Var(&d.RepetitionPenalty, "repetition-penalty", 1, "divide scores of tokens that occurred")
	f.Float64Var(&d.PresencePenalty, "presence-penalty", 0, "taken off tokens that were written")
	f.Float64Var(&d.FrequencyPenalty, "frequency-penalty", 0, "taken off tokens for each time they were written")
	f.IntVar(&d.NoRepeatNGramSize, "no-repeat-ngram-size", 0, "never write so many tokens twice in the same order")
	f.IntVar(&d.NumBeams, "beams", 1, "search with so many beams instead of drawing")
	d.LengthPenalty = f.Float64("length-penalty", 1, "exponent of the length in the score of beams")
	f.IntVar(&d.NumReturnSequences, "num-return-sequences", 1, "how many results to give")
	f.StringArrayVar((*[]string)(&d.StopStrings), "stop", nil, "end where this text occurs; may be repeated")
	return cmd
}

// samplingFlags ask for drawing, whatever the model's own options say.
var samplingFlags = []string{"temperature", "top-k", "top-p", "min-p", "typical-p"}

// prompt is the argument, or all of standard input less its last line's end.
func (a *app) prompt(args []string) (string, error) {
	if len(args) == 1 && args[0] != "-" {
		return args[0], nil
	}
	if len(args) == 0 && isTerminal(a.stdin) {
		return "", usagef("want a PROMPT, or - to type one")
	}
	b, err := io.ReadAll(a.stdin)
	return strings.TrimSuffix(strings.TrimSuffix(string(b), "\n"), "\r"), err
}

// openGenerator opens a model folder, or the model in the box.
func openGenerator(dir string) (*task.TextGenerator, error) {
	if dir == "" {
		return task.OpenTextGeneratorFS(box.FS(), box.Name)
	}
	return task.OpenTextGenerator(dir)
}

// generate continues the prompt.
func (a *app) generate(ctx context.Context, prompt string, o runOptions) (err error) {
	g, err := openGenerator(o.model)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, g.Close()) }()
	g.Precision = o.dtype.of(a.stderr, g.AutoPrecision)
	g.Cache = o.cache.kept
	options := o.over(g.Options)
	if err := options.Validate(); err != nil {
		return usageError{err}
	}
	if o.json || options.NumReturnSequences > 1 {
		return a.generateAll(ctx, g, prompt, options, o.json)
	}
	if _, err := io.WriteString(a.stdout, prompt); err != nil {
		return err
	}
	for piece, err := range g.Text(ctx, prompt, options) {
		if err != nil {
			io.WriteString(a.stdout, "\n")
			return err
		}
		if _, err := io.WriteString(a.stdout, piece); err != nil {
			return err
		}
	}
	_, err = io.WriteString(a.stdout, "\n")
	return err
}

// generateAll prints whole results.
func (a *app) generateAll(ctx context.Context, g *task.TextGenerator, prompt string, o generate.Options, asJSON bool) error {
	start, tokens := time.Now(), 0
	sequences, texts, err := g.Generate(ctx, prompt, o)
	if err != nil {
		return err
	}
	for _, s := range sequences {
		tokens += len(s.IDs)
	}
	rate := float64(tokens) / time.Since(start).Seconds()
	for i, s := range sequences {
		if asJSON {
			err = a.printJSON(ran{prompt, texts[i], some(s.IDs), s.Score, s.Finish, o.Seed, rate, &o})
		} else {
			_, err = fmt.Fprintf(a.stdout, "%s%s\n", prompt, texts[i])
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// over lays what the flags say over the model's own options. Where neither says
// anything about drawing, text is drawn as people like to read it.
func (o runOptions) over(base generate.Options) generate.Options {
	d, own := o.decode, base
	set := o.flags.Changed
	silent := base.Temperature == 0 && base.TopP == 0 && base.TopK == nil && base.NumBeams <= 1
	own.MaxNewTokens, own.Seed = d.MaxNewTokens, d.Seed
	take := func(flag string, byDefault bool, f func()) {
		if set(flag) || byDefault {
			f()
		}
	}
	take("min-tokens", false, func() { own.MinNewTokens = d.MinNewTokens })
	take("temperature", silent, func() { own.Temperature = d.Temperature })
	take("top-k", silent, func() { own.TopK = d.TopK })
	take("top-p", silent, func() { own.TopP = d.TopP })
	take("min-p", false, func() { own.MinP = d.MinP })
	take("typical-p", false, func() { own.TypicalP = d.TypicalP })
	take("repetition-penalty", false, func() { own.RepetitionPenalty = d.RepetitionPenalty })
	take("presence-penalty", false, func() { own.PresencePenalty = d.PresencePenalty })
	take("frequency-penalty", false, func() { own.FrequencyPenalty = d.FrequencyPenalty })
	take("no-repeat-ngram-size", false, func() { own.NoRepeatNGramSize = d.NoRepeatNGramSize })
	take("beams", false, func() { own.NumBeams = d.NumBeams })
	take("length-penalty", false, func() { own.LengthPenalty = d.LengthPenalty })
	take("num-return-sequences", false, func() { own.NumReturnSequences = d.NumReturnSequences })
	take("stop", false, func() { own.StopStrings = d.StopStrings })
	switch {
	case o.greedy:
		own.DoSample = false
	case slices.ContainsFunc(samplingFlags, set), own.NumBeams <= 1 && silent:
		own.DoSample = true
	}
	if !own.DoSample { // these would be refused as having no effect
		own.Temperature, own.TopK, own.TopP, own.MinP, own.TypicalP = 0, nil, 0, 0, 0
	}
	return own
}
