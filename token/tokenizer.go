package token

import (
	"encoding/json"
	"fmt"
	"math"
	"strings"
)

// A Tokenizer turns text into ids and back. It is safe for use by many goroutines.
type Tokenizer struct {
	file      *file
	config    map[string]json.RawMessage // tokenizer_config.json
	raw       *addedSet                  // added tokens to be found in the text as given
	cooked    *addedSet                  // those to be found in the normalized text
	added     map[int32]AddedToken
	addedIDs  map[string]int32
	spelling  map[int32]string // what an added token decodes to, where the normalizer changes it
	normalize normalizers
	words     preTokenizers
	model     model
	vocab     *vocabulary
	post      postProcessor // nil: none
	decode    decoder
	size      int
	loose     bool // ids do not depend on where in the input a word stands

	// Special tokens by the part they play, as the files beside tokenizer.json say.
	Special Special

	// MaxLength is the number of tokens that the model was made for, or 0 where no file says it.
	MaxLength int
}

// Parse reads a tokenizer.json.
func Parse(tokenizerJSON []byte) (*Tokenizer, error) {
	if len(tokenizerJSON) > fileMax {
		return nil, fmt.Errorf("token: tokenizer.json has %d bytes, more than the %d that are read", len(tokenizerJSON), fileMax)
	}
	f, err := readFileText(string(tokenizerJSON))
	if err != nil {
		return nil, fmt.Errorf("token: tokenizer.json: %w", err)
	}
	return build(f)
}

// build makes a tokenizer of a file.
func build(f *file) (*Tokenizer, error) {
	t := &Tokenizer{file: f, loose: true, decode: eachToken(spaced)}
	var err error
	if t.model, t.vocab, err = parseModel(f.model); err != nil {
		return nil, err
	}
	if n, err := parse(f.normalizer, "normalizer", parseNormalizer); err != nil {
		return nil, err
	} else if n != nil {
		t.normalize = normalizers{n}
	}
	if t.words, err = parse(f.preTokenizer, "pre_tokenizer", parsePreTokenizer); err != nil {
		return nil, err
	}
	if t.post, err = parse(f.postProcessor, "post_processor", parsePostProcessor); err != nil {
		return nil, err
	}
	if d, err := parse(f.decoder, "decoder", parseDecoder); err != nil {
		return nil, err
	} else if d != nil {
		t.decode = d
	}
	t.linkBytes()
	for _, w := range t.words {
		if m, ok := w.(metaspace); ok && m.prepend == first {
			t.loose = false
		}
	}
	if err := t.add(f.added); err != nil {
		return nil, err
	}
	t.Special = (&config{}).special(t)
	return t, nil
}

// parse makes a component of its text; of null and of nothing it makes nothing.
func parse[T any](text, path string, f func(component) (T, error)) (none T, err error) {
	if text == "" || text == "null" {
		return none, nil
	}
	return f(component{raw: json.RawMessage(text), path: path})
}

// linkBytes saves the spelling out of bytes where the model can take them as they are, and lets a model that sees whole
// texts cut them.
func (t *Tokenizer) linkBytes() {
	m, ok := t.model.(*bpe)
	if !ok {
		return
	}
	if len(t.words) == 0 {
		m.takeMark("▁")
		return
	}
	if last, ok := t.words[len(t.words)-1].(*byteLevel); ok && m.takeBytes() {
		last.spell = false
	}
}

// add takes up the added tokens of the file.
func (t *Tokenizer) add(tokens []AddedToken) error {
	t.added = make(map[int32]AddedToken, len(tokens))
	t.addedIDs = make(map[string]int32, len(tokens))
	t.spelling = map[int32]string{}
	t.size = len(t.vocab.ids)
	var raw, cooked []AddedToken
	for i, a := range tokens {
		if a.Content == "" {
			continue
		}
		if id := t.vocab.id(a.Content); id != noToken {
			a.ID = id // the vocabulary decides
		} else {
			t.size++
		}
		if a.ID < 0 {
			return fmt.Errorf("token: tokenizer.json: added_tokens[%d]: %q has id %d", i, a.Content, a.ID)
		}
		t.added[a.ID] = a
		t.addedIDs[a.Content] = a.ID
		if !a.Normalized {
			raw = append(raw, a)
			continue
		}
		cooked = append(cooked, a)
		if s := t.normalized(a.Content); s != a.Content {
			t.spelling[a.ID] = s
		}
	}
	t.raw = newAddedSet(raw, func(s string) string { return s })
	t.cooked = newAddedSet(cooked, t.normalized)
	return nil
}

