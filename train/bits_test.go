package train_test

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"iter"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/qkvgo/qkv/data"
	"github.com/qkvgo/qkv/device/cpu"
	"github.com/qkvgo/qkv/kernel"
	"github.com/qkvgo/qkv/model"
	"github.com/qkvgo/qkv/model/rnn"
	"github.com/qkvgo/qkv/nn"
	"github.com/qkvgo/qkv/tensor"
	"github.com/qkvgo/qkv/train"
	"github.com/qkvgo/qkv/zoo"
)

// batches yields the same batch for ever.
type batches data.Batch

func (b batches) From(int64) iter.Seq2[data.Batch, error] {
	return func(yield func(data.Batch, error) bool) {
		for yield(data.Batch(b), nil) {
		}
	}
}

// small is a model that is trained for a few steps.
type small struct {
	name, config string
	accumulate   int
	sum          string // of the weights after the steps
}

var smalls = []small{
	{"llama", `{"architectures":["LlamaForCausalLM"],"model_type":"llama","vocab_size":67,"hidden_size":48,"intermediate_size":80,"num_hidden_layers":2,
		"num_attention_heads":4,"num_key_value_heads":2,"max_position_embeddings":64,"tie_word_embeddings":true}`, 1, "54b22722f83254ff"},
	{"gpt2", `{"architectures":["GPT2LMHeadModel"],"model_type":"gpt2","vocab_size":67,"n_embd":48,"n_layer":2,"n_head":3,"n_positions":64}`, 2, "011cf5fdb65c0bbd"},
	{"untied", `{"architectures":["GPT2LMHeadModel"],"model_type":"gpt2","vocab_size":67,"n_embd":48,"n_layer":1,"n_head":3,"n_positions":64,
		"tie_word_embeddings":false,"activation_function":"relu"}`, 1, "053cf8b9c2f9a3cd"},
	{"bert", `{"architectures":["BertForSequenceClassification"],"model_type":"bert","vocab_size":67,"hidden_size":48,"intermediate_size":80,"num_hidden_layers":2,
		"num_attention_heads":3,"max_position_embeddings":64,"num_labels":3}`, 1, "3d37b1bcd81c3f4a"},
	{"masked", `{"architectures":["BertForMaskedLM"],"model_type":"bert","vocab_size":67,"hidden_size":48,"intermediate_size":80,"num_hidden_layers":1,
		"num_attention_heads":3,"max_position_embeddings":64}`, 1, "1475a9d20507353b"},
	{"vit", `{"architectures":["ViTForImageClassification"],"model_type":"vit","image_size":16,"patch_size":4,"hidden_size":48,"intermediate_size":80,
		"num_hidden_layers":2,"num_attention_heads":3,"num_labels":5}`, 1, "8170e95665184ee3"},
	{"lstm", "", 1, "68d08f237feac3e6"},
	{"gru", "", 1, "8b591959790e5e8a"},
}

// made is the model, its loss and a batch for it.
func (s small) made(t *testing.T) (m any, loss train.Loss, b data.Batch) {
	b.Rows = nn.Sequences(9, 1, 30, 17)
	r := rand.New(rand.NewPCG(3, 4))
	numbers := func(n int) []float32 {
		x := make([]float32, n)
		for i := range x {
			x[i] = r.Float32() - 0.5
		}
		return x
	}
	in := &model.Input{}
	b.Input = in
	switch s.name {
	case "lstm", "gru":
		cell := rnn.LSTM
		if s.name == "gru" {
			cell = rnn.GRU
		}
		net := &struct {
			Read *rnn.Network `ckpt:"r"`
			Head *nn.Linear   `ckpt:"head"`
		}{rnn.New(rnn.Config{Cell: cell, Input: 12, Hidden: 20, Layers: 2, Bidirectional: s.name == "gru", Drop: 0.1}), nil}
		net.Head = nn.NewLinear(net.Read.Width(), 5, true)
		in.Labels, in.Pixels = []int32{1, 0, 4, 2}, numbers(12*b.Rows.Rows())
		m, loss = net, func(p *nn.Pass, in *model.Input) *tensor.Tensor {
			y, _ := net.Read.Forward(p, p.Of(in.Pixels, p.Rows.Rows(), 12), nil)
			return net.Head.Forward(p, p.Last(y)).CrossEntropy(in.Labels)
		}
	default:
		page, _, _, err := zoo.New([]byte(s.config), "")
		if err != nil {
			t.Fatal(err)
		}
		m, loss = page, train.Own(page)
		if s.name == "vit" {
			b.Rows = nn.Pictures(nn.Grid{Height: 16, Width: 16}, nn.Grid{Height: 16, Width: 16})
			in.Pixels, in.Labels = numbers(2*16*16*3), []int32{3, 1}
			break
		}
		in.IDs = make([]int32, b.Rows.Rows())
		for i := range in.IDs {
			in.IDs[i] = r.Int32N(67)
		}
		in.Labels = append([]int32{}, in.IDs...)
		in.Labels[3], in.Labels[20] = tensor.Ignore, tensor.Ignore
		switch lm := page.(type) {
		case model.CausalLM:
			loss = train.NextToken(lm)
		default:
			if s.name == "bert" {
				in.Labels = []int32{2, 0, 1, 1}
			}
		}
	}
	for name, w := range nn.Params(m) {
		w.Name = name
		nn.InitUniform(w, 0.3, 7)
	}
	return m, loss, b
}

// trained is the checksum of the weights after three steps.
func (s small) trained(t *testing.T, o cpu.Options, recompute bool) string {
	d := cpu.New(o)
	defer d.Close()
	m, loss, b := s.made(t)
	tr := train.Trainer{Loss: loss, Optimizer: train.NewAdamW(nn.Params(m), train.AdamWOptions{Rate: 1e-2, Decay: 0.1, Device: d}),
		Options: train.Options{Steps: 3, Accumulate: s.accumulate, Clip: 1, Seed: 5, Device: d, Recompute: recompute}}
	if err := tr.Run(t.Context(), batches(b)); err != nil {
		t.Fatal(err)
	}
	h := sha256.New()
	for _, w := range nn.Params(m) {
		for _, v := range w.Float32() {
			var bits [4]byte
			binary.LittleEndian.PutUint32(bits[:], math.Float32bits(v))
			h.Write(bits[:])
		}
	}
	return fmt.Sprintf("%x", h.Sum(nil)[:8])
}

// Training has had the same bits since the model in the box was made, on every
// kernel set, with any number of threads, and with values that are computed again.
func TestBitsOfTraining(t *testing.T) {
	for _, s := range smalls {
		for i, set := range kernel.Sets() {
			if have := s.trained(t, cpu.Options{Threads: 1 + i, Kernels: set}, false); have != s.sum {
				t.Errorf("%s on %s: the weights have the checksum %s, want %s", s.name, set.Name, have, s.sum)
			}
		}
		if have := s.trained(t, cpu.Options{Threads: 7}, true); have != s.sum {
			t.Errorf("%s in 7 threads, recomputing: the weights have the checksum %s, want %s", s.name, have, s.sum)
		}
	}
}
