package token

import (
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

// small is a byte-level vocabulary of the 256 bytes and a few merges.
func small(t testing.TB) *Tokenizer {
	t.Helper()
	tok, err := Parse([]byte(smallFile()))
	if err != nil {
		t.Fatal(err)
	}
	return tok
}

// smallFile returns the tokenizer.json of small.
func smallFile() string {
	var vocab []string
	for _, r := range byteRunes {
		s := string(r)
		if s == `"` || s == `\` {
			s = `\` + s
		}
		vocab = append(vocab, s)
	}
	vocab = append(vocab, "he", "ll", "Ġw", "llo", "hello")
	var b strings.Builder
	b.WriteString(`{"version":"1.0","truncation":null,"padding":null,
		"added_tokens":[{"id":261,"content":"<|end|>","special":true}],
		"normalizer":null,"pre_tokenizer":{"type":"ByteLevel","add_prefix_space":false},
		"post_processor":null,"decoder":{"type":"ByteLevel"},
		"model":{"type":"BPE","merges":["h e","l l","Ġ w","ll o","he llo"],"vocab":{`)
	for id, t := range vocab {
		if id > 0 {
			b.WriteString(",")
		}
		b.WriteString(`"` + t + `":` + itoa(id))
	}
	b.WriteString(`}}}`)
	return b.String()
}

func itoa(n int) string {
	if n < 10 {
		return string(rune('0' + n))
	}
	return itoa(n/10) + itoa(n%10)
}

func TestSmall(t *testing.T) {
	tok := small(t)
	e, err := tok.Encode("hello wé<|end|>!")
	if err != nil {
		t.Fatal(err)
	}
	if have, want := strings.Join(e.Tokens, "|"), "hello|Ġw|Ã|©|<|end|>|!"; have != want {
		t.Errorf("tokens: have %s, want %s", have, want)
	}
	if have, want := e.Offsets[3], [2]int{7, 9}; have != want {
		t.Errorf("bytes of the second half of é: have %v, want %v", have, want)
	}
	if have, want := e.CharOffsets[4], [2]int{8, 15}; have != want {
		t.Errorf("characters of <|end|>: have %v, want %v", have, want)
	}
	if have, want := tok.Decode(e.IDs, true), "hello wé!"; have != want {
		t.Errorf("decoded: have %q, want %q", have, want)
	}
	if have, want := tok.VocabSize(), 262; have != want {
		t.Errorf("size: have %d, want %d", have, want)
	}
}

func TestStreamHoldsHalfCharacters(t *testing.T) {
	tok := small(t)
	ids := tok.IDs("wé€!")
	s := tok.NewStream(true)
	var parts []string
	for _, id := range ids {
		parts = append(parts, s.Push(id))
	}
	parts = append(parts, s.Flush())
	if have, want := strings.Join(parts, "|"), "w||é|||€|!|"; have != want {
		t.Errorf("have %s, want %s", have, want)
	}
}

func TestOpenSpecial(t *testing.T) {
	fsys := fstest.MapFS{
		"tokenizer.json":          {Data: []byte(smallFile())},
		"tokenizer_config.json":   {Data: []byte(`{"eos_token":{"content":"<|end|>"},"model_max_length":64}`)},
		"special_tokens_map.json": {Data: []byte(`{"eos_token":"hello","bos_token":"<|end|>"}`)},
	}
	tok, err := Open(fsys)
	if err != nil {
		t.Fatal(err)
	}
	if have, want := tok.Special, (Special{261, 261, -1, -1, -1, -1, -1}); have != want {
		t.Errorf("special: have %+v, want %+v", have, want)
	}
	if tok.MaxLength != 64 {
		t.Errorf("length: have %d, want 64", tok.MaxLength)
	}
	delete(fsys, "tokenizer.json")
	if _, err := Open(fsys); err == nil {
		t.Error("a folder without a vocabulary opens")
	}
}

func TestUnsupportedIsNamed(t *testing.T) {
	text := strings.Replace(smallFile(), `"normalizer":null`,
		`"normalizer":{"type":"Sequence","normalizers":[{"type":"NFC"},{"type":"Frobnicate"}]}`, 1)
	_, err := Parse([]byte(text))
	if err == nil || !strings.Contains(err.Error(), "normalizer.normalizers[1]: Frobnicate") {
		t.Errorf("have %v, want the place and the name", err)
	}
}

func TestStretchesThatNormalizeToNothingAreNoWords(t *testing.T) {
	tok, err := Parse([]byte(`{"added_tokens":[{"id":1,"content":"<s>","special":true}],
		"normalizer":{"type":"Strip"},"model":{"type":"WordLevel","unk_token":"?","vocab":{"?":0}}}`))
	if err != nil {
		t.Fatal(err)
	}
	e, err := tok.Encode("<s>  <s> a")
	if err != nil {
		t.Fatal(err)
	}
	if have, want := e.WordIDs, []int{0, 1, 2}; !slices.Equal(have, want) {
		t.Errorf("words: have %v, want %v", have, want)
	}
}

func TestUnknownWithoutATokenForIt(t *testing.T) {
	tok, err := Parse([]byte(`{"pre_tokenizer":{"type":"WhitespaceSplit"},"model":{"type":"WordLevel","unk_token":"?","vocab":{"a":0}}}`))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tok.Encode("a b"); err == nil || !strings.Contains(err.Error(), `"b"`) {
		t.Errorf("have %v, want an error that names the word", err)
	}
	if have := tok.IDs("a b a"); !slices.Equal(have, []int32{0, 0}) {
		t.Errorf("ids: have %v, want the known words", have)
	}
}

func TestTruncationFaults(t *testing.T) {
	tok := small(t)
	for name, c := range map[string]Truncation{
		"stride as long as the window": {MaxLength: 3, Stride: 3},
		"negative stride":              {MaxLength: 3, Stride: -1},
		"negative length":              {MaxLength: -1},
		"no second text":               {MaxLength: 3, Strategy: OnlySecond},
	} {
		if _, err := tok.EncodeWith(Input{Text: "some words here"}, Options{Truncation: &c}); err == nil {
			t.Errorf("%s is no error", name)
		}
	}
	e, err := tok.EncodeWith(Input{Text: "abcdefg"}, Options{Truncation: &Truncation{MaxLength: 3, Stride: 1, Side: Left}})
	if err != nil {
		t.Fatal(err)
	}
	have := []string{strings.Join(e.Tokens, "")}
	for _, o := range e.Overflowing {
		have = append(have, strings.Join(o.Tokens, ""))
	}
	if want := []string{"efg", "cde", "abc"}; !slices.Equal(have, want) {
		t.Errorf("windows: have %q, want %q", have, want)
	}
}
