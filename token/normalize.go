package token

import "strings"

// A normalizer changes the text before it is cut into words.
type normalizer interface {
	normalize(p *piece)
}

// normalizers apply one after the other.
type normalizers []normalizer

func (ns normalizers) normalize(p *piece) {
	for _, n := range ns {
		n.normalize(p)
	}
}

// prepend puts a string before the text, unless the text is empty.
type prepend string

func (s prepend) normalize(p *piece) { p.prepend(string(s)) }

// prepend puts s before the text, with the origin of the text's first character; an empty text stays empty.
func (p *piece) prepend(s string) {
	if p.text == "" || s == "" {
		return
	}
	if p.loose {
		p.text = s + p.text
		return
	}
	e := edit(p)
	first := p.at(0)
	for _, r := range s {
		e.put(r, first)
	}
	e.keep(len(p.text))
	e.done()
}

// replaceAll puts a string in the place of every match of a pattern.
type replaceAll struct {
	pattern pattern
	content string
}

func (n replaceAll) normalize(p *piece) { p.replaceAll(n.pattern, n.content) }

// replaceAll puts content in the place of every match. All of it shares the origin of the last byte replaced.
func (p *piece) replaceAll(pat pattern, content string) {
	if old, ok := pat.(literal); ok && p.loose && old != "" {
		p.text = strings.ReplaceAll(p.text, string(old), content)
		return
	}
	var e *editor
	for start, end := range matches(pat, p.text) {
		if e == nil {
			e = edit(p)
		}
		e.keep(start - e.next)
		e.drop(end - start)
		for _, r := range content {
			e.insert(r)
		}
	}
	if e != nil {
		e.keep(len(p.text) - e.next)
		e.done()
	}
}

// lowercase takes every character by itself: no final sigma.
type lowercase struct{}

func (lowercase) normalize(p *piece) {
	if lower, ok := asciiLower(p.text); ok {
		p.text = lower
		return
	}
	table := chars()
	p.rewrite(func(r rune, to []rune) []rune {
		if r == 'İ' {
			return append(to, 'i', '\u0307')
		}
		return append(to, table.toLower(r))
	})
}

// asciiLower returns s in lower case, or false if s is not all ASCII.
func asciiLower(s string) (string, bool) {
	for i := range len(s) {
		if s[i] >= 0x80 {
			return s, false
		}
	}
	return strings.ToLower(s), true
}

// stripAccents removes combining marks.
type stripAccents struct{}

func (stripAccents) normalize(p *piece) { p.remove(classMark) }

// remove drops the characters that are in any of the classes.
func (p *piece) remove(c class) {
	table := chars()
	p.rewrite(func(r rune, to []rune) []rune {
		if table.of(r)&c != 0 {
			return to
		}
		return append(to, r)
	})
}

// strip removes white space at the ends.
type strip struct{ left, right bool }

func (n strip) normalize(p *piece) {
	from, to := 0, len(p.text)
	if n.left {
		from = to - len(strings.TrimLeftFunc(p.text, isSpace))
	}
	if n.right {
		to = from + len(strings.TrimRightFunc(p.text[from:], isSpace))
	}
	if from > 0 || to < len(p.text) {
		e := edit(p)
		e.drop(from)
		e.keep(to - from)
		e.done()
	}
}

// nmt is the clean-up of Google's neural translation: control characters go, odd spaces become plain ones.
type nmt struct{}

func (nmt) normalize(p *piece) { p.clean(classNmtControl, classNmtSpace) }

// clean removes the characters of one class and makes those of another a space.
func (p *piece) clean(removed, space class) {
	table := chars()
	p.rewrite(func(r rune, to []rune) []rune {
		switch c := table.of(r); {
		case c&removed != 0:
			return to
		case c&space != 0:
			return append(to, ' ')
		}
		return append(to, r)
	})
}

// bertNormalizer is BERT's BasicTokenizer up to its splitting.
type bertNormalizer struct{ clean, chinese, accents, lower bool }

func (n bertNormalizer) normalize(p *piece) {
	if n.normalizePlain(p) {
		return
	}
	if n.clean {
		p.clean(classBertControl, classBertSpace)
	}
	if n.chinese {
		table := chars()
		p.rewrite(func(r rune, to []rune) []rune {
			if table.of(r)&classBertChinese != 0 {
				return append(to, ' ', r, ' ')
			}
			return append(to, r)
		})
	}
	if n.accents {
		form{decompose: canonical}.normalize(p)
		p.remove(classBertAccent)
	}
	if n.lower {
		lowercase{}.normalize(p)
	}
}

// normalizePlain does it all in one go for a text of printable ASCII, or answers false.
func (n bertNormalizer) normalizePlain(p *piece) bool {
	for i := range len(p.text) {
		if c := p.text[i]; c < ' ' || c > '~' {
			return false
		}
	}
	if n.lower {
		p.text = strings.ToLower(p.text)
	}
	return true
}

// byteNormalizer spells every byte as the character that byte-level vocabularies use for it.
type byteNormalizer struct{}

func (byteNormalizer) normalize(p *piece) { p.spellBytes() }

// spellBytes puts for every byte the character that stands for it, with the byte's origin.
func (p *piece) spellBytes() {
	e := edit(p)
	for i := range len(p.text) {
		e.replace(byteRunes[p.text[i]], 1)
	}
	e.done()
}
