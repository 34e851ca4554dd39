package token

// A Stream decodes tokens as they come, for showing text while it is made. What it returns never changes any more: the
// beginning of a character, or a space that the next token may take away, waits. All that it returns, joined, is what
// [Tokenizer.Decode] gives for all the tokens.
type Stream struct {
	t           *Tokenizer
	skipSpecial bool
	out         textSink
	line        sink
}

// NewStream returns a Stream; with skipSpecial it leaves special tokens out.
func (t *Tokenizer) NewStream(skipSpecial bool) *Stream {
	s := &Stream{t: t, skipSpecial: skipSpecial}
	s.line = t.decode.stage(&s.out)
	return s
}

// Push takes the next token and returns the text that is now certain.
func (s *Stream) Push(id int32) string {
	if text, ok := s.t.spelled(id, s.skipSpecial); ok {
		s.line.push(text, true)
	}
	return s.take()
}

// Flush returns the rest and makes the Stream ready for another text.
func (s *Stream) Flush() string {
	s.line.close()
	rest := s.take()
	s.line = s.t.decode.stage(&s.out)
	return rest
}

func (s *Stream) take() string {
	text := string(s.out.text)
	s.out.text = s.out.text[:0]
	return text
}
