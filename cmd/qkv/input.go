package main

import (
	"bufio"
	"context"
	"errors"
	"io"
	"iter"
	"strings"
)

// texts gives the arguments or, without any, the lines of standard input as they come.
func (a *app) texts(ctx context.Context, args []string) iter.Seq2[string, error] {
	if len(args) == 0 {
		return lines(ctx, a.stdin)
	}
	return func(yield func(string, error) bool) {
		for _, arg := range args {
			if !yield(arg, ctx.Err()) {
				return
			}
		}
	}
}

// lines gives the lines of r without their ends. An error comes last, the context's as soon as it is
// cancelled, even while r keeps us waiting.
func lines(ctx context.Context, r io.Reader) iter.Seq2[string, error] {
	type line struct {
		text string
		err  error
	}
	return func(yield func(string, error) bool) {
		ctx, stop := context.WithCancel(ctx)
		defer stop()
		next := make(chan line)
		go func() {
			defer close(next)
			for in := bufio.NewReader(r); ; {
				text, err := in.ReadString('\n')
				if text == "" && err == io.EOF {
					return
				}
				if err == io.EOF {
					err = nil // a last line without end; the next read is empty
				}
				text = strings.TrimSuffix(strings.TrimSuffix(text, "\n"), "\r")
				select {
				case next <- line{text, err}:
				case <-ctx.Done():
					return
				}
				if err != nil {
					return
				}
			}
		}()
		for {
			select {
			case l, ok := <-next:
				if !ok || !yield(l.text, l.err) || l.err != nil {
					return
				}
			case <-ctx.Done():
				yield("", ctx.Err())
				return
			}
		}
	}
}

// errNoModel asks for a model where there is none by default.
var errNoModel = errors.New("want -m MODEL, a folder as Hugging Face has it")
