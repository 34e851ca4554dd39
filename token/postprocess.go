package token

import (
	"unicode"
	"unicode/utf8"
)

// A postProcessor puts special tokens around and between the texts.
type postProcessor interface {
	// added returns how many special tokens process adds to one text, or to two.
	added(pair bool) int
	// process returns the parts that, joined, are the encoding of the texts in seqs, with special tokens or without.
	// It may change seqs.
	process(seqs []*Encoding, special bool) []*Encoding
}

// postProcessors apply one after the other.
type postProcessors []postProcessor

func (ps postProcessors) added(pair bool) int {
	n := 0
	for _, p := range ps {
		n += p.added(pair)
	}
	return n
}

func (ps postProcessors) process(seqs []*Encoding, special bool) []*Encoding {
	for _, p := range ps {
		seqs = p.process(seqs, special)
	}
	return seqs
}

// template is a post-processor that spells out where the texts and the special tokens go.
type template struct{ single, pair []templatePiece }

// A templatePiece is a text, or tokens.
type templatePiece struct {
	text   int // which text; −1: tokens
	typeID int32
	ids    []int32
	tokens []string
}

func (t template) of(pair bool) []templatePiece {
	if pair {
		return t.pair
	}
	return t.single
}

func (t template) added(pair bool) int {
	n := 0
	for _, p := range t.of(pair) {
		n += len(p.ids)
	}
	return n
}

func (t template) process(seqs []*Encoding, special bool) []*Encoding {
	var out []*Encoding
	for _, p := range t.of(len(seqs) > 1) {
		switch {
		case p.text >= len(seqs):
			// a template for one text that names the second: there is none
		case p.text >= 0:
			e := *seqs[p.text] // a copy: a text may come twice
			e.TypeIDs = make([]int32, e.Len())
			e.setTypes(p.typeID)
			out = append(out, &e)
		case special:
			e := &Encoding{}
			for i, id := range p.ids {
				e.put(id, p.tokens[i], p.typeID, 1)
			}
			out = append(out, e)
		}
	}
	return out
}

// namedToken is a token as older post-processors name it.
type namedToken struct {
	token string
	id    int32
}

// frame is what BertProcessing and RobertaProcessing do: a token before, one after, and between the texts one more
// (BERT) or two (RoBERTa, whose type ids are all 0).
type frame struct {
	cls, sep namedToken
	roberta  bool
	trim     bool // take the spaces out of offsets
	prefixed bool // the pre-tokenizer may have put a space before the text
}

func (f frame) added(pair bool) int {
	switch {
	case !pair:
		return 2
	case f.roberta:
		return 4
	}
	return 3
}

func (f frame) process(seqs []*Encoding, special bool) []*Encoding {
	var out []*Encoding
	for i, seq := range seqs {
		typeID := int32(i)
		if f.roberta {
			typeID = 0
			seq.setTypes(0)
		}
		if f.trim {
			for e := range seq.all {
				e.trimOffsets(f.prefixed)
			}
		}
		if !special {
			out = append(out, seq)
			continue
		}
		head, tail := &Encoding{}, &Encoding{}
		if i == 0 {
			head.put(f.cls.id, f.cls.token, typeID, 1)
		} else if f.roberta {
			head.put(f.sep.id, f.sep.token, typeID, 1)
		}
		tail.put(f.sep.id, f.sep.token, typeID, 1)
		for e := range seq.all {
			e.setTypes(typeID)
		}
		out = append(out, head, seq, tail)
	}
	return out
}

// trimmer is the ByteLevel post-processor: it takes the spaces out of offsets, if it does anything.
type trimmer struct{ trim, prefixed bool }

func (trimmer) added(bool) int { return 0 }

func (t trimmer) process(seqs []*Encoding, _ bool) []*Encoding {
	if t.trim {
		for _, seq := range seqs {
			for e := range seq.all {
				e.trimOffsets(t.prefixed)
			}
		}
	}
	return seqs
}

// trimOffsets narrows the character offsets of tokens that begin or end with spaces. If the pre-tokenizer may have put a
// space before the text, that one is not in the text and does not count.
func (e *Encoding) trimOffsets(prefixed bool) {
	for i, t := range e.Tokens {
		lead, trail := spacesAround(t)
		o := &e.CharOffsets[i]
		if lead > 0 {
			if prefixed && (i == 0 || o[0] == 0) {
				lead--
			}
			o[0] = min(o[0]+lead, o[1])
		}
		if trail > 0 && o[1] >= trail {
			o[1] = max(o[1]-trail, o[0])
		}
	}
}

// spacesAround counts the white space and Ġ at both ends of a token.
func spacesAround(t string) (lead, trail int) {
	space := func(r rune) bool { return r == byteRunes[' '] || unicode.IsSpace(r) }
	for _, r := range t {
		if !space(r) {
			break
		}
		lead++
	}
	for len(t) > 0 {
		r, n := utf8.DecodeLastRuneInString(t)
		if !space(r) {
			break
		}
		trail++
		t = t[:len(t)-n]
	}
	return lead, trail
}
