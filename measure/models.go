package measure

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/qkvgo/qkv/checkpoint"
	"github.com/qkvgo/qkv/generate"
	"github.com/qkvgo/qkv/model"
	"github.com/qkvgo/qkv/nn"
	"github.com/qkvgo/qkv/task"
	"github.com/qkvgo/qkv/tensor"
	"github.com/qkvgo/qkv/zoo"
)

// named are configs of well-known sizes; their weights are made up. They have no
// dropout, as the steps of rivals that theirs are compared with.
var named = map[string]struct{ config, note string }{
	"vit-b16":      {`{"architectures":["ViTForImageClassification"],"model_type":"vit","num_labels":1000}`, ""},
	"vit-ti16":     {`{"architectures":["ViTForImageClassification"],"model_type":"vit","hidden_size":192,"intermediate_size":768,"num_attention_heads":3}`, ""},
	"bert-base":    {`{"architectures":["BertForSequenceClassification"],"model_type":"bert","hidden_dropout_prob":0,"attention_probs_dropout_prob":0}`, ""},
	"minilm-l6":    {`{"architectures":["BertForSequenceClassification"],"model_type":"bert","hidden_size":384,"intermediate_size":1536,"num_hidden_layers":6,"hidden_dropout_prob":0,"attention_probs_dropout_prob":0}`, ""},
	"gpt2-124m":    {`{"architectures":["GPT2LMHeadModel"],"model_type":"gpt2","resid_pdrop":0,"embd_pdrop":0,"attn_pdrop":0}`, ""},
	"nanogpt-char": {`{"architectures":["GPT2LMHeadModel"],"model_type":"gpt2","n_embd":128,"n_layer":4,"n_head":4,"n_positions":64,"vocab_size":65,"resid_pdrop":0,"embd_pdrop":0,"attn_pdrop":0}`, ""},
	"llama-110m":   {`{"architectures":["LlamaForCausalLM"],"model_type":"llama","hidden_size":768,"intermediate_size":2048,"num_hidden_layers":12,"num_attention_heads":12,"tie_word_embeddings":true}`, ""},
	"qwen2-0.5b": {`{"architectures":["LlamaForCausalLM"],"model_type":"llama","vocab_size":151936,"hidden_size":896,"intermediate_size":4864,"num_hidden_layers":24,"num_attention_heads":14,"num_key_value_heads":2,"tie_word_embeddings":true}`,
		"a Llama of the same shapes stands in: without biases of q, k and v"},
}

// Named lists the shapes that Model knows by name.
func Named() []string { return slices.Sorted(maps.Keys(named)) }

// open makes a named model with made-up weights, or loads a folder.
func open(name string) (m model.Model, note string, done func() error, err error) {
	if n, ok := named[name]; ok {
		if m, _, _, err = zoo.New([]byte(n.config), ""); err != nil {
			return nil, "", nil, err
		}
		for _, w := range nn.Params(m) {
			x := numbers(w.Len())
			for i := range x {
				x[i] *= 0.04
			}
			w.Set(x)
		}
		return m, n.note, func() error { return nil }, nil
	}
	l, err := zoo.Open(name)
	if err != nil {
		return nil, "", nil, err
	}
	return l.Model, "", l.Close, nil
}

// call is an input of batch sequences of the given lengths, in turn, or of batch
// pictures.
func call(m model.Model, batch int, lengths []int) (*model.Input, nn.Batch, error) {
	in := &model.Input{}
	if v, ok := m.(model.Vision); ok {
		h, w, c := v.PictureSize()
		grids := make([]nn.Grid, batch)
		for i := range grids {
			grids[i] = nn.Grid{Height: h, Width: w}
		}
		in.Pixels = numbers(batch * h * w * c)
		return in, nn.Pictures(grids...), nil
	}
	sizes := make([]int, batch)
	for i := range sizes {
		sizes[i] = lengths[i%len(lengths)]
		for _, l := range nn.Find[model.Limited](m) {
			if sizes[i] > l.Positions() {
				return nil, nn.Batch{}, &checkpoint.Unsupported{What: fmt.Sprintf("a text of %d tokens: the model reads at most %d", sizes[i], l.Positions())}
			}
		}
	}
	rows := nn.Sequences(sizes...)
	in.IDs = make([]int32, rows.Rows())
	for i := range in.IDs {
		in.IDs[i] = int32(i * 31 % min(1000, vocabulary(m)))
	}
	return in, rows, nil
}

