package eval

import (
	"fmt"
	"math"
	"regexp"
	"strings"
)

// BLEU compares a translation with references by the n-grams they share, for n of 1
// to 4 (Papineni et al. 2002), as sacrebleu does by default (Post 2018): tokens of
// mteval-v13a, and n-grams without a match smoothed by halves, "exp" (Chen & Cherry
// 2014, method 3). The zero value is ready.
type BLEU struct {
	Lowercase bool // compare in lower case
	Tokenized bool // the texts are tokens between spaces already (tokenize="none")
}

// BLEUScore is a score and what it is made of.
type BLEUScore struct {
	Score      float64    `json:"score"`      // 0 to 100
	Precisions [4]float64 `json:"precisions"` // of 1- to 4-grams, 0 to 100
	Brevity    float64    `json:"brevity"`    // what is left for being short, 0 to 1
	Got        int        `json:"got"`        // tokens of the translations
	Want       int        `json:"want"`       // tokens of the references closest in length
}

// String is sacrebleu's line.
func (s BLEUScore) String() string {
	p := s.Precisions
	return fmt.Sprintf("BLEU = %.2f %.1f/%.1f/%.1f/%.1f (BP = %.3f ratio = %.3f hyp_len = %d ref_len = %d)",
		s.Score, p[0], p[1], p[2], p[3], s.Brevity, ratio(float64(s.Got), float64(s.Want)), s.Got, s.Want)
}

// Corpus scores translations against the references of each, [translations][references].
func (b BLEU) Corpus(want [][]string, got []string) (BLEUScore, error) {
	if err := references("bleu", want, got); err != nil {
		return BLEUScore{}, err
	}
	var sum bleuCounts
	for i := range got {
		sum.add(b.tokens(got[i]), b.each(want[i]))
	}
	return sum.score(false), nil
}

// Sentence scores one translation. It averages over the orders of n-grams that the
// translation is long enough for (effective_order of sacrebleu).
func (b BLEU) Sentence(want []string, got string) (BLEUScore, error) {
	if err := references("bleu", [][]string{want}, []string{got}); err != nil {
		return BLEUScore{}, err
	}
	var counts bleuCounts
	counts.add(b.tokens(got), b.each(want))
	return counts.score(true), nil
}

// references checks that every text has some.
func references(metric string, want [][]string, got []string) error {
	if err := pairs(metric, len(want), len(got)); err != nil {
		return err
	}
	for i, refs := range want {
		if len(refs) == 0 {
			return fmt.Errorf("eval: %s: text %d has no reference", metric, i)
		}
	}
	return nil
}

func (b BLEU) each(texts []string) [][]string {
	tokens := make([][]string, len(texts))
	for i, text := range texts {
		tokens[i] = b.tokens(text)
	}
	return tokens
}

func (b BLEU) tokens(text string) []string {
	if b.Lowercase {
		text = lower(text)
	}
	text = strings.TrimRightFunc(text, isSpace)
	if !b.Tokenized {
		text = tokenize13a(text)
	}
	return fields(text)
}

// bleuCounts add up over texts.
type bleuCounts struct {
	hits, all [4]int // n-grams that a reference has too, and all
	got, want int    // tokens
}

// add counts one text. An n-gram counts as often as in the reference that has it
// most often (Papineni et al., section 2.1.1); the length to reach is that of the
// reference closest in length, the shorter of two.
func (c *bleuCounts) add(got []string, want [][]string) {
	c.got += len(got)
	closest := len(want[0])
	for _, ref := range want {
		was, is := abs(closest-len(got)), abs(len(ref)-len(got))
		if is < was || is == was && len(ref) < closest {
			closest = len(ref)
		}
	}
	c.want += closest
	for n := range c.hits {
		most := map[string]int{}
		for _, ref := range want {
			for gram, count := range ngrams(ref, n+1) {
				most[gram] = max(most[gram], count)
			}
		}
		own := ngrams(got, n+1)
		c.hits[n] += shared(own, most)
		c.all[n] += size(own)
	}
}

func abs(n int) int { return max(n, -n) }

// score is the brevity penalty times the geometric mean of the precisions.
func (c bleuCounts) score(effective bool) BLEUScore {
	s := BLEUScore{Brevity: 1, Got: c.got, Want: c.want}
	if c.got < c.want {
		s.Brevity = 0
		if c.got > 0 {
			s.Brevity = math.Exp(1 - float64(c.want)/float64(c.got))
		}
	}
	if c.hits == [4]int{} {
		return s
	}
	var logs float64
	orders := 0
	smooth := 1.0
	for n, hits := range c.hits {
		if c.all[n] == 0 {
			break
		}
		numerator := float64(hits)
		if hits == 0 {
			smooth /= 2
			numerator = smooth
		}
		s.Precisions[n] = 100 * numerator / float64(c.all[n])
		logs += math.Log(s.Precisions[n])
		orders++
	}
	if !effective && orders < len(c.hits) {
		return s // a precision is 0, and so is their mean
	}
	s.Score = s.Brevity * math.Exp(logs/float64(orders))
	return s
}

// The four rules of mteval-v13a's tokenizer, in this order.
var rules13a = []struct {
	find *regexp.Regexp
	put  string
}{
	{regexp.MustCompile("[!-&(-+/:-@\\[-`{-~]"), " $0 "}, // ASCII punctuation but ' , - .
	{regexp.MustCompile(`([^0-9])([.,])`), "$1 $2 "},     // . and , not after a digit
	{regexp.MustCompile(`([.,])([^0-9])`), " $1 $2"},     // . and , not before a digit
	{regexp.MustCompile(`([0-9])(-)`), "$1 $2 "},         // a dash after a digit
}

// The character entities that are read, in this order.
var entities13a = []struct{ from, to string }{{"&quot;", `"`}, {"&amp;", "&"}, {"&lt;", "<"}, {"&gt;", ">"}}

func tokenize13a(text string) string {
	text = strings.ReplaceAll(text, "<skipped>", "")
	text = strings.ReplaceAll(text, "-\n", "")
	text = strings.ReplaceAll(text, "\n", " ")
	for _, e := range entities13a {
		text = strings.ReplaceAll(text, e.from, e.to)
	}
	text = " " + text + " "
	for _, r := range rules13a {
		text = r.find.ReplaceAllString(text, r.put)
	}
	return text
}
