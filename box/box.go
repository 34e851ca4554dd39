// Package box is the model in the box: a small language model of English
// stories, trained by qkv, that is part of every program which imports this
// package. Its card, model/README.md, says what it was made from and how.
package box

import (
	"embed"
	"io/fs"
)

//go:embed model
var files embed.FS

// FS is the model's folder, as Hugging Face has it.
func FS() fs.FS {
	sub, err := fs.Sub(files, "model")
	if err != nil {
		panic(err) // the name is the embedded folder's
	}
	return sub
}

// Name stands for the model in messages.
const Name = "the model in the box"
