package eval

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// NormalizeAnswer makes answers comparable as the official SQuAD scripts do: lower
// case, without ASCII punctuation and the words a, an and the, single spaces.
func NormalizeAnswer(s string) string {
	s = strings.Map(func(r rune) rune {
		if isPunctuation(r) {
			return -1
		}
		return r
	}, lower(s))
	return strings.Join(fields(withoutArticles(s)), " ")
}

// withoutArticles puts a space for each a, an and the that stands as a word of its
// own.
func withoutArticles(s string) string {
	var b strings.Builder
	for s != "" {
		end := strings.IndexFunc(s, func(r rune) bool { return !isWord(r) })
		if end < 0 {
			end = len(s)
		}
		switch word := s[:end]; word {
		case "a", "an", "the":
			b.WriteByte(' ')
		default:
			b.WriteString(word)
		}
		_, between := utf8.DecodeRuneInString(s[end:])
		b.WriteString(s[end : end+between])
		s = s[end+between:]
	}
	return b.String()
}

// ExactMatch is 1 where the answer is one of those wanted, once normalized, and 0
// where not (Rajpurkar et al. 2016, section 6.1). No wanted answer, or only empty
// ones, means that the right answer is the empty one (Rajpurkar et al. 2018).
func ExactMatch(want []string, got string) float64 {
	got = NormalizeAnswer(got)
	if slices.ContainsFunc(answerable(want), func(w string) bool { return NormalizeAnswer(w) == got }) {
		return 1
	}
	return 0
}

// AnswerF1 is the F1 of the words that the answer shares with a wanted one, once
// normalized, and the best over the wanted ones. Where either has no words it is 1
// if both have none and 0 if not, as the script for SQuAD 2; that for SQuAD 1.1
// differs only there, and says 0.
func AnswerF1(want []string, got string) float64 {
	best := 0.0
	for _, w := range answerable(want) {
		best = max(best, overlap(strings.Fields(NormalizeAnswer(w)), strings.Fields(NormalizeAnswer(got))))
	}
	return best
}

// answerable are the wanted answers that are something; if none is, the empty one.
func answerable(want []string) []string {
	var some []string
	for _, w := range want {
		if NormalizeAnswer(w) != "" {
			some = append(some, w)
		}
	}
	if some == nil {
		return []string{""}
	}
	return some
}

// overlap is the F1 of two bags of words.
func overlap(want, got []string) float64 {
	if len(want) == 0 || len(got) == 0 {
		if len(want) == len(got) {
			return 1
		}
		return 0
	}
	left := ngrams(want, 1)
	hits := 0
	for _, w := range got {
		if left[w] > 0 {
			left[w]--
			hits++
		}
	}
	return score(hits, len(got), len(want)).F1
}

// Question is a question's wanted answers, any of which is right, and the answer
// that a model gave. No wanted answers, or no answer given: it cannot be answered.
type Question struct {
	Want []string
	Got  string
}

// Answers are means over questions, 0 to 1 (the scripts print percent).
type Answers struct {
	Exact float64 `json:"exact"`
	F1    float64 `json:"f1"`
	Total int     `json:"total"`
}

// SQuADReport is what the official script prints, for all questions and for those
// with and without an answer.
type SQuADReport struct {
	All       Answers `json:"all"`
	HasAnswer Answers `json:"has_answer"` // zero where there is none
	NoAnswer  Answers `json:"no_answer"`  // zero where there is none
}

// SQuAD scores a model's answers as the official script for SQuAD 2.0 does; without
// unanswerable questions that is the score of 1.1.
func SQuAD(questions []Question) (SQuADReport, error) {
	if len(questions) == 0 {
		return SQuADReport{}, fmt.Errorf("eval: squad: no questions")
	}
	var r SQuADReport
	for _, q := range questions {
		exact, f1 := ExactMatch(q.Want, q.Got), AnswerF1(q.Want, q.Got)
		part := &r.HasAnswer
		if len(q.Want) == 0 {
			part = &r.NoAnswer
		}
		for _, a := range []*Answers{&r.All, part} {
			a.Exact += exact
			a.F1 += f1
			a.Total++
		}
	}
	for _, a := range []*Answers{&r.All, &r.HasAnswer, &r.NoAnswer} {
		a.Exact, a.F1 = ratio(a.Exact, float64(a.Total)), ratio(a.F1, float64(a.Total))
	}
	return r, nil
}
