package report

import (
	"fmt"
	"html"
	"strings"
	"unicode"
)

// svg draws one picture; one unit is one pixel at its own width.
type svg struct {
	strings.Builder
	width, height float64
}

func newSVG(width, height float64) *svg { return &svg{width: width, height: height} }

// drawing is the whole element. class says on which screens it shows.
func (s *svg) drawing(class string, about Text) string {
	return fmt.Sprintf(`<svg class="%s" viewBox="0 0 %.0f %.0f" width="%.0f" height="%.0f" role="img" aria-label="%s">%s</svg>`,
		class, s.width, s.height, s.width, s.height, html.EscapeString(about.Words()), s.String())
}

func (s *svg) line(class string, x1, y1, x2, y2 float64) {
	fmt.Fprintf(s, `<line class="%s" x1="%.1f" y1="%.1f" x2="%.1f" y2="%.1f"/>`, class, x1, y1, x2, y2)
}

// text writes words at a place; anchor is start, middle or end.
func (s *svg) text(class, anchor string, x, y float64, words string) {
	fmt.Fprintf(s, `<text class="%s" text-anchor="%s" x="%.1f" y="%.1f">%s</text>`, class, anchor, x, y, html.EscapeString(words))
}

// turned writes words upwards around a place.
func (s *svg) turned(class, anchor string, x, y, degrees float64, words string) {
	fmt.Fprintf(s, `<text class="%s" text-anchor="%s" transform="translate(%.1f %.1f) rotate(%.0f)">%s</text>`,
		class, anchor, x, y, degrees, html.EscapeString(words))
}

// rect is a box with a hint that a pointer shows; paint is attributes of it.
func (s *svg) rect(paint string, x, y, width, height float64, hint string) {
	fmt.Fprintf(s, `<rect %s x="%.1f" y="%.1f" width="%.1f" height="%.1f"`, paint, x, y, max(width, 0), max(height, 0))
	if hint == "" {
		s.WriteString("/>")
		return
	}
	fmt.Fprintf(s, "><title>%s</title></rect>", html.EscapeString(hint))
}

// marker is the sign of series i at a place, so that a colour is not all that
// tells series apart.
func (s *svg) marker(i int, x, y, r float64, hint string) {
	shape := fmt.Sprintf(`<circle class="f%d" cx="%.1f" cy="%.1f" r="%.1f">`, i%colours, x, y, r)
	end := "</circle>"
	path := func(d string) { shape, end = fmt.Sprintf(`<path class="f%d" d="%s">`, i%colours, d), "</path>" }
	switch i % 4 {
	case 1:
		path(fmt.Sprintf("M%.1f %.1fh%.1fv%.1fh%.1fz", x-r, y-r, 2*r, 2*r, -2*r))
	case 2:
		path(fmt.Sprintf("M%.1f %.1fL%.1f %.1fL%.1f %.1fz", x, y-1.25*r, x+1.2*r, y+r, x-1.2*r, y+r))
	case 3:
		path(fmt.Sprintf("M%.1f %.1fl%.1f %.1fl%.1f %.1fl%.1f %.1fz", x, y-1.35*r, 1.35*r, 1.35*r, -1.35*r, 1.35*r, -1.35*r, -1.35*r))
	}
	fmt.Fprintf(s, "%s<title>%s</title>%s", shape, html.EscapeString(hint), end)
}

// colours is how many the style sheet has for series.
const colours = 8

// breadth is about how wide words are in pixels at a size of type.
func breadth(words string, size float64) float64 {
	ems := 0.0
	for _, r := range words {
		switch {
		case strings.ContainsRune("iljtfrI.,:;'|! ()[]", r):
			ems += 0.34
		case r >= 0x1100 && unicode.In(r, unicode.Han, unicode.Hangul, unicode.Hiragana, unicode.Katakana), r > 0x1F000:
			ems++
		case unicode.IsUpper(r) || r == 'm' || r == 'w' || r == '%':
			ems += 0.78
		default:
			ems += 0.58
		}
	}
	return ems * size
}

// short cuts words to a breadth, with an ellipsis.
func short(words string, size, most float64) string {
	if breadth(words, size) <= most {
		return words
	}
	r := []rune(words)
	for len(r) > 1 && breadth(string(r)+"…", size) > most {
		r = r[:len(r)-1]
	}
	return strings.TrimSpace(string(r)) + "…"
}
