package token

import (
	"encoding/json"
	"os"
	"strings"
	"testing"
	"unicode/utf8"
)

// skipped tells whether a component is one that this package does not have.
func skipped(raw json.RawMessage, unsupported []string) bool {
	for _, u := range unsupported {
		if strings.Contains(string(raw), u) {
			return true
		}
	}
	return false
}

func TestNormalizersGolden(t *testing.T) {
	type record struct {
		Normalizer       json.RawMessage
		Text, Normalized string
	}
	n := 0
	tables := map[string]json.RawMessage{}
	for _, r := range readLines[record](t, shared(t, "data", "golden", "tokenizer-components", "normalizers.jsonl")) {
		var of struct {
			Name string `json:"precompiled_of"`
		}
		if json.Unmarshal(r.Normalizer, &of) == nil && of.Name != "" {
			if tables[of.Name] == nil {
				tables[of.Name] = json.RawMessage(loadShared(t, of.Name).file.normalizer)
			}
			r.Normalizer = tables[of.Name]
		}
		nz, err := parseNormalizer(component{raw: r.Normalizer, path: "normalizer"})
		if err != nil {
			t.Errorf("%s: %v", r.Normalizer, err)
			continue
		}
		for _, loose := range []bool{false, true} {
			p := piece{text: r.Text, added: noToken, loose: loose}
			nz.normalize(&p)
			if p.text != r.Normalized {
				t.Errorf("%s: %q: have %q, want %q", r.Normalizer, r.Text, p.text, r.Normalized)
			}
			if !loose && p.origin != nil && len(p.origin) != len(p.text) {
				t.Errorf("%s: %q: %d origins for %d bytes", r.Normalizer, r.Text, len(p.origin), len(p.text))
			}
		}
		n++
	}
	if n != 2880 {
		t.Errorf("%d records checked, want 2880", n)
	}
}

func TestPreTokenizersGolden(t *testing.T) {
	unsupported := []string{`UnicodeScripts`}
	type record struct {
		PreTokenizer json.RawMessage `json:"pre_tokenizer"`
		Text         string
		Pieces       [][2]json.RawMessage
	}
	n := 0
	for _, r := range readLines[record](t, shared(t, "data", "golden", "tokenizer-components", "pre_tokenizers.jsonl")) {
		if skipped(r.PreTokenizer, unsupported) {
			continue
		}
		pt, err := parsePreTokenizer(component{raw: r.PreTokenizer, path: "pre_tokenizer"})
		if err != nil {
			t.Errorf("%s: %v", r.PreTokenizer, err)
			continue
		}
		n++
		rule := newRuler(r.Text)
		var have []string
		pt.into(func(p piece) {
			if s := p.span(0, len(p.text)); p.text != "" {
				have = append(have, p.text, string(mustJSON(t, [2]int{rule.char(int(s.start)), rule.char(int(s.end))})))
			}
		})(piece{text: r.Text, added: noToken})
		var want []string
		for _, p := range r.Pieces {
			var s string
			var o [2]int
			if json.Unmarshal(p[0], &s) != nil || json.Unmarshal(p[1], &o) != nil {
				t.Fatalf("piece %s", p)
			}
			if s != "" {
				want = append(want, s, string(mustJSON(t, o)))
			}
		}
		if strings.Join(have, "\x00") != strings.Join(want, "\x00") {
			t.Errorf("%s: %q: have %q, want %q", r.PreTokenizer, r.Text, have, want)
		}
	}
	if n < 4500 {
		t.Errorf("%d records checked, want 4500", n)
	}
}

func mustJSON(t *testing.T, v any) []byte {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestDecodersGolden(t *testing.T) {
	type record struct {
		Decoder json.RawMessage
		Tokens  []string
		Decoded string
	}
	n := 0
	for _, r := range readLines[record](t, shared(t, "data", "golden", "tokenizer-components", "decoders.jsonl")) {
		d, err := parseDecoder(component{raw: r.Decoder, path: "decoder"})
		if err != nil {
			t.Errorf("%s: %v", r.Decoder, err)
			continue
		}
		n++
		var out textSink
		s := d.stage(&out)
		for _, tok := range r.Tokens {
			s.push(tok, true)
		}
		s.close()
		if string(out.text) != r.Decoded {
			t.Errorf("%s: %q: have %q, want %q", r.Decoder, r.Tokens, out.text, r.Decoded)
		}
	}
	if n != 363 {
		t.Errorf("%d records checked, want 363", n)
	}
}

// TestClassesGolden compares unicode.txt with the tables it was made of.
func TestClassesGolden(t *testing.T) {
	text, err := os.ReadFile(shared(t, "data", "golden", "tokenizer-components", "unicode.json"))
	if err != nil {
		t.Fatal(err)
	}
	var tables struct{ Classes map[string][][2]rune }
	if err := json.Unmarshal(text, &tables); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]class{
		`regex \p{L}`: classL, `regex \p{N}`: classN, `regex \p{M}`: classM, `regex \w`: classWord, `regex \s`: classSpace,
		"Whitespace word": classRustWord, "Punctuation": classPunctuation, "BertPreTokenizer punctuation": classPunctuation,
		"Digits": classNumeric, "StripAccents removed": classMark, "Strip": classSpace, "WhitespaceSplit space": classSpace,
		"BertNormalizer clean_text removed": classBertControl, "BertNormalizer chinese": classBertChinese, "Nmt removed": classNmtControl,
	} {
		in := map[rune]bool{}
		for _, r := range tables.Classes[name] {
			for c := r[0]; c <= r[1]; c++ {
				in[c] = true
			}
		}
		for r := range rune(utf8.MaxRune + 1) {
			if have := chars().of(r)&c != 0; utf8.ValidRune(r) && have != in[r] {
				t.Errorf("%s: %U: have %v, want %v", name, r, have, in[r])
				break
			}
		}
	}
}
