// Command unicode writes ../unicode.txt, the character classes and mappings that package token matches text with,
// from a JSON file {"classes": {name: [[first, last], …]}, "maps": {name: [[code point, string], …]}} as the
// reference tokenizer's own behaviour gives it.
//
//	go run ./token/_unicode unicode.json > token/unicode.txt
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"log"
	"os"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// classes pairs the names in unicode.txt with those in the JSON file.
var classes = [][2]string{
	{"Lu", `regex \p{Lu}`}, {"Ll", `regex \p{Ll}`}, {"Lt", `regex \p{Lt}`}, {"Lm", `regex \p{Lm}`}, {"Lo", `regex \p{Lo}`},
	{"M", `regex \p{M}`}, {"N", `regex \p{N}`}, {"Nd", `regex \p{Nd}`}, {"P", `regex \p{P}`}, {"S", `regex \p{S}`}, {"Z", `regex \p{Z}`},
	{"Han", `regex \p{Han}`}, {"Hiragana", `regex \p{Hiragana}`}, {"Katakana", `regex \p{Katakana}`},
	{"space", `regex \s`}, {"word", `regex \w`}, {"rustword", "Whitespace word"},
	{"punctuation", "Punctuation"}, {"numeric", "Digits"}, {"mark", "StripAccents removed"},
	{"bertcontrol", "BertNormalizer clean_text removed"}, {"bertspace", "BertNormalizer clean_text to space"},
	{"bertchinese", "BertNormalizer chinese"},
	{"nmtcontrol", "Nmt removed"}, {"nmtspace", "Nmt to space"},
}

func main() {
	text, err := os.ReadFile(os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	var in struct {
		Classes map[string][][2]rune
		Maps    map[string][][2]any
	}
	if err := json.Unmarshal(text, &in); err != nil {
		log.Fatal(err)
	}
	out := bufio.NewWriter(os.Stdout)
	defer out.Flush()
	fmt.Fprintln(out, "# Written by _unicode/main.go. A line is a name and, in hexadecimal, code points, ranges of them, or mappings.")
	for _, c := range classes {
		ranges, ok := in.Classes[c[1]]
		if !ok {
			log.Fatalf("no class %q", c[1])
		}
		fmt.Fprint(out, c[0])
		for _, r := range ranges {
			writeRange(out, r[0], r[1])
		}
		fmt.Fprintln(out)
	}
	fmt.Fprint(out, "lower")
	for _, m := range in.Maps["Lowercase"] {
		if r := []rune(m[1].(string)); len(r) == 1 { // U+0130 alone becomes two; the code says so
			fmt.Fprintf(out, " %x=%x", int(m[0].(float64)), r[0])
		}
	}
	fmt.Fprint(out, "\nbertaccent")
	writeSet(out, func(r rune) bool { return alone(in.Maps["BertNormalizer strip_accents"], r) == "" })
	fmt.Fprint(out, "\nunmapped") // what the reference's normalization forms are too old to know
	kd := lookup(in.Maps["NFKD"])
	writeSet(out, func(r rune) bool {
		_, ok := kd[r]
		return !ok && (r < 0xAC00 || r > 0xD7A3) && norm.NFKD.String(string(r)) != string(r)
	})
	fmt.Fprintln(out)
}

var lookups = map[*[2]any]map[rune]string{}

func alone(m [][2]any, r rune) string {
	t, ok := lookups[&m[0]]
	if !ok {
		t = lookup(m)
		lookups[&m[0]] = t
	}
	if s, ok := t[r]; ok {
		return s
	}
	return string(r)
}

func lookup(m [][2]any) map[rune]string {
	t := map[rune]string{}
	for _, e := range m {
		t[rune(e[0].(float64))] = e[1].(string)
	}
	return t
}

func writeSet(out *bufio.Writer, in func(rune) bool) {
	first := rune(-1)
	for r := rune(0); r <= utf8.MaxRune+1; r++ {
		has := r <= utf8.MaxRune && utf8.ValidRune(r) && in(r)
		if has && first < 0 {
			first = r
		}
		if !has && first >= 0 {
			writeRange(out, first, r-1)
			first = -1
		}
	}
}

func writeRange(out *bufio.Writer, first, last rune) {
	if first == last {
		fmt.Fprintf(out, " %x", first)
	} else {
		fmt.Fprintf(out, " %x-%x", first, last)
	}
}
