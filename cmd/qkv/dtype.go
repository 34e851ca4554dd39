package main

import (
	"github.com/spf13/cobra"

	"github.com/qkvgo/qkv/nn"
)

// dtypeFlag is --dtype: the precision of a model's projections.
type dtypeFlag struct{ precision nn.Precision }

// addDType gives a verb the flag.
func addDType(cmd *cobra.Command) *dtypeFlag {
	f := new(dtypeFlag)
	cmd.Flags().Var(f, "dtype", "multiply by the weights of projections in f32 or int8; auto is f32")
	return f
}

// Set reads a precision's name.
func (f *dtypeFlag) Set(name string) (err error) {
	f.precision, err = nn.ParsePrecision(name)
	return err
}

// String is the precision's name.
func (f *dtypeFlag) String() string { return f.precision.String() }

// Type names the flag's values in the help.
func (f *dtypeFlag) Type() string { return "TYPE" }
