// Package report turns what a run found into one document that a class can read:
// a single HTML file with its own plots that asks no network for anything, the
// same content as Markdown, and as JSON.
//
// A Report is sections of blocks: paragraphs, tables, lines, bars, dots with
// intervals, heat maps, coloured words and sliders over any of them. Every block
// knows how it looks in each of the three.
package report

import (
	"bytes"
	"encoding/json"
)

// Report is a document.
type Report struct {
	Title    Text      `json:"title"`
	Subtitle Text      `json:"subtitle"`
	Lead     []Block   `json:"lead"` // what stands above the table of contents
	Sections []Section `json:"sections"`
	Foot     Text      `json:"foot"`
}

// Section is a heading with blocks below it.
type Section struct {
	ID     string  `json:"id"` // what links name: letters, digits and dashes
	Title  Text    `json:"title"`
	Blocks []Block `json:"blocks"`
}

// Block is a part of a section.
type Block interface {
	kind() string
	html(w *page)
	markdown(w *notes)
}

// Paragraph is running text.
type Paragraph struct {
	Text Text `json:"text"`
}

// Note is text beside the main line: how a figure was made, what it does not say.
type Note struct {
	Text Text `json:"text"`
}

// List is points.
type List struct {
	Items []Text `json:"items"`
}

// Facts are figures in large print.
type Facts struct {
	Items []Fact `json:"items"`
}

// Fact is a figure, what it is, and a remark.
type Fact struct {
	Name   Text `json:"name"`
	Value  Text `json:"value"`
	Remark Text `json:"remark,omitempty"`
}

// Table is rows of cells.
type Table struct {
	Caption Text     `json:"caption"`
	Columns []Column `json:"columns"`
	Rows    [][]Text `json:"rows"`
}

// Column heads a column; those of numbers stand to the right.
type Column struct {
	Name  Text `json:"name"`
	Right bool `json:"right,omitempty"`
}

// Slider shows one of several blocks at a time, as a reader chooses; paper and
// Markdown have the first choice.
type Slider struct {
	Caption Text    `json:"caption"`
	Label   Text    `json:"label"` // of what is chosen
	First   int     `json:"first"` // the frame shown at first
	Frames  []Frame `json:"frames"`
}

// Frame is a choice of a slider.
type Frame struct {
	Name  Text  `json:"name"`
	Block Block `json:"block"`
}

// Details are blocks that a reader opens.
type Details struct {
	Summary Text    `json:"summary"`
	Blocks  []Block `json:"blocks"`
}

func (Paragraph) kind() string { return "paragraph" }
func (Note) kind() string      { return "note" }
func (List) kind() string      { return "list" }
func (Facts) kind() string     { return "facts" }
func (Table) kind() string     { return "table" }
func (Slider) kind() string    { return "slider" }
func (Details) kind() string   { return "details" }

// JSON is the report as indented JSON, each block with its kind.
func (r *Report) JSON() ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", " ")
	err := e.Encode(struct {
		Title    Text         `json:"title"`
		Subtitle Text         `json:"subtitle"`
		Lead     []tagged     `json:"lead"`
		Sections []jsonedPart `json:"sections"`
		Foot     Text         `json:"foot"`
	}{r.Title, r.Subtitle, tag(r.Lead), parts(r.Sections), r.Foot})
	return b.Bytes(), err
}

type jsonedPart struct {
	ID     string   `json:"id"`
	Title  Text     `json:"title"`
	Blocks []tagged `json:"blocks"`
}

func parts(sections []Section) []jsonedPart {
	out := make([]jsonedPart, len(sections))
	for i, s := range sections {
		out[i] = jsonedPart{s.ID, s.Title, tag(s.Blocks)}
	}
	return out
}

// tagged is a block with its kind beside its fields.
type tagged struct{ Block }

func tag(blocks []Block) []tagged {
	out := make([]tagged, len(blocks))
	for i, b := range blocks {
		out[i] = tagged{b}
	}
	return out
}

// MarshalJSON writes {"kind": …, the block's fields}.
func (t tagged) MarshalJSON() ([]byte, error) {
	var of any = t.Block
	switch b := t.Block.(type) {
	case Slider:
		type frame struct {
			Name  Text   `json:"name"`
			Block tagged `json:"block"`
		}
		frames := make([]frame, len(b.Frames))
		for i, f := range b.Frames {
			frames[i] = frame{f.Name, tagged{f.Block}}
		}
		of = struct {
			Caption Text    `json:"caption"`
			Label   Text    `json:"label"`
			First   int     `json:"first"`
			Frames  []frame `json:"frames"`
		}{b.Caption, b.Label, b.First, frames}
	case Details:
		of = struct {
			Summary Text     `json:"summary"`
			Blocks  []tagged `json:"blocks"`
		}{b.Summary, tag(b.Blocks)}
	}
	fields, err := json.Marshal(of)
	if err != nil {
		return nil, err
	}
	kind, err := json.Marshal(t.kind())
	if err != nil {
		return nil, err
	}
	out := append([]byte(`{"kind":`), kind...)
	if rest := fields[1:]; len(rest) > 1 {
		out = append(append(out, ','), rest...)
	} else {
		out = append(out, '}')
	}
	return out, nil
}
