package report

import (
	_ "embed"
	"fmt"
	"html"
	"strings"
)

//go:embed page.css
var style string

//go:embed page.js
var script string

// page is HTML in the making.
type page struct {
	strings.Builder
	sliders int
}

// HTML is the report as one file that needs no other and asks no network: its own
// policy forbids it to.
func (r *Report) HTML() string {
	w := &page{}
	fmt.Fprintf(w, `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'">
<title>%s</title>
<style>
%s</style>
</head>
<body>
<header><h1>%s</h1><p class="subtitle">%s</p></header>
`, Plain(r.Title.Words()).HTML(), style, r.Title.HTML(), r.Subtitle.HTML())
	w.WriteString("<div class=\"columns\">\n<nav aria-label=\"Contents\"><details open><summary>Contents</summary><ol>")
	for _, s := range r.Sections {
		fmt.Fprintf(w, `<li><a href="#%s">%s</a></li>`, s.ID, s.Title.HTML())
	}
	w.WriteString("</ol></details></nav>\n<main>\n<section class=\"lead\">")
	w.blocks(r.Lead)
	w.WriteString("</section>\n")
	for _, s := range r.Sections {
		fmt.Fprintf(w, "<section id=\"%s\"><h2>%s</h2>\n", s.ID, s.Title.HTML())
		w.blocks(s.Blocks)
		w.WriteString("</section>\n")
	}
	fmt.Fprintf(w, "<footer><p>%s</p></footer>\n</main>\n</div>\n<script>\n%s</script>\n</body>\n</html>\n", r.Foot.HTML(), script)
	return w.String()
}

func (w *page) blocks(blocks []Block) {
	for _, b := range blocks {
		b.html(w)
		w.WriteString("\n")
	}
}

// figure writes what draw draws with its caption below.
func (w *page) figure(caption Text, draw func()) {
	w.WriteString("<figure>")
	draw()
	if caption != "" {
		w.WriteString("<figcaption>" + caption.HTML() + "</figcaption>")
	}
	w.WriteString("</figure>")
}

// legend names series with their signs.
func (w *page) legend(series []Series) {
	w.WriteString(`<ul class="legend">`)
	for i, c := range series {
		s := newSVG(26, 12)
		dash := ""
		if c.Dash {
			dash = ` stroke-dasharray="6 4"`
		}
		fmt.Fprintf(s, `<path class="s%d" d="M0 6H26"%s/>`, colour(series, i)%colours, dash)
		if !c.Bare {
			s.marker(colour(series, i), 13, 6, 3.5, c.Name.Words())
		}
		fmt.Fprintf(w, `<li>%s%s</li>`, s.drawing("sign", c.Name), c.Name.HTML())
	}
	w.WriteString("</ul>")
}

func (p Paragraph) html(w *page) { w.WriteString("<p>" + p.Text.HTML() + "</p>") }

func (n Note) html(w *page) { w.WriteString(`<p class="note">` + n.Text.HTML() + "</p>") }

func (l List) html(w *page) {
	w.WriteString("<ul>")
	for _, it := range l.Items {
		w.WriteString("<li>" + it.HTML() + "</li>")
	}
	w.WriteString("</ul>")
}

func (f Facts) html(w *page) {
	w.WriteString(`<dl class="facts">`)
	for _, it := range f.Items {
		fmt.Fprintf(w, "<div><dt>%s</dt><dd>%s</dd>", it.Name.HTML(), it.Value.HTML())
		if it.Remark != "" {
			fmt.Fprintf(w, `<dd class="remark">%s</dd>`, it.Remark.HTML())
		}
		w.WriteString("</div>")
	}
	w.WriteString("</dl>")
}

func (t Table) html(w *page) {
	class := func(j int) string {
		if j < len(t.Columns) && t.Columns[j].Right {
			return ` class="right"`
		}
		return ""
	}
	w.WriteString(`<figure>`)
	if t.Caption != "" {
		w.WriteString("<figcaption>" + t.Caption.HTML() + "</figcaption>")
	}
	w.WriteString(`<div class="table" tabindex="0"><table>`)
	w.WriteString("<thead><tr>")
	for j, c := range t.Columns {
		fmt.Fprintf(w, `<th scope="col"%s>%s</th>`, class(j), c.Name.HTML())
	}
	w.WriteString("</tr></thead><tbody>")
	for _, row := range t.Rows {
		w.WriteString("<tr>")
		for j, cell := range row {
			fmt.Fprintf(w, "<td%s>%s</td>", class(j), cell.HTML())
		}
		w.WriteString("</tr>")
	}
	w.WriteString("</tbody></table></div></figure>")
}

func (s Slider) html(w *page) {
	if len(s.Frames) == 0 {
		return
	}
	w.sliders++
	id := fmt.Sprintf("slider%d", w.sliders)
	fmt.Fprintf(w, `<div class="slider"><div class="control"><label for="%s">%s</label> <input type="range" id="%s" min="0" max="%d" value="%d" step="1"> <output for="%s">%s</output></div>`,
		id, s.Label.HTML(), id, len(s.Frames)-1, s.First, id, s.Frames[s.First].Name.HTML())
	for i, f := range s.Frames {
		hidden := ""
		if i != s.First {
			hidden = " hidden"
		}
		fmt.Fprintf(w, `<div class="frame" data-name="%s" data-print="%s"%s>`, attribute(f.Name.Words()), attribute(s.Label.Words()+": "+f.Name.Words()), hidden)
		f.Block.html(w)
		w.WriteString("</div>")
	}
	if s.Caption != "" {
		w.WriteString(`<p class="caption">` + s.Caption.HTML() + "</p>")
	}
	w.WriteString("</div>")
}

// attribute is words as the value of an attribute.
func attribute(words string) string { return html.EscapeString(words) }

func (d Details) html(w *page) {
	w.WriteString("<details><summary>" + d.Summary.HTML() + "</summary>")
	w.blocks(d.Blocks)
	w.WriteString("</details>")
}
