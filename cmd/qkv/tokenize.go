package main

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/qkvgo/qkv/box"
	"github.com/qkvgo/qkv/token"
)

// tokenizeOptions are the flags of qkv tokenize.
type tokenizeOptions struct {
	model       string
	json        bool
	special     bool // add those of the post-processor
	skipSpecial bool // leave special tokens out of decoded text
}

// tokenized is a text under --json. Offsets are [start, end) of the text each token stands for;
// [0, 0] for tokens that were added.
type tokenized struct {
	Text        string   `json:"text"`
	IDs         []int32  `json:"ids"`
	Tokens      []string `json:"tokens"`
	Offsets     [][2]int `json:"offsets"`      // in bytes
	CharOffsets [][2]int `json:"char_offsets"` // in Unicode code points
}

// detokenized is a text under --decode --json.
type detokenized struct {
	IDs  []int32 `json:"ids"`
	Text string  `json:"text"`
}

func newTokenize(a *app) *cobra.Command {
	var o tokenizeOptions
	var decode bool
	cmd := &cobra.Command{
		Use:   "tokenize [-m MODEL] [TEXT]...",
		Short: "Turn text into a model's token ids, or back",
		Long: `Print the token ids of each text, one text a line. Without arguments the lines of
standard input are the texts. With --decode, ids are turned into text: the arguments
are one sequence of ids, or each line of standard input is one.`,
		Example: `  qkv tokenize -m models/gpt2 "Hello, world"
  qkv tokenize -m models/gpt2 --json < book.txt | head -n 1
  qkv tokenize -m models/gpt2 --decode 15496 11 995`,
		RunE: func(cmd *cobra.Command, args []string) error {
			t, err := openTokenizer(o.model)
			if err != nil {
				return err
			}
			if decode {
				return a.detokenize(cmd.Context(), t, args, o)
			}
			return a.tokenize(cmd.Context(), t, args, o)
		},
	}
	f := cmd.Flags()
	f.StringVarP(&o.model, "model", "m", "", "folder with a tokenizer (default the model in the box)")
	f.BoolVar(&o.json, "json", false, "print one JSON object a text: ids, tokens, offsets in bytes and in characters")
	f.BoolVar(&decode, "decode", false, "turn ids into text")
	f.BoolVar(&o.special, "add-special-tokens", true, "add the tokens that the model wants around a text")
	f.BoolVar(&o.skipSpecial, "skip-special-tokens", false, "with --decode: leave special tokens out")
	return cmd
}

// openTokenizer opens the tokenizer of a model folder, or of the model in the box.
func openTokenizer(dir string) (*token.Tokenizer, error) {
	name, folder := dir, os.DirFS(dir)
	if dir == "" {
		name, folder = box.Name, box.FS()
	}
	t, err := token.Open(folder)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return t, nil
}

// tokenize prints the ids of every text.
func (a *app) tokenize(ctx context.Context, t *token.Tokenizer, args []string, o tokenizeOptions) error {
	for text, err := range a.texts(ctx, args) {
		if err != nil {
			return err
		}
		e, err := t.EncodeWith(token.Input{Text: text}, token.Options{AddSpecialTokens: o.special})
		if err != nil {
			return err
		}
		if o.json {
			err = a.printJSON(tokenized{text, some(e.IDs), some(e.Tokens), some(e.Offsets), some(e.CharOffsets)})
		} else {
			_, err = fmt.Fprintln(a.stdout, joinIDs(e.IDs))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// detokenize prints the text of every sequence of ids.
func (a *app) detokenize(ctx context.Context, t *token.Tokenizer, args []string, o tokenizeOptions) error {
	if len(args) > 0 {
		args = []string{strings.Join(args, " ")}
	}
	for line, err := range a.texts(ctx, args) {
		if err != nil {
			return err
		}
		ids, err := parseIDs(line, t)
		if err != nil {
			return err
		}
		text := t.Decode(ids, o.skipSpecial)
		if o.json {
			err = a.printJSON(detokenized{some(ids), text})
		} else {
			_, err = fmt.Fprintln(a.stdout, text)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// parseIDs reads ids between spaces, commas and brackets and wants the tokenizer to know each.
func parseIDs(line string, t *token.Tokenizer) (ids []int32, err error) {
	for _, word := range strings.FieldsFunc(line, func(r rune) bool { return strings.ContainsRune(" \t,[]", r) }) {
		id, err := strconv.ParseInt(word, 10, 32)
		if err != nil {
			return nil, usagef("have %q, want a token id", word)
		}
		if _, known := t.IDToToken(int32(id)); !known {
			return nil, fmt.Errorf("no token has the id %d (the vocabulary has %d)", id, t.VocabSize())
		}
		ids = append(ids, int32(id))
	}
	return ids, nil
}

func joinIDs(ids []int32) string {
	words := make([]string, len(ids))
	for i, id := range ids {
		words[i] = strconv.Itoa(int(id))
	}
	return strings.Join(words, " ")
}

// some makes an empty list [] in JSON, not null.
func some[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}
