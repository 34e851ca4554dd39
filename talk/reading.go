package talk

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/qkvgo/qkv/model"
	"github.com/qkvgo/qkv/nn"
	"github.com/qkvgo/qkv/talk/report"
	"github.com/qkvgo/qkv/token"
)

// ReadingFigures are what a language model learned from text without labels.
type ReadingFigures struct {
	Key        string    `json:"key"`
	Objective  string    `json:"objective"`
	Tokens     int       `json:"tokens"`
	Before     float64   `json:"held_out_loss_before"` // nats
	After      float64   `json:"held_out_loss"`
	Perplexity float64   `json:"perplexity"`
	Uniform    float64   `json:"uniform_loss"` // ln V
	Losses     []float64 `json:"losses"`       // smoothed
	Fresh      []string  `json:"new_parameters"`
}

// reading shows what pretraining did.
func (r *run) reading(ctx context.Context) (*report.Section, error) {
	if len(r.pretrained) == 0 {
		return nil, nil
	}
	uniform := math.Log(float64(r.pieces.VocabSize()))
	lines := report.Lines{Caption: report.Text(fmt.Sprintf("Loss while reading, smoothed. A model that knows nothing spreads its bets over all %s tokens and loses ln V = %.2f nats on each.", report.Whole(int64(r.pieces.VocabSize())), uniform)),
		X: report.Axis{Label: "step"}, Y: report.Axis{Label: "loss, nats a token"}, Marks: []report.Mark{{Name: "ln V", Y: uniform}}}
	table := report.Table{Caption: "On held-out text. The perplexity is e to the loss: among how many equally likely tokens the model still wavers. The two tasks differ, so the two losses cannot be compared with each other.",
		Columns: []report.Column{{Name: "Network"}, {Name: "Task"}, {Name: "Tokens read", Right: true}, {Name: "Loss before", Right: true}, {Name: "after", Right: true}, {Name: "Perplexity", Right: true}, {Name: "Time", Right: true}}}
	for _, task := range []string{nextToken, maskedToken} {
		p := r.pretrained[task]
		if p == nil {
			continue
		}
		what := report.Text("say the next token")
		if task == maskedToken {
			what = "fill in hidden tokens"
		}
		x, y := smoothed(p.losses, 30)
		lines.Series = append(lines.Series, report.Series{Name: report.Text(p.recipe.name), X: x, Y: y, Bare: true})
		table.Rows = append(table.Rows, []report.Text{report.Text(p.recipe.name), what, number(float64(p.seen)), number(p.before), number(p.after), number(math.Exp(p.after)), report.Text(report.Duration(p.took))})
		m, err := r.make(p.recipe, r.Seed)
		if err != nil {
			return nil, err
		}
		r.figures.Reading = append(r.figures.Reading, ReadingFigures{p.recipe.key, task, p.seen, p.before, p.after, math.Exp(p.after), uniform, y, adopt(m.Model, p.Model.Model)})
	}
	blocks := []report.Block{
		report.Paragraph{Text: report.Text(fmt.Sprintf("Labels are dear and text is cheap. So first both networks read all the text there is, the %d training documents without their labels and %d more: the LSTM learns to say the next token; the Transformer sees both sides, and learns to fill in the 15 %% of tokens that were hidden from it. Then each keeps its body, gets a new head for the classes, and learns from labels.", len(r.set.Train), len(r.set.Unlabelled)))}, lines, table}
	if p := r.pretrained[maskedToken]; p != nil {
		block, err := r.fillIn(ctx, p)
		if err != nil {
			return nil, err
		}
		blocks = append(blocks, block)
	}
	if p := r.pretrained[nextToken]; p != nil {
		blocks = append(blocks, r.goOn(ctx, p))
	}
	return &report.Section{ID: "reading", Title: "Reading before learning", Blocks: append(blocks, report.Note{Text: "This is very little text: BERT read three thousand million words. What a network gains here by reading first says little about one that others pretrained; name such a model with `--model` and it joins the ladder. For the LSTM there is ULMFiT (Howard & Ruder 2018), which read a hundred million words and thawed its layers one by one; both networks here are fine-tuned whole, in the same plain way."})}, nil
}

// fillIn hides a word of some test documents and shows what the model puts there.
func (r *run) fillIn(ctx context.Context, p *pretrained) (report.Block, error) {
	f := p.Model.Model.(model.Filler)
	t := report.Table{Caption: "Hidden words of test documents, and what the Transformer would put there, the likeliest first.", Columns: []report.Column{{Name: "Text"}, {Name: "Hidden"}, {Name: "Filled in"}}}
	mask, _ := r.pieces.TokenToID("[MASK]")
	for _, text := range r.sentences(7)[1+len(r.Sentences):] {
		e, err := r.pieces.EncodeWith(token.Input{Text: text}, token.Options{AddSpecialTokens: true})
		if err != nil {
			return nil, err
		}
		at := len(e.IDs) / 2
		ids := slices.Clone(e.IDs)
		ids[at] = mask
		pass := nn.NewPass(ctx, nn.Sequences(len(ids)), nn.Options{Device: r.Device})
		scores := f.Fill(pass, &model.Input{IDs: ids}, []int32{int32(at)})
		chance := slices.Clone(scores.Softmax().Row(0))
		pass.Close()
		order := make([]int, len(chance))
		for i := range order {
			order[i] = i
		}
		slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(chance[b], chance[a]) })
		cell := report.Text("")
		for i, id := range order[:min(4, len(order))] {
			if i > 0 {
				cell += ", "
			}
			word, _ := r.pieces.IDToToken(int32(id))
			cell += report.Plain(word) + report.Text(fmt.Sprintf(" %.0f %%", 100*chance[id]))
		}
		words := slices.Clone(e.Tokens[1 : len(e.Tokens)-1])
		hidden := words[at-1]
		words[at-1] = "▢"
		t.Rows = append(t.Rows, []report.Text{report.Plain(joined(words)), report.Plain(hidden), cell})
	}
	return t, nil
}

// joined puts pieces together into words.
func joined(pieces []string) string {
	return strings.ReplaceAll(strings.Join(pieces, " "), " ##", "")
}

// goOn lets the LSTM continue the beginnings of test documents, the likeliest token
// each time.
func (r *run) goOn(ctx context.Context, p *pretrained) report.Block {
	lm := p.Model.Model.(model.CausalLM)
	end, _ := r.pieces.TokenToID("[SEP]")
	l := report.List{}
	for _, text := range r.sentences(4)[1+len(r.Sentences):] {
		e, err := r.pieces.Encode(text)
		if err != nil || len(e.IDs) < 5 {
			continue
		}
		ids := slices.Clone(e.IDs[:4])
		for range 12 {
			pass := nn.NewPass(ctx, nn.Sequences(len(ids)), nn.Options{Device: r.Device})
			scores := lm.Unembed(pass, pass.Last(lm.Hidden(pass, ids))).Row(0)
			next := int32(0)
			for i, v := range scores {
				if v > scores[next] {
					next = int32(i)
				}
			}
			pass.Close()
			if next == end {
				break
			}
			ids = append(ids, next)
		}
		var words []string
		for _, id := range ids[4:] {
			word, _ := r.pieces.IDToToken(id)
			words = append(words, word)
		}
		l.Items = append(l.Items, report.Quote(joined(e.Tokens[1:4])+" …")+" → "+report.Quote(joined(words)))
	}
	return report.Details{Summary: "The LSTM goes on with the beginnings of documents", Blocks: []report.Block{l}}
}
