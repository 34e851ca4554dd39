package token

import (
	"encoding/json"
	"fmt"
	"strings"
)

// modelFile is the model of a tokenizer.json, all kinds together, without the vocabulary and the merges.
type modelFile struct {
	Type         string   `json:"type"`
	Dropout      *float64 `json:"dropout"`
	UnkToken     *string  `json:"unk_token"`
	UnkID        *int     `json:"unk_id"`
	Prefix       *string  `json:"continuing_subword_prefix"`
	Suffix       *string  `json:"end_of_word_suffix"`
	FuseUnk      bool     `json:"fuse_unk"`
	ByteFallback bool     `json:"byte_fallback"`
	IgnoreMerges bool     `json:"ignore_merges"`
	MaxChars     *int     `json:"max_input_chars_per_word"`

	vocab, merges string
}

// parseModel reads the model and its vocabulary.
func parseModel(text string) (model, *vocabulary, error) {
	c := component{path: "model"}
	if text == "" {
		return nil, nil, c.fault("it is missing")
	}
	parts, err := members(text)
	if err != nil {
		return nil, nil, c.fault("%w", err)
	}
	f := &modelFile{vocab: parts["vocab"], merges: parts["merges"]}
	delete(parts, "vocab")
	delete(parts, "merges")
	rest := make(map[string]json.RawMessage, len(parts))
	for key, value := range parts {
		rest[key] = json.RawMessage(value)
	}
	if c.raw, err = json.Marshal(rest); err != nil {
		return nil, nil, c.fault("%w", err)
	}
	if err := c.read(f); err != nil {
		return nil, nil, err
	}
	if f.Type == "" {
		f.Type = f.guess()
	}
	c.kind = f.Type
	var m model
	var v *vocabulary
	switch f.Type {
	case "BPE":
		m, v, err = f.bpe(c)
	case "Unigram":
		m, v, err = f.unigram(c)
	case "WordPiece":
		if v, err = f.vocabulary(c); err == nil {
			m = newWordPiece(v, or(f.UnkToken, "[UNK]"), or(f.Prefix, "##"), or(f.MaxChars, 100))
		}
	case "WordLevel":
		if v, err = f.vocabulary(c); err == nil {
			m = newWordLevel(v, or(f.UnkToken, "<unk>"))
		}
	default:
		err = c.unsupported("BPE", "Unigram", "WordLevel", "WordPiece")
	}
	return m, v, err
}

// guess tells the type of a model that does not say it, as old files do not.
func (f *modelFile) guess() string {
	switch {
	case f.merges != "":
		return "BPE"
	case f.UnkID != nil || strings.HasPrefix(f.vocab, "["):
		return "Unigram"
	case f.MaxChars != nil || f.Prefix != nil:
		return "WordPiece"
	}
	return "WordLevel"
}

// vocabulary reads a vocabulary of tokens and ids.
func (f *modelFile) vocabulary(c component) (*vocabulary, error) {
	ids, err := readVocab(f.vocab)
	if err == nil {
		var v *vocabulary
		if v, err = newVocabulary(ids); err == nil {
			return v, nil
		}
	}
	return nil, c.fault("vocab: %w", err)
}

// bpe makes the model of a file.
func (f *modelFile) bpe(c component) (*bpe, *vocabulary, error) {
	v, err := f.vocabulary(c)
	if err != nil {
		return nil, nil, err
	}
	m := &bpe{
		vocabulary: v, cache: newWordCache(), unk: noToken,
		fuseUnk: f.FuseUnk, byteFallback: f.ByteFallback, ignoreMerges: f.IgnoreMerges,
		prefix: or(f.Prefix, ""), suffix: or(f.Suffix, ""),
	}
	if f.UnkToken != nil {
		if m.unk = v.id(*f.UnkToken); m.unk == noToken {
			m.unk = missingToken
		}
	}
	var list []mergeSlot
	var joined []byte
	err = readMerges(f.merges, func(i int, left, right string) error {
		a, okA := v.ids[left]
		b, okB := v.ids[right]
		joined = append(append(joined[:0], left...), strings.TrimPrefix(right, m.prefix)...)
		id, ok := v.ids[string(joined)]
		if !okA || !okB || !ok {
			return fmt.Errorf("merge %d: %q, %q or what they make is not in the vocabulary", i, left, right)
		}
		list = append(list, mergeSlot{pairOf(a, b), int32(i), id})
		return nil
	})
	if err != nil {
		return nil, nil, c.fault("merges: %w", err)
	}
	m.merges = newMergeTable(list)
	return m, v, nil
}

// unigram makes the model of a file, whose vocabulary is a list of tokens and their scores.
func (f *modelFile) unigram(c component) (*unigram, *vocabulary, error) {
	tokens, scores, err := readScores(f.vocab)
	if err != nil {
		return nil, nil, c.fault("vocab: %w", err)
	}
	v := &vocabulary{tokens: tokens, ids: make(map[string]int32, len(tokens))}
	for id, t := range tokens {
		if _, ok := v.ids[t]; ok {
			return nil, nil, c.fault("vocab: token %q comes twice", t)
		}
		v.ids[t] = int32(id)
	}
	unk := missingToken
	if f.UnkID != nil {
		if *f.UnkID < 0 || *f.UnkID >= len(tokens) {
			return nil, nil, c.fault("unk_id is %d in a vocabulary of %d", *f.UnkID, len(tokens))
		}
		unk = int32(*f.UnkID)
	}
	return newUnigram(v, scores, unk, f.ByteFallback), v, nil
}

// or returns what p points to, or a default.
func or[T any](p *T, byDefault T) T {
	if p != nil {
		return *p
	}
	return byDefault
}

// bpeFile returns the model part of a file for a byte-level vocabulary, whose ids are the places in tokens.
func bpeFile(tokens []string, merges [][2]string) (string, error) {
	var b strings.Builder
	b.WriteString(`{"type":"BPE","dropout":null,"unk_token":null,"continuing_subword_prefix":null,"end_of_word_suffix":null,` +
		`"fuse_unk":false,"byte_fallback":false,"ignore_merges":false,"vocab":{`)
	for id, t := range tokens {
		name, err := json.Marshal(t)
		if err != nil {
			return "", err
		}
		if id > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, "%s:%d", name, id)
	}
	b.WriteString(`},"merges":[`)
	for i, m := range merges {
		pair, err := json.Marshal(m)
		if err != nil {
			return "", err
		}
		if i > 0 {
			b.WriteByte(',')
		}
		b.Write(pair)
	}
	b.WriteString(`]}`)
	return b.String(), nil
}
