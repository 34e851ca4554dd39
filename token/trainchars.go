package token

import (
	"iter"
	"maps"
	"slices"
)

// TrainChars is a vocabulary whose tokens are the characters of texts, in the order of their code points, behind
// the special tokens. A character that no text has is left out.
func TrainChars(texts iter.Seq[string], special ...string) (*Tokenizer, error) {
	seen := map[rune]bool{}
	for text := range texts {
		for _, r := range text {
			seen[r] = true
		}
	}
	tokens := slices.Clone(special)
	var added []AddedToken
	for i, s := range special {
		added = append(added, AddedToken{ID: int32(i), Content: s, Special: true})
	}
	for _, r := range slices.Sorted(maps.Keys(seen)) {
		if s := string(r); !slices.Contains(special, s) {
			tokens = append(tokens, s)
		}
	}
	type object = map[string]any
	return assembleFile(added, object{"normalizer": nil, "pre_tokenizer": nil, "post_processor": nil,
		"decoder": object{"type": "Fuse"}, // characters stand without spaces between them
		"model":   object{"type": "BPE", "vocab": idsOf(tokens), "merges": []string{}, "unk_token": nil, "dropout": nil, "fuse_unk": false}})
}
