// Package talk holds what the guided run from bag of words to Transformer
// works on when the user names no documents: short messages to a public
// library. Their card, messages/README.md, says what they are and are not.
package talk

import (
	"bytes"
	"embed"
	"encoding/json"
	"fmt"
	"io/fs"
	"strings"
)

//go:embed messages
var files embed.FS

// A Message is one labelled message.
type Message struct {
	ID    string `json:"id"`
	Text  string `json:"text"`
	Label string `json:"label"` // one of Labels
	Split string `json:"split"` // "train" or "test"

	// Hard names what makes a message hard on purpose and is empty for the
	// others: "order" (its words in another order belong to another class),
	// "mention" (names a second topic), "negation" or "irony".
	Hard string `json:"hard,omitempty"`

	// Pair is common to the two messages of a word-order pair, which are on
	// the same side of the split, and empty for all others.
	Pair string `json:"pair,omitempty"`
}

// Labels returns the eight classes in the order of the card, which defines
// each in a sentence.
func Labels() []string {
	return []string{"loans", "fees", "rooms", "events", "lost", "digital", "wishes", "complaints"}
}

// Messages returns the labelled messages in the order of the file, classes
// mixed. The error names the line that is not a message.
func Messages() ([]Message, error) {
	text, err := fs.ReadFile(files, "messages/messages.jsonl")
	if err != nil {
		return nil, err
	}
	var all []Message
	for line := range bytes.Lines(text) {
		var m Message
		if err := json.Unmarshal(line, &m); err != nil {
			return nil, fmt.Errorf("talk: messages.jsonl line %d: %w", len(all)+1, err)
		}
		all = append(all, m)
	}
	return all, nil
}

// Unlabelled returns the messages without a class, for pretraining.
func Unlabelled() []string {
	text, err := fs.ReadFile(files, "messages/unlabelled.txt")
	if err != nil {
		panic(err) // the file is part of the program
	}
	return strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
}
