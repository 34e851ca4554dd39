package token

import (
	"strings"
	"unicode/utf8"
)

// An AddedToken is a token that is cut out of the text before anything else sees it.
type AddedToken struct {
	ID         int32  `json:"id"`
	Content    string `json:"content"`
	SingleWord bool   `json:"single_word"` // only where no word character touches it
	LStrip     bool   `json:"lstrip"`      // takes the white space before it along
	RStrip     bool   `json:"rstrip"`      // takes the white space after it along
	Normalized bool   `json:"normalized"`  // looked for in the normalized text, not in the text as given
	Special    bool   `json:"special"`     // left out when decoding without special tokens
}

// An addedSet finds added tokens in a text, leftmost first, the longest where several begin at the same place.
type addedSet struct {
	tokens []AddedToken
	next   map[uint64]int32 // (state, byte) → state
	final  []int32          // the token that ends in a state, or -1
	first  [256]bool        // the bytes that a token may begin with
	only   int              // that byte, if there is only one; otherwise -1
}

// newAddedSet makes a set of tokens, which are looked for under the spelling that spell gives.
func newAddedSet(tokens []AddedToken, spell func(string) string) *addedSet {
	s := &addedSet{tokens: tokens, next: map[uint64]int32{}, final: []int32{-1}, only: -1}
	for i, t := range tokens {
		state := int32(0)
		content := spell(t.Content)
		for j := range len(content) {
			key := uint64(state)<<8 | uint64(content[j])
			to, ok := s.next[key]
			if !ok {
				to = int32(len(s.final))
				s.final = append(s.final, -1)
				s.next[key] = to
			}
			state = to
		}
		if content != "" && s.final[state] < 0 {
			s.final[state] = int32(i)
			s.first[content[0]] = true
		}
	}
	for b, begins := range s.first {
		if begins && s.only >= 0 {
			s.only = -1
			break
		}
		if begins {
			s.only = b
		}
	}
	return s
}

// find returns the next token in text[from:] and where it lies, or a nil token.
func (s *addedSet) find(text string, from int) (t *AddedToken, start, end int) {
	for i := from; i < len(text); i++ {
		if s.only >= 0 {
			n := strings.IndexByte(text[i:], byte(s.only))
			if n < 0 {
				return nil, 0, 0
			}
			i += n
		} else if !s.first[text[i]] {
			continue
		}
		state := int32(0)
		for j := i; j < len(text); j++ {
			to, ok := s.next[uint64(state)<<8|uint64(text[j])]
			if !ok {
				break
			}
			state = to
			if s.final[state] >= 0 {
				t, start, end = &s.tokens[s.final[state]], i, j+1
			}
		}
		if t != nil {
			return t, start, end
		}
	}
	return nil, 0, 0
}

// split cuts p at the added tokens in it and gives the pieces to emit, none of them empty.
func (s *addedSet) split(p piece, emit func(piece)) {
	text, done := p.text, 0
	for from := 0; ; {
		t, start, end := s.find(text, from)
		if t == nil {
			break
		}
		from = end
		if t.SingleWord && (endsInWord(text[:start]) || beginsWithWord(text[end:])) {
			continue
		}
		if t.LStrip {
			start = max(done, len(strings.TrimRightFunc(text[:start], isSpace)))
		}
		if t.RStrip {
			end = len(text) - len(strings.TrimLeftFunc(text[end:], isSpace))
		}
		if done < start {
			emit(p.slice(done, start))
		}
		q := p.slice(start, end)
		q.added = t.ID
		emit(q)
		done = end
	}
	switch {
	case text == "": // the normalizer left nothing
	case done == 0:
		emit(p)
	case done < len(text):
		emit(p.slice(done, len(text)))
	}
}

func isSpace(r rune) bool { return chars().of(r)&classSpace != 0 }

func endsInWord(s string) bool {
	r, n := utf8.DecodeLastRuneInString(s)
	return n > 0 && chars().of(r)&classRustWord != 0
}

func beginsWithWord(s string) bool {
	r, n := utf8.DecodeRuneInString(s)
	return n > 0 && chars().of(r)&classRustWord != 0
}
