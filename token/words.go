package token

import "unicode/utf8"

// This file cuts words as the best known patterns do, without going through a regular expression. A wordFunc returns the
// end of the word of text that begins at i < len(text); every character is in a word.
type wordFunc func(text string, i int) int

// find makes a wordFunc a pattern.
func (f wordFunc) find(text string, from int) (start, end int) {
	if from >= len(text) {
		return -1, -1
	}
	return from, f(text, from)
}

// knownPatterns are the regular expressions that wordFuncs stand in for.
var knownPatterns = map[string]wordFunc{
	gpt2Pattern:                           gpt2Word,
	tiktokenHead + `{1,3}` + tiktokenTail: func(text string, i int) int { return tiktokenWord(text, i, 3) }, // Llama 3
	tiktokenHead + tiktokenTail:           func(text string, i int) int { return tiktokenWord(text, i, 1) }, // Qwen
	tiktokenHead + `+` + tiktokenTail:     func(text string, i int) int { return tiktokenWord(text, i, -1) },
}

const (
	gpt2Pattern  = `'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`
	tiktokenHead = `(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}`
	tiktokenTail = `| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`
)

// gpt2Word cuts by gpt2Pattern.
func gpt2Word(text string, i int) int {
	if text[i] == '\'' {
		if n := contraction(text[i+1:]); n > 0 {
			return i + 1 + n
		}
	}
	table := chars()
	j := i
	if text[i] == ' ' && i+1 < len(text) {
		j++
	}
	kind, n := wordKind(table, text, j)
	if kind == classSpace {
		return spaceRun(table, text, i)
	}
	for j += n; j < len(text); j += n {
		var k class
		if k, n = wordKind(table, text, j); k != kind {
			break
		}
	}
	return j
}

// wordKind returns the class among letters, numbers and spaces of the character at i, 0 for others, and its length.
func wordKind(table *charTable, text string, i int) (class, int) {
	c := class(0)
	n := 1
	if b := text[i]; b < utf8.RuneSelf {
		c = table.ascii[b]
	} else {
		var r rune
		r, n = utf8.DecodeRuneInString(text[i:])
		c = table.of(r)
	}
	switch {
	case c&classL != 0:
		return classL, n
	case c&classN != 0:
		return classN, n
	}
	return c & classSpace, n
}

// spaceRun returns the end of the white space that begins at i, less its last character if a word follows that leaves
// at least one.
func spaceRun(table *charTable, text string, i int) int {
	last := i // where the last character of the run begins
	for j, r := range text[i:] {
		if table.of(r)&classSpace == 0 {
			if last > i {
				return last
			}
			return i + j
		}
		last = i + j
	}
	return len(text)
}

// contraction returns the length of s, t, re, ve, m, ll or d at the beginning of text, or 0.
func contraction(text string) int {
	if text == "" {
		return 0
	}
	switch text[0] {
	case 's', 't', 'm', 'd':
		return 1
	case 'r', 'v':
		if len(text) > 1 && text[1] == 'e' {
			return 2
		}
	case 'l':
		if len(text) > 1 && text[1] == 'l' {
			return 2
		}
	}
	return 0
}

// tiktokenWord cuts by tiktokenHead and tiktokenTail with at most so many digits in between; −1: any number.
func tiktokenWord(text string, i, digits int) int {
	if text[i] == '\'' {
		if n := foldedContraction(text[i+1:]); n > 0 {
			return i + 1 + n
		}
	}
	table := chars()
	kind, n := wordKind(table, text, i)
	lineBreak := text[i] == '\r' || text[i] == '\n'
	if kind == classL {
		return runOf(table, text, i+n, classL)
	}
	if kind != classN && !lineBreak && i+n < len(text) {
		if next, w := wordKind(table, text, i+n); next == classL {
			return runOf(table, text, i+n+w, classL)
		}
	}
	if kind == classN {
		j := i + n
		for count := 1; count != digits && j < len(text); count++ {
			k, w := wordKind(table, text, j)
			if k != classN {
				break
			}
			j += w
		}
		return j
	}
	start := i
	if text[i] == ' ' && i+1 < len(text) {
		if next, _ := wordKind(table, text, i+1); next == 0 {
			kind, start = 0, i+1
		}
	}
	if kind == 0 {
		j := runOf(table, text, start, 0)
		for j < len(text) && (text[j] == '\r' || text[j] == '\n') {
			j++
		}
		return j
	}
	// White space: up to the last line break in it, if there is one.
	end := runOf(table, text, i, classSpace)
	for j := end; j > i; j-- {
		if c := text[j-1]; c == '\r' || c == '\n' {
			return j
		}
	}
	return spaceRun(table, text, i)
}

// runOf returns where characters of a kind end that go on at i.
func runOf(table *charTable, text string, i int, kind class) int {
	for i < len(text) {
		k, n := wordKind(table, text, i)
		if k != kind {
			break
		}
		i += n
	}
	return i
}

// foldedContraction is contraction for either case: ſ is an s too.
func foldedContraction(text string) int {
	const longS = "ſ"
	if len(text) >= len(longS) && text[:len(longS)] == longS {
		return len(longS)
	}
	var lower [2]byte
	n := copy(lower[:], text)
	for i := range n {
		if 'A' <= lower[i] && lower[i] <= 'Z' {
			lower[i] += 'a' - 'A'
		}
	}
	return contraction(string(lower[:n]))
}
