package main

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/qkvgo/qkv/nn"
)

// dtypeFlag is --dtype: the precision of a model's projections.
type dtypeFlag struct {
	precision nn.Precision
	auto      bool // the model and the processor decide
}

const autoName = "auto"

// addDType gives a verb the flag.
func addDType(cmd *cobra.Command) *dtypeFlag {
	f := new(dtypeFlag)
	cmd.Flags().Var(f, "dtype", "multiply by the weights of projections in "+nn.Precisions+
		", or "+autoName+": bf16 where the weights are stored so and the processor multiplies it, else f32")
	return f
}

// of is the precision for a model; what was chosen automatically is said on w.
func (f *dtypeFlag) of(w io.Writer, choose func() (nn.Precision, string)) nn.Precision {
	if !f.auto {
		return f.precision
	}
	p, why := choose()
	fmt.Fprintf(w, "--dtype %s is %s: %s\n", autoName, p, why)
	return p
}

// named is an error where the flag leaves the choice open.
func (f *dtypeFlag) named() error {
	if f.auto {
		return usagef("--dtype %s: say which of %s is meant", autoName, nn.Precisions)
	}
	return nil
}

// Set reads a precision's name.
func (f *dtypeFlag) Set(name string) (err error) {
	if f.auto = name == autoName; f.auto {
		return nil
	}
	if f.precision, err = nn.ParsePrecision(name); err != nil {
		err = fmt.Errorf("%w, or %s", err, autoName)
	}
	return err
}

// String is the precision's name.
func (f *dtypeFlag) String() string {
	if f.auto {
		return autoName
	}
	return f.precision.String()
}

// Type names the flag's values in the help.
func (f *dtypeFlag) Type() string { return "TYPE" }

// cacheFlag is --cache-dtype: how keys and values of earlier tokens are kept.
type cacheFlag struct{ kept nn.CacheType }

// addCacheDType gives a verb the flag.
func addCacheDType(cmd *cobra.Command) *cacheFlag {
	f := new(cacheFlag)
	cmd.Flags().Var(f, "cache-dtype", "keep keys and values of earlier tokens in "+nn.CacheTypes)
	return f
}

// Set reads a type's name.
func (f *cacheFlag) Set(name string) (err error) {
	f.kept, err = nn.ParseCacheType(name)
	return err
}

// String is the type's name.
func (f *cacheFlag) String() string { return f.kept.String() }

// Type names the flag's values in the help.
func (f *cacheFlag) Type() string { return "TYPE" }
