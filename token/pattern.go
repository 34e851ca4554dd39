package token

import (
	"iter"
	"strings"
	"unicode/utf8"
)

// A pattern finds things in a text.
type pattern interface {
	// find returns the first match that begins at from or later, or −1. The text before from counts as context.
	find(text string, from int) (start, end int)
}

// matches yields the matches of pat from left to right. They do not overlap; an empty match where the one before ended
// does not count. An empty text has no matches.
func matches(pat pattern, text string) iter.Seq2[int, int] {
	return func(yield func(start, end int) bool) {
		if text == "" {
			return
		}
		last := -1 // where the match before ended
		for from := 0; from <= len(text); {
			start, end := pat.find(text, from)
			if start < 0 {
				return
			}
			if start == end {
				_, n := utf8.DecodeRuneInString(text[end:])
				from = end + max(n, 1)
				if end == last {
					continue
				}
			} else {
				from = end
			}
			last = end
			if !yield(start, end) {
				return
			}
		}
	}
}

// literal matches a string.
type literal string

func (l literal) find(text string, from int) (start, end int) {
	i := strings.Index(text[from:], string(l))
	if i < 0 || l == "" {
		return -1, -1
	}
	return from + i, from + i + len(l)
}

// oneOf matches one character of any of the classes.
type oneOf class

func (c oneOf) find(text string, from int) (start, end int) {
	table := chars()
	for i, r := range text[from:] {
		if table.of(r)&class(c) != 0 {
			_, n := utf8.DecodeRuneInString(text[from+i:])
			return from + i, from + i + n
		}
	}
	return -1, -1
}

// runs matches the longest run of characters that step accepts, where step returns how far a run goes that begins at i.
type runs func(text string, i int) (end int)

func (f runs) find(text string, from int) (start, end int) {
	for i := from; i < len(text); {
		if end := f(text, i); end > i {
			return i, end
		}
		_, n := utf8.DecodeRuneInString(text[i:])
		i += n
	}
	return -1, -1
}

// whitespaceWords is \w+|[^\w\s]+ of the Whitespace pre-tokenizer.
func whitespaceWords(text string, i int) int {
	table := chars()
	kind := class(0)
	for j, r := range text[i:] {
		c := table.of(r) & (classRustWord | classSpace)
		switch {
		case j == 0 && c&classSpace != 0:
			return i
		case j == 0:
			kind = c
		case c != kind:
			return i + j
		}
	}
	return len(text)
}
