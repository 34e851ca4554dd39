package main

import (
	"encoding/json"
	"io"
	"os"

	"golang.org/x/term"

	"github.com/qkvgo/qkv/internal/progress"
)

// isTerminal reports whether a person looks at what is written to, or types what is read from, f.
func isTerminal(f any) bool {
	file, ok := f.(*os.File)
	return ok && term.IsTerminal(int(file.Fd()))
}

// color reports whether w may be written to in colour: a terminal that can, and no NO_COLOR
// (no-color.org).
func (a *app) color(w io.Writer) bool {
	return isTerminal(w) && a.getenv("NO_COLOR") == "" && a.getenv("TERM") != "dumb"
}

// progress starts a meter on standard error, silent unless that is a terminal.
func (a *app) progress(plan progress.Plan) *progress.Meter {
	if !isTerminal(a.stderr) {
		return progress.New(nil, plan)
	}
	return progress.New(a.stderr, plan)
}

// printJSON writes v as one line of standard output, the form of every result under --json.
func (a *app) printJSON(v any) error {
	e := json.NewEncoder(a.stdout)
	e.SetEscapeHTML(false)
	return e.Encode(v)
}
