package talk

import (
	"fmt"

	"github.com/qkvgo/qkv/talk/report"
)

// lead is what a reader in a hurry reads.
func (r *run) lead() []report.Block {
	best, cheap := r.best(), r.cheapest()
	share, _ := r.set.majority()
	facts := report.Facts{Items: []report.Fact{
		{Name: "Best rung", Value: report.Text(best.name), Remark: report.Text(report.Share(best.Point) + " right")},
		{Name: "Cheapest that reaches it", Value: report.Text(cheap.name), Remark: report.Text(report.Share(cheap.Point) + " right, " + report.Whole(int64(cheap.parameters)) + " parameters")},
		{Name: "Without learning anything", Value: report.Text(report.Share(share)), Remark: "always the most frequent class"},
		{Name: "Test documents", Value: report.Text(report.Whole(int64(len(r.set.Test)))), Remark: report.Text(fmt.Sprintf("%d classes", len(r.set.Labels)))},
	}}
	blocks := []report.Block{
		report.Paragraph{Text: "In 2019 Leo Dirac gave a talk, *LSTM is dead. Long live Transformers!*, that takes its listeners from the bag of words to the Transformer and says why each step was taken. This report takes the same steps on your documents: every network below was trained, timed and tested for it, and every figure comes from this run. Whether the title holds for you is for the figures to say."},
		facts,
	}
	if a, b := r.rung("lstm"), r.rung("transformer"); a != nil && b != nil {
		blocks = append(blocks, report.List{Items: r.verdicts(a, b)})
	}
	if r.Quick {
		blocks = append(blocks, report.Note{Text: "This was a quick run: small models, few steps, few documents. Look at how it goes; do not quote the figures."})
	}
	return blocks
}

// verdicts say in a sentence each what the talk's claims came to.
func (r *run) verdicts(lstm, transformer *rung) []report.Text {
	over := func(what string, a, b *rung) report.Text {
		d := 100 * (b.Point - a.Point)
		verb := "lies above"
		switch {
		case d < 0:
			verb = "lies below"
		case d == 0:
			verb = "equals"
		}
		return report.Text(fmt.Sprintf("**%s:** *%s* %s *%s*, %s against %s (%s points).", what, b.name, verb, a.name, report.Share(b.Point), report.Share(a.Point), signed(d)))
	}
	out := []report.Text{over("From scratch, on all labels", lstm, transformer)}
	if g := r.rung("transformer-pretrained"); g != nil {
		out = append(out, over("Reading first", transformer, g))
	}
	if g := r.rung("lstm-pretrained"); g != nil {
		out = append(out, over("Reading first, for the LSTM", lstm, g))
	}
	if g := r.rung("bag"); g != nil && r.best() != g {
		out = append(out, over("All the way up", g, r.best()))
	}
	if n := len(r.figures.Speed); n > 0 {
		last := len(r.size.lengths) - 1
		var one, many SpeedFigures
		for _, f := range r.figures.Speed {
			if f.Threads != r.Device.Threads() {
				continue
			}
			if f.Network == "LSTM" {
				one = f
			} else {
				many = f
			}
		}
		if len(one.Rates) > 0 && len(many.Rates) > 0 {
			out = append(out, report.Text(fmt.Sprintf("**Speed:** one document of %d tokens goes through the Transformer at %s tokens a second and through the LSTM at %s.", r.size.lengths[last], report.Figure(many.Rates[last]), report.Figure(one.Rates[last]))))
		}
	}
	return out
}
