package finetune

import (
	"fmt"
	"iter"

	"github.com/qkvgo/qkv/batch"
	"github.com/qkvgo/qkv/checkpoint"
	"github.com/qkvgo/qkv/nn"
	"github.com/qkvgo/qkv/scratch"
	"github.com/qkvgo/qkv/train"
	"github.com/qkvgo/qkv/zoo"
)

// New makes a model from nothing for a task. Its vocabulary is learnt from the
// texts of the examples, its kind and sizes are those of o; o.Task is not read.
func New(o scratch.Options, t Task, e Examples) (*Model, error) {
	if e.Pictures != nil {
		return nil, &checkpoint.Unsupported{What: "a model of pictures from nothing: make a ViT's folder with its config.json, and start from that"}
	}
	o.Task, o.Seed = "classification", t.Seed
	labels := t.Labels
	if len(labels) < 2 {
		labels = []string{"0", "1"} // in their place comes the task's own head
	}
	made, err := scratch.New(o, e.each(), labels)
	if err != nil {
		return nil, err
	}
	m := &Model{Model: made.Model, Architecture: made.Architecture, Config: made.Config, Kind: t.Kind, Labels: t.Labels, Tokenizer: made.Tokenizer,
		MaxLength: zoo.Positions(made.Model)}
	if t.Kind == batch.Classes {
		return m, nil
	}
	ok := false
	if m.Architecture, ok = zoo.Sibling(made.Architecture, t.endings()[0]); !ok {
		return nil, &checkpoint.Unsupported{What: fmt.Sprintf("a %s for %s", o.Kind, t.Kind)}
	}
	if m.Config, err = t.config(made.Config, m.Architecture); err != nil {
		return nil, err
	}
	if m.Model, _, _, err = zoo.New(m.Config, ""); err != nil {
		return nil, err
	}
	nn.Name(m.Model)
	if own, ok := m.Model.(interface{ Init(seed uint64) }); ok {
		own.Init(t.Seed)
	} else {
		train.Initial(m.Model, t.Seed, 0.02, made.Options.Layers)
	}
	return m, nil
}

// each gives the texts, pairs as two.
func (e Examples) each() iter.Seq[string] {
	return func(yield func(string) bool) {
		for _, x := range e.Texts {
			if !yield(x.Text) || x.Pair != "" && !yield(x.Pair) {
				return
			}
		}
		for _, s := range e.Sentences {
			for _, word := range s.Tokens {
				if !yield(word) {
					return
				}
			}
		}
	}
}
