package report

import (
	"fmt"
	"math"
)

// Heat is a matrix as shades: the stronger, the further from 0; what is below 0 has
// another colour.
type Heat struct {
	Caption Text      `json:"caption"`
	Rows    []string  `json:"rows"`    // names; nil: numbers from 0
	Columns []string  `json:"columns"` // likewise
	Values  []Numbers `json:"values"`
	Most    float64   `json:"most,omitempty"` // the value of the full colour; 0: the greatest there is
	RowAxis Text      `json:"row_axis,omitempty"`
	ColAxis Text      `json:"column_axis,omitempty"`
	Digits  int       `json:"digits,omitempty"` // decimals of a number in each cell where there is room; 0: none
}

// Maps is several heat maps of one size beside each other.
type Maps struct {
	Caption Text   `json:"caption"`
	Panels  []Heat `json:"panels"` // their captions stand above them
}

func (Heat) kind() string { return "heat" }
func (Maps) kind() string { return "maps" }

func (h Heat) html(w *page) {
	w.figure(h.Caption, func() {
		w.WriteString(h.draw(wide).drawing("wide", h.Caption))
		w.WriteString(h.draw(narrow).drawing("narrow", h.Caption))
	})
}

func (h Heat) most() float64 {
	if h.Most != 0 {
		return h.Most
	}
	most := 1e-30
	for _, row := range h.Values {
		for _, v := range row {
			if usable(v) {
				most = max(most, math.Abs(v))
			}
		}
	}
	return most
}

// label is the name of a row or column; of unnamed ones every so many have one.
func label(names []string, i, every int) string {
	if names != nil {
		return names[i]
	}
	if i%every == 0 {
		return Whole(int64(i))
	}
	return ""
}

func (h Heat) draw(width float64) *svg {
	rows, columns := len(h.Values), 0
	if rows > 0 {
		columns = len(h.Values[0])
	}
	left, head := 8.0, 0.0
	for i := range rows {
		left = max(left, min(breadth(label(h.Rows, i, 8), 12)+8, width*0.3))
	}
	for j := range columns {
		head = max(head, min(breadth(label(h.Columns, j, 8), 12)+8, 90))
	}
	upright := h.Columns != nil
	if !upright {
		head = 18
	}
	if h.ColAxis != "" {
		head += 16
	}
	if h.RowAxis != "" {
		left += 16
	}
	cell := min((width-left-6)/float64(max(columns, 1)), 40)
	tall := min(cell, 24)
	switch {
	case rows > 60:
		tall = min(cell, 5)
	case rows > 24:
		tall = min(cell, 12)
	}
	if h.Rows != nil {
		tall = max(tall, 15)
	}
	s := newSVG(width, head+tall*float64(rows)+6)
	if h.ColAxis != "" {
		s.text("label", "start", left, 11, h.ColAxis.Words()+" →")
	}
	if h.RowAxis != "" {
		s.turned("label", "end", 11, head, -90, "← "+h.RowAxis.Words())
	}
	most := h.most()
	for j := range columns {
		words := label(h.Columns, j, 8)
		at := left + cell*(float64(j)+0.5)
		switch {
		case words == "":
		case upright && cell >= 10:
			s.turned("tick", "start", at+4, head-5, -60, short(words, 12, 84))
		case !upright:
			s.text("tick", "middle", at, head-5, words)
		}
	}
	for i, row := range h.Values {
		y := head + tall*float64(i)
		if words := label(h.Rows, i, 8); words != "" {
			s.text("tick", "end", left-5, y+tall/2+4, short(words, 12, left-8))
		}
		for j, v := range row {
			hint := fmt.Sprintf("%s · %s: %s", label(h.Rows, i, 1), label(h.Columns, j, 1), Figure(v))
			x := left + cell*float64(j)
			s.rect(shade(v, most), x, y, cell-0.6, tall-0.6, hint)
			if words := minus(fmt.Sprintf("%.*f", h.Digits, v)); h.Digits > 0 && usable(v) && breadth(words, 11) < cell-3 {
				class := "cell"
				if math.Abs(v) > 0.6*most {
					class = "cell light"
				}
				s.text(class, "middle", x+cell/2, y+tall/2+4, words)
			}
		}
	}
	return s
}

// shade is the paint of a value.
func shade(v, most float64) string {
	share := min(math.Abs(v)/most, 1)
	if !usable(share) {
		share = 0
	}
	class := "hot"
	if v < 0 {
		class = "cold"
	}
	return fmt.Sprintf(`class="%s" fill-opacity="%.3f"`, class, share)
}

func (h Heat) markdown(w *notes) {
	t := Table{Caption: h.Caption, Columns: []Column{{Name: h.RowAxis}}}
	if len(h.Values) > 24 || len(h.Values) > 0 && len(h.Values[0]) > 24 {
		w.paragraph("*" + h.Caption.Markdown() + "*")
		w.paragraph(fmt.Sprintf("(A picture of %d × %d values: see the HTML or the JSON file.)", len(h.Values), len(h.Values[0])))
		return
	}
	for i, row := range h.Values {
		cells := []Text{Plain(label(h.Rows, i, 1))}
		for j, v := range row {
			if i == 0 {
				t.Columns = append(t.Columns, Column{Plain(label(h.Columns, j, 1)), true})
			}
			cells = append(cells, Plain(Figure(v)))
		}
		t.Rows = append(t.Rows, cells)
	}
	t.markdown(w)
}

func (m Maps) html(w *page) {
	w.figure(m.Caption, func() {
		w.WriteString(`<div class="maps">`)
		for _, h := range m.Panels {
			w.WriteString("<div><p>" + h.Caption.HTML() + "</p>" + h.draw(narrow).drawing("each", h.Caption) + "</div>")
		}
		w.WriteString("</div>")
	})
}

func (m Maps) markdown(w *notes) {
	w.paragraph("*" + m.Caption.Markdown() + "*")
	for _, h := range m.Panels {
		h.markdown(w)
	}
}
