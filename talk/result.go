package talk

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/qkvgo/qkv/internal/atomicfile"
	"github.com/qkvgo/qkv/talk/report"
)

// chapters is the whole run, in order.
func (r *run) chapters() []chapter {
	list := []chapter{{"counting documents", 0.1, r.documents}}
	for _, c := range r.recipes() {
		cost := 4.0
		switch {
		case c.rate == 0:
			cost = 0.3
		case c.base:
			cost = 40
		}
		if c.pretext != "" {
			list = append(list, chapter{"reading without labels: " + c.name, 16, r.read(c)})
		}
		list = append(list, chapter{"training: " + c.name, cost, r.climb(c)})
	}
	return append(list, []chapter{
		{"comparing", 0.5, r.ladder},
		{"counting words", 0.5, r.bags},
		{"shuffling words", 1, r.order},
		{"following gradients", 2, r.gradients},
		{"looking into the LSTM", 0.5, r.memory},
		{"timing", 8, r.costs},
		{"looking at heads", 3, r.heads},
		{"trying positions", 12, r.places},
		{"trying activations", 9, r.activations},
		{"trying optimizers", 14, r.optimizers},
		{"showing what was read", 1, r.reading},
		{"learning from fewer labels", 80, r.curves},
		{"trying sizes", 6, r.scaling},
		{"reckoning prices", 0.1, r.price},
		{"reading on and on", 1, r.stream},
		{"advising", 0.1, r.advise},
	}...)
}

// result puts the report together.
func (r *run) result() *Result {
	best, cheap := r.best(), r.cheapest()
	r.figures.Advice.Best, r.figures.Advice.Cheapest = best.key, cheap.key
	r.figures.Seed, r.figures.Quick, r.figures.Seconds = r.Seed, r.Quick, r.Now().Sub(r.start).Seconds()
	took := report.Duration(r.Now().Sub(r.start))
	rep := &report.Report{Title: "LSTM is dead. Long live Transformers?",
		Subtitle: report.Text(fmt.Sprintf("The ladder from bag of words to Transformer, climbed on %s in %s.", report.Plain(r.set.Name), took)),
		Lead:     r.lead(),
		Sections: r.sections,
		Foot:     report.Text(fmt.Sprintf("Made by `%s`, qkv %s, seed %d, %s with %d threads.", r.Command, r.Version, r.Seed, r.Device.Name(), r.Device.Threads())),
	}
	return &Result{Report: rep, Figures: r.figures, best: best, cheapest: cheap}
}

// Files that Write makes in its folder.
const (
	HTMLFile     = "report.html"
	MarkdownFile = "report.md"
	JSONFile     = "report.json"
)

// Write puts the report and the two models into the folder dir, which it makes
// where there is none; what stands there under the same names is replaced.
func (r *Result) Write(dir string) error {
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return err
	}
	page, err := r.Report.JSON()
	if err != nil {
		return err
	}
	figures, err := json.MarshalIndent(r.Figures, "", " ")
	if err != nil {
		return err
	}
	both := fmt.Appendf(nil, "{\n\"figures\": %s,\n\"report\": %s}\n", figures, page)
	for name, content := range map[string]string{HTMLFile: r.Report.HTML(), MarkdownFile: r.Report.Markdown(), JSONFile: string(both)} {
		if err := atomicfile.Write(filepath.Join(dir, name), func(w io.Writer) error {
			_, err := io.WriteString(w, content)
			return err
		}); err != nil {
			return err
		}
	}
	for name, g := range map[string]*rung{"best": r.best, "cheapest": r.cheapest} {
		path := filepath.Join(dir, name)
		if _, err := os.Lstat(filepath.Join(path, "config.json")); err == nil {
			if err := atomicfile.RemoveFolder(path); err != nil {
				return err
			}
		}
		if err := atomicfile.Folder(path, g.model.Save); err != nil {
			return err
		}
	}
	return nil
}
