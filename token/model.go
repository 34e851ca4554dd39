package token

import "fmt"

// A model cuts a word into tokens.
type model interface {
	// appendTokens appends the tokens of word to dst.
	appendTokens(dst []piecePart, word string) []piecePart
}

// A piecePart is a token of a word: it reaches from where the one before ends to byte end of the word. Where that is no
// further, it stands for the same bytes as the one before.
type piecePart struct {
	id  int32
	end int32
}

// missingToken is the id of an unknown word where the vocabulary lacks the token for unknown words.
const missingToken int32 = -2

// A vocabulary is the two-way table of tokens and ids.
type vocabulary struct {
	tokens []string // by id; "" where there is none, unless the empty string has an id
	ids    map[string]int32
}

// newVocabulary makes a vocabulary of the tokens and ids of a file.
func newVocabulary(ids map[string]int32) (*vocabulary, error) {
	size := 0
	for t, id := range ids {
		if id < 0 || int(id) > 2*len(ids)+1<<16 {
			return nil, fmt.Errorf("token %q has id %d, which %d tokens cannot reach", t, id, len(ids))
		}
		size = max(size, int(id)+1)
	}
	v := &vocabulary{tokens: make([]string, size), ids: ids}
	taken := make([]bool, size)
	for t, id := range ids {
		if taken[id] {
			return nil, fmt.Errorf("tokens %q and %q share id %d", v.tokens[id], t, id)
		}
		v.tokens[id], taken[id] = t, true
	}
	return v, nil
}

// id returns the id of a token, or noToken.
func (v *vocabulary) id(t string) int32 {
	if id, ok := v.ids[t]; ok {
		return id
	}
	return noToken
}

// token returns the token with an id.
func (v *vocabulary) token(id int32) (string, bool) {
	if id < 0 || int(id) >= len(v.tokens) {
		return "", false
	}
	t := v.tokens[id]
	if t == "" {
		own, ok := v.ids[""]
		return "", ok && own == id
	}
	return t, true
}
