package eval

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Span is a stretch of tokens that is something: tokens Start … End-1.
type Span struct {
	Type  string `json:"type"`
	Start int    `json:"start"`
	End   int    `json:"end"`
}

// Scheme says how tags such as B-PER spell spans.
type Scheme int

const (
	// Lenient reads IOB1, IOB2, IOE1, IOE2 and IOBES alike, and makes the best of what
	// is none of them, as conlleval and seqeval's default mode: wherever a tag cannot
	// go on with the span before it, a new one begins.
	Lenient Scheme = iota
	// StrictIOB2 is seqeval's strict mode for IOB2: a span is a B and the I of its type
	// that follow; other I belong to nothing, and E and S are errors.
	StrictIOB2
)

// Spans reads the tags of one sentence: O, or one of B, I, E and S with a dash and
// a type. A tag without a type has the type "_".
func Spans(tags []string, scheme Scheme) ([]Span, error) {
	letters := "BIES"
	if scheme == StrictIOB2 {
		letters = "BI"
	}
	var spans []Span
	last, lastType := byte('O'), "" // what may go on; O where nothing is open
	for i, tag := range tags {
		if tag == "" || tag[0] != 'O' && !strings.Contains(letters, tag[:1]) {
			return nil, fmt.Errorf("eval: spans: tag %d is %q: want O, or one of %s with a dash and a type", i, tag, letters)
		}
		letter, kind := tag[0], typeOf(tag)
		begins := letter == 'B' || letter == 'S' || last == 'O' || last == 'E' || last == 'S' || kind != lastType
		switch {
		case letter == 'O':
		case !begins:
			spans[len(spans)-1].End = i + 1
		case scheme == StrictIOB2 && letter == 'I':
			letter = 'O'
		default:
			spans = append(spans, Span{kind, i, i + 1})
		}
		last, lastType = letter, kind
	}
	return spans, nil
}

// typeOf is the PER of B-PER.
func typeOf(tag string) string {
	kind := tag[1:]
	if _, after, found := strings.Cut(kind, "-"); found {
		kind = after
	}
	return cmp.Or(kind, "_")
}

// Entities scores spans: one is right where its type, start and end are.
type Entities struct {
	Types    []Line `json:"types"` // of each type, by name
	Micro    Score  `json:"micro"` // all spans together: the F1 that papers report
	Macro    Score  `json:"macro"`
	Weighted Score  `json:"weighted"` // by wanted spans
}

// NamedEntities scores the tags of sentences, [sentences][tokens], as seqeval.
// Where no side has a span there are no types and every figure is 0.
func NamedEntities(want, got [][]string, scheme Scheme) (Entities, error) {
	if err := pairs("named entities", len(want), len(got)); err != nil {
		return Entities{}, err
	}
	type tally struct{ hits, called, support int }
	var all tally
	byType := map[string]*tally{}
	at := func(kind string) *tally {
		if byType[kind] == nil {
			byType[kind] = new(tally)
		}
		return byType[kind]
	}
	for i := range want {
		if len(want[i]) != len(got[i]) {
			return Entities{}, fmt.Errorf("eval: named entities: sentence %d has %d wanted but %d got tags", i, len(want[i]), len(got[i]))
		}
		wanted, err := Spans(want[i], scheme)
		if err != nil {
			return Entities{}, fmt.Errorf("eval: wanted sentence %d: %w", i, err)
		}
		given, err := Spans(got[i], scheme)
		if err != nil {
			return Entities{}, fmt.Errorf("eval: got sentence %d: %w", i, err)
		}
		for _, s := range wanted {
			at(s.Type).support++
		}
		for _, s := range given {
			at(s.Type).called++
			if slices.Contains(wanted, s) {
				at(s.Type).hits++
			}
		}
	}
	var e Entities
	var scores []Score
	for kind, t := range byType {
		e.Types = append(e.Types, Line{kind, score(t.hits, t.called, t.support)})
		all = tally{all.hits + t.hits, all.called + t.called, all.support + t.support}
	}
	slices.SortFunc(e.Types, func(a, b Line) int { return cmp.Compare(a.Name, b.Name) })
	for _, l := range e.Types {
		scores = append(scores, l.Score)
	}
	e.Micro, e.Macro, e.Weighted = score(all.hits, all.called, all.support), average(scores, evenly), average(scores, bySupport)
	return e, nil
}

// String is the table that classification_report of seqeval prints.
func (e Entities) String() string {
	return Report{Lines: e.Types, Macro: e.Macro, Weighted: e.Weighted, micro: &e.Micro}.String()
}
