package talk

import (
	"fmt"

	"github.com/qkvgo/qkv/batch"
	"github.com/qkvgo/qkv/finetune"
	"github.com/qkvgo/qkv/scratch"
)

// open opens the model that others pretrained, with a new head for the run's classes.
// Its weights are made the model's own, so that the folder may go.
func (r *run) open(seed uint64) (*scratch.Model, error) {
	m, err := finetune.Open(r.Base.Dir, finetune.Task{Kind: batch.Classes, Labels: r.set.Labels, Seed: seed})
	if err != nil {
		return nil, err
	}
	defer m.Close()
	if m.Tokenizer == nil {
		return nil, fmt.Errorf("%s reads pictures: name a model of text", r.Base.Dir)
	}
	own(m.Model)
	length := r.size.length
	if m.MaxLength > 0 {
		length = min(length, m.MaxLength)
	}
	r.theirs = &tokens{m.Tokenizer, length}
	return &scratch.Model{Model: m.Model, Architecture: m.Architecture, Config: m.Config, Tokenizer: m.Tokenizer}, nil
}
