package main

import "github.com/spf13/cobra"

// newRoot is the command without a verb: it prints the help.
func newRoot(a *app) *cobra.Command {
	root := &cobra.Command{
		Use:   "qkv",
		Short: "Run, train and explain Transformers",
		Long: `qkv loads a Transformer from a Hugging Face folder and runs, trains and explains it.

Where a verb takes text, it takes arguments or, without any, the lines of standard input.
Exit codes: 0 done, 1 the work or a check failed, 2 wrong usage, 3 not supported.`,
		Args:              cobra.NoArgs,
		SilenceErrors:     true, // exit.go reports them
		SilenceUsage:      true,
		CompletionOptions: cobra.CompletionOptions{DisableDefaultCmd: true}, // completion.go
		RunE:              func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
		PersistentPreRun:  func(*cobra.Command, []string) { a.started = true },
	}
	root.SetIn(a.stdin)
	root.SetOut(a.stdout)
	root.SetErr(a.stderr)
	root.AddCommand(verbs(a)...)
	return root
}
