package token_test

import (
	"fmt"
	"slices"

	"github.com/qkvgo/qkv/token"
)

// A vocabulary learnt from a text, and the text as its tokens.
func ExampleTrainBPE() {
	texts := slices.Values([]string{"the cat sat on the mat, the cat on the mat"})
	tok, err := token.TrainBPE(texts, token.BPEOptions{VocabSize: 264, Special: []string{"<|endoftext|>"}})
	if err != nil {
		fmt.Println(err)
		return
	}
	e, err := tok.Encode("the cat sat<|endoftext|>")
	if err != nil {
		fmt.Println(err)
		return
	}
	for i, t := range e.Tokens {
		fmt.Println(t, e.Offsets[i])
	}
	// Output:
	// the [0 3]
	// Ġ [3 4]
	// cat [4 7]
	// Ġ [7 8]
	// s [8 9]
	// at [9 11]
	// <|endoftext|> [11 24]
}

// Text as it comes out of a model: what Push returns never changes any more.
func ExampleTokenizer_NewStream() {
	tok, err := token.TrainBPE(slices.Values([]string{}), token.BPEOptions{VocabSize: 256})
	if err != nil {
		fmt.Println(err)
		return
	}
	s := tok.NewStream(true)
	for _, id := range tok.IDs("aé") { // one token a byte
		fmt.Printf("%q ", s.Push(id))
	}
	fmt.Printf("%q\n", s.Flush())
	// Output: "a" "" "é" ""
}
