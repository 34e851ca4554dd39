package token

import (
	"cmp"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"
)

// maxAlphabet is how many characters a vocabulary of word pieces spells words with; words with rarer ones are [UNK].
const maxAlphabet = 1000

// pieceMark begins a piece that goes on with a word.
const pieceMark = "##"

// TrainWordPiece learns a vocabulary of words and their parts as BERT's: characters first, then the most frequent pair of
// neighbours within a word becomes a token, again and again. It is the reference's trainer, which merges by frequency
// (Sennrich et al. 2016), not by likelihood as the paper of WordPiece has it (Schuster & Nakajima 2012).
func TrainWordPiece(texts iter.Seq[string], o WordOptions) (*Tokenizer, error) {
	special := o.Special()
	words, err := o.count(texts, special)
	if err != nil {
		return nil, err
	}
	tr := &trainer{ids: map[string]int32{}, counts: map[mergePair]int64{}, mark: pieceMark}
	for _, s := range special {
		tr.token(s)
	}
	tr.spell(words)
	if o.VocabSize == 0 {
		o.VocabSize = 30000
	}
	if len(tr.tokens) > o.VocabSize {
		return nil, fmt.Errorf("token: a vocabulary of %d has no room for the %d special tokens and characters of these texts", o.VocabSize, len(tr.tokens))
	}
	tr.learn(o.VocabSize, int64(max(o.MinFrequency, 1)))
	return o.assemble(map[string]any{"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": pieceMark,
		"max_input_chars_per_word": 100, "vocab": tr.ids}, map[string]any{"type": "WordPiece", "prefix": pieceMark, "cleanup": true})
}

// spell gives the most frequent characters tokens, those that begin words before those that go on, takes the words up and
// queues their pairs.
func (tr *trainer) spell(words map[string]int64) {
	times := map[rune]int64{}
	for w, n := range words {
		for _, r := range w {
			times[r] += n
		}
	}
	alphabet := slices.SortedFunc(maps.Keys(times), func(a, b rune) int {
		return cmp.Or(cmp.Compare(times[b], times[a]), cmp.Compare(a, b))
	})
	alphabet = alphabet[:min(len(alphabet), maxAlphabet)]
	slices.Sort(alphabet)
	known := map[rune]bool{}
	for _, r := range alphabet {
		known[r] = true
	}
	order := slices.DeleteFunc(slices.Sorted(maps.Keys(words)), func(w string) bool {
		return strings.ContainsFunc(w, func(r rune) bool { return !known[r] })
	})
	first, later := map[rune]bool{}, map[rune]bool{}
	for _, w := range order {
		for i, r := range w {
			if i == 0 {
				first[r] = true
			} else {
				later[r] = true
			}
		}
	}
	for _, r := range slices.Sorted(maps.Keys(first)) {
		tr.token(string(r))
	}
	for _, r := range slices.Sorted(maps.Keys(later)) {
		tr.token(pieceMark + string(r))
	}
	found := map[mergePair][]int32{}
	for _, w := range order {
		word := trainWord{count: words[w]}
		for i, r := range w {
			s := string(r)
			if i > 0 {
				s = pieceMark + s
			}
			word.symbols = append(word.symbols, tr.ids[s])
		}
		tr.take(word, found)
	}
	tr.enqueue(found)
}