// Model times a forward pass of a named shape or a model folder over batch
// sequences of the given lengths, as many at a time as package task lets through
// at once; of a language model the scores of each sequence's last row, and then
// decoding.
func (b *Bench) Model(ctx context.Context, name string, batch int, lengths []int) (err error) {
	defer tensor.Guard(&err)
	m, note, done, err := open(name)
	if err != nil {
		return err
	}
	defer done()
	lm, causal := m.(model.CausalLM)
	var passes []pass
	work, tokens := 0.0, 0
	for first := 0; first < batch; {
		n := 1
		for rows := lengths[first%len(lengths)]; first+n < batch; n++ {
			if rows += lengths[(first+n)%len(lengths)]; rows > task.PassRows {
				break
			}
		}
		of := make([]int, n)
		for i := range of {
			of[i] = lengths[(first+i)%len(lengths)]
		}
		in, rows, err := call(m, n, of)
		if err != nil {
			return err
		}
		w, err := zoo.Work(m, in, rows)
		if err != nil {
			return err
		}
		if causal {
			w -= float64(rows.Rows()-n) * vocabularyWork(lm)
		}
		passes, work, tokens, first = append(passes, pass{in, rows}), work+w, tokens+rows.Rows(), first+n
	}
	shape := fmt.Sprintf("%d rows in %d", tokens, batch)
	if passes[0].in.IDs == nil {
		tokens = 0
	}
	err = b.report(ctx, Result{Name: name, Shape: shape, Note: note, DType: b.Precision.String()}, work, 0, float64(tokens), func() error {
		for _, c := range passes {
			p := nn.NewPass(ctx, c.rows, nn.Options{Device: b.Device, Precision: b.Precision})
			if causal {
				lm.Unembed(p, p.Last(lm.Hidden(p, c.in.IDs)))
			} else {
				m.Run(p, c.in)
			}
			p.Close()
		}
		return nil
	})
	if err != nil {
		return err
	}
	if _, ok := named[name]; !ok {
		if err := b.cold(ctx, name, passes[0]); err != nil {
			return err
		}
	}
	if !causal {
		return nil
	}
	return b.decode(ctx, name, note, lm)
}

// cold times what a new process has to do before its first answer: to open the
// folder, whose file is in memory by now, to prepare the weights, and the pass.
func (b *Bench) cold(ctx context.Context, name string, c pass) error {
	r := Result{Name: name + "-cold", Shape: fmt.Sprintf("%d rows in %d", c.rows.Rows(), c.rows.Len()), DType: b.Precision.String()}
	return b.report(ctx, r, 0, 0, 0, func() error {
		m, _, done, err := open(name)
		if err != nil {
			return err
		}
		p := nn.NewPass(ctx, c.rows, nn.Options{Device: b.Device, Precision: b.Precision})
		m.Run(p, c.in)
		p.Close()
		return done()
	})
}

// A pass is what goes through a model at once.
type pass struct {
	in   *model.Input
	rows nn.Batch
}

// decode times 64 tokens, one after the other, after a first one.
func (b *Bench) decode(ctx context.Context, name, note string, lm model.CausalLM) error {
	if d, ok := lm.(model.Directed); ok && !d.Causal() {
		return nil
	}
	const steps = 64
	r := Result{Name: name + "-decode", Shape: fmt.Sprintf("%d tokens after 1", steps), Note: note, DType: b.Precision.String()}
	return b.report(ctx, r, 0, 0, steps, func() error {
		s, err := generate.LM{Model: lm, Device: b.Device, Precision: b.Precision}.Start(ctx, [][]int32{{1}})
		if err != nil {
			return err
		}
		defer s.Close()
		for i := range steps {
			if err := s.Step(ctx, []int32{int32(i)}); err != nil {
				return err
			}
		}
		return nil
	})
}

// vocabularyWork is the multiply–adds of one row of scores.
func vocabularyWork(lm model.CausalLM) float64 {
	for _, w := range nn.Params(lm) {
		if len(w.Shape) == 2 && w.Shape[0] == lm.Vocabulary() {
			return float64(w.Len())
		}
	}
	return 0
}

// vocabulary is how many ids the model surely knows: of one that scores them, all;
// else as many as its smallest table has, and 1000 at most.
func vocabulary(m model.Model) int {
	if lm, ok := m.(model.CausalLM); ok {
		return lm.Vocabulary()
	}
	least := 1000
	for _, t := range nn.Find[*nn.Embedding](m) {
		if n := t.Weight.Shape[0]; n > 2 { // not of token types
			least = min(least, n)
		}
	}
	return least
}
