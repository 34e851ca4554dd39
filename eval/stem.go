package eval

import "strings"

// Stem takes the endings off an English word in lower case, a to z: the algorithm
// of Porter 1980, "An algorithm for suffix stripping", with the changes of NLTK's
// PorterStemmer, which rouge_score uses: they are marked NLTK below. Words of one
// or two letters stay as they are.
func Stem(word string) string {
	if stem, found := irregular[word]; found {
		return stem
	}
	if len(word) <= 2 {
		return word
	}
	w := plural(word)
	w = past(w)
	w = finalY(w)
	w = double(w)
	w = replaceLongest(w, step3, 1)
	w = drop(w)
	return finalE(w)
}

// irregular words of NLTK.
var irregular = map[string]string{
	"skies": "sky", "sky": "sky", "dying": "die", "lying": "lie", "tying": "tie", "news": "news",
	"innings": "inning", "inning": "inning", "outings": "outing", "outing": "outing",
	"cannings": "canning", "canning": "canning", "howe": "howe",
	"proceed": "proceed", "exceed": "exceed", "succeed": "succeed",
}

// consonant is true for letter i if it is none of a, e, i, o, u, nor a y after a
// consonant.
func consonant(w string, i int) bool {
	switch w[i] {
	case 'a', 'e', 'i', 'o', 'u':
		return false
	case 'y':
		return i == 0 || !consonant(w, i-1)
	}
	return true
}

// measure is the paper's m: how often vowels are followed by consonants.
func measure(w string) int {
	m := 0
	vowel := false
	for i := range len(w) {
		c := consonant(w, i)
		if vowel && c {
			m++
		}
		vowel = !c
	}
	return m
}

// hasVowel is the paper's *v*.
func hasVowel(w string) bool {
	for i := range len(w) {
		if !consonant(w, i) {
			return true
		}
	}
	return false
}

// short is the paper's *o: it ends in consonant, vowel, consonant, the last none of
// w, x and y; or is a vowel and a consonant (NLTK).
func short(w string) bool {
	n := len(w)
	if n == 2 {
		return !consonant(w, 0) && consonant(w, 1)
	}
	return n > 2 && consonant(w, n-3) && !consonant(w, n-2) && consonant(w, n-1) && !strings.Contains("wxy", w[n-1:])
}

// twin is the paper's *d: it ends in a double consonant.
func twin(w string) bool {
	n := len(w)
	return n > 1 && w[n-1] == w[n-2] && consonant(w, n-1)
}

// plural is step 1a.
func plural(w string) string {
	switch {
	case strings.HasSuffix(w, "sses"):
		return w[:len(w)-2]
	case strings.HasSuffix(w, "ies"):
		if len(w) == 4 {
			return w[:3] // NLTK: dies, die
		}
		return w[:len(w)-2]
	case strings.HasSuffix(w, "ss"):
		return w
	}
	return strings.TrimSuffix(w, "s")
}

// past is step 1b.
func past(w string) string {
	if stem, found := strings.CutSuffix(w, "ied"); found {
		if len(w) == 4 {
			return w[:3] // NLTK: died, die
		}
		return stem + "i" // NLTK
	}
	if stem, found := strings.CutSuffix(w, "eed"); found {
		if measure(stem) > 0 {
			return stem + "ee"
		}
		return w
	}
	stem, found := strings.CutSuffix(w, "ed")
	if !found || !hasVowel(stem) {
		stem, found = strings.CutSuffix(w, "ing")
	}
	if !found || !hasVowel(stem) {
		return w
	}
	last := stem[len(stem)-1]
	switch {
	case strings.HasSuffix(stem, "at"), strings.HasSuffix(stem, "bl"), strings.HasSuffix(stem, "iz"):
		return stem + "e"
	case twin(stem):
		if last != 'l' && last != 's' && last != 'z' {
			return stem[:len(stem)-1]
		}
	case measure(stem) == 1 && short(stem):
		return stem + "e"
	}
	return stem
}

// finalY is step 1c, with NLTK's condition: y becomes i after a consonant that is
// not the first letter.
func finalY(w string) string {
	if stem, found := strings.CutSuffix(w, "y"); found && len(stem) > 1 && consonant(stem, len(stem)-1) {
		return stem + "i"
	}
	return w
}

// ending is a suffix and what to put in its place.
type ending struct{ from, to string }

// The endings of step 2, with NLTK's bli for abli, and its fulli.
var step2 = []ending{
	{"ational", "ate"}, {"tional", "tion"}, {"enci", "ence"}, {"anci", "ance"}, {"izer", "ize"}, {"bli", "ble"},
	{"entli", "ent"}, {"eli", "e"}, {"ousli", "ous"}, {"ization", "ize"}, {"ation", "ate"}, {"ator", "ate"}, {"alism", "al"},
	{"iveness", "ive"}, {"fulness", "ful"}, {"ousness", "ous"}, {"aliti", "al"}, {"iviti", "ive"}, {"biliti", "ble"}, {"fulli", "ful"},
}

var step3 = []ending{{"icate", "ic"}, {"ative", ""}, {"alize", "al"}, {"iciti", "ic"}, {"ical", "ic"}, {"ful", ""}, {"ness", ""}}

var step4 = []ending{
	{"al", ""}, {"ance", ""}, {"ence", ""}, {"er", ""}, {"ic", ""}, {"able", ""}, {"ible", ""}, {"ant", ""}, {"ement", ""},
	{"ment", ""}, {"ent", ""}, {"ou", ""}, {"ism", ""}, {"ate", ""}, {"iti", ""}, {"ous", ""}, {"ive", ""}, {"ize", ""},
}

// replaceLongest replaces the first ending of the list that w has, if what is
// before it has at least the measure; no other is tried.
func replaceLongest(w string, endings []ending, least int) string {
	for _, e := range endings {
		if stem, found := strings.CutSuffix(w, e.from); found {
			if measure(stem) >= least {
				return stem + e.to
			}
			return w
		}
	}
	return w
}

// double is step 2. NLTK begins again once alli is al, and takes logi to log.
func double(w string) string {
	if stem, found := strings.CutSuffix(w, "alli"); found && measure(stem) > 0 {
		return double(stem + "al")
	}
	if stem, found := strings.CutSuffix(w, "logi"); found {
		if measure(stem+"l") > 0 {
			return stem + "log"
		}
		return w
	}
	return replaceLongest(w, step2, 1)
}

// drop is step 4.
func drop(w string) string {
	if stem, found := strings.CutSuffix(w, "ion"); found {
		if measure(stem) > 1 && strings.ContainsAny(stem[len(stem)-1:], "st") {
			return stem
		}
		return w
	}
	return replaceLongest(w, step4, 2)
}

// finalE is step 5.
func finalE(w string) string {
	if stem, found := strings.CutSuffix(w, "e"); found {
		if m := measure(stem); m > 1 || m == 1 && !short(stem) {
			w = stem
		}
	}
	if strings.HasSuffix(w, "ll") && measure(w[:len(w)-1]) > 1 {
		return w[:len(w)-1]
	}
	return w
}
