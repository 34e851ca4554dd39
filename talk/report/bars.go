package report

import "fmt"

// Bars is figures as lengths, one below the other.
type Bars struct {
	Caption Text   `json:"caption"`
	Axis    Axis   `json:"axis"` // its label says what the figures are
	Items   []Item `json:"items"`
}

// Dots is figures as places on an axis, each in its interval.
type Dots struct {
	Caption Text   `json:"caption"`
	Axis    Axis   `json:"axis"`
	Items   []Item `json:"items"`
	Marks   []Mark `json:"marks,omitempty"` // values to compare with
}

// Item is one figure. Low and High are the ends of its interval; of bars they are
// left out.
type Item struct {
	Name   Text    `json:"name"`
	Value  float64 `json:"value"`
	Low    float64 `json:"low,omitempty"`
	High   float64 `json:"high,omitempty"`
	Remark Text    `json:"remark,omitempty"`
	Strong bool    `json:"strong,omitempty"` // stands out
}

func (Bars) kind() string { return "bars" }
func (Dots) kind() string { return "dots" }

func (b Bars) html(w *page) {
	w.figure(b.Caption, func() {
		w.WriteString(b.draw(wide).drawing("wide", b.Caption))
		w.WriteString(b.draw(narrow).drawing("narrow", b.Caption))
	})
}

// names is the room that the names take at the left, and whether they stand above
// their figures in place of beside them.
func names(items []Item, width float64) (room float64, above bool) {
	for _, it := range items {
		room = max(room, breadth(it.Name.Words(), 13)+10)
	}
	if width == narrow {
		return 0, true
	}
	return min(room, width*0.42), false
}

func (b Bars) draw(width float64) *svg {
	room, above := names(b.Items, width)
	each := 26.0
	if above {
		each = 38
	}
	s := newSVG(width, 22+each*float64(len(b.Items)))
	values, end := []float64{0}, 0.0
	for _, it := range b.Items {
		values = append(values, it.Value)
		end = max(end, breadth(b.value(it), 12)+8)
	}
	if b.Axis.Log {
		values = values[1:]
	}
	x := b.Axis.fit(room, width-end, values)
	if b.Axis.Log {
		x.from /= 2
	}
	s.text("label", "start", room, 12, b.Axis.Label.Words())
	zero := x.lo
	if !b.Axis.Log {
		zero = x.place(0)
	}
	for i, it := range b.Items {
		y := 22 + each*float64(i)
		at := y
		if above {
			s.text("name", "start", 0, y+12, short(it.Name.Words(), 13, width))
			at = y + 16
		} else {
			s.text("name", "end", room-8, y+16, short(it.Name.Words(), 13, room-10))
		}
		place := x.place(it.Value)
		class := `class="bar"`
		if it.Value < 0 {
			class = `class="bar cold"`
		}
		if it.Strong {
			class = `class="bar strong"`
		}
		s.rect(class, min(zero, place), at+3, max(max(place-zero, zero-place), 1), 16, it.Name.Words()+": "+b.value(it))
		s.text("tick", "start", max(zero, place)+5, at+15, b.value(it))
	}
	return s
}

func (b Bars) value(it Item) string {
	v := b.Axis.Format.Write(it.Value)
	if it.Remark != "" {
		v += " " + it.Remark.Words()
	}
	return v
}

func (b Bars) markdown(w *notes) {
	t := Table{Caption: b.Caption, Columns: []Column{{Name: ""}, {b.Axis.Label, true}}}
	for _, it := range b.Items {
		t.Rows = append(t.Rows, []Text{it.Name, Plain(b.value(it))})
	}
	t.markdown(w)
}

func (d Dots) html(w *page) {
	w.figure(d.Caption, func() {
		w.WriteString(d.draw(wide).drawing("wide", d.Caption))
		w.WriteString(d.draw(narrow).drawing("narrow", d.Caption))
	})
}

func (d Dots) draw(width float64) *svg {
	room, above := names(d.Items, width)
	each := 32.0
	if above {
		each = 44
	}
	var values []float64
	for _, it := range d.Items {
		values = append(values, it.Value, it.Low, it.High)
	}
	for _, m := range d.Marks {
		values = append(values, m.Y)
	}
	top := 24.0 + 16*float64(len(d.Marks))
	height := top + each*float64(len(d.Items)) + 26
	s := newSVG(width, height)
	x := d.Axis.fit(max(room, 14), width-66, values)
	s.text("label", "start", x.lo, 12, d.Axis.Label.Words()+" →")
	for _, v := range x.ticks(5) {
		s.line("grid", x.place(v), top, x.place(v), height-22)
		s.text("tick", "middle", x.place(v), height-6, x.Format.Write(v))
	}
	for i, m := range d.Marks {
		at, y := x.place(m.Y), 28+16*float64(i)
		s.line("mark", at, y+4, at, height-22)
		words := m.Name.Words()
		if at+breadth(words, 12) < width {
			s.text("tick", "start", at+4, y+4, words)
		} else {
			s.text("tick", "end", at-4, y+4, words)
		}
	}
	for i, it := range d.Items {
		y := top + each*float64(i) + each/2
		if above {
			s.text("name", "start", 0, y-8, short(it.Name.Words(), 13, width-20))
			y += 8
		} else {
			s.text("name", "end", room-8, y+5, short(it.Name.Words(), 13, room-10))
		}
		colour := 0
		if it.Strong {
			colour = 1
		}
		s.line(fmt.Sprintf("s%d thick", colour), x.place(it.Low), y, x.place(it.High), y)
		hint := fmt.Sprintf("%s: %s (%s to %s)", it.Name.Words(), x.Format.Write(it.Value), x.Format.Write(it.Low), x.Format.Write(it.High))
		s.marker(colour, x.place(it.Value), y, 5.5, hint)
		s.text("value", "start", width-60, y+4, x.Format.Write(it.Value))
	}
	return s
}

func (d Dots) markdown(w *notes) {
	t := Table{Caption: d.Caption, Columns: []Column{{Name: ""}, {d.Axis.Label, true}, {"from – to", true}}}
	for _, it := range d.Items {
		f := d.Axis.Format
		t.Rows = append(t.Rows, []Text{it.Name, Plain(f.Write(it.Value)), Plain(f.Write(it.Low) + " – " + f.Write(it.High))})
	}
	t.markdown(w)
	for _, m := range d.Marks {
		Paragraph{m.Name + Plain(": "+d.Axis.Format.Write(m.Y))}.markdown(w)
	}
}