// normalized returns what the normalizer makes of s.
func (t *Tokenizer) normalized(s string) string {
	p := piece{text: s, added: noToken, loose: true}
	t.normalize.normalize(&p)
	return p.text
}

// An Input is a text or a pair of texts.
type Input struct {
	Text    string
	Pair    string
	HasPair bool // an empty second text is not none
}

// Options say what an encoding is to have besides the tokens of its text.
type Options struct {
	AddSpecialTokens bool        // those of the post-processor
	Truncation       *Truncation // nil: none
	Padding          *Padding    // nil: none
}

// Encode returns text as tokens, with the special tokens of the post-processor. Truncation and padding that the file
// asks for are left to [Tokenizer.EncodeWith].
func (t *Tokenizer) Encode(text string) (*Encoding, error) {
	return t.EncodeWith(Input{Text: text}, Options{AddSpecialTokens: true})
}

// EncodeWith returns a text or a pair of texts as tokens.
func (t *Tokenizer) EncodeWith(in Input, o Options) (*Encoding, error) {
	texts := []string{in.Text}
	if in.HasPair {
		texts = append(texts, in.Pair)
	}
	var seqs []*Encoding
	var rulers []*ruler
	for i, text := range texts {
		r := newRuler(text)
		e, err := t.encode(text, i, r)
		if err != nil {
			return nil, fmt.Errorf("token: %w", err)
		}
		seqs, rulers = append(seqs, e), append(rulers, r)
	}
	if o.Truncation != nil {
		limit := o.Truncation.MaxLength
		if o.AddSpecialTokens && t.post != nil {
			limit -= t.post.added(in.HasPair)
		}
		var second *Encoding
		if in.HasPair {
			second = seqs[1]
		}
		if err := o.Truncation.apply(limit, seqs[0], second); err != nil {
			return nil, fmt.Errorf("token: %w", err)
		}
	}
	lost := 0 // the windows whose texts the reference does not know apart
	if t.post != nil {
		seqs = t.post.process(seqs, o.AddSpecialTokens)
	} else {
		lost = len(seqs[0].Overflowing)
		if in.HasPair {
			lost *= 1 + len(seqs[1].Overflowing)
		}
	}
	out := &Encoding{}
	if len(seqs) > 0 {
		out = seqs[0]
		for _, e := range seqs[1:] {
			out.join(e)
		}
	}
	for e := range out.all {
		e.measure(rulers)
	}
	if o.Padding != nil {
		if err := o.Padding.apply(out); err != nil {
			return nil, fmt.Errorf("token: %w", err)
		}
	}
	for _, w := range out.Overflowing[:lost] {
		clear(w.SequenceIDs)
	}
	return out, nil
}

// measure works out byte offsets from character offsets.
func (e *Encoding) measure(rulers []*ruler) {
	for i, s := range e.SequenceIDs {
		if s >= 0 {
			o := e.CharOffsets[i]
			e.Offsets[i] = [2]int{rulers[s].byte(o[0]), rulers[s].byte(o[1])}
		}
	}
}

// cut gives the added tokens and the words of text to emit, in order.
func (t *Tokenizer) cut(text string, loose bool, emit func(piece)) {
	words := t.words.into(emit)
	t.raw.split(piece{text: text, added: noToken, loose: loose}, func(p piece) {
		if p.added != noToken {
			words(p)
			return
		}
		t.normalize.normalize(&p)
		t.cooked.split(p, words)
	})
}

