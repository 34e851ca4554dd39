package main

import (
	"context"
	"errors"
	"fmt"
)

// Exit codes, the same for every verb.
const (
	exitDone        = 0
	exitFailed      = 1 // the work or a check failed, or was interrupted
	exitUsage       = 2 // the command line is wrong
	exitUnsupported = 3 // the input is right and beyond what qkv can do
)

// usageError is a mistake on the command line that only the verb can see.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

// usagef makes a usageError.
func usagef(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }

// errReported is the failure of a verb that has already said all there is to say.
var errReported = errors.New("failed")

// exit reports an error of a command and gives the exit code. This is the one place that knows which
// error is which code: anything before a verb has started is usage, errors.ErrUnsupported anywhere in
// the chain is unsupported, the rest has failed.
func (a *app) exit(err error) int {
	var usage usageError
	switch {
	case err == nil:
		return exitDone
	case errors.Is(err, errReported):
		if errors.Is(err, errors.ErrUnsupported) {
			return exitUnsupported
		}
		return exitFailed
	case errors.Is(err, context.Canceled):
		fmt.Fprintln(a.stderr, "qkv: interrupted")
		return exitFailed
	case !a.started || errors.As(err, &usage):
		fmt.Fprintf(a.stderr, "qkv: %v (see qkv help)\n", err)
		return exitUsage
	case errors.Is(err, errors.ErrUnsupported):
		fmt.Fprintf(a.stderr, "qkv: %v\n", err)
		return exitUnsupported
	}
	fmt.Fprintf(a.stderr, "qkv: %v\n", err)
	return exitFailed
}
