package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/qkvgo/qkv/check"
	"github.com/qkvgo/qkv/nn"
)

func newCheck(a *app) *cobra.Command {
	var asJSON, bits bool
	var o check.Options
	var dtype *dtypeFlag
	var cache *cacheFlag
	cmd := &cobra.Command{
		Use:   "check DIR...",
		Short: "Hold models against what the reference computed",
		Long: `Replay recorded cases and compare. DIR is a case, or a tree of cases: a folder with
config.json, weights, inputs.safetensors, outputs.safetensors, meta.json and, for
training, grads.safetensors and after3.safetensors. Everything the reference recorded
is compared: hidden states of every layer, logits, attention maps, losses, generated
ids and scores, the gradient of every parameter, the parameters after three AdamW
steps. A folder without config.json whose meta.json names a layer, an optimizer,
schedules or a loss is a case of that alone. What each may differ by follows from the reference's own float32 rounding.

With --bits, a case runs on every kernel set of this processor and plain Go, with 1,
2, 3 and 7 threads, each sequence alone and together, cached and not: all bits must
be equal. DIR may then be any model folder.

With --dtype bf16 or int8, nothing passes or fails: each case says how far the outputs
are from the reference's, relative to its largest magnitude (the largest and the mean
difference of the worst tensor), and in how many rows of the task's logits, if it has
any, the largest number stands where float32 and where the reference has it. With --json:
case, status, dtype, tensors, worst, max_relative, mean_relative, rows, agreement (with
float32), reference (agreement with it), why, architecture. With --cache-dtype bf16 or
int8, each case of a language model says the same of its scores with keys and values
kept so, against those in float32.

With --json, each case is a line: case (the folder), status (ok, FAIL, unsupported),
tensors (how many were compared), worst (the tensor nearest to its bound or furthest
beyond it), diff and tolerance (its largest difference, and what that may be), diverges
(the first layer whose hidden states are beyond their bound), why (it failed or is
unsupported), architecture, runs (of --bits: how many were compared).

Exit code 1 if any case failed, 3 if none failed but some are unsupported.`,
		Example: `  qkv check cases/gpt2-lm
  qkv check --json cases > report.jsonl
  qkv check --bits models/bert-base-uncased`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if o.Tolerance <= 0 {
				return usagef("have --tolerance %v, want a positive number", o.Tolerance)
			}
			if err := dtype.named(); err != nil {
				return err
			}
			if dtype.precision != nn.Float32 {
				if bits {
					return usagef("--bits is about f32: leave out --dtype %s", dtype)
				}
				if cmd.Flags().Changed("tolerance") {
					return usagef("--tolerance is about f32, whose bound is known: leave out --dtype %s", dtype)
				}
				return a.checkPrecision(cmd.Context(), args, dtype.precision, asJSON)
			}
			if cache.kept != nn.CacheFloat32 {
				if bits {
					return usagef("--bits is about f32: leave out --cache-dtype %s", cache)
				}
				return a.eachCase(cmd.Context(), args, "measured", asJSON, func(dir string) (check.Status, any, string) {
					r := check.Cache(cmd.Context(), dir, cache.kept, check.Options{})
					return r.Status, r, cacheLine(r)
				})
			}
			run := func(ctx context.Context, dir string) check.Result { return check.Run(ctx, dir, o) }
			if bits {
				run = check.Bits
			}
			return a.check(cmd.Context(), args, run, asJSON)
		},
	}
	dtype = addDType(cmd)
	cache = addCacheDType(cmd)
	f := cmd.Flags()
	f.BoolVar(&asJSON, "json", false, "print one JSON object a case")
	f.BoolVar(&bits, "bits", false, "demand equal bits on all kernel sets, threads, batches and with a cache")
	f.Float64Var(&o.Tolerance, "tolerance", 1, "multiply every bound by `X`")
	return cmd
}

// check runs every case below the folders and prints a line for each.
func (a *app) check(ctx context.Context, dirs []string, run func(context.Context, string) check.Result, asJSON bool) error {
	return a.eachCase(ctx, dirs, "passed", asJSON, func(dir string) (check.Status, any, string) {
		r := run(ctx, dir)
		return r.Status, r, checkLine(r)
	})
}

// checkPrecision measures every case below the folders in a precision and prints
// a line for each.
func (a *app) checkPrecision(ctx context.Context, dirs []string, precision nn.Precision, asJSON bool) error {
	return a.eachCase(ctx, dirs, "measured", asJSON, func(dir string) (check.Status, any, string) {
		r := check.Precision(ctx, dir, precision, check.Options{})
		return r.Status, r, roundedLine(r)
	})
}

// eachCase prints what run gives for every case below the folders, and how many
// ended well.
func (a *app) eachCase(ctx context.Context, dirs []string, well string, asJSON bool, run func(dir string) (check.Status, any, string)) error {
	cases, err := check.Find(dirs...)
	if err != nil {
		return err
	}
	count := map[check.Status]int{}
	for _, dir := range cases {
		if err := ctx.Err(); err != nil {
			return err
		}
		status, result, line := run(dir)
		count[status]++
		if asJSON {
			err = a.printJSON(result)
		} else {
			_, err = fmt.Fprintln(a.stdout, line)
		}
		if err != nil {
			return err
		}
	}
	if !asJSON {
		fmt.Fprintf(a.stdout, "%d %s, %d failed, %d unsupported\n", count[check.OK], well, count[check.Failed], count[check.Unsupported])
	}
	switch {
	case count[check.Failed] > 0:
		return errReported
	case count[check.Unsupported] > 0:
		return errors.Join(errReported, errors.ErrUnsupported)
	}
	return nil
}

// checkLine is a result for people.
func checkLine(r check.Result) string {
	line := fmt.Sprintf("%-11s %s", r.Status, r.Case)
	switch {
	case r.Runs > 0:
		line += fmt.Sprintf("  %d tensors equal in %d runs", r.Tensors, r.Runs)
	case r.Worst != "":
		line += fmt.Sprintf("  %s: %.2g of %.2g", r.Worst, r.Diff, r.Bound)
	}
	if r.Diverges != "" {
		line += "  diverges at " + r.Diverges
	}
	if r.Why != "" {
		line += "  (" + r.Why + ")"
	}
	return line
}

// roundedLine is a measurement for people.
func roundedLine(r check.Rounded) string {
	line := fmt.Sprintf("%-11s %s", r.Status, r.Case)
	if r.Worst != "" {
		line += fmt.Sprintf("  %s: off by %.2g of its largest, mean %.2g", r.Worst, r.Largest, r.Mean)
	}
	if r.Rows > 0 {
		line += fmt.Sprintf("  first choice of %d rows as in f32 %.1f %%, as the reference's %.1f %%", r.Rows, 100*r.Agreement, 100*r.Reference)
	}
	if r.Why != "" {
		line += "  (" + r.Why + ")"
	}
	return line
}

// cacheLine is a measurement of a narrow cache for people.
func cacheLine(r check.Rounded) string {
	line := fmt.Sprintf("%-11s %s", r.Status, r.Case)
	if r.Rows > 0 {
		line += fmt.Sprintf("  scores off by %.2g of the largest, mean %.2g; first choice of %d rows as in f32 %.1f %%", r.Largest, r.Mean, r.Rows, 100*r.Agreement)
	}
	if r.Why != "" {
		line += "  (" + r.Why + ")"
	}
	return line
}
