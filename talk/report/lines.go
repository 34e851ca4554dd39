package report

import (
	"fmt"
	"strings"
)

// Lines is curves over a common axis.
type Lines struct {
	Caption Text     `json:"caption"`
	X       Axis     `json:"x"`
	Y       Axis     `json:"y"`
	Series  []Series `json:"series"`
	Marks   []Mark   `json:"marks,omitempty"`
}

// Series is one curve. Low and High, if not nil, are the ends of an interval around
// each Y.
type Series struct {
	Name Text    `json:"name"`
	X    Numbers `json:"x"`
	Y    Numbers `json:"y"`
	Low  Numbers `json:"low,omitempty"`
	High Numbers `json:"high,omitempty"`
	Dash bool    `json:"dash,omitempty"` // drawn with gaps
	Bare bool    `json:"bare,omitempty"` // without a sign at each point
	Kin  int     `json:"-"`              // it has the colour of the series so many before it
}

// Mark is a line across the plot at a value of Y.
type Mark struct {
	Name Text    `json:"name"`
	Y    float64 `json:"y"`
}

func (Lines) kind() string { return "lines" }

// colour is the number of the colour of series i: kin share one, and the others count
// on.
func colour(series []Series, i int) int {
	if k := series[i].Kin; k > 0 && k <= i {
		return colour(series, i-k)
	}
	n := 0
	for _, c := range series[:i] {
		if c.Kin == 0 {
			n++
		}
	}
	return n
}

// Sizes of pictures: on a wide page and on a phone.
const (
	wide   = 720
	narrow = 340
)

func (l Lines) html(w *page) {
	w.figure(l.Caption, func() {
		if len(l.Series) > 1 {
			w.legend(l.Series)
		}
		w.WriteString(l.draw(wide, 330).drawing("wide", l.Caption))
		w.WriteString(l.draw(narrow, 270).drawing("narrow", l.Caption))
	})
}

// draw is the plot at a size.
func (l Lines) draw(width, height float64) *svg {
	s := newSVG(width, height)
	var xs, ys []Numbers
	for _, c := range l.Series {
		xs, ys = append(xs, c.X), append(ys, c.Y, c.Low, c.High)
	}
	for _, m := range l.Marks {
		ys = append(ys, Numbers{m.Y})
	}
	const top, bottom = 26, 44
	most := 6
	if width == narrow {
		most = 4
	}
	y := l.Y.fit(height-bottom, top, ys...)
	left := 14.0
	for _, v := range y.ticks(6) {
		left = max(left, 12+breadth(y.Format.Write(v), 12))
	}
	x := l.X.tight(xs...).fit(left, width-14, xs...)
	s.text("label", "start", 2, 12, "↑ "+l.Y.Label.Words())
	for _, v := range y.ticks(6) {
		s.line("grid", x.lo, y.place(v), x.hi, y.place(v))
		s.text("tick", "end", x.lo-6, y.place(v)+4, y.Format.Write(v))
	}
	end := -1.0
	for _, v := range x.ticks(most) {
		words, at := x.Format.Write(v), x.place(v)
		s.line("grid", at, y.lo, at, y.lo+4)
		half := breadth(words, 12) / 2
		if at = min(max(at, half), width-half); at-half > end {
			s.text("tick", "middle", at, y.lo+18, words)
			end = at + half + 4
		}
	}
	s.line("axis", x.lo, y.lo, x.hi, y.lo)
	s.text("label", "end", x.hi, height-4, l.X.Label.Words()+" →")
	for _, m := range l.Marks {
		s.line("mark", x.lo, y.place(m.Y), x.hi, y.place(m.Y))
		s.text("tick", "end", x.hi, y.place(m.Y)-4, m.Name.Words())
	}
	for i, c := range l.Series {
		l.curve(s, i, c, x, y)
	}
	return s
}

// curve draws series i: its interval, its line and its points.
func (l Lines) curve(s *svg, place int, c Series, x, y scale) {
	i := colour(l.Series, place)
	var path strings.Builder
	pen := "M"
	for j, v := range c.Y {
		if !usable(v) || y.Log && v <= 0 {
			pen = "M"
			continue
		}
		fmt.Fprintf(&path, "%s%.1f %.1f", pen, x.place(c.X[j]), y.place(v))
		pen = "L"
	}
	shift := 0.0
	if c.Low != nil { // intervals side by side
		shift = 3 * (float64(place) - float64(len(l.Series)-1)/2)
	}
	for j := range c.Low {
		if usable(c.Low[j]) && usable(c.High[j]) {
			at := x.place(c.X[j]) + shift
			s.line(fmt.Sprintf("s%d thin", i%colours), at, y.place(c.Low[j]), at, y.place(c.High[j]))
		}
	}
	dash := ""
	if c.Dash {
		dash = ` stroke-dasharray="6 4"`
	}
	fmt.Fprintf(s, `<path class="s%d" d="%s"%s/>`, i%colours, path.String(), dash)
	if c.Bare {
		return
	}
	for j, v := range c.Y {
		if !usable(v) || y.Log && v <= 0 {
			continue
		}
		hint := fmt.Sprintf("%s: %s at %s", c.Name.Words(), y.Format.Write(v), x.Format.Write(c.X[j]))
		if c.Low != nil {
			hint += fmt.Sprintf(" (%s to %s)", y.Format.Write(c.Low[j]), y.Format.Write(c.High[j]))
		}
		s.marker(i, x.place(c.X[j]), y.place(v), 3.5, hint)
	}
}

func (l Lines) markdown(w *notes) {
	t := Table{Caption: l.Caption, Columns: []Column{{Name: "series"}, {l.X.Label, true}, {l.Y.Label, true}}}
	ranges := false
	for _, c := range l.Series {
		ranges = ranges || c.Low != nil
	}
	if ranges {
		t.Columns = append(t.Columns, Column{"from – to", true})
	}
	const most = 40 // points a series that a person reads
	for _, c := range l.Series {
		every := (len(c.Y) + most - 1) / most
		for j := 0; j < len(c.Y); j += max(every, 1) {
			row := []Text{c.Name, Plain(l.X.Format.Write(c.X[j])), Plain(l.Y.Format.Write(c.Y[j]))}
			if ranges {
				cell := Text("")
				if c.Low != nil {
					cell = Plain(l.Y.Format.Write(c.Low[j]) + " – " + l.Y.Format.Write(c.High[j]))
				}
				row = append(row, cell)
			}
			t.Rows = append(t.Rows, row)
		}
	}
	t.markdown(w)
	for _, m := range l.Marks {
		Paragraph{m.Name + Plain(": "+l.Y.Format.Write(m.Y))}.markdown(w)
	}
}
