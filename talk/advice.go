package talk

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/qkvgo/qkv/talk/report"
)

// Advice is what the run ends with.
type Advice struct {
	Best     string `json:"best"`     // the key of the rung with the highest accuracy
	Cheapest string `json:"cheapest"` // of the cheapest whose interval reaches it

	// More is what the next hundred labels would likely add to the accuracy of
	// the rung Curve, read off its learning curve.
	More  *float64 `json:"next_hundred_labels,omitempty"`
	Curve string   `json:"learning_curve_of,omitempty"`

	// Doubtful are test documents that all rungs get wrong.
	Doubtful []Doubt `json:"all_rungs_wrong,omitempty"`
}

// Doubt is a document whose label may be the mistake.
type Doubt struct {
	Text   string `json:"text"`
	Label  string `json:"label"`
	Called string `json:"called"` // by most rungs
	Votes  int    `json:"votes"`  // how many call it so
}

// cheapest is the rung with the fewest parameters of those whose interval reaches the
// accuracy of the best one, the lower of equals.
func (r *run) cheapest() *rung {
	best := r.best()
	cheap := best
	for _, g := range r.rungs {
		if g.High >= best.Point && g.parameters < cheap.parameters {
			cheap = g
		}
	}
	return cheap
}

// doubts are the test documents that no rung calls right, those first on which most
// rungs agree.
func (r *run) doubts() []Doubt {
	var all []Doubt
	for i, e := range r.set.Test {
		votes := make([]int, len(r.set.Labels))
		wrong := true
		for _, g := range r.rungs {
			votes[g.called[i]]++
			wrong = wrong && !g.right[i]
		}
		if wrong {
			most := slices.Index(votes, slices.Max(votes))
			all = append(all, Doubt{e.Text, e.Label, r.set.Labels[most], votes[most]})
		}
	}
	slices.SortStableFunc(all, func(a, b Doubt) int { return cmp.Compare(b.Votes, a.Votes) })
	return all
}

// inPython says how a rung's folder opens in Python.
func inPython(g *rung) report.Text {
	if strings.HasPrefix(g.model.Architecture, "QKV") {
		return "In Python: `safetensors.numpy.load_file(\"best/model.safetensors\")` gives the arrays by name, and `transformers.PreTrainedTokenizerFast(tokenizer_file=\"best/tokenizer.json\")` the tokens. The architecture is not one of Hugging Face’s: `config.json` says how it is put together."
	}
	return "In Python: `transformers.AutoModelForSequenceClassification.from_pretrained(\"best\")`."
}

// advise ends the report.
func (r *run) advise(context.Context) (*report.Section, error) {
	best, cheap := r.best(), r.cheapest()
	a := &r.figures.Advice
	a.Best, a.Cheapest, a.Doubtful = best.key, cheap.key, r.doubts()
	points := []report.Text{
		report.Text(fmt.Sprintf("**The best rung** here is *%s*: %s of the test documents, between %s and %s with 95 %% confidence.", best.name, report.Share(best.Point), report.Share(best.Low), report.Share(best.High))),
	}
	if cheap == best {
		points = append(points, "**Nothing cheaper reaches it**: no rung with fewer parameters has an interval that holds the best accuracy.")
	} else {
		points = append(points, report.Text(fmt.Sprintf("**The cheapest rung whose interval reaches it** is *%s*: %s, with %s parameters where the best has %s. If you must choose today, this test gives no strong reason to pay for more.",
			cheap.name, report.Share(cheap.Point), report.Whole(int64(cheap.parameters)), report.Whole(int64(best.parameters)))))
	}
	if text := r.nextLabels(); text != "" {
		points = append(points, text)
	}
	points = append(points, report.Text(fmt.Sprintf("**Look at %d documents**: all %d rungs call them wrong. Some are hard; some have the wrong label. They are listed below, those on which most rungs agree first.", len(a.Doubtful), len(r.rungs))))
	blocks := []report.Block{report.List{Items: points}}
	if len(a.Doubtful) > 0 {
		t := report.Table{Caption: report.Text(fmt.Sprintf("Test documents that no rung calls as their label says, the first %d of %d.", min(len(a.Doubtful), 15), len(a.Doubtful))),
			Columns: []report.Column{{Name: "Document"}, {Name: "Label"}, {Name: "Called by most"}, {Name: "Votes", Right: true}}}
		for _, d := range a.Doubtful[:min(len(a.Doubtful), 15)] {
			t.Rows = append(t.Rows, []report.Text{report.Plain(cut(d.Text, 160)), report.Plain(d.Label), report.Plain(d.Called), report.Text(fmt.Sprintf("%d of %d", d.Votes, len(r.rungs)))})
		}
		blocks = append(blocks, t)
	}
	blocks = append(blocks, report.Paragraph{Text: "Both models lie beside this report, in the folders `best` and `cheapest`: `config.json`, `model.safetensors` and `tokenizer.json`, as Hugging Face lays them out."},
		report.List{Items: []report.Text{"Here: `qkv predict best new.csv > labelled.csv`, or `qkv classify -m best \"a new document\"`.", inPython(best)}})
	return &report.Section{ID: "advice", Title: "What to do with this", Blocks: blocks}, nil
}
