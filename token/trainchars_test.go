package token

import (
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

// Every character is a token, and texts come back as they were, from the saved file too.
func TestTrainChars(t *testing.T) {
	tok, err := TrainChars(slices.Values([]string{"to be,\n", "or nöt"}), "<|end|>")
	if err != nil {
		t.Fatal(err)
	}
	if tok.VocabSize() != 1+len([]rune("\n ,benorötö"))-1 {
		t.Errorf("%d tokens", tok.VocabSize())
	}
	text, err := tok.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	again, err := Open(fstest.MapFS{"tokenizer.json": {Data: text}})
	if err != nil {
		t.Fatal(err)
	}
	for _, tok := range []*Tokenizer{tok, again} {
		ids := tok.AppendIDs(nil, "not to be\nör")
		if len(ids) != len([]rune("not to be\nör")) || tok.Decode(ids, true) != "not to be\nör" {
			t.Errorf("ids %v, back %q", ids, tok.Decode(ids, true))
		}
		if long := strings.Repeat("to be or not ", 1000); len(tok.AppendIDs(nil, long)) != len(long) {
			t.Error("a long text has other tokens")
		}
		if ids := tok.AppendIDs(nil, "xbx"); len(ids) != 1 {
			t.Errorf("unknown characters are %v", ids)
		}
	}
}
