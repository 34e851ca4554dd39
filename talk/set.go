package talk

import (
	"cmp"
	"fmt"
	"path/filepath"
	"slices"
	"sort"
	"strings"

	"github.com/qkvgo/qkv/data"
)

// Set is the documents of a run.
type Set struct {
	Name       string // as the report calls it
	Train      []data.Example
	Test       []data.Example
	Unlabelled []string
	Labels     data.Labels

	Split   string // how the two came apart, in a sentence
	LeftOut int    // labelled rows that a limit kept out
	Skipped int    // rows that could not be read
}

// Limits bound what a run takes of large sets, so that it ends in minutes.
type Limits struct {
	Train, Test, Unlabelled int // documents; 0: no limit
}

// Box is the messages in the box, split as their card has it.
func Box() (*Set, error) {
	all, err := Messages()
	if err != nil {
		return nil, err
	}
	s := &Set{Name: "Messages to a library", Unlabelled: Unlabelled(), Split: "The set says itself which messages are for testing."}
	for _, m := range all {
		e := data.Example{Text: m.Text, Label: m.Label, ID: m.ID}
		if m.Split == "test" {
			s.Test = append(s.Test, e)
		} else {
			s.Train = append(s.Train, e)
		}
	}
	return s, s.finish()
}

// Source says where documents lie.
type Source struct {
	Paths      []string    // labelled
	Test       []string    // labelled, only for testing; none: a fifth of Paths
	Unlabelled []string    // texts to pretrain on
	Reader     data.Reader // of all of them
	Seed       uint64      // of the split
}

// Read reads a user's documents.
func Read(src Source) (*Set, error) {
	s := &Set{Name: bases(src.Paths)}
	var err error
	if s.Train, err = labelled(src.Reader, src.Paths); err != nil {
		return nil, err
	}
	if len(src.Test) > 0 {
		s.Split = "The test documents come from " + bases(src.Test) + "."
		if s.Test, err = labelled(src.Reader, src.Test); err != nil {
			return nil, err
		}
	} else {
		s.Split = fmt.Sprintf("A fifth of each class is for testing, drawn with seed %d; equal texts stay on one side.", src.Seed)
		if s.Train, _, s.Test, err = (data.Parts{Test: 0.2, Seed: src.Seed}).Split(s.Train); err != nil {
			return nil, err
		}
	}
	if len(src.Unlabelled) > 0 {
		r := src.Reader
		for e, err := range r.Read(src.Unlabelled...) {
			if err != nil {
				return nil, err
			}
			s.Unlabelled = append(s.Unlabelled, e.Text)
		}
	}
	if src.Reader.Skip != nil {
		s.Skipped = src.Reader.Skip.Count
	}
	return s, s.finish()
}

// bases are the last elements of paths.
func bases(paths []string) string {
	names := make([]string, len(paths))
	for i, path := range paths {
		names[i] = filepath.Base(path)
	}
	return strings.Join(names, ", ")
}

// labelled reads documents that must have a label each.
func labelled(r data.Reader, paths []string) ([]data.Example, error) {
	var all []data.Example
	for e, err := range r.Read(paths...) {
		if err != nil {
			return nil, err
		}
		if e.Label == "" {
			return nil, fmt.Errorf("%s: the document has no label: name the column with --label, or give a folder for each class", e.Source)
		}
		all = append(all, e)
	}
	return all, nil
}

// finish numbers the classes and looks whether there is something to learn and to
// test.
func (s *Set) finish() error {
	s.Labels = data.NewLabels(func(yield func(string) bool) {
		for _, e := range s.Train {
			if !yield(e.Label) {
				return
			}
		}
	})
	switch {
	case len(s.Labels) < 2:
		return fmt.Errorf("%s: %d class to learn from: want two or more", s.Name, len(s.Labels))
	case len(s.Test) < 2*len(s.Labels):
		return fmt.Errorf("%s: %d documents to test %d classes on: want at least two a class", s.Name, len(s.Test), len(s.Labels))
	}
	for _, e := range s.Test {
		if _, err := s.Labels.ID(e.Label); err != nil {
			return fmt.Errorf("the test documents: %w", err)
		}
	}
	return nil
}

// limit leaves out what is too much, classes alike.
func (s *Set) limit(l Limits, seed uint64) {
	before := len(s.Train) + len(s.Test)
	s.Train, s.Test = atMost(s.Train, l.Train, seed), atMost(s.Test, l.Test, seed)
	if l.Unlabelled > 0 {
		s.Unlabelled = s.Unlabelled[:min(len(s.Unlabelled), l.Unlabelled)]
	}
	s.LeftOut = before - len(s.Train) - len(s.Test)
}

// atMost is at most n examples, 0 for no limit, as evenly over the classes as they
// allow: the greatest number a class that fits.
func atMost(all []data.Example, n int, seed uint64) []data.Example {
	if n == 0 || len(all) <= n {
		return all
	}
	each := sort.Search(n, func(each int) bool { return len(data.PerClass(all, each+1, seed)) > n })
	return data.PerClass(all, max(each, 1), seed)
}

// texts are the texts of examples.
func texts(all []data.Example) []string {
	out := make([]string, len(all))
	for i, e := range all {
		out[i] = e.Text
	}
	return out
}

// majority is the share of the test documents that have the class which is most
// frequent among the others, and that class.
func (s *Set) majority() (share float64, label string) {
	count := map[string]int{}
	for _, e := range s.Train {
		count[e.Label]++
	}
	label = slices.MaxFunc(s.Labels, func(a, b string) int { return cmp.Compare(count[a], count[b]) })
	hits := 0
	for _, e := range s.Test {
		if e.Label == label {
			hits++
		}
	}
	return float64(hits) / float64(len(s.Test)), label
}
