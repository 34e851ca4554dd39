package report

import (
	"fmt"
	"html"
	"strings"
)

// Strips is words with a figure each, told by how strongly they are coloured.
type Strips struct {
	Caption Text    `json:"caption"`
	Rows    []Strip `json:"rows"`
	Most    float64 `json:"most,omitempty"` // the figure of the full colour; 0: the greatest in a row
}

// Strip is one text.
type Strip struct {
	Name   Text     `json:"name"`
	Words  []string `json:"words"`
	Values Numbers  `json:"values"`
}

func (Strips) kind() string { return "strips" }

func (s Strips) html(w *page) {
	w.figure(s.Caption, func() {
		w.WriteString(`<div class="strips">`)
		for _, r := range s.Rows {
			most := s.Most
			for _, v := range r.Values {
				if s.Most == 0 {
					most = max(most, v, -v)
				}
			}
			fmt.Fprintf(w, "<p><b>%s</b> ", r.Name.HTML())
			for i, word := range r.Words {
				side := "hot"
				if r.Values[i] < 0 {
					side = "cold"
				}
				share := 0.0
				if most > 0 {
					share = min(max(r.Values[i], -r.Values[i])/most, 1)
				}
				fmt.Fprintf(w, `<span class="word"><i class="%s" style="opacity:%.2f"></i><span title="%s">%s</span></span> `,
					side, 0.75*share, Figure(r.Values[i]), html.EscapeString(word))
			}
			w.WriteString("</p>")
		}
		w.WriteString("</div>")
	})
}

func (s Strips) markdown(w *notes) {
	w.paragraph("*" + s.Caption.Markdown() + "*")
	for _, r := range s.Rows {
		var cells []string
		for i, word := range r.Words {
			cells = append(cells, Plain(word).Markdown()+" ("+Figure(r.Values[i])+")")
		}
		w.paragraph("**" + r.Name.Markdown() + "** " + strings.Join(cells, " "))
	}
}
