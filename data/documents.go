package data

import (
	"fmt"
	"iter"
	"os"
	"strings"
	"unicode/utf8"
)

// EndOfText is the line that ends a document within a file, and the token that
// ends it for a model, as GPT-2 writes it.
const EndOfText = "<|endoftext|>"

// Documents gives the texts in files one after the other. A document ends with
// its file, or at a line that is just EndOfText; white space around it and
// empty documents are left out. Text that is not UTF-8 is an error.
func Documents(files []string) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		for _, name := range files {
			raw, err := os.ReadFile(name)
			if err == nil {
				err = checkText(name, raw)
			}
			if err != nil {
				yield("", err)
				return
			}
			for doc := range parts(string(raw)) {
				if !yield(doc, nil) {
					return
				}
			}
		}
	}
}

// checkText gives an error that names the first line that is not UTF-8.
func checkText(name string, raw []byte) error {
	line := 1
	for i := 0; i < len(raw); {
		r, size := utf8.DecodeRune(raw[i:])
		if r == utf8.RuneError && size == 1 {
			return fmt.Errorf("%s:%d: not UTF-8 text (byte %d is 0x%02x)", name, line, i, raw[i])
		}
		if r == '\n' {
			line++
		}
		i += size
	}
	return nil
}

// parts gives the documents of a text.
func parts(text string) iter.Seq[string] {
	return func(yield func(string) bool) {
		give := func(doc string) bool {
			doc = strings.TrimSpace(doc)
			return doc == "" || yield(doc)
		}
		start := 0
		for at := 0; at < len(text); {
			end := len(text)
			if i := strings.IndexByte(text[at:], '\n'); i >= 0 {
				end = at + i + 1
			}
			if strings.TrimSpace(text[at:end]) == EndOfText {
				if !give(text[start:at]) {
					return
				}
				start = end
			}
			at = end
		}
		give(text[start:])
	}
}
