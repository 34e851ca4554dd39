package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/qkvgo/qkv/task"
)

// embedOptions are the flags of qkv embed.
type embedOptions struct {
	model     string
	json      bool
	pooling   string
	normalize bool
	set       func(flag string) bool
	dtype     *dtypeFlag
}

// embedded is a text under --json.
type embedded struct {
	Text      string    `json:"text"`
	Embedding []float32 `json:"embedding"`
}

// embedBatch is how many lines go through the model at once.
const embedBatch = 32

func newEmbed(a *app) *cobra.Command {
	var o embedOptions
	cmd := &cobra.Command{
		Use:   "embed -m MODEL [TEXT]...",
		Short: "Turn texts into vectors",
		Long: `Print a vector for each text, a JSON array a line. Without arguments the lines of standard
input are the texts. How token vectors become one is as the folder's sentence-transformers
files say, and their mean without such files. Texts longer than the model reads are cut off.`,
		Example: `  qkv embed -m models/all-MiniLM-L6-v2 "A sentence" "Another one"
  qkv embed -m models/bert-base-uncased --pooling cls --normalize --json < lines.txt`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if o.model == "" {
				return usageError{errNoModel}
			}
			o.set = cmd.Flags().Changed
			return a.embed(cmd.Context(), args, o)
		},
	}
	o.dtype = addDType(cmd)
	f := cmd.Flags()
	f.StringVarP(&o.model, "model", "m", "", "model folder")
	f.BoolVar(&o.json, "json", false, "print one JSON object a text: the text and its vector")
	f.StringVar(&o.pooling, "pooling", "", "mean, cls, last, max, mean_sqrt_len, weightedmean, or several joined by + (default as the folder says)")
	f.BoolVar(&o.normalize, "normalize", false, "vectors of length 1 (default as the folder says)")
	return cmd
}

// embed prints the vector of every text, some lines at a time.
func (a *app) embed(ctx context.Context, args []string, o embedOptions) (err error) {
	e, err := task.OpenEmbedder(o.model)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, e.Close()) }()
	e.Precision = o.dtype.of(a.stderr, e.AutoPrecision)
	if o.set("pooling") {
		e.Pooling = task.Pooling(o.pooling)
	}
	if o.set("normalize") {
		e.Normalize = o.normalize
	}
	e.Cut = a.cutNote(e.MaxLength)
	return a.inBatches(ctx, args, embedBatch, func(texts []string) error {
		vectors, err := e.Embed(ctx, texts...)
		if err != nil {
			return err
		}
		for i, v := range vectors {
			if o.json {
				err = a.printJSON(embedded{texts[i], v})
			} else {
				err = a.printJSON(v)
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// cutNote tells a person of texts that are longer than the model reads.
func (a *app) cutNote(most int) func(text string) {
	return func(text string) {
		const shown = 40
		if start := []rune(text[:min(len(text), 4*shown)]); len(start) > shown {
			text = string(start[:shown]) + "…"
		}
		fmt.Fprintf(a.stderr, "qkv: %q is longer than the %d tokens that the model reads; the rest is left out\n", text, most)
	}
}

// inBatches hands on the arguments, or the lines of standard input, some at a
// time: lines that a person types one by one.
func (a *app) inBatches(ctx context.Context, args []string, most int, do func(texts []string) error) error {
	if len(args) == 0 && isTerminal(a.stdin) {
		most = 1
	}
	var texts []string
	for text, err := range a.texts(ctx, args) {
		if err != nil {
			return err
		}
		if texts = append(texts, text); len(texts) < most {
			continue
		}
		if err := do(texts); err != nil {
			return err
		}
		texts = nil
	}
	if len(texts) == 0 {
		return nil
	}
	return do(texts)
}
