package report

import (
	"encoding/json"
	"html"
	"strings"
)

// Text is a line or a paragraph with a little markup: *stress*, **strong**,
// `code` and [words](#section). What users wrote goes in by Quote or Plain, and is
// never read as markup.
type Text string

// Marks around what is not markup, from the characters for private use.
const (
	quoteMark = '\uE000'
	plainMark = '\uE001'
	endMark   = '\uE002'
)

// Quote is somebody's words, in quotation marks.
func Quote(s string) Text { return Text(string(quoteMark) + clean(s) + string(endMark)) }

// Plain is words that are no markup.
func Plain(s string) Text { return Text(string(plainMark) + clean(s) + string(endMark)) }

// clean takes the marks and what no page shows out of s, and makes lines one.
func clean(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == quoteMark || r == plainMark || r == endMark:
			return -1
		case r == '\n' || r == '\t' || r == '\r':
			return ' '
		case r < ' ' || r == 0x7f:
			return -1
		}
		return r
	}, s)
}

// MarshalJSON writes the words without markup.
func (t Text) MarshalJSON() ([]byte, error) { return json.Marshal(t.Words()) }

// Words is the text without markup.
func (t Text) Words() string {
	return t.render(func(s string) string { return s }, [2]string{"“", "”"}, nil)
}

// HTML is the text as HTML.
func (t Text) HTML() string {
	return t.render(html.EscapeString, [2]string{"<q>", "</q>"}, map[string][2]string{
		"**": {"<strong>", "</strong>"}, "*": {"<em>", "</em>"}, "`": {"<code>", "</code>"}})
}

// markdownEscapes are the characters that Markdown would read as its own.
var markdownEscapes = strings.NewReplacer(`\`, `\\`, "*", `\*`, "_", `\_`, "`", "\\`", "[", `\[`, "]", `\]`,
	"<", `\<`, ">", `\>`, "|", `\|`, "#", `\#`)

// Markdown is the text as Markdown.
func (t Text) Markdown() string {
	return t.render(markdownEscapes.Replace, [2]string{"“", "”"}, map[string][2]string{
		"**": {"**", "**"}, "*": {"*", "*"}, "`": {"`", "`"}, "link": {"", ""}})
}

// render walks the text. escape treats words, quotes stand around quotations, and
// marks says what stands for a pair of markup; nil leaves markup out.
func (t Text) render(escape func(string) string, quotes [2]string, marks map[string][2]string) string {
	var b strings.Builder
	open := map[string]bool{}
	toggle := func(mark string) {
		side := 0
		if open[mark] {
			side = 1
		}
		open[mark] = !open[mark]
		b.WriteString(marks[mark][side])
	}
	for s := string(t); s != ""; {
		r := []rune(s[:min(len(s), 4)])[0]
		switch {
		case r == quoteMark || r == plainMark:
			body, rest, _ := strings.Cut(s[len(string(r)):], string(endMark))
			if r == quoteMark {
				b.WriteString(quotes[0] + escape(body) + quotes[1])
			} else {
				b.WriteString(escape(body))
			}
			s = rest
		case open["`"] && r != '`':
			n := strings.IndexAny(s, "`")
			if n < 0 {
				n = len(s)
			}
			if marks != nil && marks["`"][0] == "`" {
				b.WriteString(s[:n]) // code in Markdown is as it is
			} else {
				b.WriteString(escape(s[:n]))
			}
			s = s[n:]
		case strings.HasPrefix(s, "**"):
			toggle("**")
			s = s[2:]
		case r == '*' || r == '`':
			toggle(string(r))
			s = s[1:]
		case r == '[' && linkAt(s) > 0:
			words, address := s[1:strings.Index(s, "](")], s[strings.Index(s, "](")+2:linkAt(s)]
			s = s[linkAt(s)+1:]
			switch {
			case marks == nil:
				b.WriteString(words)
			case marks["link"] != [2]string{} || marks["*"][0] == "*":
				b.WriteString("[" + escape(words) + "](" + address + ")")
			default:
				b.WriteString(`<a href="` + escape(address) + `">` + escape(words) + "</a>")
			}
		default:
			n := strings.IndexAny(s[1:], "*`["+string(quoteMark)+string(plainMark))
			if n < 0 {
				n = len(s) - 1
			}
			b.WriteString(escape(s[:n+1]))
			s = s[n+1:]
		}
	}
	return b.String()
}

// linkAt is where the link ends that s starts with: its closing parenthesis, or 0.
func linkAt(s string) int {
	middle := strings.Index(s, "](#")
	if middle < 0 || strings.ContainsAny(s[1:middle], "[]"+string(quoteMark)+string(plainMark)) {
		return 0
	}
	end := strings.Index(s[middle:], ")")
	if end < 0 {
		return 0
	}
	return middle + end
}
