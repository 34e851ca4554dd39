package model

import (
	"slices"
	"strconv"

	"github.com/qkvgo/qkv/nn"
	"github.com/qkvgo/qkv/tensor"
)

func itoa(n int) string { return strconv.Itoa(n) }

// NextTokenLoss is the mean cross-entropy of each row's scores [rows,
// vocabulary] and the label of the row after it in its sequence.
func NextTokenLoss(p *nn.Pass, logits *tensor.Tensor, labels []int32) *tensor.Tensor {
	return logits.CrossEntropy(NextLabels(p, labels))
}

// NextLabels is the label of the row after each row in its sequence, and Ignore
// for the last ones.
func NextLabels(p *nn.Pass, labels []int32) []int32 {
	next := make([]int32, len(labels))
	for i := range p.Rows.Len() {
		lo, hi := p.Rows.Off[i], p.Rows.Off[i+1]
		if lo == hi {
			continue
		}
		copy(next[lo:hi-1], labels[lo+1:hi])
		next[hi-1] = tensor.Ignore
	}
	return next
}

// Continued is the output of a head that scores the next token: logits [rows,
// vocabulary], and before them the loss where the input has labels.
func Continued(p *nn.Pass, logits *tensor.Tensor, in *Input) []Output {
	out := []Output{{Name: "logits", Value: logits}}
	if in.Labels != nil {
		out = append([]Output{{"loss", NextTokenLoss(p, logits, in.Labels), PerCall}}, out...)
	}
	return out
}

// Classified is the output of a classification head: logits, and before them
// the loss where the input has labels. The kind of loss is the config's
// problem_type, or follows from the labels as the reference has it: one label
// is regression, whole numbers are classes, other numbers are independent
// labels.
func Classified(l Labels, logits *tensor.Tensor, in *Input, axis Axis) []Output {
	out := []Output{{"logits", logits, axis}}
	var loss *tensor.Tensor
	switch {
	case in.Labels == nil && in.Targets == nil:
		return out
	case l.ProblemType == "regression" || (l.ProblemType == "" && logits.Width() == 1):
		loss = logits.MSE(in.targets())
	case l.ProblemType == "multi_label_classification" || (l.ProblemType == "" && in.Targets != nil):
		loss = logits.BCEWithLogits(in.targets())
	default:
		loss = logits.CrossEntropy(in.Labels)
	}
	return append([]Output{{"loss", loss, PerCall}}, out...)
}

// targets are the labels as numbers.
func (in *Input) targets() []float32 {
	if in.Targets != nil {
		return in.Targets
	}
	t := make([]float32, len(in.Labels))
	for i, l := range in.Labels {
		t[i] = float32(l)
	}
	return t
}

// Spanned is the output of a question-answering head: scores [rows, 2] of each
// row to be the answer's first and last, and the loss where the input says
// which are: the mean of two cross-entropies over each sequence's rows. Places
// outside a sequence are left out.
func Spanned(p *nn.Pass, scores *tensor.Tensor, in *Input) []Output {
	start, end := scores.Cols(0, 1), scores.Cols(1, 2)
	out := []Output{{"start_logits", start, PerRow}, {"end_logits", end, PerRow}}
	if in.Starts == nil || in.Ends == nil {
		return out
	}
	loss := SpanLoss(p, start, in.Starts).Add(SpanLoss(p, end, in.Ends)).Scale(0.5)
	return append([]Output{{"loss", loss, PerCall}}, out...)
}

// SpanLoss is the mean over sequences of the cross-entropy of the scores
// [rows, 1] over a sequence's rows and the place at [sequence].
func SpanLoss(p *nn.Pass, scores *tensor.Tensor, at []int32) *tensor.Tensor {
	var sum *tensor.Tensor
	count := 0
	for i := range p.Rows.Len() {
		lo, hi := p.Rows.Off[i], p.Rows.Off[i+1]
		if at[i] < 0 || int(at[i]) >= hi-lo {
			continue
		}
		count++
		// A column of rows as one row: the places are the classes.
		loss := scores.Slice(lo, hi).Column().CrossEntropy(at[i : i+1])
		if sum == nil {
			sum = loss
		} else {
			sum = sum.Add(loss)
		}
	}
	if sum == nil {
		panic(&tensor.Fault{Op: "SpanLoss", Msg: "no sequence has its answer inside"})
	}
	return sum.Scale(1 / float32(count))
}

// Choose is the output of a head that scores, [sequences, 1], each sequence as one
// of several choices of a question: the same scores, and the loss, a
// cross-entropy over each question's choices, where chosen says which is right.
// All questions have equally many choices.
func Choose(scores *tensor.Tensor, choices int, chosen []int32) (logits, loss *tensor.Tensor) {
	choices = max(choices, 1)
	if chosen == nil {
		return scores, nil
	}
	if scores.Rows() != choices*len(chosen) {
		panic(&tensor.Fault{Op: "Choose", Shapes: [][]int{scores.Shape(), {len(chosen)}}, Msg: "not " + itoa(choices) + " sequences a question"})
	}
	return scores, scores.Reshape(len(chosen), choices).CrossEntropy(chosen)
}

// Tagged is the output of a head that classifies every row.
func Tagged(logits *tensor.Tensor, in *Input) []Output {
	out := []Output{{"logits", logits, PerRow}}
	if in.Labels != nil {
		out = append([]Output{{"loss", logits.CrossEntropy(in.Labels), PerCall}}, out...)
	}
	return out
}

// LastToken is the row that decoders classify a sequence by: the one before the
// first padding token, as the reference counts it from the ids, and the last
// one where there is none or the sequence begins with it.
func LastToken(b nn.Batch, ids []int32, pad *int32) []int32 {
	rows := b.Lasts()
	if pad == nil {
		return rows
	}
	for i := range rows {
		lo, hi := b.Off[i], b.Off[i+1]
		if first := slices.Index(ids[lo:hi], *pad); first > 0 {
			rows[i] = int32(lo + first - 1)
		}
	}
	return rows
}
