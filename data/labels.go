package data

import (
	"cmp"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strconv"
	"unicode/utf8"
)

// Labels numbers the classes of a model: a name's id is its index.
type Labels []string

// NewLabels sorts names and keeps each once: by value where all are whole
// numbers, else by bytes.
func NewLabels(names iter.Seq[string]) Labels {
	sorted := slices.Compact(slices.Sorted(names))
	values := map[string]int{}
	for _, name := range sorted {
		n, err := strconv.Atoi(name)
		if err != nil {
			return sorted
		}
		values[name] = n
	}
	slices.SortStableFunc(sorted, func(a, b string) int { return cmp.Compare(values[a], values[b]) })
	return sorted
}

// ID is the number of a name.
func (l Labels) ID(name string) (int, error) {
	if i := slices.Index(l, name); i >= 0 {
		return i, nil
	}
	return 0, fmt.Errorf("there is no class %q: the %d classes are %.300q", name, len(l), []string(l))
}

// ID2Label is what config.json has under id2label.
func (l Labels) ID2Label() map[string]string {
	m := map[string]string{}
	for i, name := range l {
		m[strconv.Itoa(i)] = name
	}
	return m
}

// Label2ID is what config.json has under label2id.
func (l Labels) Label2ID() map[string]int {
	m := map[string]int{}
	for i, name := range l {
		m[name] = i
	}
	return m
}

// Stats counts the rows of a set and measures their texts.
type Stats struct {
	Rows    int
	Lengths Lengths
	Classes map[string]Lengths // a row with several labels counts for each
}

// Lengths is about the lengths of so many texts.
type Lengths struct {
	Rows, Shortest, Longest int
	Sum                     int64
}

// Mean is the average length.
func (l Lengths) Mean() float64 { return float64(l.Sum) / float64(max(1, l.Rows)) }

// add counts one more text.
func (l Lengths) add(n int) Lengths {
	if l.Rows == 0 || n < l.Shortest {
		l.Shortest = n
	}
	return Lengths{l.Rows + 1, l.Shortest, max(l.Longest, n), l.Sum + int64(n)}
}

// Measure goes through a set once. length is how long an example is; without
// it that is the characters of its text and its pair.
func Measure(examples iter.Seq2[Example, error], length func(Example) int) (Stats, error) {
	if length == nil {
		length = func(e Example) int { return utf8.RuneCountInString(e.Text) + utf8.RuneCountInString(e.Pair) }
	}
	s := Stats{Classes: map[string]Lengths{}}
	for e, err := range examples {
		if err != nil {
			return s, err
		}
		n := length(e)
		s.Rows++
		s.Lengths = s.Lengths.add(n)
		labels := e.Labels
		if labels == nil && e.Label != "" {
			labels = []string{e.Label}
		}
		for _, l := range labels {
			s.Classes[l] = s.Classes[l].add(n)
		}
	}
	return s, nil
}

// Labels numbers the classes that were met.
func (s Stats) Labels() Labels { return NewLabels(maps.Keys(s.Classes)) }

// Collect reads a whole set into memory.
func Collect[T any](seq iter.Seq2[T, error]) ([]T, error) {
	var all []T
	for v, err := range seq {
		if err != nil {
			return nil, err
		}
		all = append(all, v)
	}
	return all, nil
}

// Each gives the elements of a slice as a sequence without errors.
func Each[T any](all []T) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		for _, v := range all {
			if !yield(v, nil) {
				return
			}
		}
	}
}
