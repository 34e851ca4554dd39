package report

import "strings"

// notes is Markdown in the making.
type notes struct{ strings.Builder }

func (w *notes) paragraph(s string) { w.WriteString(s + "\n\n") }

// Markdown is the report as Markdown; plots are tables of their figures.
func (r *Report) Markdown() string {
	w := &notes{}
	w.paragraph("# " + r.Title.Markdown())
	w.paragraph(r.Subtitle.Markdown())
	w.blocks(r.Lead)
	for _, s := range r.Sections {
		w.paragraph("## " + s.Title.Markdown())
		w.blocks(s.Blocks)
	}
	w.paragraph("---")
	w.paragraph(r.Foot.Markdown())
	return strings.TrimRight(w.String(), "\n") + "\n"
}

func (w *notes) blocks(blocks []Block) {
	for _, b := range blocks {
		b.markdown(w)
	}
}

func (p Paragraph) markdown(w *notes) { w.paragraph(p.Text.Markdown()) }

func (n Note) markdown(w *notes) { w.paragraph("> " + n.Text.Markdown()) }

func (l List) markdown(w *notes) {
	for _, it := range l.Items {
		w.WriteString("- " + it.Markdown() + "\n")
	}
	w.WriteString("\n")
}

func (f Facts) markdown(w *notes) {
	for _, it := range f.Items {
		w.WriteString("- **" + it.Name.Markdown() + "**: " + it.Value.Markdown())
		if it.Remark != "" {
			w.WriteString(" (" + it.Remark.Markdown() + ")")
		}
		w.WriteString("\n")
	}
	w.WriteString("\n")
}

func (t Table) markdown(w *notes) {
	if t.Caption != "" {
		w.paragraph("*" + t.Caption.Markdown() + "*")
	}
	head, rule := "|", "|"
	for _, c := range t.Columns {
		head += " " + c.Name.Markdown() + " |"
		if c.Right {
			rule += "--:|"
		} else {
			rule += "---|"
		}
	}
	w.WriteString(head + "\n" + rule + "\n")
	for _, row := range t.Rows {
		line := "|"
		for _, cell := range row {
			line += " " + cell.Markdown() + " |"
		}
		w.WriteString(line + "\n")
	}
	w.WriteString("\n")
}

func (s Slider) markdown(w *notes) {
	if len(s.Frames) == 0 {
		return
	}
	f := s.Frames[s.First]
	w.paragraph("*" + s.Caption.Markdown() + "* " + s.Label.Markdown() + ": " + f.Name.Markdown())
	f.Block.markdown(w)
}

func (d Details) markdown(w *notes) {
	w.paragraph("**" + d.Summary.Markdown() + "**")
	w.blocks(d.Blocks)
}
