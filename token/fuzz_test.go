package token

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"
)

// tiny are small files of every kind of model, for tests that need no reference data.
var tiny = map[string]string{
	"wordpiece": `{"added_tokens":[{"id":0,"content":"[UNK]","special":true},{"id":1,"content":"[CLS]","special":true},
		{"id":2,"content":"[SEP]","special":true,"lstrip":true,"rstrip":true}],
		"normalizer":{"type":"BertNormalizer"},"pre_tokenizer":{"type":"BertPreTokenizer"},
		"post_processor":{"type":"BertProcessing","cls":["[CLS]",1],"sep":["[SEP]",2]},
		"decoder":{"type":"WordPiece"},
		"model":{"type":"WordPiece","vocab":{"[UNK]":0,"[CLS]":1,"[SEP]":2,"un":3,"##aff":4,"##able":5,"!":6,"e":7,"##e":8}}}`,
	"sentencepiece": `{"added_tokens":[{"id":0,"content":"<unk>","special":true}],
		"normalizer":{"type":"Sequence","normalizers":[{"type":"NFKC"},{"type":"Prepend","prepend":"▁"},
			{"type":"Replace","pattern":{"String":" "},"content":"▁"}]},
		"decoder":{"type":"Sequence","decoders":[{"type":"Replace","pattern":{"String":"▁"},"content":" "},
			{"type":"ByteFallback"},{"type":"Fuse"},{"type":"Strip","content":" ","start":1,"stop":0}]},
		"model":{"type":"BPE","unk_token":"<unk>","fuse_unk":true,"byte_fallback":true,
			"vocab":{"<unk>":0,"▁":1,"a":2,"b":3,"▁a":4,"ab":5,"<0xC3>":6,"<0xA9>":7},"merges":["▁ a","a b"]}}`,
	"suffix": `{"normalizer":{"type":"Lowercase"},"pre_tokenizer":{"type":"Whitespace"},
		"decoder":{"type":"BPEDecoder","suffix":"</w>"},
		"model":{"type":"BPE","unk_token":"?","end_of_word_suffix":"</w>","vocab":{"?":0,"a":1,"b</w>":2,"ab</w>":3},"merges":["a b</w>"]}}`,
	"unigram": `{"added_tokens":[{"id":0,"content":"<unk>","special":true}],
		"normalizer":{"type":"Precompiled","precompiled_charsmap":"TABLE"},
		"pre_tokenizer":{"type":"Metaspace","prepend_scheme":"first","split":false},"decoder":{"type":"Metaspace"},
		"model":{"unk_id":0,"vocab":[["<unk>",0],["▁",-2],["a",-3],["b",-3.5],["ab",-4],["▁ab",-5],["é",-6],["h",-7],["hel",-8],["lo",-2]]}}`,
	"words": `{"pre_tokenizer":{"type":"Metaspace","prepend_scheme":"first"},"decoder":{"type":"CTC"},
		"model":{"type":"WordLevel","unk_token":"<unk>","vocab":{"<unk>":0,"▁a":1,"b":2}}}`,
}

// tinyTokenizers returns the tokenizers of tiny and the byte-level one.
func tinyTokenizers(t testing.TB) map[string]*Tokenizer {
	out := map[string]*Tokenizer{"bytelevel": small(t)}
	for name, text := range tiny {
		tok, err := Parse([]byte(strings.Replace(text, "TABLE", someTable(t), 1)))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		out[name] = tok
	}
	return out
}

// lossy is what a decoder may make of a text that is not UTF-8.
func lossy(s string) string { return string(appendLossy(nil, []byte(s))) }

// checkText holds what must be true of every tokenizer and text.
func checkText(t *testing.T, tok *Tokenizer, text string) {
	t.Helper()
	e, err := tok.EncodeWith(Input{Text: text, Pair: text, HasPair: true}, Options{AddSpecialTokens: true})
	if err != nil {
		t.Fatalf("%q: %v", text, err)
	}
	chars := utf8.RuneCountInString(text)
	for i, o := range e.Offsets {
		c := e.CharOffsets[i]
		if o[0] < 0 || o[0] > o[1] || o[1] > len(text) || c[0] < 0 || c[0] > c[1] || c[1] > chars {
			t.Fatalf("%q: token %d, %q: bytes %v, characters %v", text, i, e.Tokens[i], o, c)
		}
	}
	ids := tok.AppendIDs(nil, text)
	if e, err = tok.EncodeWith(Input{Text: text}, Options{}); err != nil {
		t.Fatal(err)
	}
	if len(ids) != len(e.IDs) {
		t.Fatalf("%q: ids alone: have %v, want %v", text, ids, e.IDs)
	}
	for i := range ids {
		if ids[i] != e.IDs[i] {
			t.Fatalf("%q: ids alone: have %v, want %v", text, ids, e.IDs)
		}
	}
	for _, skip := range []bool{false, true} {
		want := tok.Decode(ids, skip)
		s := tok.NewStream(skip)
		var have strings.Builder
		for _, id := range ids {
			have.WriteString(s.Push(id))
			if !strings.HasPrefix(want, have.String()) {
				t.Fatalf("%q: the stream gave %q, which is not how %q begins", text, have.String(), want)
			}
		}
		have.WriteString(s.Flush())
		if have.String() != want {
			t.Fatalf("%q: streamed: have %q, want %q", text, have.String(), want)
		}
	}
}

var odd = []string{
	"", " ", "  ", "\n", "a", "unaffable!", "hello world", " é́ ﬁ ½ Ⅳ", "日本語 テキスト", "👩‍👩‍👧 x", "\xff\xfe", "a\xe2\x82", "\xe2\x82\xac\xe2", "\xed\xa0\x80",
	"Ａ　ｂ\u0301\u0323 각", "<|end|>", "a<|end|> <|end|>b", "[SEP]  [SEP] un[UNK]", "'s 'LL 'ſ can't", "1234567 ٣٤", "a b\r\n\r\n c \t\n ", strings.Repeat("ab", 100),
}

func TestTinyTexts(t *testing.T) {
	for name, tok := range tinyTokenizers(t) {
		t.Run(name, func(t *testing.T) {
			for _, text := range odd {
				checkText(t, tok, text)
			}
		})
	}
}

func FuzzRoundTrip(f *testing.F) {
	for _, text := range odd {
		f.Add(text)
	}
	toks := tinyTokenizers(f)
	f.Fuzz(func(t *testing.T, text string) {
		for _, tok := range toks {
			checkText(t, tok, text)
		}
		tok := toks["bytelevel"]
		if have, want := tok.Decode(tok.IDs(text), false), lossy(text); have != want {
			t.Errorf("have %q, want %q", have, want)
		}
	})
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(smallFile()), "hello")
	for _, text := range tiny {
		f.Add([]byte(strings.Replace(text, "TABLE", "BAAAAAAAAAAA", 1)), "un a ab é")
	}
	f.Fuzz(func(t *testing.T, file []byte, text string) {
		tok, err := Parse(file)
		if err != nil {
			return
		}
		e, err := tok.EncodeWith(Input{Text: text, Pair: text, HasPair: true},
			Options{AddSpecialTokens: true, Truncation: &Truncation{MaxLength: 12, Stride: 1}, Padding: &Padding{MultipleOf: 8}})
		ids := tok.IDs(text)
		if err == nil {
			ids = append(ids, e.IDs...)
		}
		tok.Decode(ids, true)
		saved, err := json.Marshal(tok)
		if err != nil {
			t.Fatalf("does not save: %v", err)
		}
		if _, err := Parse(saved); err != nil {
			t.Fatalf("what was saved does not load: %v", err)
		}
	})
}
