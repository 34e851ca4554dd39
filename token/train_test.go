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
			Merges []mergeField
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
	var have modelFile
	if err := json.Unmarshal(tok.file.Model, &have); err != nil {
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
