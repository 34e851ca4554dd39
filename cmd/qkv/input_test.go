package main

import (
	"context"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"time"
)

func TestLines(t *testing.T) {
	for in, want := range map[string][]string{
		"":                                  nil,
		"a":                                 {"a"},
		"a\n":                               {"a"},
		"a\r\n\nb":                          {"a", "", "b"},
		"\n":                                {""},
		"a\rb\n":                            {"a\rb"},
		"long" + strings.Repeat("x", 1<<17): {"long" + strings.Repeat("x", 1<<17)},
	} {
		var have []string
		for line, err := range lines(t.Context(), iotest.HalfReader(strings.NewReader(in))) {
			if err != nil {
				t.Fatal(err)
			}
			have = append(have, line)
		}
		if !slices.Equal(have, want) {
			t.Errorf("%.20q: have %.20q, want %.20q", in, have, want)
		}
	}
}

func TestLinesErrors(t *testing.T) {
	broken := errors.New("broken")
	var have []error
	for _, err := range lines(t.Context(), io.MultiReader(strings.NewReader("a\n"), iotest.ErrReader(broken))) {
		have = append(have, err)
	}
	if len(have) != 2 || have[0] != nil || have[1] != broken {
		t.Errorf("have %v, want a line and the reader's error", have)
	}
	// Nobody types anything; the context ends the wait.
	silent, typist := io.Pipe()
	defer typist.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	n := 0
	for _, err := range lines(ctx, silent) {
		if n++; !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("have %v, want the context's error", err)
		}
	}
	if n != 1 {
		t.Errorf("have %d lines, want one error", n)
	}
}
