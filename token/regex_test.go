package token

import (
	"fmt"
	"math/rand/v2"
	"regexp"
	"strings"
	"testing"
	"time"
)

func TestRegexCases(t *testing.T) {
	for _, c := range []struct {
		pattern, text string
		want          string // all matches, between bars
	}{
		{`a+`, "aab a", "aa|a"},
		{`a+?`, "aab", "a|a"},
		{`(?i:'ll)|x`, "I'LL x X", "'LL|x"},
		{`(?i)s`, "Sſs", "S|ſ|s"},
		{`\s+(?!\S)|\s+`, "a   b  ", "  | |  "},
		{`(?<=a)b|(?<!a)c`, "abcac", "b|c"},
		{`^.`, "ab\ncd\n", "a|c"},
		{`.$`, "ab\ncd", "b|d"},
		{`\Aa|b\z|c\Z`, "aabc\n", "a|c"},
		{`a{2}|b{1,2}|c{,1}d|e{2,}`, "aaabbbcd d eee", "aa|bb|b|cd|d|eee"},
		{`a{x}`, "a{x}", "a{x}"},
		{`a++a|b`, "aaab", "b"},
		{`(?>a|ab)c|d`, "abcd", "d"},
		{`[^\s\p{L}]+`, "a1! b2", "1!|2"},
		{`[a-c&&[^b]]+`, "abcab", "a|ca"},
		{`[[:alpha:]]+|[[:^alpha:]]`, "ab1", "ab|1"},
		{`[]a-]+`, "]a-b", "]a-"},
		{`\p{^L}|\P{L}`, "a1", "1"},
		{`\x41|\u00e9|\x{1F600}`, "Aé😀", "A|é|😀"},
		{`\bab\b`, "ab cab ab", "ab|ab"},
		{`\R`, "a\r\nb\nc", "\r\n|\n"},
		{`(?x) a  b # both
			c`, "abc", "abc"},
		{`(?#none)(?<name>a)(b)`, "ab", "ab"},
		{`(?m:a.b)`, "a\nb", "a\nb"},
		{`\p{Lu}\p{Greek}*`, "Aαβ", "Aαβ"},
		{`(?:)`, "ab", "||"},
		{`(a|b)*c`, "abac", "abac"},
		{`(?:ab){2,3}`, "ababababab", "ababab|abab"},
		{`x*`, "ab", "||"},
	} {
		re, err := compileRegex(c.pattern)
		if err != nil {
			t.Errorf("%v", err)
			continue
		}
		var have []string
		for start, end := range matches(re, c.text) {
			have = append(have, c.text[start:end])
		}
		if s := strings.Join(have, "|"); s != c.want {
			t.Errorf("%s on %q: have %q, want %q", c.pattern, c.text, s, c.want)
		}
	}
}

func TestRegexFaults(t *testing.T) {
	for _, pattern := range []string{
		`(`, `)`, `a)`, `[a`, `[`, `a**b(`, `*`, `+a`, `\`, `\p{Nothing}`, `\p{L`, `(?`, `(?q)`, `(?<a`, `[b-a]`, `[\w-a`, `a{3,2}`,
		`\1`, `\k<a>`, `(?<=a+)b`, `\x{110000}`, `[[:nothing:]]`, `(?#`, `^*`, strings.Repeat("(", 100) + strings.Repeat(")", 100),
		`(?:(?:(?:(?:a{1000}b){1000}c){1000}d){1000}e){1000}`,
	} {
		if re, err := compileRegex(pattern); err == nil {
			t.Errorf("%s compiles to %d steps", pattern, len(re.code))
		}
	}
}

// randomPattern returns a pattern whose meaning is the same in Go's regexp.
func randomPattern(r *rand.Rand, depth int) string {
	if depth == 0 {
		return []string{"a", "b", "c", "[ab]", "[^a]", "(?:)", `\d`, ".", "é"}[r.IntN(9)]
	}
	sub := func() string { return randomPattern(r, depth-1) }
	switch r.IntN(6) {
	case 0:
		return sub() + sub()
	case 1:
		return fmt.Sprintf("(?:%s|%s)", sub(), sub())
	case 2:
		return fmt.Sprintf("(?:%s)%s", sub(), []string{"*", "+", "?", "{2}", "{1,3}"}[r.IntN(5)])
	case 3:
		return fmt.Sprintf("(?:%s)%s", sub(), []string{"*?", "+?", "??"}[r.IntN(3)])
	case 4:
		return sub() + sub() + sub()
	}
	return sub()
}

func TestRegexEqualsGo(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	for range 4000 {
		pattern := randomPattern(r, r.IntN(4))
		re, err := compileRegex(pattern)
		if err != nil {
			t.Fatal(err)
		}
		goRE := regexp.MustCompile(pattern)
		var b strings.Builder
		for range r.IntN(10) {
			b.WriteString([]string{"a", "b", "c", "1", "é", "\n"}[r.IntN(6)])
		}
		text := b.String()
		start, end := re.find(text, 0)
		want := goRE.FindStringIndex(text)
		if want == nil && start >= 0 || want != nil && (start != want[0] || end != want[1]) {
			t.Fatalf("%s on %q: have %d to %d, want %v", pattern, text, start, end, want)
		}
	}
}

func TestRegexIsNotExponential(t *testing.T) {
	for _, pattern := range []string{`(a+)+b`, `(a|a)*b`, `(?:a?){50}a{50}b`, `((a*)*)*b`} {
		re, err := compileRegex(pattern)
		if err != nil {
			t.Fatal(err)
		}
		begin := time.Now()
		if start, _ := re.find(strings.Repeat("a", 200), 0); start >= 0 {
			t.Errorf("%s matches", pattern)
		}
		if d := time.Since(begin); d > 5*time.Second {
			t.Errorf("%s takes %v", pattern, d)
		}
	}
}

func FuzzRegex(f *testing.F) {
	for pattern := range knownPatterns {
		f.Add(pattern, "I'll have 1234 of them,\r\n please  ")
	}
	f.Add(`(?i)a(?=b)[^c-e]*?\p{Lu}{2,3}|^$`, "aB\n")
	f.Fuzz(func(t *testing.T, pattern, text string) {
		re, err := compileRegex(pattern)
		if err != nil || len(re.code) > 1000 || len(text) > 1000 {
			return
		}
		last := 0
		for start, end := range matches(re, text) {
			if start < last || end < start || end > len(text) {
				t.Fatalf("%q on %q: a match from %d to %d after %d", pattern, text, start, end, last)
			}
			last = end
		}
	})
}
