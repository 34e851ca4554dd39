package report

import (
	"encoding/json"
	"math"
	"regexp"
	"strings"
	"testing"
	"time"
)

// sample is a report with every kind of block, and words in it that a browser or a
// Markdown reader would take for its own.
func sample() *Report {
	nasty := `<script>alert("x")</script> | *a* [b](#c) ` + "`d`"
	curve := Lines{Caption: "Loss", X: Axis{Label: "labels", Log: true}, Y: Axis{Label: "accuracy", Format: Percent},
		Series: []Series{{Name: "LSTM", X: []float64{10, 30, 100}, Y: []float64{0.2, 0.4, math.NaN()}, Low: []float64{0.1, 0.3, 0.5}, High: []float64{0.3, 0.5, 0.9}},
			{Name: Plain(nasty), X: []float64{10, 100}, Y: []float64{0.1, 0.9}, Dash: true, Bare: true}}, Marks: []Mark{{"majority", 0.15}}}
	heat := Heat{Caption: "Weights", Rows: []string{"a", nasty}, Columns: []string{"x", "y"}, Values: []Numbers{{1, -1}, {0, math.NaN()}}, RowAxis: "query", ColAxis: "key", Digits: 2}
	return &Report{Title: "A *report*", Subtitle: Quote(nasty), Lead: []Block{Facts{[]Fact{{"best", "90 %", "of 12"}}}}, Foot: "seed `1`",
		Sections: []Section{{"one", "First", []Block{Paragraph{"See [the second](#two) and **this**: " + Quote(nasty)}, Note{"note"}, List{[]Text{"a", Plain(nasty)}}, curve,
			Bars{Caption: "Bars", Items: []Item{{Name: Plain(nasty), Value: 3}, {Name: "b", Value: -1, Strong: true}}},
			Dots{Caption: "Dots", Axis: Axis{Format: Percent}, Items: []Item{{Name: "a", Value: 0.5, Low: 0.4, High: 0.6}}, Marks: []Mark{{"chance", 0.1}}}}},
			{"two", "Second", []Block{heat, Maps{"Heads", []Heat{heat}}, Strips{Caption: "Words", Rows: []Strip{{"f", []string{"a", nasty}, []float64{1, -2}}}},
				Table{"Table", []Column{{"a", false}, {"b", true}}, [][]Text{{Plain(nasty), "1"}}},
				Slider{"Slide", "temperature", 1, []Frame{{"0.1", heat}, {"1", curve}}}, Details{"More", []Block{Paragraph{"inside"}}}}}}}
}

func TestHTMLStandsAlone(t *testing.T) {
	page := sample().HTML()
	for _, bad := range []string{"http://", "https://", "src=", "@import", "url(", "<link", "fetch(", "XMLHttpRequest", "NaN", "Inf"} {
		if strings.Contains(page, bad) {
			t.Errorf("the page has %s", bad)
		}
	}
	if strings.Contains(page, "<script>alert") {
		t.Error("a message became a part of the page")
	}
	if n := strings.Count(page, "<script>"); n != 1 {
		t.Errorf("%d scripts, want 1", n)
	}
	for _, want := range []string{`<a href="#two">`, `<section id="two">`, `<html lang="en">`, "prefers-color-scheme: dark", "@media print", `role="img"`} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %s", want)
		}
	}
}

// Every element that opens closes, in order.
func TestHTMLNests(t *testing.T) {
	var open []string
	void := map[string]bool{"meta": true, "input": true, "line": true, "!doctype": true}
	page := regexp.MustCompile(`(?s)<style>.*?</style>|<script>.*?</script>`).ReplaceAllString(sample().HTML(), "")
	for _, m := range regexp.MustCompile(`<(/?)([!a-z0-9]+)((?:[^>"]|"[^"]*")*)>`).FindAllStringSubmatch(page, -1) {
		switch {
		case m[1] == "/":
			if len(open) == 0 || open[len(open)-1] != m[2] {
				t.Fatalf("%s closes, open are %v", m[2], open)
			}
			open = open[:len(open)-1]
		case !void[m[2]] && !strings.HasSuffix(m[3], "/"):
			open = append(open, m[2])
		}
	}
	if len(open) > 0 {
		t.Errorf("left open: %v", open)
	}
}

