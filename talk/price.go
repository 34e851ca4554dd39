package talk

import (
	"context"
	"fmt"

	"github.com/qkvgo/qkv/talk/report"
)

// price says what others paid for the models the talk names, and what it would cost
// to train one.
func (r *run) price(context.Context) (*report.Section, error) {
	z := r.size
	counts := report.Table{Caption: "Parameters of one layer of width d, as PyTorch counts them, biases and norms included: an LSTM layer has two biases, 8d² + 8d; a Transformer block has four projections and a feed-forward net of 4d, 12d² + 13d.",
		Columns: []report.Column{{Name: "Width d", Right: true}, {Name: "LSTM layer", Right: true}, {Name: "Transformer block", Right: true}}}
	for _, d := range []int{z.width, 512, 768} {
		counts.Rows = append(counts.Rows, []report.Text{number(float64(d)), number(float64(LSTMParameters(d))), number(float64(BlockParameters(d)))})
	}
	text := "The talk names BERT, GPT-2, RoBERTa and Megatron-LM with its 8.3 billion parameters. Its point is not their size but who pays: others train such a model once, and everybody fine-tunes it. What once costs can be reckoned on the back of an envelope: reading one token in training takes about 6 operations for each parameter."
	blocks := []report.Block{report.Paragraph{Text: report.Text(text)},
		report.Calculator{Caption: "It starts with BERT base: 110 million parameters, 1 million steps of 256 texts of 512 tokens, on 16 devices that really do 40 trillion operations a second at 1.00 an hour. Change any of it.", Parameters: 1.1e8, Tokens: 1.31e11, Speed: 4e13, Devices: 16, Price: 1}}
	if p := r.pretrained[maskedToken]; p != nil {
		n := parameters(p.Model.Model)
		ops := 6 * float64(n) * float64(p.seen)
		blocks = append(blocks, report.Paragraph{Text: report.Text(fmt.Sprintf("By the same rule this run’s own pretraining was %s operations: %s parameters, %s tokens, in %s.", report.Figure(ops), report.Whole(int64(n)), report.Whole(int64(p.seen)), report.Duration(p.took)))})
	}
	return &report.Section{ID: "price", Title: "What it costs, and who pays", Blocks: append(blocks, counts)}, nil
}

// LSTMParameters counts an LSTM layer of width d on input of width d, with PyTorch's
// two biases.
func LSTMParameters(d int) int { return 8*d*d + 8*d }

// BlockParameters counts a Transformer block of width d with a feed-forward net of 4d:
// four projections, two more, their biases, and two norms.
func BlockParameters(d int) int { return 12*d*d + 13*d }
