package eval

import "strings"

// ngrams counts the runs of n tokens; tokens hold no NUL, or are single words.
func ngrams(tokens []string, n int) map[string]int {
	counts := map[string]int{}
	for i := range len(tokens) - n + 1 {
		counts[strings.Join(tokens[i:i+n], "\x00")]++
	}
	return counts
}

// runs counts the runs of n characters.
func runs(text []rune, n int) map[string]int {
	counts := map[string]int{}
	for i := range len(text) - n + 1 {
		counts[string(text[i:i+n])]++
	}
	return counts
}

// size is the number of runs counted.
func size(counts map[string]int) int {
	sum := 0
	for _, n := range counts {
		sum += n
	}
	return sum
}

// shared is the number of runs that two counts have in common.
func shared(a, b map[string]int) int {
	sum := 0
	for gram, n := range a {
		sum += min(n, b[gram])
	}
	return sum
}
