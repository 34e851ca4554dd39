package finetune

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"slices"

	"github.com/qkvgo/qkv/checkpoint"
	"github.com/qkvgo/qkv/data"
	"github.com/qkvgo/qkv/model"
	"github.com/qkvgo/qkv/nn"
	"github.com/qkvgo/qkv/scratch"
	"github.com/qkvgo/qkv/token"
	"github.com/qkvgo/qkv/train"
	"github.com/qkvgo/qkv/zoo"
)

// Pretraining is a run on texts without labels: a masked language model fills in
// hidden tokens, a causal one says what comes next. Its folder is what Open gives
// a head.
type Pretraining struct {
	Task       string   // masked-lm or causal-lm
	Model      string   // folder to go on from; empty with Scratch.Kind
	Scratch             // what is made
	Texts      []string // files: texts as data.Files takes them, or tables whose texts count
	Validation []string // likewise; none: nothing is held aside
	Columns             // of tables
	Training            // how the model is fitted
	Length     int      // tokens of a sequence, at most; 0: 128
	Board      bool     // event files for TensorBoard
}

// Run trains and writes the folder Out.
func (p Pretraining) Run(ctx context.Context) (_ *train.Result, err error) {
	if (p.Model == "") == (p.Kind == "") {
		return nil, errors.New("say what to start from: the folder of a model, or a kind to make from scratch (one of the two)")
	}
	texts, err := p.read(p.Texts)
	if err != nil {
		return nil, err
	}
	held, err := p.read(p.Validation)
	if err != nil {
		return nil, err
	}
	m, err := p.start(texts)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, m.close()) }()
	t := p.Training.filled()
	source := func(texts []string) data.Set[[]int32] {
		return data.Set[[]int32]{Items: m.documents(texts), Rows: t.Batch, Tokens: max(t.Tokens, 0), Window: t.Window, Seed: t.Seed,
			Length: func(ids []int32) int { return len(ids) }, Make: m.make}
	}
	learn := source(texts)
	if err := learn.Check(); err != nil {
		return nil, err
	}
	run := train.Run{Plan: t.Plan, Model: m.Model.Model, Loss: m.loss, Data: learn, Out: t.Out, Resume: t.Resume, SaveEvery: t.SaveEvery,
		Config: m.Config, Files: m.SaveFiles, Watch: t.Watch}
	run.KeepBest = t.KeepBest && len(held) > 0
	if len(held) > 0 {
		h := source(held)
		run.Held = func() iter.Seq2[data.Batch, error] { return h.InOrder() }
	}
	if run.About, err = json.Marshal(map[string]any{"pretraining": p.Task, "model": p.Model, "sequences": len(learn.Items), "batch": t.Batch, "length": p.Length}); err != nil {
		return nil, err
	}
	if t.Watch != nil {
		t.Watch(train.Event{Message: fmt.Sprintf("%s, %d parameters; %d sequences of %d tokens at most from %d texts", m.Architecture,
			scratch.Parameters(m.Model.Model), len(learn.Items), m.Options.Length, len(texts))})
	}
	if p.Board && t.Out != "" {
		f := &fitting{Training: t}
		f.openBoard(filepath.Join(t.Out, boardDir))
		defer func() { err = errors.Join(err, f.close()) }()
		run.Watch = f.Watch
	}
	return run.Train(ctx)
}

// read gives the texts of files: documents, or the texts of tables.
func (p Pretraining) read(files []string) (texts []string, err error) {
	for _, file := range files {
		table := slices.Contains([]string{".csv", ".tsv", ".json", ".jsonl", ".zip"}, filepath.Ext(file))
		if table || p.Columns.Format != "" {
			e, _, err := p.Columns.Read(file)
			if err != nil {
				return nil, err
			}
			for _, x := range e.Texts {
				texts = append(texts, x.Text)
			}
			continue
		}
		names, err := data.Files(file)
		if err != nil {
			return nil, err
		}
		documents, err := data.Collect(data.Documents(names))
		if err != nil {
			return nil, err
		}
		texts = append(texts, documents...)
	}
	return texts, nil
}

// pretrained is the model of a Pretraining.
type pretrained struct {
	*scratch.Model
	loss  train.Loss
	make  func(texts [][]int32, draw uint64) (data.Batch, error)
	close func() error
}

// start opens or makes the model.
func (p Pretraining) start(texts []string) (*pretrained, error) {
	length := p.Length
	if length == 0 {
		length = 128
	}
	m := &pretrained{close: func() error { return nil }}
	if p.Kind != "" {
		o := p.Scratch.options(length)
		o.Task, o.Seed = p.Task, p.Seed
		if p.Dropout != nil {
			o.Dropout = *p.Dropout
		}
		var err error
		if m.Model, err = scratch.New(o, slices.Values(texts), nil); err != nil {
			return nil, err
		}
	} else {
		loaded, err := zoo.Open(p.Model)
		if err != nil {
			return nil, err
		}
		t, err := token.Open(os.DirFS(p.Model))
		if err != nil {
			return nil, errors.Join(fmt.Errorf("%s: %w", p.Model, err), loaded.Close())
		}
		if most := zoo.Positions(loaded.Model); most > 0 {
			length = min(length, most)
		}
		m.close = loaded.Close
		m.Model = &scratch.Model{Model: loaded.Model, Options: scratch.Options{Task: p.Task, Length: length}, Architecture: loaded.Architecture,
			Config: loaded.Folder.Config, Tokenizer: t}
	}
	switch filler, ok := m.Model.Model.(model.Filler); {
	case p.Task == "masked-lm" && ok:
		m.loss, m.make = train.MaskedToken(filler), m.Masking().Batch
	case p.Task == "causal-lm" && isCausal(m.Model.Model):
		m.loss, m.make = train.Own(m.Model.Model), sequences
	default:
		return nil, errors.Join(&checkpoint.Unsupported{What: fmt.Sprintf("%s as %s", m.Architecture, p.Task)}, m.close())
	}
	return m, nil
}

func isCausal(m model.Model) bool {
	_, ok := m.(model.CausalLM)
	return ok
}

// documents are texts as sequences of ids.
func (m *pretrained) documents(texts []string) [][]int32 { return m.Documents(slices.Values(texts)) }

// sequences is a batch of texts whose every token is to be said by those before.
func sequences(texts [][]int32, _ uint64) (data.Batch, error) {
	in, lengths := &model.Input{}, make([]int, len(texts))
	for i, ids := range texts {
		in.IDs, lengths[i] = append(in.IDs, ids...), len(ids)
	}
	in.Labels = in.IDs
	return data.Batch{Rows: nn.Sequences(lengths...), Input: in}, nil
}
