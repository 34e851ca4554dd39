package token

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// A charSet is a set of characters: the union of its parts, those in every set of and, or if not is set all others.
type charSet struct {
	not    bool
	mask   class
	ranges [][2]rune
	tables []*unicode.RangeTable
	subs   []*charSet
	and    []*charSet
	ascii  [2]uint64 // the answer for ASCII
}

// newSet finishes a set.
func newSet(s *charSet) *charSet {
	for r := range rune(128) {
		if s.test(r) {
			s.ascii[r>>6] |= 1 << (r & 63)
		}
	}
	return s
}

// has tells whether r is in the set.
func (s *charSet) has(r rune) bool {
	if uint32(r) < 128 {
		return s.ascii[r>>6]>>(r&63)&1 != 0
	}
	return s.test(r)
}

func (s *charSet) test(r rune) bool { return s.union(r) != s.not }

func (s *charSet) union(r rune) bool {
	in := s.mask != 0 && chars().of(r)&s.mask != 0
	for _, x := range s.ranges {
		in = in || x[0] <= r && r <= x[1]
	}
	for _, t := range s.tables {
		in = in || unicode.Is(t, r)
	}
	for _, sub := range s.subs {
		in = in || sub.test(r)
	}
	for _, a := range s.and {
		in = in && a.test(r)
	}
	return in
}

// addFolded adds the characters from lo to hi in every case.
func (s *charSet) addFolded(lo, hi rune) {
	s.ranges = append(s.ranges, [2]rune{lo, hi})
	for r := lo; r <= hi && r-lo < 0x3000; r++ {
		for f := unicode.SimpleFold(r); f != r; f = unicode.SimpleFold(f) {
			if f < lo || f > hi {
				s.ranges = append(s.ranges, [2]rune{f, f})
			}
		}
	}
}

// properties are the names of \p{…} that the reference's tables decide; the rest come from Go's.
var properties = map[string]class{
	"l": classL, "letter": classL, "lu": classLu, "uppercaseletter": classLu, "ll": classLl, "lowercaseletter": classLl,
	"lt": classLt, "titlecaseletter": classLt, "lm": classLm, "modifierletter": classLm, "lo": classLo, "otherletter": classLo,
	"m": classM, "mark": classM, "n": classN, "number": classN, "nd": classNd, "decimalnumber": classNd, "digit": classNd,
	"p": classP, "punctuation": classP, "s": classS, "symbol": classS, "z": classZ, "separator": classZ,
	"han": classHan, "hiragana": classHiragana, "katakana": classKatakana,
	"space": classSpace, "whitespace": classSpace, "word": classWord,
}

// posix are the names of [[:…:]] as sets.
var posix = map[string]*charSet{
	"alpha": {mask: classL | classM}, "digit": {mask: classNd}, "space": {mask: classSpace}, "word": {mask: classWord},
	"upper": {mask: classLu}, "lower": {mask: classLl}, "alnum": {mask: classL | classM | classNd}, "punct": {mask: classP | classS},
	"xdigit": {ranges: [][2]rune{{'0', '9'}, {'A', 'F'}, {'a', 'f'}}}, "cntrl": {tables: []*unicode.RangeTable{unicode.Cc}},
	"ascii": {ranges: [][2]rune{{0, 127}}},
}

// property parses what follows \p or \P.
func (c *compiler) property(not bool) (*charSet, error) {
	name := ""
	if c.take("{") {
		var ok bool
		if name, c.rest, ok = strings.Cut(c.rest, "}"); !ok {
			return nil, fmt.Errorf("a property has no end")
		}
	} else if c.rest != "" {
		name = string(c.next())
	}
	if rest, ok := strings.CutPrefix(name, "^"); ok {
		name, not = rest, !not
	}
	key := strings.NewReplacer("_", "", " ", "", "-", "").Replace(strings.ToLower(name))
	if mask, ok := properties[key]; ok {
		return &charSet{mask: mask, not: not}, nil
	}
	for _, tables := range []map[string]*unicode.RangeTable{unicode.Categories, unicode.Scripts} {
		for n, t := range tables {
			if strings.ToLower(strings.ReplaceAll(n, "_", "")) == key {
				return &charSet{tables: []*unicode.RangeTable{t}, not: not}, nil
			}
		}
	}
	return nil, fmt.Errorf("property %q is not supported", name)
}

