// Package qkv is the front door of the library: it opens a Transformer from a
// Hugging Face folder and hands out the few types that most programs need.
//
//	g, err := qkv.OpenGenerator("models/gpt2")        // texts that go on
//	e, err := qkv.OpenEmbedder("models/minilm")       // vectors of texts
//	c, err := qkv.OpenClassifier("models/vit")        // classes of texts or pictures
//	m, err := qkv.Open("models/bert-base-uncased")    // the model itself
//
// What is opened is not changed by use, serves any number of goroutines at once,
// and is closed when no call is under way any more. Results do not depend on the
// number of threads, on what else is in a batch, nor on the processor.
//
// Behind the door: package task has these tasks, generate the ways of decoding,
// zoo the table of architectures, model one page a paper, attention the seam
// where mechanisms are exchanged, train the training of models. The story model
// that the command carries is package box, which this one does not import: it
// would become part of every program.
package qkv

import (
	"github.com/qkvgo/qkv/generate"
	"github.com/qkvgo/qkv/task"
	"github.com/qkvgo/qkv/zoo"
)

// Model is a loaded model of any architecture, with its folder.
type Model = zoo.Loaded

// Generator continues texts.
type Generator = task.TextGenerator

// Options say how a Generator decodes, under Hugging Face's names.
type Options = generate.Options

// Embedder turns texts into vectors.
type Embedder = task.Embedder

// Classifier says to which class a text or a picture belongs.
type Classifier = task.Classifier

// Score is a class and how likely it is.
type Score = task.Score

// Forecast is what a pass costs.
type Forecast = zoo.Forecast

// Open loads the model in the folder dir.
func Open(dir string) (*Model, error) { return zoo.Open(dir) }

// OpenGenerator opens the causal language model in the folder dir, with its
// tokenizer and its generation_config.json.
func OpenGenerator(dir string) (*Generator, error) { return task.OpenTextGenerator(dir) }

// OpenEmbedder opens the folder dir of a model of texts, or of
// sentence-transformers.
func OpenEmbedder(dir string) (*Embedder, error) { return task.OpenEmbedder(dir) }

// OpenClassifier opens the classifier of texts or pictures in the folder dir.
func OpenClassifier(dir string) (*Classifier, error) { return task.OpenClassifier(dir) }

// ForecastOf is what one pass of m over n tokens, or over n pictures, costs in
// memory and work. Nothing is computed for it.
func ForecastOf(m *Model, n int) (Forecast, error) { return zoo.ForecastOf(m.Model, n) }
