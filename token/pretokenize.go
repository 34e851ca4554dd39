package token

import (
	"strings"
	"unicode/utf8"
)

// A preTokenizer cuts a piece into words. Its word boundaries are final: no token reaches over one.
type preTokenizer interface {
	// split appends the words of p to out; empty ones are dropped by the caller.
	split(p piece, out []piece) []piece
}

// preTokenizers apply one after the other.
type preTokenizers []preTokenizer

// split cuts those of the pieces that are not added tokens.
func (ts preTokenizers) split(pieces []piece) []piece {
	for _, t := range ts {
		var words []piece
		for _, p := range pieces {
			if p.added != noToken {
				words = append(words, p)
				continue
			}
			n := len(words)
			words = t.split(p, words)
			kept := words[:n]
			for _, w := range words[n:] {
				if w.text != "" {
					kept = append(kept, w)
				}
			}
			words = kept
		}
		pieces = words
	}
	return pieces
}

// A behavior says what becomes of the matches when a text is split at them.
type behavior int

const (
	removed            behavior = iota // they are dropped
	isolated                           // each is a word
	mergedWithPrevious                 // each joins the word before it
	mergedWithNext                     // each joins the word after it
	contiguous                         // neighbours become one word
)

var behaviors = map[string]behavior{
	"Removed": removed, "Isolated": isolated, "MergedWithPrevious": mergedWithPrevious,
	"MergedWithNext": mergedWithNext, "Contiguous": contiguous,
}

// splitAt cuts at the matches of a pattern, or, inverted, at what lies between them.
type splitAt struct {
	pattern  pattern
	behavior behavior
	invert   bool
}

// A part is a range of a text that matches a pattern, or does not.
type part struct {
	start, end int
	match      bool
}

func (s splitAt) split(p piece, out []piece) []piece {
	var parts []part
	done := 0
	for start, end := range matches(s.pattern, p.text) {
		if done < start {
			parts = append(parts, part{done, start, s.invert})
		}
		parts = append(parts, part{start, end, !s.invert})
		done = end
	}
	if done < len(p.text) {
		parts = append(parts, part{done, len(p.text), s.invert})
	}
	for _, q := range s.behavior.join(parts) {
		if !(q.match && s.behavior == removed) {
			out = append(out, p.slice(q.start, q.end))
		}
	}
	return out
}

// join puts those parts together that make one word.
func (b behavior) join(parts []part) []part {
	if b == removed || b == isolated || len(parts) == 0 {
		return parts
	}
	out := parts[:0]
	for i, q := range parts {
		together := false
		if i > 0 {
			before := parts[i-1].match // still as it was: out never overtakes i−1 without writing the same part
			switch b {
			case mergedWithPrevious:
				together = q.match && !before
			case mergedWithNext:
				together = before && !q.match
			case contiguous:
				together = q.match == before
			}
		}
		if together {
			out[len(out)-1].end = q.end
			continue
		}
		out = append(out, q)
	}
	return out
}

// byteLevel is GPT-2's pre-tokenizer: words with the space before them, every byte spelled as a printable character.
type byteLevel struct {
	prefixSpace bool
	words       bool // cut into words
	spell       bool // spell the bytes; not needed where the model works on bytes
}

func (b byteLevel) split(p piece, out []piece) []piece {
	if b.prefixSpace && !strings.HasPrefix(p.text, " ") {
		p.prepend(" ")
	}
	n := len(out)
	if b.words {
		for i := 0; i < len(p.text); {
			end := gpt2Word(p.text, i)
			out = append(out, p.slice(i, end))
			i = end
		}
	} else {
		out = append(out, p)
	}
	if b.spell {
		for i := range out[n:] {
			out[n+i].spellBytes()
		}
	}
	return out
}

// metaspace marks the spaces of a text with a visible character, as SentencePiece does.
type metaspace struct {
	mark    string
	prepend prependScheme
	words   bool // cut before every mark
}

type prependScheme int

const (
	never prependScheme = iota
	first               // at the beginning of the input only
	always
)

func (m metaspace) split(p piece, out []piece) []piece {
	p.replaceAll(literal(" "), m.mark)
	if m.prepend == always || m.prepend == first && p.start == 0 {
		if !strings.HasPrefix(p.text, m.mark) {
			p.prepend(m.mark)
		}
	}
	if !m.words {
		return append(out, p)
	}
	return splitAt{pattern: literal(m.mark), behavior: mergedWithNext}.split(p, out)
}

// fixedLength cuts after every so many characters.
type fixedLength int

func (n fixedLength) split(p piece, out []piece) []piece {
	from, count := 0, 0
	for i := range p.text {
		if count == int(n) {
			out = append(out, p.slice(from, i))
			from, count = i, 0
		}
		count++
	}
	return append(out, p.slice(from, len(p.text)))
}

// gpt2Word returns the end of the word of text that begins at i < len(text), by GPT-2's pattern
//
//	's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+
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