// encode returns one text as tokens without special ones.
func (t *Tokenizer) encode(text string, sequence int, r *ruler) (*Encoding, error) {
	if len(text) > math.MaxInt32 {
		return nil, fmt.Errorf("a text of %d bytes is too long", len(text))
	}
	e := &Encoding{}
	var parts []piecePart
	var fault error
	word := 0
	t.cut(text, false, func(p piece) {
		if p.added != noToken {
			parts = append(parts[:0], piecePart{p.added, int32(len(p.text))})
		} else {
			parts = t.model.appendTokens(parts[:0], p.text)
		}
		from, end := 0, 0 // of the part before
		for _, part := range parts {
			if part.id == missingToken && fault == nil {
				fault = fmt.Errorf("%q is not in the vocabulary, and neither is a token for what is not", p.text)
			}
			if to := min(int(part.end), len(p.text)); to > end { // fallback may spell bytes that are not in the text
				from, end = end, to
			}
			s := p.span(from, end)
			name := p.text
			if p.added == noToken {
				name = t.name(part.id, p.text[from:end])
			}
			e.IDs = append(e.IDs, part.id)
			e.Tokens = append(e.Tokens, name)
			e.CharOffsets = append(e.CharOffsets, [2]int{r.char(int(s.start)), r.char(int(s.end))})
			e.WordIDs = append(e.WordIDs, word)
		}
		word++
	})
	if fault != nil {
		return nil, fault
	}
	n := len(e.IDs)
	e.TypeIDs = make([]int32, n)
	e.setTypes(int32(sequence))
	e.SpecialTokensMask = make([]int32, n)
	e.AttentionMask = make([]int32, n)
	e.Offsets = make([][2]int, n)
	e.SequenceIDs = make([]int, n)
	for i := range n {
		e.AttentionMask[i] = 1
		e.SequenceIDs[i] = sequence
	}
	return e, nil
}

// name returns the token with an id that stands for text.
func (t *Tokenizer) name(id int32, text string) string {
	if m, ok := t.model.(*unigram); ok && id == m.unk {
		return text
	}
	name, _ := t.vocab.token(id)
	return name
}

// IDs returns the ids of Encode(text) and nothing else, faster. Words without a token, where the vocabulary has none for
// them, are left out.
func (t *Tokenizer) IDs(text string) []int32 {
	ids := t.AppendIDs(nil, text)
	if t.post == nil || t.post.added(false) == 0 {
		return ids
	}
	e := &Encoding{IDs: ids}
	parts := t.post.process([]*Encoding{e}, true)
	var out []int32
	for _, p := range parts {
		out = append(out, p.IDs...)
	}
	return out
}

// AppendIDs appends the ids of text, without special tokens, to dst.
func (t *Tokenizer) AppendIDs(dst []int32, text string) []int32 {
	var parts []piecePart
	t.cut(text, t.loose, func(p piece) {
		if p.added != noToken {
			dst = append(dst, p.added)
			return
		}
		parts = t.model.appendTokens(parts[:0], p.text)
		for _, part := range parts {
			if part.id != missingToken {
				dst = append(dst, part.id)
			}
		}
	})
	return dst
}

// Decode returns the text of ids, without special tokens if skipSpecial is set. Ids without a token are left out.
func (t *Tokenizer) Decode(ids []int32, skipSpecial bool) string {
	var out textSink
	s := t.decode.stage(&out)
	for _, id := range ids {
		if text, ok := t.spelled(id, skipSpecial); ok {
			s.push(text, true)
		}
	}
	s.close()
	return string(out.text)
}

// spelled returns what the decoder is to see of a token.
func (t *Tokenizer) spelled(id int32, skipSpecial bool) (string, bool) {
	if a, ok := t.added[id]; ok {
		if skipSpecial && a.Special {
			return "", false
		}
		if s, ok := t.spelling[id]; ok {
			return s, true
		}
		return a.Content, true
	}
	return t.vocab.token(id)
}

// VocabSize returns the number of tokens, added ones included.
func (t *Tokenizer) VocabSize() int { return t.size }

// TokenToID returns the id of a token.
func (t *Tokenizer) TokenToID(token string) (int32, bool) {
	if id, ok := t.addedIDs[token]; ok {
		return id, true
	}
	id, ok := t.vocab.ids[token]
	return id, ok
}

// IDToToken returns the token with an id, as the vocabulary spells it.
func (t *Tokenizer) IDToToken(id int32) (string, bool) {
	if a, ok := t.added[id]; ok {
		return a.Content, true
	}
	return t.vocab.token(id)
}

// AddedTokens returns the tokens that are cut out of a text before anything else, in the order of the file.
func (t *Tokenizer) AddedTokens() []AddedToken {
	return append([]AddedToken(nil), t.file.added...)
}

// String names the kind of tokenizer and its size.
func (t *Tokenizer) String() string {
	kind := fmt.Sprintf("%T", t.model)
	return fmt.Sprintf("%s, %d tokens", kind[strings.LastIndex(kind, ".")+1:], t.size)
}
