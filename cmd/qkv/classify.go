package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/qkvgo/qkv/task"
)

// classified is an input under --json.
type classified struct {
	Input  string       `json:"input"`
	Scores []task.Score `json:"scores"`
}

// classifyOptions are the flags of qkv classify.
type classifyOptions struct {
	model string
	json  bool
	top   int
	pairs bool
	dtype *dtypeFlag
}

func newClassify(a *app) *cobra.Command {
	var o classifyOptions
	cmd := &cobra.Command{
		Use:   "classify -m MODEL [TEXT|FILE]...",
		Short: "Say to which class a text or a picture belongs",
		Long: `Print the likeliest classes of each input with their probabilities. A model of texts takes
texts, one of pictures the names of PNG and JPEG files (- is a picture on standard input).
Without arguments the lines of standard input are the texts, or the names.`,
		Example: `  qkv classify -m models/sentiment "What a lovely day"
  qkv classify -m models/vit-base-patch16-224 --top-k 5 cat.jpg dog.png
  qkv classify -m models/spam --json < messages.txt
  qkv classify -m models/nli --pairs < premises-and-conclusions.tsv`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if o.model == "" {
				return usageError{errNoModel}
			}
			if o.top < 1 {
				return usagef("have --top-k %d, want 1 or more", o.top)
			}
			return a.classify(cmd.Context(), args, o)
		},
	}
	o.dtype = addDType(cmd)
	f := cmd.Flags()
	f.StringVarP(&o.model, "model", "m", "", "model folder")
	f.BoolVar(&o.json, "json", false, "print one JSON object an input: the input and its scores")
	f.IntVar(&o.top, "top-k", 1, "how many classes to print")
	f.BoolVar(&o.pairs, "pairs", false, "each text is two, parted by a tab")
	return cmd
}

// classify prints the classes of every input.
func (a *app) classify(ctx context.Context, args []string, o classifyOptions) (err error) {
	c, err := task.OpenClassifier(o.model)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, c.Close()) }()
	if o.pairs && c.Pictures() {
		return usagef("--pairs is for texts, and %s takes pictures", o.model)
	}
	c.Precision = o.dtype.of(a.stderr, c.AutoPrecision)
	c.Cut = a.cutNote(c.MaxLength)
	most := embedBatch
	if c.Pictures() {
		most = 8
	}
	return a.inBatches(ctx, args, most, func(inputs []string) error {
		var results [][]task.Score
		var err error
		switch {
		case c.Pictures():
			results, err = a.classifyFiles(ctx, c, inputs)
		case o.pairs:
			results, err = classifyPairs(ctx, c, inputs)
		default:
			results, err = c.Texts(ctx, inputs...)
		}
		if err != nil {
			return err
		}
		for i, scores := range results {
			scores = scores[:min(o.top, len(scores))]
			if o.json {
				err = a.printJSON(classified{inputs[i], scores})
			} else {
				err = a.printScores(inputs[i], scores, len(args) > 1 || c.Pictures() && len(args) != 1)
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// printScores prints a line a class: label and probability, after the input's
// name where there are several.
func (a *app) printScores(input string, scores []task.Score, named bool) error {
	for _, s := range scores {
		line := fmt.Sprintf("%s\t%.4f\n", s.Label, s.Score)
		if named {
			line = input + "\t" + line
		}
		if _, err := io.WriteString(a.stdout, line); err != nil {
			return err
		}
	}
	return nil
}

// classifyPairs parts texts at their tab and classifies them.
func classifyPairs(ctx context.Context, c *task.Classifier, texts []string) ([][]task.Score, error) {
	pairs := make([][2]string, len(texts))
	for i, text := range texts {
		first, second, found := strings.Cut(text, "\t")
		if !found {
			return nil, fmt.Errorf("%q has no tab: with --pairs a text is two, parted by one", text)
		}
		pairs[i] = [2]string{first, second}
	}
	return c.Pairs(ctx, pairs...)
}

// classifyFiles opens pictures and classifies them.
func (a *app) classifyFiles(ctx context.Context, c *task.Classifier, names []string) ([][]task.Score, error) {
	var readers []io.Reader
	for _, name := range names {
		if name == "-" {
			readers = append(readers, a.stdin)
			continue
		}
		f, err := os.Open(name)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		readers = append(readers, f)
	}
	return c.Images(ctx, readers...)
}
