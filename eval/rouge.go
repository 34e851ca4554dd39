package eval

import (
	"slices"
	"strings"
)

// Rouge compares a summary with a reference by words they share (Lin 2004, "ROUGE:
// a package for automatic evaluation of summaries"), as the Python package
// rouge_score, which follows ROUGE-1.5.5: lower case, words are runs of a to z and
// 0 to 9. Where a side has no words all figures are 0. The supports of its scores
// count what the reference has: n-grams or words. The zero value is ready.
type Rouge struct {
	Stem bool // compare the stems of words of more than three letters
}

// N compares n-grams of words (section 2): ROUGE-1 and ROUGE-2 are the usual ones.
// n below 1 has none.
func (r Rouge) N(n int, want, got string) Score {
	if n < 1 {
		return Score{}
	}
	wanted, given := ngrams(r.words(want), n), ngrams(r.words(got), n)
	return score(shared(wanted, given), size(given), size(wanted))
}

// L compares by the longest common subsequence of words (section 3.1): words in the
// same order, with others between.
func (r Rouge) L(want, got string) Score {
	wanted, given := r.words(want), r.words(got)
	return score(len(subsequence(wanted, given)), len(given), len(wanted))
}

// Lsum takes each line as a sentence (section 3.2): a word of a wanted sentence is
// found where it is in the longest common subsequence with any given sentence, and
// no word is found more often than either side has it.
func (r Rouge) Lsum(want, got string) Score {
	wanted, given := r.sentences(want), r.sentences(got)
	left, offered := ngrams(slices.Concat(wanted...), 1), ngrams(slices.Concat(given...), 1)
	called, support := size(offered), size(left)
	hits := 0
	for _, sentence := range wanted {
		found := make([]bool, len(sentence))
		for _, other := range given {
			for _, i := range subsequence(sentence, other) {
				found[i] = true
			}
		}
		for i, word := range sentence {
			if found[i] && left[word] > 0 && offered[word] > 0 {
				left[word]--
				offered[word]--
				hits++
			}
		}
	}
	return score(hits, called, support)
}

func (r Rouge) sentences(text string) [][]string {
	var sentences [][]string
	for line := range strings.SplitSeq(text, "\n") {
		sentences = append(sentences, r.words(line))
	}
	return sentences
}

func (r Rouge) words(text string) []string {
	words := strings.FieldsFunc(lower(text), func(c rune) bool { return (c < 'a' || c > 'z') && (c < '0' || c > '9') })
	if r.Stem {
		for i, w := range words {
			if len(w) > 3 {
				words[i] = Stem(w)
			}
		}
	}
	return words
}

// subsequence gives the places in a of one longest common subsequence of a and b:
// of several, the one found from the end by moving back in a unless only moving
// back in b keeps the length. Time and bytes grow with len(a)·len(b).
func subsequence(a, b []string) []int {
	above, length := make([]int, len(b)+1), make([]int, len(b)+1) // common to a up to a row and the first j of b
	back := make([][]bool, len(a))                                // [i][j]: from words i and j, move back in b
	for i := range a {
		above, length = length, above
		back[i] = make([]bool, len(b))
		for j := range b {
			back[i][j] = length[j] > above[j+1]
			if a[i] == b[j] {
				length[j+1] = above[j] + 1
			} else {
				length[j+1] = max(above[j+1], length[j])
			}
		}
	}
	places := make([]int, 0, length[len(b)])
	for i, j := len(a)-1, len(b)-1; i >= 0 && j >= 0; {
		switch {
		case a[i] == b[j]:
			places = append(places, i)
			i, j = i-1, j-1
		case back[i][j]:
			j--
		default:
			i--
		}
	}
	slices.Reverse(places)
	return places
}