// escaped parses what follows a backslash: a set, or else a character.
func (c *compiler) escaped() (*charSet, rune, error) {
	if c.rest == "" {
		return nil, 0, fmt.Errorf("a backslash stands at the end")
	}
	switch r := c.next(); r {
	case 'w', 'W':
		return &charSet{mask: classWord, not: r == 'W'}, 0, nil
	case 's', 'S':
		return &charSet{mask: classSpace, not: r == 'S'}, 0, nil
	case 'd', 'D':
		return &charSet{mask: classNd, not: r == 'D'}, 0, nil
	case 'h', 'H':
		return &charSet{ranges: [][2]rune{{'0', '9'}, {'A', 'F'}, {'a', 'f'}}, not: r == 'H'}, 0, nil
	case 'p', 'P':
		s, err := c.property(r == 'P')
		return s, 0, err
	case 'n':
		return nil, '\n', nil
	case 'r':
		return nil, '\r', nil
	case 't':
		return nil, '\t', nil
	case 'f':
		return nil, '\f', nil
	case 'v':
		return nil, '\v', nil
	case 'a':
		return nil, '\a', nil
	case 'e':
		return nil, 0x1B, nil
	case 'x':
		return c.number(2)
	case 'u':
		return c.number(4)
	case '0':
		return nil, 0, nil
	default:
		if r < utf8.RuneSelf && (unicode.IsLetter(r) || unicode.IsDigit(r)) {
			return nil, 0, fmt.Errorf(`\%c is not supported`, r)
		}
		return nil, r, nil
	}
}

// number parses the hexadecimal digits after \x or \u, at most n of them without braces.
func (c *compiler) number(n int) (*charSet, rune, error) {
	digits := ""
	if c.take("{") {
		var ok bool
		if digits, c.rest, ok = strings.Cut(c.rest, "}"); !ok {
			return nil, 0, fmt.Errorf("a code point has no end")
		}
	} else {
		for n > 0 && c.rest != "" && strings.ContainsRune("0123456789abcdefABCDEF", rune(c.rest[0])) {
			digits, c.rest = digits+c.rest[:1], c.rest[1:]
			n--
		}
	}
	v, err := strconv.ParseUint(digits, 16, 32)
	if err != nil || v > utf8.MaxRune {
		return nil, 0, fmt.Errorf("%q is no code point", digits)
	}
	return nil, rune(v), nil
}

// class parses a bracket expression after its opening bracket.
func (c *compiler) class(depth int) (*charSet, error) {
	if depth > groupMax {
		return nil, fmt.Errorf("classes lie more than %d deep", groupMax)
	}
	out := &charSet{not: c.take("^")}
	set := &charSet{} // what stands between intersections
	for begin := true; ; begin = false {
		switch {
		case c.rest == "":
			return nil, fmt.Errorf("a bracket is not closed")
		case c.rest[0] == ']' && !begin:
			c.rest = c.rest[1:]
			if out.and == nil {
				set.not = out.not
				return newSet(set), nil
			}
			out.and = append(out.and, set)
			out.ranges = [][2]rune{{0, utf8.MaxRune}}
			return newSet(out), nil
		case c.take("&&"):
			out.and = append(out.and, set)
			set = &charSet{}
			continue
		case c.take("[:"):
			name, rest, ok := strings.Cut(c.rest, ":]")
			positive, not := strings.CutPrefix(name, "^")
			sub, known := posix[positive]
			if !ok || !known {
				return nil, fmt.Errorf("class [:%s is not supported", c.rest)
			}
			c.rest = rest
			inner := *sub
			inner.not = not
			set.subs = append(set.subs, &inner)
			continue
		case c.take("["):
			sub, err := c.class(depth + 1)
			if err != nil {
				return nil, err
			}
			set.subs = append(set.subs, sub)
			continue
		}
		if err := c.member(set); err != nil {
			return nil, err
		}
	}
}

// member parses a character, a range or an escape within brackets.
func (c *compiler) member(set *charSet) error {
	sub, lo, err := c.bracketed()
	if err != nil {
		return err
	}
	if sub != nil {
		set.subs = append(set.subs, sub)
		return nil
	}
	hi := lo
	if strings.HasPrefix(c.rest, "-") && !strings.HasPrefix(c.rest, "-]") {
		c.rest = c.rest[1:]
		if sub, hi, err = c.bracketed(); err != nil {
			return err
		}
		if sub != nil || hi < lo {
			return fmt.Errorf("a range in brackets has no order")
		}
	}
	if c.fold {
		set.addFolded(lo, hi)
	} else {
		set.ranges = append(set.ranges, [2]rune{lo, hi})
	}
	return nil
}

// bracketed parses a character or an escape within brackets.
func (c *compiler) bracketed() (*charSet, rune, error) {
	if c.rest == "" {
		return nil, 0, fmt.Errorf("a bracket is not closed")
	}
	if !c.take(`\`) {
		return nil, c.next(), nil
	}
	if c.take("b") {
		return nil, '\b', nil
	}
	return c.escaped()
}