func TestMarkdownKeepsTables(t *testing.T) {
	for line := range strings.Lines(sample().Markdown()) {
		if bare := strings.ReplaceAll(line, `\|`, ""); strings.HasPrefix(line, "|") && !strings.HasSuffix(strings.TrimSpace(bare), "|") {
			t.Errorf("a broken row: %s", line)
		}
		if strings.Contains(line, "<script>") && !strings.Contains(line, `\<script\>`) {
			t.Errorf("a message became markup: %s", line)
		}
	}
}

// JSON has every block with its kind and no markup.
func TestJSON(t *testing.T) {
	raw, err := sample().JSON()
	if err != nil || !strings.Contains(string(raw), "null") {
		t.Fatalf("a value that is no number should be null: %v", err)
	}
	r := sample()
	r.Sections = r.Sections[:1]
	r.Sections[0].Blocks = []Block{Paragraph{"a **b** " + Quote("c")}, Slider{Frames: []Frame{{"x", Note{"n"}}}}, Details{"s", []Block{Note{"m"}}}}
	if raw, err = r.JSON(); err != nil {
		t.Fatal(err)
	}
	var back struct {
		Title    string
		Sections []struct {
			Blocks []struct {
				Kind, Text string
				Frames     []struct{ Block struct{ Kind, Text string } }
				Blocks     []struct{ Kind string }
			}
		}
	}
	if err := json.Unmarshal(raw, &back); err != nil {
		t.Fatalf("%v\n%s", err, raw)
	}
	b := back.Sections[0].Blocks
	if back.Title != "A report" || b[0].Kind != "paragraph" || b[0].Text != "a b “c”" || b[1].Frames[0].Block.Kind != "note" || b[2].Blocks[0].Kind != "note" {
		t.Errorf("have %s", raw)
	}
}

func TestNumbers(t *testing.T) {
	for have, want := range map[string]string{
		Figure(0): "0", Figure(12345): "12,345", Figure(87.26): "87.3", Figure(0.0125): "0.0125", Figure(-1.5): "−1.5", Figure(2.5e-14): "2.5 × 10⁻¹⁴",
		Figure(1.5e15): "1.5 × 10¹⁵", Figure(2186875592): "2,186,875,592", Share(0.873): "87.3 %", Size(512): "512 B", Size(1536000): "1.54 MB", Whole(-1234567): "−1,234,567",
		Duration(3200 * time.Millisecond): "3.2 s", Duration(125 * time.Second): "2 min 05 s", Duration(850 * time.Microsecond): "850 µs",
		Duration(3*time.Hour + 7*time.Minute): "3 h 07 min", Power.Write(1e-7): "10⁻⁷", Percent.Write(0.5): "50 %", Figure(math.NaN()): "–",
	} {
		if have != want {
			t.Errorf("have %q, want %q", have, want)
		}
	}
}

func TestTicks(t *testing.T) {
	s := Axis{}.fit(0, 100, []float64{0.13, 0.87})
	if s.from != 0 || s.to != 1 {
		t.Errorf("an axis from %v to %v, want 0 to 1", s.from, s.to)
	}
	if n := len(s.ticks(6)); n < 4 || n > 7 {
		t.Errorf("%d ticks", n)
	}
	for _, v := range (Axis{Log: true}).fit(0, 100, []float64{1e-9, 3}).ticks(5) {
		if e := math.Log10(v); math.Abs(e-math.Round(e)) > 1e-9 {
			t.Errorf("tick %v is no power of ten", v)
		}
	}
	if p := (Axis{Log: true}).fit(0, 100, []float64{1, 100}).place(10); math.Abs(p-50) > 1e-9 {
		t.Errorf("10 of 1 to 100 lies at %v, want 50", p)
	}
}
