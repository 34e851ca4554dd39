package main

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/qkvgo/qkv/box"
	"github.com/qkvgo/qkv/device/cpu"
	"github.com/qkvgo/qkv/kernel"
	"github.com/qkvgo/qkv/nn"
	"github.com/qkvgo/qkv/zoo"
)

// shown is a model under --json.
type shown struct {
	Model        string `json:"model"`
	Architecture string `json:"architecture"`
	Parameters   int    `json:"parameters"`
	zoo.Anatomy
	DTypes   []string     `json:"dtypes"`
	Forecast zoo.Forecast `json:"forecast"`
	DType    string       `json:"dtype"`                 // of the forecast's products
	Kept     string       `json:"cache_dtype,omitempty"` // of its keys and values, where there is a cache
	Tensors  []tensorRow  `json:"tensors,omitempty"`
}

// tensorRow is a parameter in the table.
type tensorRow struct {
	Name  string `json:"name"`
	Shape []int  `json:"shape"`
	DType string `json:"dtype"`
	Bytes int    `json:"bytes"`
}

func newShow(a *app) *cobra.Command {
	var asJSON, tensors bool
	var tokens int
	var dtype *dtypeFlag
	var cache *cacheFlag
	cmd := &cobra.Command{
		Use:   "show [MODEL]",
		Short: "Say what a model is and what it costs",
		Long: `Print a model's architecture, its parameters, and what an inference pass over --tokens
tokens (a picture, for models of pictures) will take: bytes of weights, of weights
prepared for the kernels, of the pass itself at its peak, and its work. For language
models it is the pass that reads a prompt, with its cache, kept as --cache-dtype says. Nothing is computed for it:
the model runs on a device that only counts. Without MODEL it is the model in the box.`,
		Example: `  qkv show models/bert-base-uncased
  qkv show --tokens 1024 --tensors models/gpt2
  qkv show --dtype int8 --cache-dtype int8 models/gpt2
  qkv show --json models/vit-base-patch16-224`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if tokens < 1 && cmd.Flags().Changed("tokens") {
				return usagef("have --tokens %d, want 1 or more", tokens)
			}
			name, open := box.Name, func() (*zoo.Loaded, error) { return zoo.OpenFS(box.FS(), box.Name) }
			if len(args) == 1 {
				name, open = args[0], func() (*zoo.Loaded, error) { return zoo.Open(args[0]) }
			}
			return a.show(name, open, tokens, dtype, cache.kept, tensors, asJSON)
		},
	}
	dtype, cache = addDType(cmd), addCacheDType(cmd)
	f := cmd.Flags()
	f.BoolVar(&asJSON, "json", false, "print one JSON object")
	f.BoolVar(&tensors, "tensors", false, "list every parameter")
	f.IntVar(&tokens, "tokens", 0, "length of the text that the forecast is for (default 128, or what the model has positions for)")
	return cmd
}

// show prints a model's summary.
func (a *app) show(name string, open func() (*zoo.Loaded, error), tokens int, dtype *dtypeFlag, cache nn.CacheType, tensors, asJSON bool) (err error) {
	m, err := open()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, m.Close()) }()
	if m.Vision() {
		tokens = 1
	}
	precision := dtype.of(a.stderr, func() (nn.Precision, string) { return nn.Automatic(m.Model, kernel.Best()) })
	s := shown{Model: name, Architecture: m.Architecture, DType: precision.String()}
	dtypes := map[string]bool{}
	for name, w := range nn.Params(m.Model) {
		s.Parameters += w.Len()
		t := w.DType().String()
		dtypes[t] = true
		s.Tensors = append(s.Tensors, tensorRow{name, w.Shape, t, w.Len() * w.DType().Size()})
	}
	s.DTypes = slices.Sorted(maps.Keys(dtypes))
	if s.Anatomy, err = zoo.AnatomyOf(m.Model); err != nil {
		return err
	}
	if tokens == 0 {
		tokens = 128
		if s.Positions > 0 {
			tokens = min(tokens, s.Positions)
		}
	}
	if s.Positions > 0 && tokens > s.Positions {
		return usagef("have --tokens %d, and the model has %d positions", tokens, s.Positions)
	}
	if s.Forecast, err = zoo.ForecastOn(m.Model, tokens, precision, cache, cpu.Options{}); err != nil {
		return err
	}
	if s.Forecast.Cache > 0 {
		if s.Heads == 0 {
			cache = nn.CacheFloat32 // the state of a recurrent network
		}
		s.Kept = cache.String()
	}
	if !tensors {
		s.Tensors = nil
	}
	if asJSON {
		return a.printJSON(s)
	}
	return s.print(a.stdout, tokens, m.Vision())
}

// print writes the summary for people.
func (s shown) print(to io.Writer, tokens int, vision bool) error {
	w := tabwriter.NewWriter(to, 0, 0, 2, ' ', 0)
	what := fmt.Sprintf("%d tokens", tokens)
	if vision {
		what = "a picture"
	}
	fmt.Fprintf(w, "architecture\t%s\n", s.Architecture)
	fmt.Fprintf(w, "parameters\t%s (%s)\n", thousands(s.Parameters), strings.Join(s.DTypes, ", "))
	if s.Layers > 0 {
		fmt.Fprintf(w, "layers\t%d of width %d\n", s.Layers, s.Width)
	}
	if s.Heads > 0 {
		fmt.Fprintf(w, "heads\t%d%s\n", s.Heads, s.sharing())
	}
	for _, line := range []struct {
		name string
		n    int
	}{{"positions", s.Positions}, {"vocabulary", s.Vocabulary}, {"classes", s.Classes}} {
		if line.n > 0 {
			fmt.Fprintf(w, "%s\t%s\n", line.name, thousands(line.n))
		}
	}
	f := s.Forecast
	fmt.Fprintf(w, "weights\t%s, mapped\n", megabytes(f.Weights))
	fmt.Fprintf(w, "prepared\t%s for the kernels, products in %s\n", megabytes(f.Panels), s.DType)
	if f.Widened > 0 {
		fmt.Fprintf(w, "widened\t%s in 32 bits\n", megabytes(f.Widened))
	}
	fmt.Fprintf(w, "pass\t%s for %s\n", megabytes(f.Pass), what)
	if f.Cache > 0 {
		fmt.Fprintf(w, "cache\t%s of these, kept for the next token in %s\n", megabytes(f.Cache), s.Kept)
	}
	fmt.Fprintf(w, "work\t%s for %s\n", flops(f.Work), what)
	if !vision {
		fmt.Fprintf(w, "\t%s a token\n", flops(f.Work/int64(tokens)))
	}
	for _, t := range s.Tensors {
		fmt.Fprintf(w, "%s\t%v\t%s\t%s\n", t.Name, t.Shape, t.DType, megabytes(int64(t.Bytes)))
	}
	return w.Flush()
}

// thousands writes n with commas.
func thousands(n int) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// sharing says how many heads of keys and values the query heads share.
func (s shown) sharing() string {
	if s.KVHeads == s.Heads {
		return ""
	}
	return fmt.Sprintf(", %d of keys and values", s.KVHeads)
}

// flops writes multiply–adds as floating-point operations, two each.
func flops(work int64) string {
	n := 2 * float64(work)
	if n >= 1e9 {
		return fmt.Sprintf("%.3g GFLOP", n/1e9)
	}
	return fmt.Sprintf("%.3g MFLOP", n/1e6)
}

func megabytes(n int64) string { return fmt.Sprintf("%.3f MB", float64(n)/1e6) }
