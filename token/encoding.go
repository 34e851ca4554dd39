package token

import (
	"slices"
	"unicode/utf8"
)

// An Encoding is a text, or a pair of texts, as tokens. All slices have one entry per token.
type Encoding struct {
	IDs               []int32
	Tokens            []string // as the vocabulary spells them; added tokens as the text does
	TypeIDs           []int32  // which segment the model is to take the token for
	SpecialTokensMask []int32  // 1 for what the post-processor or padding put in
	AttentionMask     []int32  // 0 for padding
	Offsets           [][2]int // bytes of the token's own text it stands for, [start, end); {0, 0} for what was put in
	CharOffsets       [][2]int // the same in Unicode code points
	WordIDs           []int    // which word of its text the token belongs to, from 0; −1 for what was put in
	SequenceIDs       []int    // 0 for the first text, 1 for the second; −1 for what was put in
	Overflowing       []*Encoding
}

// Len returns the number of tokens.
func (e *Encoding) Len() int { return len(e.IDs) }

// put appends a token that stands for no text.
func (e *Encoding) put(id int32, token string, typeID, attention int32) {
	e.IDs = append(e.IDs, id)
	e.Tokens = append(e.Tokens, token)
	e.TypeIDs = append(e.TypeIDs, typeID)
	e.SpecialTokensMask = append(e.SpecialTokensMask, 1)
	e.AttentionMask = append(e.AttentionMask, attention)
	e.Offsets = append(e.Offsets, [2]int{})
	e.CharOffsets = append(e.CharOffsets, [2]int{})
	e.WordIDs = append(e.WordIDs, -1)
	e.SequenceIDs = append(e.SequenceIDs, -1)
}

// slice returns a copy of tokens i to j, without overflow.
func (e *Encoding) slice(i, j int) *Encoding {
	return &Encoding{
		IDs:               slices.Clone(e.IDs[i:j]),
		Tokens:            slices.Clone(e.Tokens[i:j]),
		TypeIDs:           slices.Clone(e.TypeIDs[i:j]),
		SpecialTokensMask: slices.Clone(e.SpecialTokensMask[i:j]),
		AttentionMask:     slices.Clone(e.AttentionMask[i:j]),
		Offsets:           slices.Clone(e.Offsets[i:j]),
		CharOffsets:       slices.Clone(e.CharOffsets[i:j]),
		WordIDs:           slices.Clone(e.WordIDs[i:j]),
		SequenceIDs:       slices.Clone(e.SequenceIDs[i:j]),
	}
}

// append puts the tokens of f after those of e, overflow aside.
func (e *Encoding) append(f *Encoding) {
	e.IDs = append(e.IDs, f.IDs...)
	e.Tokens = append(e.Tokens, f.Tokens...)
	e.TypeIDs = append(e.TypeIDs, f.TypeIDs...)
	e.SpecialTokensMask = append(e.SpecialTokensMask, f.SpecialTokensMask...)
	e.AttentionMask = append(e.AttentionMask, f.AttentionMask...)
	e.Offsets = append(e.Offsets, f.Offsets...)
	e.CharOffsets = append(e.CharOffsets, f.CharOffsets...)
	e.WordIDs = append(e.WordIDs, f.WordIDs...)
	e.SequenceIDs = append(e.SequenceIDs, f.SequenceIDs...)
}

// joined returns e followed by f, without overflow.
func joined(e, f *Encoding) *Encoding {
	g := e.slice(0, e.Len())
	g.append(f)
	return g
}

// join puts f after e. Whatever overflowed is combined: each overflow of e with f and with each overflow of f, then e
// with each overflow of f.
func (e *Encoding) join(f *Encoding) {
	var over []*Encoding
	for _, o := range e.Overflowing {
		over = append(over, joined(o, f))
		for _, p := range f.Overflowing {
			over = append(over, joined(o, p))
		}
	}
	for _, p := range f.Overflowing {
		over = append(over, joined(e, p))
	}
	e.append(f)
	e.Overflowing = over
}

// all yields e and what overflowed from it.
func (e *Encoding) all(yield func(*Encoding) bool) {
	if !yield(e) {
		return
	}
	for _, o := range e.Overflowing {
		if !yield(o) {
			return
		}
	}
}

// setTypes gives every token of e, overflow aside, a type id.
func (e *Encoding) setTypes(id int32) {
	for i := range e.TypeIDs {
		e.TypeIDs[i] = id
	}
}

// A ruler converts between bytes and characters of a text.
type ruler struct {
	text  string
	chars []int32 // how many characters begin before a byte; nil for ASCII, where bytes are characters
	bytes []int32 // where a character begins
}

func newRuler(text string) *ruler {
	r := &ruler{text: text}
	ascii := true
	for i := range len(text) {
		if text[i] >= utf8.RuneSelf {
			ascii = false
			break
		}
	}
	if ascii {
		return r
	}
	r.chars = make([]int32, len(text)+1)
	for i := 0; i < len(text); {
		n := int32(len(r.bytes))
		r.bytes = append(r.bytes, int32(i))
		_, w := utf8.DecodeRuneInString(text[i:])
		r.chars[i] = n
		for range w { // inside a character counts as its end
			i++
			r.chars[i] = n + 1
		}
	}
	r.bytes = append(r.bytes, int32(len(text)))
	return r
}

// char returns the number of characters in text[:i].
func (r *ruler) char(i int) int {
	if r.chars == nil || i > len(r.text) {
		return i
	}
	return int(r.chars[i])
}

// byte returns where character i begins.
func (r *ruler) byte(i int) int {
	if r.chars == nil || i >= len(r.bytes) {
		return min(i, len(r.text))
	}
	return int(r.bytes[i])
}
