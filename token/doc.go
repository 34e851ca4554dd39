// Package token turns text into the ids that a model was trained on, and ids back into text.
//
// It is an engine for the tokenizer.json files of Hugging Face. Such a file describes a pipeline, and the pieces of the
// pipeline are the files of this package:
//
//	text ─ added tokens cut out      added.go        "<s>Hello" → <s>, "Hello"
//	     ─ normalizer                normalize.go    lower case, Unicode forms, replacements
//	     ─ pre-tokenizer             pretokenize.go  words, punctuation, digits
//	     ─ model                     bpe.go, wordpiece.go, unigram.go: words → tokens
//	     ─ truncation                truncate.go
//	     ─ post-processor            postprocess.go  [CLS] … [SEP], type ids
//	     ─ padding                   pad.go
//	ids  ─ decoder                   decode.go, stream.go
//
// Every stage keeps account of which bytes of the input each byte of its output stands for (piece.go), so that an
// [Encoding] can say where in the text a token lies.
//
// Results equal those of the Rust library that writes these files, version 0.23 (truncation as in 0.22, where the
// overflow is complete). A file that names something this package does not know is refused by [Parse] with the
// component's name and its place in the file.
//
// A [Tokenizer] never changes after loading and may be used by many goroutines at once.
package token
