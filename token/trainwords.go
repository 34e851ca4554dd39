package token

import (
	"cmp"
	"fmt"
	"iter"
	"slices"
	"strings"
)

// WordOptions say what vocabulary [TrainWords] or [TrainWordPiece] learns. Texts are cut at white space and around
// punctuation.
type WordOptions struct {
	VocabSize    int  // tokens at most, special ones among them; 0: no limit
	MinFrequency int  // how often a word, or a pair to be merged, must occur; 0 is 1
	Cased        bool // keep upper case; else texts are made lower case
	// Enclosed puts a text between [CLS] and [SEP], as BERT has it, and gives the vocabulary these and [MASK].
	Enclosed bool
	// Ends gives the vocabulary the token <|endoftext|>, which ends a text for a model that goes on with texts.
	Ends bool
}

// Special are the special tokens, in the order of their ids: [PAD] 0, [UNK] 1, of enclosed texts [CLS], [SEP] and [MASK],
// and what ends a text.
func (o WordOptions) Special() []string {
	s := []string{"[PAD]", "[UNK]"}
	if o.Enclosed {
		s = append(s, "[CLS]", "[SEP]", "[MASK]")
	}
	if o.Ends {
		s = append(s, "<|endoftext|>")
	}
	return s
}

// TrainWords learns a vocabulary of whole words: the most frequent ones get the first ids behind the special tokens, of
// equally frequent ones the one that sorts first. All other words are [UNK].
func TrainWords(texts iter.Seq[string], o WordOptions) (*Tokenizer, error) {
	special := o.Special()
	if o.VocabSize != 0 && o.VocabSize < len(special) {
		return nil, fmt.Errorf("token: a vocabulary of %d has no room for the %d special tokens", o.VocabSize, len(special))
	}
	counts, err := o.count(texts, special)
	if err != nil {
		return nil, err
	}
	type word struct {
		text  string
		count int64
	}
	var words []word
	for w, n := range counts {
		if n >= int64(max(o.MinFrequency, 1)) && !slices.Contains(special, w) {
			words = append(words, word{w, n})
		}
	}
	slices.SortFunc(words, func(a, b word) int {
		return cmp.Or(cmp.Compare(b.count, a.count), cmp.Compare(a.text, b.text))
	})
	if o.VocabSize > 0 {
		words = words[:min(len(words), o.VocabSize-len(special))]
	}
	tokens := special
	for _, w := range words {
		tokens = append(tokens, w.text)
	}
	return o.assemble(map[string]any{"type": "WordLevel", "unk_token": "[UNK]", "vocab": idsOf(tokens)}, nil)
}

// idsOf numbers tokens by their places.
func idsOf(tokens []string) map[string]int32 {
	ids := make(map[string]int32, len(tokens))
	for i, t := range tokens {
		ids[t] = int32(i)
	}
	return ids
}

// assemble is a tokenizer with that model; decoder nil puts spaces between tokens.
func (o WordOptions) assemble(model, decoder any) (*Tokenizer, error) {
	type object = map[string]any
	var added []AddedToken
	for i, s := range o.Special() {
		added = append(added, AddedToken{ID: int32(i), Content: s, Special: true})
	}
	var post any
	if o.Enclosed {
		post = object{"type": "BertProcessing", "sep": []any{"[SEP]", 3}, "cls": []any{"[CLS]", 2}}
	}
	return assembleFile(added, object{
		"normalizer": object{"type": "BertNormalizer", "clean_text": true, "handle_chinese_chars": true,
			"strip_accents": false, "lowercase": !o.Cased},
		"pre_tokenizer":  object{"type": "BertPreTokenizer"},
		"post_processor": post, "decoder": decoder, "model": model,
	})
}

// count counts the words of all texts as the tokenizer will cut them.
func (o WordOptions) count(texts iter.Seq[string], special []string) (map[string]int64, error) {
	t, err := o.assemble(map[string]any{"type": "WordLevel", "unk_token": "[UNK]", "vocab": idsOf(special)}, nil)
	if err != nil {
		return nil, err
	}
	counts := map[string]*int64{}
	for text := range texts {
		t.cut(text, true, func(p piece) {
			if p.added != noToken {
				return
			}
			n := counts[p.text]
			if n == nil {
				n = new(int64)
				counts[strings.Clone(p.text)] = n
			}
			*n++
		})
	}
	all := make(map[string]int64, len(counts))
	for w, n := range counts {
		all[w] = *n
	}
	return all, nil
}
