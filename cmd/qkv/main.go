// Command qkv runs, trains and explains Transformers from Hugging Face folders.
//
// Every verb is a file: a function that builds its cobra command, and a line in verbs. Input comes
// from arguments or standard input, results go to standard output, everything else to standard error;
// with --json a result is one object on a line. Exit codes are in exit.go.
package main

import (
	"context"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"
)

func main() {
	// The first Ctrl-C cancels the work, which then ends in order; after stop a second one kills.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop)
	os.Exit(run(ctx, os.Args[1:], &app{
		stdin:  os.Stdin,
		stdout: os.Stdout,
		stderr: os.Stderr,
		getenv: os.Getenv,
	}))
}

// app is what a verb sees of the world around it.
type app struct {
	stdin          io.Reader
	stdout, stderr io.Writer
	getenv         func(string) string

	started bool // a verb has begun its work: its arguments were right
}

// verbs builds every command; a new one is its file and a line here.
func verbs(a *app) []*cobra.Command {
	return []*cobra.Command{
		newRun(a),
		newShow(a),
		newEmbed(a),
		newClassify(a),
		newCheck(a),
		newBench(a),
		newTokenize(a),
		newTrain(a),
		newFinetune(a),
		newEval(a),
		newPredict(a),
		newTalk(a),
		newVersion(a),
		newCompletion(a),
	}
}

// run does what the command line says and gives the exit code.
func run(ctx context.Context, args []string, a *app) int {
	root := newRoot(a)
	root.SetArgs(args)
	return a.exit(root.ExecuteContext(ctx))
}
