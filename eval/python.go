package eval

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// The references are written in Python, whose ideas of space, word and lower case
// differ from Go's in a few characters. These functions have Python's.

// isSpace is str.isspace: Go's spaces and the four separators of ASCII.
func isSpace(r rune) bool { return unicode.IsSpace(r) || 0x1c <= r && r <= 0x1f }

// fields is str.split.
func fields(s string) []string { return strings.FieldsFunc(s, isSpace) }

// isWord is \w of the module re: str.isalnum and the underscore.
func isWord(r rune) bool { return unicode.IsLetter(r) || unicode.IsNumber(r) || r == '_' }

// isPunctuation is membership in string.punctuation.
func isPunctuation(r rune) bool {
	return '!' <= r && r <= '/' || ':' <= r && r <= '@' || '[' <= r && r <= '`' || '{' <= r && r <= '~'
}

// lower is str.lower, Unicode's full mapping: İ becomes two characters, and a Σ at
// the end of a word ς (Unicode Standard, section 3.13 and table 3-17).
func lower(s string) string {
	if !strings.ContainsAny(s, "İΣ") {
		return strings.ToLower(s)
	}
	var b strings.Builder
	for i, r := range s {
		switch {
		case r == 'İ':
			b.WriteString("i\u0307")
		case r == 'Σ' && ends(s[:i], s[i+len("Σ"):]):
			b.WriteRune('ς')
		default:
			b.WriteRune(unicode.ToLower(r))
		}
	}
	return b.String()
}

// ends is true where a letter stands before and none after, not counting marks
// between.
func ends(before, after string) bool {
	before, after = strings.TrimRightFunc(before, ignorable), strings.TrimLeftFunc(after, ignorable)
	last, _ := utf8.DecodeLastRuneInString(before)
	next, _ := utf8.DecodeRuneInString(after)
	return cased(last) && !cased(next)
}

// ignorable is Unicode's Case_Ignorable.
func ignorable(r rune) bool {
	return unicode.In(r, unicode.Mn, unicode.Me, unicode.Cf, unicode.Lm, unicode.Sk) ||
		strings.ContainsRune("'.:·\u0387\u055f\u05f4‘’\u2024\u2027\ufe13\ufe52\ufe55\uff07\uff0e\uff1a", r)
}

// cased is Unicode's Cased, for letters with a case of their own.
func cased(r rune) bool {
	return unicode.In(r, unicode.Lu, unicode.Ll, unicode.Lt, unicode.Other_Lowercase, unicode.Other_Uppercase)
}
