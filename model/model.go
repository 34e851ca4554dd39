// Package model is what all model pages share: how a model is called, what it
// answers, and the few heads and losses that many of them have in common.
//
// The pages themselves, one folder a paper, read like their papers. Packages
// that must treat every model alike (the parity check, the trainer, the tasks)
// see them through Model.
package model

import (
	"github.com/qkvgo/qkv/nn"
	"github.com/qkvgo/qkv/tensor"
)

// Input is what a model is called with, under Hugging Face's names, all
// sequences of the batch one below the other and nothing padded.
type Input struct {
	IDs    []int32 // input_ids: [rows] token ids
	Types  []int32 // token_type_ids: [rows], or nil for zeros
	Pixels []float32
	// Pixels are pixel_values: [pixels, channels], channels last, the pictures'
	// rows one below the other; the pass's batch has a grid of pixels each.

	Choices int // sequences that follow each other and are choices of one question; 0: 1

	Labels  []int32   // labels: a class per row, per sequence or per question; nil: no loss
	Targets []float32 // labels that are numbers: [sequences, outputs]
	Starts  []int32   // start_positions: [sequences]
	Ends    []int32   // end_positions: [sequences]
	Next    []int32   // next_sentence_label: [sequences]
	Masked  []bool    // bool_masked_pos: [patches]

	Summaries []int32 // mc_token_ids: [sequences] the row of each sequence that stands for it; nil: the last
	Chosen    []int32 // mc_labels: [questions] the right choice

	Encoded     []float32 // encoder_hidden_states: [encoder rows, width], for cross-attention
	EncodedRows nn.Batch  // which of them belong to which sequence; places that encoder_attention_mask hides are left out

	InterpolatePositions bool // interpolate_pos_encoding: pictures may have another size than the table
}

// Axis says what the rows of an output stand for.
type Axis uint8

// The axes an output can have.
const (
	PerRow      Axis = iota // a row for each row of the batch
	PerSequence             // a row for each sequence
	PerPixel                // a row for each pixel of each picture, channels last
	PerCall                 // one number for the call, as a loss
)

// Output is one named result of a model.
type Output struct {
	Name  string // as the reference names it: logits, loss, pooler_output, …
	Value *tensor.Tensor
	Axis  Axis
}

// Model is a page seen from outside: any architecture with its head.
type Model interface {
	// Run maps the input to everything that the reference returns, in its
	// order; a loss comes first, and only with labels.
	Run(p *nn.Pass, in *Input) []Output
}

// CausalLM is a model that predicts the next token.
type CausalLM interface {
	Model
	// Hidden maps ids, [rows], to the last hidden states, [rows, width].
	Hidden(p *nn.Pass, ids []int32) *tensor.Tensor
	// Unembed maps hidden states [n, width] to scores, [n, vocabulary].
	Unembed(p *nn.Pass, x *tensor.Tensor) *tensor.Tensor
	// Vocabulary is how many tokens there are.
	Vocabulary() int
}

// Scored is a CausalLM that can be told what follows without keeping all scores.
type Scored interface {
	CausalLM
	// ScoreLoss is the mean cross-entropy of Unembed's scores of hidden states,
	// [n, width], and the targets, [n], to the last bit.
	ScoreLoss(p *nn.Pass, x *tensor.Tensor, targets []int32) *tensor.Tensor
}

// ColumnPositions is a CausalLM whose reference, when it generates from a padded
// batch, counts positions from the batch's left edge, padding included.
type ColumnPositions interface {
	CausalLM
	ColumnPositions()
}

// Directed is a CausalLM that is not causal under every config.
type Directed interface {
	CausalLM
	// Causal says whether rows see only those before them.
	Causal() bool
}

// Vision is a model of pictures.
type Vision interface {
	Model
	// PictureSize is the size of the pictures in pixels that the model was
	// made for, and the number of their channels.
	PictureSize() (height, width, channels int)
}

// Limited is a model with a table of positions.
type Limited interface {
	// Positions is the most rows that a sequence can have.
	Positions() int
}

// Labelled is a model that classifies.
type Labelled interface {
	Model
	// ClassLabels are the names of its classes and what kind of problem they
	// are.
	ClassLabels() Labels
}

// Encoder is a model that gives each row a vector.
type Encoder interface {
	Model
	// Encode maps the input to the last hidden states, [rows, width].
	Encode(p *nn.Pass, in *Input) *tensor.Tensor
}

// Labels of heads: id2label and what follows from it.
type Labels struct {
	ID2Label    map[string]string `json:"id2label"`
	Label2ID    map[string]int    `json:"label2id"`
	Number      *int              `json:"num_labels"`                                                                            // counts where id2label does not say
	ProblemType string            `json:"problem_type" want:"regression,single_label_classification,multi_label_classification"` // empty: from the labels' type and number
}

// Count is the number of labels; 2 where the config names none.
func (l Labels) Count() int {
	switch {
	case l.ID2Label != nil:
		return len(l.ID2Label)
	case l.Number != nil:
		return *l.Number
	}
	return 2
}

// Name is the label of class i.
func (l Labels) Name(i int) string {
	if s, ok := l.ID2Label[itoa(i)]; ok {
		return s
	}
	return "LABEL_" + itoa(i)
}
