package token

import (
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// A decoder makes text of tokens. It works as a line of stages, each of which passes tokens on to the next, so that a
// [Stream] can do it token by token.
type decoder interface {
	// stage returns a stage at its beginning that passes on to next.
	stage(next sink) sink
}

// A sink takes tokens. A token may come in several parts; end says that the part is its last.
type sink interface {
	push(part string, end bool)
	// close says that no more tokens come.
	close()
}

// decoders is a line of decoders.
type decoders []decoder

func (ds decoders) stage(next sink) sink {
	for _, d := range slices.Backward(ds) {
		next = d.stage(next)
	}
	return next
}

// partial gathers the parts of a token.
type partial []byte

// whole returns the token once its last part has come.
func (p *partial) whole(part string, end bool) (string, bool) {
	if end && len(*p) == 0 {
		return part, true
	}
	*p = append(*p, part...)
	if !end {
		return "", false
	}
	t := string(*p)
	*p = (*p)[:0]
	return t, true
}

// textSink is the end of the line.
type textSink struct{ text []byte }

func (s *textSink) push(part string, _ bool) { s.text = append(s.text, part...) }
func (s *textSink) close()                   {}

// eachToken is a decoder that turns whole tokens into others, without a memory of its own beyond their number.
type eachToken func(i int, t string) string

func (f eachToken) stage(next sink) sink { return &eachStage{f: f, next: next} }

type eachStage struct {
	f    eachToken
	i    int
	part partial
	next sink
}

func (s *eachStage) push(part string, end bool) {
	if t, ok := s.part.whole(part, end); ok {
		s.next.push(s.f(s.i, t), true)
		s.i++
	}
}

func (s *eachStage) close() { s.next.close() }

// spaced puts a space between tokens: what happens where a file has no decoder.
func spaced(i int, t string) string {
	if i == 0 {
		return t
	}
	return " " + t
}

// wordPieceDecoder takes the prefix off pieces inside a word and puts spaces before words.
func wordPieceDecoder(prefix string, clean bool) eachToken {
	return func(i int, t string) string {
		if i > 0 {
			if rest, ok := strings.CutPrefix(t, prefix); ok {
				t = rest
			} else {
				t = " " + t
			}
		}
		if clean {
			t = cleanUp(t)
		}
		return t
	}
}

// cleanUps undo what splitting at punctuation did to English, in this order.
var cleanUps = [][2]string{
	{" .", "."}, {" ?", "?"}, {" !", "!"}, {" ,", ","}, {" ' ", "'"}, {" n't", "n't"}, {" 'm", "'m"},
	{" do not", " don't"}, {" 's", "'s"}, {" 've", "'ve"}, {" 're", "'re"},
}

func cleanUp(t string) string {
	if !strings.Contains(t, " ") {
		return t
	}
	for _, c := range cleanUps {
		t = strings.ReplaceAll(t, c[0], c[1])
	}
	return t
}

// metaspaceDecoder makes every mark a space, and drops those of the first token where the pre-tokenizer prepends one.
func metaspaceDecoder(m metaspace) eachToken {
	return func(i int, t string) string {
		space := " "
		if i == 0 && m.prepend != never {
			space = ""
		}
		return strings.ReplaceAll(t, m.mark, space)
	}
}

// replaceDecoder replaces in every token.
func replaceDecoder(n replaceAll) eachToken {
	return func(_ int, t string) string {
		var b strings.Builder
		done := 0
		for start, end := range matches(n.pattern, t) {
			b.WriteString(t[done:start])
			b.WriteString(n.content)
			done = end
		}
		if done == 0 && b.Len() == 0 {
			return t
		}
		b.WriteString(t[done:])
		return b.String()
	}
}

// stripDecoder takes up to start copies of a character off the beginning of every token, and up to stop off its end.
type stripDecoder struct {
	char        string
	start, stop int
}

func (d stripDecoder) stage(next sink) sink {
	if d.stop > 0 {
		return eachToken(func(_ int, t string) string {
			for range d.start {
				t = strings.TrimPrefix(t, d.char)
			}
			for range d.stop {
				t = strings.TrimSuffix(t, d.char)
			}
			return t
		}).stage(next)
	}
	return &stripStage{d: d, left: d.start, next: next}
}

// stripStage strips at the beginning only, which it can do while a token comes in parts.
type stripStage struct {
	d    stripDecoder
	left int // how many more may go
	next sink
}

func (s *stripStage) push(part string, end bool) {
	for s.left > 0 && part != "" {
		rest, ok := strings.CutPrefix(part, s.d.char)
		if !ok {
			s.left = 0
			break
		}
		part = rest
		s.left--
	}
	s.next.push(part, end)
	if end {
		s.left = s.d.start
	}
}

func (s *stripStage) close() { s.next.close() }

// suffixDecoder makes the suffix of a word's last token a space; that of the last word goes.
type suffixDecoder string

func (d suffixDecoder) stage(next sink) sink { return &suffixStage{suffix: string(d), next: next} }

type suffixStage struct {
	suffix string
	part   partial
	last   string // the token before, which may be the last
	any    bool
	next   sink
}

func (s *suffixStage) push(part string, end bool) {
	t, ok := s.part.whole(part, end)
	if !ok {
		return
	}
	if s.any {
		s.next.push(strings.ReplaceAll(s.last, s.suffix, " "), true)
	}
	s.last, s.any = t, true
}

func (s *suffixStage) close() {
	if s.any {
		s.next.push(strings.ReplaceAll(s.last, s.suffix, ""), true)
	}
	s.next.close()
}

// fuse makes one token of all.
type fuse struct{}

func (fuse) stage(next sink) sink { return fuseStage{next} }

type fuseStage struct{ next sink }

func (s fuseStage) push(part string, _ bool) {
	if part != "" {
		s.next.push(part, false)
	}
}

func (s fuseStage) close() {
	s.next.push("", true)
	s.next.close()
}

// byteLevelDecoder makes bytes of the characters that spell them; what is not UTF-8 becomes U+FFFD. The result is one
// token.
type byteLevelDecoder struct{}

func (byteLevelDecoder) stage(next sink) sink { return &byteStage{next: next} }

type byteStage struct {
	part  partial
	bytes []byte // not passed on yet: the beginning of a character
	next  sink
}

func (s *byteStage) push(part string, end bool) {
	t, ok := s.part.whole(part, end)
	if !ok {
		return
	}
	s.bytes = appendByteToken(s.bytes, t)
	whole := len(s.bytes) - unfinished(s.bytes)
	if whole > 0 {
		s.next.push(string(appendLossy(nil, s.bytes[:whole])), false)
		s.bytes = s.bytes[:copy(s.bytes, s.bytes[whole:])]
	}
}

func (s *byteStage) close() {
	s.next.push(string(appendLossy(nil, s.bytes)), true)
	s.bytes = nil
	s.next.close()
}

// unfinished returns the number of bytes at the end of b that are the beginning of a character.
func unfinished(b []byte) int {
	for n := 1; n < utf8.UTFMax && n <= len(b); n++ {
		if c := b[len(b)-n]; utf8.RuneStart(c) {
			if !utf8.FullRune(b[len(b)-n:]) {
				return n
			}
			return 0
		}
	}
	return 0
}

// byteFallback makes text of runs of <0x..> tokens. A run that is not UTF-8 as a whole becomes U+FFFD for every byte.
type byteFallback struct{}

func (byteFallback) stage(next sink) sink { return &fallbackStage{next: next} }

type fallbackStage struct {
	part partial
	run  []byte
	next sink
}

func (s *fallbackStage) push(part string, end bool) {
	t, ok := s.part.whole(part, end)
	if !ok {
		return
	}
	if b, ok := fallenByte(t); ok {
		s.run = append(s.run, b)
		return
	}
	s.flush()
	s.next.push(t, true)
}

// flush passes the run on.
func (s *fallbackStage) flush() {
	if utf8.Valid(s.run) {
		if len(s.run) > 0 {
			s.next.push(string(s.run), true)
		}
	} else {
		for range s.run {
			s.next.push("\uFFFD", true)
		}
	}
	s.run = s.run[:0]
}

func (s *fallbackStage) close() {
	s.flush()
	s.next.close()
}

// fallenByte reads a token like <0x0A>.
func fallenByte(t string) (byte, bool) {
	if len(t) != 6 || !strings.HasPrefix(t, "<0x") || t[5] != '>' {
		return 0, false
	}
	b, err := strconv.ParseUint(t[3:5], 16, 8)
	return byte(b), err == nil
}

// ctc undoes connectionist temporal classification (Graves et al. 2006): repeated tokens are one, the blank goes, a mark
// stands between words.
type ctc struct {
	blank, mark string
	clean       bool
}

func (d ctc) stage(next sink) sink { return &ctcStage{d: d, next: next} }

type ctcStage struct {
	d    ctc
	part partial
	last string
	any  bool
	next sink
}

func (s *ctcStage) push(part string, end bool) {
	t, ok := s.part.whole(part, end)
	if !ok || s.any && t == s.last {
		return
	}
	s.last, s.any = t, true
	t = strings.ReplaceAll(t, s.d.blank, "")
	if s.d.clean {
		t = strings.ReplaceAll(cleanUp(t), s.d.mark, " ")
	}
	if t != "" {
		s.next.push(t, true)
	}
}

func (s *ctcStage) close() { s.next.close() }
