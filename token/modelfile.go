package token

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

// modelFile is the model of a tokenizer.json, all kinds together.
type modelFile struct {
	Type         string          `json:"type"`
	Dropout      *float64        `json:"dropout"`
	UnkToken     *string         `json:"unk_token"`
	UnkID        *int            `json:"unk_id,omitempty"`
	Prefix       *string         `json:"continuing_subword_prefix"`
	Suffix       *string         `json:"end_of_word_suffix"`
	FuseUnk      bool            `json:"fuse_unk"`
	ByteFallback bool            `json:"byte_fallback"`
	IgnoreMerges bool            `json:"ignore_merges"`
	MaxChars     *int            `json:"max_input_chars_per_word,omitempty"`
	Vocab        json.RawMessage `json:"vocab"`
	Merges       []mergeField    `json:"merges"`
}

// mergeField is "a b" or ["a", "b"].
type mergeField [2]string

// UnmarshalJSON reads either form.
func (m *mergeField) UnmarshalJSON(raw []byte) error {
	if raw[0] == '[' {
		return json.Unmarshal(raw, (*[2]string)(m))
	}
	var s string
	if err := json.Unmarshal(raw, &s); err != nil {
		return err
	}
	var ok bool
	if m[0], m[1], ok = strings.Cut(s, " "); !ok || strings.Contains(m[1], " ") {
		return errors.New("a merge is two tokens with a space between them")
	}
	return nil
}

// parseModel reads the model and its vocabulary.
func parseModel(c component) (model, *vocabulary, error) {
	if c.absent() {
		return nil, nil, c.fault("it is missing")
	}
	var f modelFile
	if err := c.read(&f); err != nil {
		return nil, nil, err
	}
	if f.Type == "" {
		f.Type = f.guess()
	}
	c.kind = f.Type
	if f.Type != "BPE" && f.Type != "WordPiece" && f.Type != "WordLevel" {
		return nil, nil, c.unsupported("BPE", "WordLevel", "WordPiece")
	}
	var ids map[string]int32
	if err := json.Unmarshal(f.Vocab, &ids); err != nil {
		return nil, nil, c.fault("vocab: %w", err)
	}
	v, err := newVocabulary(ids)
	if err != nil {
		return nil, nil, c.fault("vocab: %w", err)
	}
	switch f.Type {
	case "BPE":
		m, err := f.bpe(c, v)
		return m, v, err
	case "WordPiece":
		return newWordPiece(v, or(f.UnkToken, "[UNK]"), or(f.Prefix, "##"), or(f.MaxChars, 100)), v, nil
	}
	m := &wordLevel{v, missingToken}
	if id := v.id(or(f.UnkToken, "<unk>")); id != noToken {
		m.unk = id
	}
	return m, v, nil
}

// or returns what p points to, or a default.
func or[T any](p *T, byDefault T) T {
	if p != nil {
		return *p
	}
	return byDefault
}

// guess tells the type of a model that does not say it, as old files do not.
func (f *modelFile) guess() string {
	switch {
	case f.Merges != nil:
		return "BPE"
	case f.UnkID != nil:
		return "Unigram"
	case f.MaxChars != nil || f.Prefix != nil:
		return "WordPiece"
	}
	return "WordLevel"
}

// bpe makes the model of a file.
func (f *modelFile) bpe(c component, v *vocabulary) (*bpe, error) {
	m := &bpe{
		vocabulary: v, cache: newWordCache(), unk: noToken,
		fuseUnk: f.FuseUnk, byteFallback: f.ByteFallback, ignoreMerges: f.IgnoreMerges,
		prefix: or(f.Prefix, ""), suffix: or(f.Suffix, ""),
		merges: newMergeTable(len(f.Merges)), list: make([]merge, len(f.Merges)),
	}
	if f.UnkToken != nil {
		if m.unk = v.id(*f.UnkToken); m.unk == noToken {
			m.unk = missingToken
		}
	}
	for i, pair := range f.Merges {
		left, right := v.id(pair[0]), v.id(pair[1])
		if left == noToken || right == noToken {
			return nil, c.fault("merges[%d]: %q or %q is not in the vocabulary", i, pair[0], pair[1])
		}
		id := v.id(pair[0] + strings.TrimPrefix(pair[1], m.prefix))
		if id == noToken {
			return nil, c.fault("merges[%d]: %q and %q make a token that is not in the vocabulary", i, pair[0], pair[1])
		}
		m.merges.set(left, right, int32(i), id)
		m.list[i] = merge{left, right}
	}
	return m, nil
}

// newBPEFile returns the model part of a file for a byte-level vocabulary, whose ids are the places in tokens.
func newBPEFile(tokens []string, merges []mergeField) (json.RawMessage, error) {
	var vocab bytes.Buffer
	for id, t := range tokens {
		sep := ','
		if id == 0 {
			sep = '{'
		}
		name, err := json.Marshal(t)
		if err != nil {
			return nil, err
		}
		fmt.Fprintf(&vocab, "%c%s:%d", sep, name, id)
	}
	if len(tokens) == 0 {
		vocab.WriteByte('{')
	}
	vocab.WriteByte('}')
	if merges == nil {
		merges = []mergeField{}
	}
	return json.Marshal(&modelFile{Type: "BPE", Vocab: vocab.Bytes(), Merges: merges})
}
