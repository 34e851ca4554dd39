package eval

import "unicode/utf8"

// ChrF compares texts by the n-grams of characters they share, spaces left out
// (Popović 2015, "chrF: character n-gram F-score"), as sacrebleu does. Precision
// and recall are averaged over the orders that both sides are long enough for. The
// zero value is chrF2, and ChrF{Words: 2} is chrF++ (Popović 2017).
type ChrF struct {
	Chars     int // longest n-gram of characters; 0 means 6
	Words     int // longest n-gram of words; 0 means none
	Beta      int // how many times recall counts as much as precision; 0 means 2
	Lowercase bool
}

// Corpus scores texts against the references of each, [texts][references], 0 to
// 100. Of several references the one with the best score of its own counts.
func (c ChrF) Corpus(want [][]string, got []string) (float64, error) {
	if err := references("chrf", want, got); err != nil {
		return 0, err
	}
	c = c.filled()
	sum := make([]chrfCount, c.Chars+c.Words)
	for i := range got {
		for n, count := range c.best(want[i], got[i]) {
			sum[n].got += count.got
			sum[n].want += count.want
			sum[n].hits += count.hits
		}
	}
	return c.score(sum), nil
}

// Sentence scores one text, 0 to 100.
func (c ChrF) Sentence(want []string, got string) (float64, error) {
	return c.Corpus([][]string{want}, []string{got})
}

func (c ChrF) filled() ChrF {
	if c.Chars <= 0 {
		c.Chars = 6
	}
	if c.Beta <= 0 {
		c.Beta = 2
	}
	c.Words = max(c.Words, 0)
	return c
}

// chrfCount is for one order the n-grams of both sides and those in common.
type chrfCount struct{ got, want, hits int }

func (c ChrF) best(want []string, got string) []chrfCount {
	own := c.grams(got)
	var best []chrfCount
	highest := -1.0
	for _, ref := range want {
		counts := make([]chrfCount, len(own))
		for n, theirs := range c.grams(ref) {
			counts[n] = chrfCount{size(own[n]), size(theirs), shared(own[n], theirs)}
			if counts[n].want == 0 {
				counts[n].got = 0 // nothing to compare with
			}
		}
		if s := c.score(counts); s > highest {
			best, highest = counts, s
		}
	}
	return best
}

// grams counts n-grams of characters of each order, then those of words.
func (c ChrF) grams(text string) []map[string]int {
	if c.Lowercase {
		text = lower(text)
	}
	words := fields(text)
	var chars []rune
	for _, w := range words {
		chars = append(chars, []rune(w)...)
	}
	var grams []map[string]int
	for n := range c.Chars {
		grams = append(grams, runs(chars, n+1))
	}
	words = parted(words)
	for n := range c.Words {
		grams = append(grams, ngrams(words, n+1))
	}
	return grams
}

// parted takes one ASCII punctuation mark off each word of more than one character:
// the last, or else the first.
func parted(words []string) []string {
	var parts []string
	for _, w := range words {
		first, last := rune(w[0]), rune(w[len(w)-1])
		switch {
		case utf8.RuneCountInString(w) == 1:
			parts = append(parts, w)
		case isPunctuation(last):
			parts = append(parts, w[:len(w)-1], w[len(w)-1:])
		case isPunctuation(first):
			parts = append(parts, w[:1], w[1:])
		default:
			parts = append(parts, w)
		}
	}
	return parts
}

// score is the F of mean precision and mean recall: (1 + β²) P R / (β² P + R).
func (c ChrF) score(counts []chrfCount) float64 {
	var precision, recall, orders float64
	for _, n := range counts {
		if n.got > 0 && n.want > 0 {
			precision += float64(n.hits) / float64(n.got)
			recall += float64(n.hits) / float64(n.want)
			orders++
		}
	}
	precision, recall = ratio(precision, orders), ratio(recall, orders)
	factor := float64(c.Beta * c.Beta)
	return 100 * ratio((1+factor)*precision*recall, float64(factor*precision)+recall)
}
