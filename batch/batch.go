// Package batch turns labelled examples into what a model reads: texts, pairs of
// texts, words with tags or pictures become rows, one below the other and none
// padded, with their labels beside them.
//
//	Texts, Sentences, Pictures → Set     set.Source(plan)  batches to learn from
//	                                     Predict(model)    scores of every example
//
// A Set is encoded once. The batches of a run depend on the set, the plan and
// the number of the batch alone, so a run can be taken up anywhere.
package batch

import (
	"fmt"
	"slices"
	"strconv"

	"github.com/qkvgo/qkv/checkpoint"
	"github.com/qkvgo/qkv/data"
	"github.com/qkvgo/qkv/model"
	"github.com/qkvgo/qkv/nn"
)

// Kind is what a model is asked about an example; the first three are the
// problem_type of Hugging Face's config.json.
type Kind string

// The kinds.
const (
	Classes    Kind = "single_label_classification" // one class of several
	Labels     Kind = "multi_label_classification"  // any number of labels
	Regression Kind = "regression"                  // a number
	Tags       Kind = "token_classification"        // a class for every word
)

// Set is examples as a model reads them.
type Set struct {
	Kind   Kind
	Labels data.Labels // classes by number; nil for regression
	Cut    int         // texts that were too long and lost their end

	inputs  inputs
	classes []int32     // Classes: of each example
	targets [][]float32 // Labels, Regression: the numbers wanted of each example
	tags    [][]int32   // Tags: of each row of each example
	words   [][]int32   // Tags: the row of each word's first token, -1 where it was cut off
	source  []data.Place
}

// inputs are what the examples hold, by their number.
type inputs interface {
	len() int
	rows(i int) int // of the pass, roughly: what a budget counts
	batch(examples []int) (*model.Input, nn.Batch, error)
}

// Len is the number of examples.
func (s *Set) Len() int { return s.inputs.len() }

// Rows is the number of rows of example i: tokens, or pixels.
func (s *Set) Rows(i int) int { return s.inputs.rows(i) }

// Labelled says whether the examples have labels to learn from.
func (s *Set) Labelled() bool { return s.classes != nil || s.targets != nil || s.tags != nil }

// Classes are the numbers of the examples' classes, nil for other kinds.
func (s *Set) Classes() []int {
	if s.classes == nil {
		return nil
	}
	out := make([]int, len(s.classes))
	for i, c := range s.classes {
		out[i] = int(c)
	}
	return out
}

// Targets are the numbers wanted, [examples][outputs], nil for other kinds than
// Labels and Regression.
func (s *Set) Targets() [][]float32 { return s.targets }

// Tags are the names of the tags of the words of example i. Words that were cut
// off have none: "".
func (s *Set) Tags(i int) []string {
	names := make([]string, len(s.words[i]))
	for w, row := range s.words[i] {
		if row >= 0 && s.tags != nil {
			names[w] = s.Labels[s.tags[i][row]]
		}
	}
	return names
}

// Place is where example i was read.
func (s *Set) Place(i int) data.Place { return s.source[i] }

// Batch is the examples of the given numbers as one pass reads them.
func (s *Set) Batch(examples ...int) (data.Batch, error) {
	in, rows, err := s.inputs.batch(examples)
	if err != nil {
		return data.Batch{}, err
	}
	for _, i := range examples {
		switch {
		case s.classes != nil:
			in.Labels = append(in.Labels, s.classes[i])
		case s.targets != nil:
			in.Targets = append(in.Targets, s.targets[i]...)
		case s.tags != nil:
			in.Labels = append(in.Labels, s.tags[i]...)
		}
	}
	return data.Batch{Rows: rows, Input: in}, nil
}

// Outputs is how many numbers a model must give for an example, or for a row of
// it where every word is tagged.
func (s *Set) Outputs() int {
	if s.Kind == Regression {
		return 1
	}
	return len(s.Labels)
}

// label takes in the label of an example.
func (s *Set) label(e data.Example) error {
	switch s.Kind {
	case Classes:
		c, err := s.Labels.ID(e.Label)
		if err != nil {
			return &data.BadRow{Place: e.Source, Err: err}
		}
		s.classes = append(s.classes, int32(c))
	case Labels:
		names := e.Labels
		if names == nil && e.Label != "" {
			names = []string{e.Label}
		}
		target := make([]float32, len(s.Labels))
		for _, name := range names {
			c, err := s.Labels.ID(name)
			if err != nil {
				return &data.BadRow{Place: e.Source, Err: err}
			}
			target[c] = 1
		}
		s.targets = append(s.targets, target)
	case Regression:
		x, err := strconv.ParseFloat(e.Label, 32)
		if err != nil || x != x {
			return &data.BadRow{Place: e.Source, Err: fmt.Errorf("%q is not a number to learn", e.Label)}
		}
		s.targets = append(s.targets, []float32{float32(x)})
	default:
		return &checkpoint.Unsupported{What: fmt.Sprintf("examples of whole texts for %q", s.Kind)}
	}
	return nil
}

// LabelsOf numbers the classes of examples: those of a row that has several each.
func LabelsOf(examples ...[]data.Example) data.Labels {
	return data.NewLabels(func(yield func(string) bool) {
		for _, e := range slices.Concat(examples...) {
			names := e.Labels
			if names == nil {
				names = []string{e.Label}
			}
			for _, name := range names {
				if !yield(name) {
					return
				}
			}
		}
	})
}
