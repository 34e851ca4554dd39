package token

import (
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"
)

func TestTrainGolden(t *testing.T) {
	text, err := os.ReadFile(shared(t, "data", "golden", "tokenizer-components", "training", "text.txt"))
	if err != nil {
		t.Fatal(err)
	}
	golden, err := os.ReadFile(shared(t, "data", "golden", "tokenizer-components", "training", "bpe-bytelevel.json"))
	if err != nil {
		t.Fatal(err)
	}
	var want struct {
		Model struct {
			Vocab  map[string]int32
			Merges [][2]string
		}
	}
	if err := json.Unmarshal(golden, &want); err != nil {
		t.Fatal(err)
	}
	words := countWords(strings.Lines(string(text)))
	var seen []rune
	for w := range words {
		for i := range len(w) {
			seen = append(seen, byteRunes[w[i]])
		}
	}
	slices.Sort(seen)
	tok, err := trainBPE(words, BPEOptions{VocabSize: 30000}, slices.Compact(seen))
	if err != nil {
		t.Fatal(err)
	}
	var have struct{ Merges [][2]string }
	if err := json.Unmarshal([]byte(tok.file.model), &have); err != nil {
		t.Fatal(err)
	}
	for i, m := range want.Model.Merges {
		if i >= len(have.Merges) || have.Merges[i] != m {
			t.Fatalf("merge %d: want %q, have %d merges, %q", i, m, len(have.Merges), have.Merges[i:min(i+1, len(have.Merges))])
		}
	}
	if len(have.Merges) != len(want.Model.Merges) {
		t.Errorf("have %d merges, want %d", len(have.Merges), len(want.Model.Merges))
	}
	for s, id := range want.Model.Vocab {
		if n, ok := tok.TokenToID(s); !ok || n != id {
			t.Errorf("token %q: have %d, want %d", s, n, id)
		}
	}
	if tok.VocabSize() != len(want.Model.Vocab) {
		t.Errorf("have %d tokens, want %d", tok.VocabSize(), len(want.Model.Vocab))
	}
}

func TestTrainSmall(t *testing.T) {
	text := "low low low lower lower newest newest newest widest\n"
	tok, err := TrainBPE(slices.Values([]string{text, text}), BPEOptions{VocabSize: 262, MinFrequency: 3, Special: []string{"<|endoftext|>"}})
	if err != nil {
		t.Fatal(err)
	}
	// lo, ow and we occur ten times: l has the smallest id. Then we (ten, as low, but lo has a larger id than w), st before
	// Ġlo (eight each), and e+we before n+e, Ġ+n and we+st (six each).
	var have []string
	for id := int32(257); id < 262; id++ {
		s, _ := tok.IDToToken(id)
		have = append(have, s)
	}
	if want := []string{"lo", "we", "st", "Ġlo", "ewe"}; !slices.Equal(have, want) {
		t.Errorf("have %q, want %q", have, want)
	}
	if id := tok.Special.EOS; id != 0 {
		t.Errorf("the end of text has id %d, want 0", id)
	}
	if have := tok.Decode(tok.IDs(text+"<|endoftext|>é"), true); have != text+"é" {
		t.Errorf("have %q, want %q", have, text+"é")
	}
	if _, err := TrainBPE(slices.Values([]string{text}), BPEOptions{VocabSize: 100}); err == nil {
		t.Error("a vocabulary smaller than the alphabet is no error")
	}
	if _, err := TrainBPE(slices.Values([]string{text}), BPEOptions{VocabSize: 300, Special: []string{"a", "a"}}); err == nil {
		t.Error("the same special token twice is no error")
	}
	empty, err := TrainBPE(slices.Values([]string{}), BPEOptions{VocabSize: 1000})
	if err != nil || empty.VocabSize() != 256 {
		t.Errorf("no text: have %v, %v, want the 256 bytes", empty, err)
	}
}
