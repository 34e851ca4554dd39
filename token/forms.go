package token

import (
	"slices"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// A form is one of the four Unicode normalization forms (Unicode Standard Annex 15).
type form struct {
	decompose decomposition
	compose   bool
}

type decomposition int

const (
	canonical     decomposition = iota // NFD, NFC
	compatibility                      // NFKD, NFKC
)

func (f form) normalize(p *piece) {
	if f.isNormal(p.text) {
		return
	}
	runes := f.decomposed(p.text)
	if f.compose {
		runes = recompose(runes)
	}
	p.become(runes)
}

// A formRune is a character of a new text and how many characters of the old one it replaces beyond the first: −1 means
// that it is an addition.
type formRune struct {
	r     rune
	class uint8 // canonical combining class
	more  int
}

// become gives p a new text.
func (p *piece) become(runes []formRune) {
	e := edit(p)
	for _, c := range runes {
		if c.more < 0 {
			e.insert(c.r)
			continue
		}
		n := 0
		for range 1 + c.more {
			_, w := utf8.DecodeRuneInString(p.text[e.next+n:])
			n += w
		}
		e.replace(c.r, n)
	}
	e.done()
}

// isNormal tells, quickly, that normalizing changes nothing; false may be wrong.
func (f form) isNormal(s string) bool {
	switch {
	case f.compose && f.decompose == canonical:
		return norm.NFC.IsNormalString(s)
	case f.compose:
		return norm.NFKC.IsNormalString(s)
	case f.decompose == canonical:
		return norm.NFD.IsNormalString(s)
	}
	return norm.NFKD.IsNormalString(s)
}

// decomposed takes every character apart and puts combining marks into canonical order.
func (f form) decomposed(s string) []formRune {
	table := chars()
	out := make([]formRune, 0, len(s))
	marks := 0 // out[marks:] are combining marks, not yet in order
	order := func() {
		if len(out)-marks > 1 {
			slices.SortStableFunc(out[marks:], func(a, b formRune) int { return int(a.class) - int(b.class) })
		}
	}
	add := func(r rune, more int) {
		c := formRune{r, combiningClass(r), more}
		if c.class == 0 {
			order()
			marks = len(out) + 1
		}
		out = append(out, c)
	}
	for _, r := range s {
		if table.of(r)&classUnmapped != 0 {
			add(r, 0)
			continue
		}
		more := 0
		for _, d := range f.parts(r) {
			add(d, more)
			more = -1
		}
	}
	order()
	return out
}

// parts returns the full decomposition of r, or r itself.
func (f form) parts(r rune) []rune {
	const firstL, firstV, firstT, vs, ts = 0x1100, 0x1161, 0x11A7, 21, 28
	if 0xAC00 <= r && r <= 0xD7A3 { // Hangul syllables decompose by arithmetic
		i := r - 0xAC00
		parts := []rune{firstL + i/(vs*ts), firstV + i%(vs*ts)/ts}
		if t := i % ts; t > 0 {
			parts = append(parts, firstT+t)
		}
		return parts
	}
	form := norm.NFD
	if f.decompose == compatibility {
		form = norm.NFKD
	}
	if d := form.PropertiesString(string(r)).Decomposition(); d != nil {
		return []rune(string(d))
	}
	return []rune{r}
}

func combiningClass(r rune) uint8 {
	if r < 0x300 || chars().of(r)&classUnmapped != 0 {
		return 0
	}
	return norm.NFD.PropertiesString(string(r)).CCC()
}

// recompose puts characters together again where Unicode has one for both.
func recompose(in []formRune) []formRune {
	out := in[:0:0]
	starter := -1 // in out: the last character that marks may join
	last := -1    // the class of the last mark after the starter that could not join it; -1: none
	for _, c := range in {
		if starter >= 0 && last < int(c.class) {
			if r, ok := composed(out[starter].r, c.r); ok {
				out[starter].r = r
				out[starter].more += 1 + c.more
				continue
			}
		}
		out = append(out, c)
		if c.class == 0 {
			starter, last = len(out)-1, -1
		} else if starter >= 0 {
			last = int(c.class)
		}
	}
	return out
}

// composed returns the one character that a and b make, if there is one.
func composed(a, b rune) (rune, bool) {
	if a < 0x80 && b < 0x300 {
		return 0, false
	}
	var buf [2 * utf8.UTFMax]byte
	s := norm.NFC.Bytes(utf8.AppendRune(utf8.AppendRune(buf[:0], a), b))
	r, n := utf8.DecodeRune(s)
	if n != len(s) || chars().of(r)&classUnmapped != 0 {
		return 0, false
	}
	return r, true
}
