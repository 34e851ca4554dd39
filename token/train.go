package token

import (
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"
)

// BPEOptions say how large a vocabulary [TrainBPE] learns.
type BPEOptions struct {
	VocabSize    int      // tokens at most: special ones, the 256 bytes, and merges
	MinFrequency int      // how often a pair must occur to be merged; 0 is 1
	Special      []string // special tokens, which get the first ids
}

// TrainBPE learns a byte-level vocabulary as GPT-2's from texts: the most frequent pair of neighbouring tokens within a
// word becomes a token, again and again (Sennrich et al. 2016, algorithm 1). Of equally frequent pairs the one with the
// smaller ids goes first, as in the reference's trainer; so the result depends on the texts alone.
func TrainBPE(texts iter.Seq[string], o BPEOptions) (*Tokenizer, error) {
	if o.VocabSize < len(o.Special)+256 {
		return nil, fmt.Errorf("token: a vocabulary of %d has no room for %d special tokens and the 256 bytes", o.VocabSize, len(o.Special))
	}
	return trainBPE(countWords(texts), o, byteRunes[:])
}

// countWords counts the words of all texts.
func countWords(texts iter.Seq[string]) map[string]int64 {
	index := map[string]int{}
	var counts []int64
	for text := range texts {
		for i := 0; i < len(text); {
			end := gpt2Word(text, i)
			w := text[i:end]
			n, ok := index[w]
			if !ok {
				n = len(counts)
				counts = append(counts, 0)
				index[strings.Clone(w)] = n
			}
			counts[n]++
			i = end
		}
	}
	words := make(map[string]int64, len(counts))
	for w, n := range index {
		words[w] = counts[n]
	}
	return words
}

// trainBPE learns from counted words. alphabet are the characters that spell bytes, every byte that occurs among them.
func trainBPE(words map[string]int64, o BPEOptions, alphabet []rune) (*Tokenizer, error) {
	tr := &trainer{ids: map[string]int32{}, counts: map[mergePair]int64{}}
	var added []AddedToken
	for _, s := range o.Special {
		if _, ok := tr.ids[s]; ok || s == "" {
			return nil, fmt.Errorf("token: special token %q is empty or comes twice", s)
		}
		added = append(added, AddedToken{ID: tr.token(s), Content: s, Special: true})
	}
	for _, r := range slices.Sorted(slices.Values(alphabet)) {
		tr.token(string(r))
	}
	tr.read(words)
	merges := tr.learn(o.VocabSize, int64(max(o.MinFrequency, 1)))

	model, err := bpeFile(tr.tokens, merges)
	if err != nil {
		return nil, err
	}
	return build(&file{
		added:        added,
		preTokenizer: `{"type":"ByteLevel","add_prefix_space":false,"trim_offsets":true,"use_regex":true}`,
		decoder:      `{"type":"ByteLevel","add_prefix_space":true,"trim_offsets":true,"use_regex":true}`,
		model:        model,
	})
}

// A trainer holds the words as they are while pairs are merged.
type trainer struct {
	tokens []string
	ids    map[string]int32
	words  []trainWord
	counts map[mergePair]int64 // occurrences of pairs, words times their counts; not lowered by a pair's own merge
	queue  heap[trainPair]
	mark   string // begins tokens that go on with a word, once in a merged one; empty: nothing does
}

// A trainWord is a word as tokens, and how often it occurs.
type trainWord struct {
	symbols []int32
	count   int64
}

// A trainPair is a pair in the queue, with the words that had it when it was put there.
type trainPair struct {
	count int64
	pair  mergePair
	words []int32
}

// token returns the id of a token, which may be new.
func (tr *trainer) token(s string) int32 {
	id, ok := tr.ids[s]
	if !ok {
		id = int32(len(tr.tokens))
		tr.tokens = append(tr.tokens, s)
		tr.ids[s] = id
	}
	return id
}

// read takes the words up, in a fixed order, and queues their pairs.
func (tr *trainer) read(words map[string]int64) {
	var bytes [256]int32
	for b, r := range byteRunes {
		bytes[b] = noToken
		if id, ok := tr.ids[string(r)]; ok {
			bytes[b] = id
		}
	}
	found := map[mergePair][]int32{}
	for _, w := range slices.Sorted(maps.Keys(words)) {
		word := trainWord{symbols: make([]int32, len(w)), count: words[w]}
		for i := range len(w) {
			word.symbols[i] = bytes[w[i]]
		}
		tr.take(word, found)
	}
	tr.enqueue(found)
}

// take takes a word up and notes its pairs in found.
func (tr *trainer) take(word trainWord, found map[mergePair][]int32) {
	n := int32(len(tr.words))
	tr.words = append(tr.words, word)
	for i := 1; i < len(word.symbols); i++ {
		p := pairOf(word.symbols[i-1], word.symbols[i])
		tr.counts[p] += word.count
		found[p] = appendOnce(found[p], n)
	}
}

// appendOnce appends n unless it is the last already.
func appendOnce(s []int32, n int32) []int32 {
	if len(s) > 0 && s[len(s)-1] == n {
		return s
	}
	return append(s, n)
}

// enqueue puts pairs into the queue.
func (tr *trainer) enqueue(found map[mergePair][]int32) {
	for p, words := range found {
		if n := tr.counts[p]; n > 0 {
			tr.queue.push(trainPair{n, p, words})
		}
	}
}

// learn merges the most frequent pairs until the vocabulary has size tokens or no pair is frequent enough.
func (tr *trainer) learn(size int, least int64) [][2]string {
	var merges [][2]string
	for len(tr.tokens) < size && len(tr.queue) > 0 {
		top := tr.queue.pop()
		if n := tr.counts[top.pair]; n != top.count { // it has become rarer meanwhile
			top.count = n
			tr.queue.push(top)
			continue
		}
		if top.count < least {
			break
		}
		left, right := int32(top.pair>>32), int32(uint32(top.pair))
		merged := [2]string{tr.tokens[left], tr.tokens[right]}
		id := tr.token(merged[0] + strings.TrimPrefix(merged[1], tr.mark))
		merges = append(merges, merged)
		found := map[mergePair][]int32{}
		for _, n := range top.words {
			tr.merge(n, left, right, id, found)
		}
		tr.enqueue(found)
	}
	return merges
}

// merge puts id in the place of every left, right in word n, counts the pairs that come and go, and notes in found those
// that come.
func (tr *trainer) merge(n, left, right, id int32, found map[mergePair][]int32) {
	w := &tr.words[n]
	s := w.symbols
	out := s[:0]
	add := func(p mergePair) {
		tr.counts[p] += w.count
		found[p] = appendOnce(found[p], n)
	}
	for i := 0; i < len(s); i++ {
		if s[i] != left || i+1 == len(s) || s[i+1] != right {
			out = append(out, s[i])
			continue
		}
		if len(out) > 0 {
			before := out[len(out)-1]
			tr.counts[pairOf(before, left)] -= w.count
			add(pairOf(before, id))
		}
		out = append(out, id)
		i++
		if i+1 < len(s) {
			tr.counts[pairOf(right, s[i+1])] -= w.count
			add(pairOf(id, s[i+1]))
		}
	}
	w.symbols = out
}

// before tells whether a goes first: the more frequent, then the one with the smaller ids.
//
//lint:ignore U1000 the heap calls it
func (a trainPair) before(b trainPair) bool {
	return a.count > b.count || a.count == b.count && a.pair < b.pair
}
