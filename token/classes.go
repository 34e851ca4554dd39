package token

import (
	_ "embed"
	"strconv"
	"strings"
	"sync"
	"unicode/utf8"
)

// A class is a set of characters, one bit of a mask.
type class uint32

const (
	classLu class = 1 << iota
	classLl
	classLt
	classLm
	classLo
	classM
	classN
	classNd
	classP
	classS
	classZ
	classHan
	classHiragana
	classKatakana
	classSpace       // white space
	classWord        // \w of a Split or Replace pattern
	classRustWord    // \w of the Whitespace pre-tokenizer and of single_word
	classPunctuation // the Punctuation and BertPreTokenizer components
	classNumeric     // the Digits component
	classMark        // what StripAccents removes
	classBertControl // what BertNormalizer's clean_text removes
	classBertSpace   // what BertNormalizer's clean_text makes a space
	classBertChinese // what BertNormalizer puts between spaces
	classBertAccent  // what BertNormalizer's strip_accents removes
	classNmtControl  // what Nmt removes
	classNmtSpace    // what Nmt makes a space
	classUnmapped    // newer than the reference's normalization forms: left as it is

	classL = classLu | classLl | classLt | classLm | classLo
)

// classNames are the names of unicode.txt.
var classNames = map[string]class{
	"Lu": classLu, "Ll": classLl, "Lt": classLt, "Lm": classLm, "Lo": classLo, "M": classM, "N": classN, "Nd": classNd,
	"P": classP, "S": classS, "Z": classZ, "Han": classHan, "Hiragana": classHiragana, "Katakana": classKatakana,
	"space": classSpace, "word": classWord, "rustword": classRustWord, "punctuation": classPunctuation,
	"numeric": classNumeric, "mark": classMark, "bertcontrol": classBertControl, "bertspace": classBertSpace,
	"bertchinese": classBertChinese, "bertaccent": classBertAccent, "nmtcontrol": classNmtControl,
	"nmtspace": classNmtSpace, "unmapped": classUnmapped,
}

// The reference's components know Unicode versions of different ages, none of them Go's; so the tables are our own.
//
//go:embed unicode.txt
var unicodeText string

// A charTable answers for every character which classes it is in and what its lower case is.
type charTable struct {
	ascii  [128]class
	pages  [(utf8.MaxRune + 1) >> 8]uint16 // index into blocks of 256; block 0 is empty
	blocks [][256]class
	lower  map[rune]rune
}

// of returns the classes of r.
func (t *charTable) of(r rune) class {
	if uint32(r) < 128 {
		return t.ascii[r]
	}
	if uint32(r) > utf8.MaxRune {
		return 0
	}
	return t.blocks[t.pages[r>>8]][r&255]
}

// toLower returns r in lower case; U+0130, which becomes two characters, is left to the caller.
func (t *charTable) toLower(r rune) rune {
	if r < 128 {
		if 'A' <= r && r <= 'Z' {
			return r + 'a' - 'A'
		}
		return r
	}
	if l, ok := t.lower[r]; ok {
		return l
	}
	return r
}

// chars returns the table, made from unicode.txt at the first call.
var chars = sync.OnceValue(func() *charTable {
	t := &charTable{blocks: make([][256]class, 1), lower: make(map[rune]rune, 2048)}
	pages := make([]*[256]class, len(t.pages)) // nil: empty
	for line := range strings.Lines(unicodeText) {
		name, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		bit := classNames[name] // 0 for the comment and for lower
		for f := range strings.FieldsSeq(rest) {
			if from, to, ok := strings.Cut(f, "="); ok {
				t.lower[hexRune(from)] = hexRune(to)
			} else if bit != 0 {
				from, to, ok := strings.Cut(f, "-")
				if !ok {
					to = from
				}
				mark(pages, hexRune(from), hexRune(to), bit)
			}
		}
	}
	blockOf := map[[256]class]uint16{{}: 0}
	for i, page := range pages {
		if page == nil {
			continue
		}
		b, ok := blockOf[*page]
		if !ok {
			b = uint16(len(t.blocks))
			t.blocks = append(t.blocks, *page)
			blockOf[*page] = b
		}
		t.pages[i] = b
	}
	copy(t.ascii[:], t.blocks[t.pages[0]][:128])
	return t
})

// mark puts the characters from first to last into a class.
func mark(pages []*[256]class, first, last rune, bit class) {
	for first <= last {
		page := pages[first>>8]
		if page == nil {
			page = new([256]class)
			pages[first>>8] = page
		}
		end := min(last, first|255)
		for i := first & 255; i <= end&255; i++ {
			page[i] |= bit
		}
		first = end + 1
	}
}

// hexRune reads a code point of unicode.txt.
func hexRune(s string) rune {
	n, err := strconv.ParseUint(s, 16, 32)
	if err != nil || n > utf8.MaxRune {
		panic("token: unicode.txt holds " + strconv.Quote(s))
	}
	return rune(n)
}
