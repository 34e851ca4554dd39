package token

import (
	"slices"
	"strings"
)

// A preTokenizer cuts a piece into words. Its word boundaries are final: no token reaches over one.
type preTokenizer interface {
	// split gives the words of p, which is not empty, to emit, in order. No word is empty.
	split(p piece, emit func(piece))
}

// preTokenizers apply one after the other.
type preTokenizers []preTokenizer

// into returns a function that cuts a piece with all of ts and gives the words to emit. Added tokens pass whole.
func (ts preTokenizers) into(emit func(piece)) func(piece) {
	for _, t := range slices.Backward(ts) {
		next := emit
		emit = func(p piece) {
			if p.added != noToken {
				next(p)
			} else {
				t.split(p, next)
			}
		}
	}
	return emit
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

func (s splitAt) split(p piece, emit func(piece)) {
	if s.behavior == removed || s.behavior == isolated {
		s.cut(p.text, func(q part) {
			if q.start < q.end && !(q.match && s.behavior == removed) {
				emit(p.slice(q.start, q.end))
			}
		})
		return
	}
	var parts []part
	s.cut(p.text, func(q part) { parts = append(parts, q) })
	for _, q := range s.behavior.join(parts) {
		if q.start < q.end {
			emit(p.slice(q.start, q.end))
		}
	}
}

// cut gives the parts of text to emit, in order.
func (s splitAt) cut(text string, emit func(part)) {
	done := 0
	for start, end := range matches(s.pattern, text) {
		if done < start {
			emit(part{done, start, s.invert})
		}
		emit(part{start, end, !s.invert})
		done = end
	}
	if done < len(text) {
		emit(part{done, len(text), s.invert})
	}
}

// join puts those parts together that make one word, for the behaviors that merge.
func (b behavior) join(parts []part) []part {
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

func (b *byteLevel) split(p piece, emit func(piece)) {
	if b.prefixSpace && !strings.HasPrefix(p.text, " ") {
		q := p // a copy, so that words without a change need no memory
		q.prepend(" ")
		p = q
	}
	if !b.words {
		b.emit(p, emit)
		return
	}
	for i := 0; i < len(p.text); {
		end := gpt2Word(p.text, i)
		b.emit(p.slice(i, end), emit)
		i = end
	}
}

func (b *byteLevel) emit(p piece, emit func(piece)) {
	if b.spell {
		q := p
		q.spellBytes()
		p = q
	}
	emit(p)
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

func (m metaspace) split(p piece, emit func(piece)) {
	p.replaceAll(literal(" "), m.mark)
	if m.prepend == always || m.prepend == first && p.start == 0 {
		if !strings.HasPrefix(p.text, m.mark) {
			p.prepend(m.mark)
		}
	}
	if !m.words {
		emit(p)
		return
	}
	from := 0
	for from < len(p.text) {
		to := strings.Index(p.text[from+1:], m.mark)
		if to < 0 {
			break
		}
		emit(p.slice(from, from+1+to))
		from += 1 + to
	}
	emit(p.slice(from, len(p.text)))
}

// fixedLength cuts after every so many characters.
type fixedLength int

func (n fixedLength) split(p piece, emit func(piece)) {
	from, count := 0, 0
	for i := range p.text {
		if count == int(n) {
			emit(p.slice(from, i))
			from, count = i, 0
		}
		count++
	}
	emit(p.slice(from, len(p.text)))
}
