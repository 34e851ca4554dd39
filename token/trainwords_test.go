package token

import (
	"slices"
	"testing"
	"testing/fstest"
)

var wordTexts = []string{"To be, or not to be: that is the question.", "To be is to do", "[UNK] is no word"}

// Words get ids by how often they occur, then in order; the rest is unknown.
func TestTrainWords(t *testing.T) {
	tok, err := TrainWords(slices.Values(wordTexts), WordOptions{VocabSize: 8})
	if err != nil {
		t.Fatal(err)
	}
	var have []string
	for id := range tok.VocabSize() {
		s, _ := tok.IDToToken(int32(id))
		have = append(have, s)
	}
	if want := []string{"[PAD]", "[UNK]", "to", "be", "is", ",", ".", ":"}; !slices.Equal(have, want) {
		t.Errorf("have %q, want %q", have, want)
	}
	if have, want := tok.IDs("TO BE: who?"), []int32{2, 3, 7, 1, 1}; !slices.Equal(have, want) {
		t.Errorf("have %v, want %v", have, want)
	}
	if tok, err = TrainWords(slices.Values(wordTexts), WordOptions{MinFrequency: 3, Cased: true, Enclosed: true}); err != nil {
		t.Fatal(err)
	}
	if have, want := tok.IDs("to be"), []int32{2, 1, 5, 3}; !slices.Equal(have, want) || tok.VocabSize() != 7 {
		t.Errorf("have %v of %d, want %v of 7", have, tok.VocabSize(), want)
	}
	if _, err := TrainWords(slices.Values(wordTexts), WordOptions{VocabSize: 1}); err == nil {
		t.Error("no room for special tokens is no error")
	}
}

// What was learnt is a tokenizer.json that opens to the same tokenizer, its
// special tokens known by their parts.
func TestTrainWordsOpens(t *testing.T) {
	tok, err := TrainWords(slices.Values(wordTexts), WordOptions{Enclosed: true})
	if err != nil {
		t.Fatal(err)
	}
	b, err := tok.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	again, err := Open(fstest.MapFS{"tokenizer.json": {Data: b}})
	if err != nil {
		t.Fatal(err)
	}
	if have, want := again.IDs(wordTexts[0]), tok.IDs(wordTexts[0]); !slices.Equal(have, want) {
		t.Errorf("have %v, want %v", have, want)
	}
	if have, want := again.Special, (Special{-1, -1, 0, 1, 2, 3, 4}); have != want {
		t.Errorf("special: have %+v, want %+v", have, want)
	}
	if tok, err = TrainWords(slices.Values(wordTexts), WordOptions{Ends: true}); err != nil {
		t.Fatal(err)
	}
	if have, want := tok.Special, (Special{2, 2, 0, 1, -1, -1, -1}); have != want {
		t.Errorf("special: have %+v, want %+v", have, want)
	}
}

// Pieces spell every word of known characters; frequent words are whole.
func TestTrainWordPiece(t *testing.T) {
	tok, err := TrainWordPiece(slices.Values(wordTexts), WordOptions{Enclosed: true, VocabSize: 45, MinFrequency: 2})
	if err != nil {
		t.Fatal(err)
	}
	b, err := tok.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	again, err := Parse(b)
	if err != nil {
		t.Fatal(err)
	}
	ids := again.IDs("To be thtto, 😀")
	var have []string
	for _, id := range ids {
		s, _ := again.IDToToken(id)
		have = append(have, s)
	}
	if want := []string{"[CLS]", "to", "be", "th", "##t", "##t", "##o", ",", "[UNK]", "[SEP]"}; !slices.Equal(have, want) {
		t.Errorf("have %q, want %q", have, want)
	}
	if have, want := again.Decode(ids[1:7], true), "to be thtto"; have != want {
		t.Errorf("have %q, want %q", have, want)
	}
	if _, err := TrainWordPiece(slices.Values(wordTexts), WordOptions{VocabSize: 9}); err == nil {
		t.Error("no room for the characters is no error")
	}
}
