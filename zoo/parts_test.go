package zoo_test

import (
	"math"
	"strings"
	"testing"

	"github.com/qkvgo/qkv/attention"
	"github.com/qkvgo/qkv/model"
	llamapage "github.com/qkvgo/qkv/model/llama"
	"github.com/qkvgo/qkv/model/transformer"
	"github.com/qkvgo/qkv/nn"
	"github.com/qkvgo/qkv/tensor"
	"github.com/qkvgo/qkv/zoo"
)

// partsOf is the network of chosen parts, its values drawn.
func partsOf(t *testing.T, c config) model.Encoder {
	t.Helper()
	m, _, _, err := zoo.New(marshal(t, parts.with(config{"architectures": []string{"QKVTransformerModel"}}).with(c)), "")
	if err != nil {
		t.Fatal(err)
	}
	draw(m)
	return m.(model.Encoder)
}

// give copies the values of parameters to others, whose names are those of from with
// pairs of pieces exchanged. Biases that the other has not are made zero here.
func give(t *testing.T, to, from any, names ...string) {
	t.Helper()
	have := map[string]*nn.Param{}
	for name, w := range nn.Params(to) {
		have[name] = w
	}
	r := strings.NewReplacer(names...)
	for name, w := range nn.Params(from) {
		switch other := have[r.Replace(name)]; {
		case other != nil:
			other.Set(append([]float32{}, w.Float32()...))
			delete(have, r.Replace(name))
		case strings.HasSuffix(name, "bias"):
			nn.InitZeros(w)
		case !strings.Contains(name, ".attention.") && !strings.HasPrefix(name, "embeddings."):
			t.Fatalf("%s has no place", name)
		}
	}
	for name, w := range have {
		if !w.Bound() && !strings.Contains(name, "attn") {
			t.Fatalf("%s gets no value", name)
		}
	}
}

var lengths = []int{9, 4}

func said(t *testing.T, run func(p *nn.Pass) *tensor.Tensor) []float32 {
	t.Helper()
	p := nn.NewPass(t.Context(), nn.Sequences(lengths...), nn.Options{})
	defer p.Close()
	return run(p).Float32s()
}

var words = []int32{1, 5, 2, 8, 8, 0, 12, 3, 7, 4, 4, 9, 11}

func same(t *testing.T, have, want []float32) {
	t.Helper()
	if len(have) != len(want) {
		t.Fatalf("%d numbers, want %d", len(have), len(want))
	}
	for i := range want {
		if math.Abs(float64(have[i])-float64(want[i])) > 2e-6*(1+math.Abs(float64(want[i]))) {
			t.Fatalf("number %d is %v, want %v", i, have[i], want[i])
		}
	}
}

// With the parts of Vaswani et al. the network is PyTorch's encoder, as package
// transformer has it: both orders of the norms.
func TestPartsAreTheEncoder(t *testing.T) {
	for _, first := range []bool{false, true} {
		norm := "post-layernorm"
		if first {
			norm = "pre-layernorm"
		}
		m := partsOf(t, config{"positions": "none", "norm": norm})
		e := transformer.NewEncoder(transformer.Config{Width: 12, Heads: 3, Inner: 17, NormFirst: first}, 2, first)
		give(t, e, m, ".attention.output.", ".self_attn.out_proj.", "ffn.up", "linear1", "ffn.down", "linear2")
		own := map[string]*nn.Param{}
		for name, w := range nn.Params(m) {
			own[name] = w
		}
		for i, l := range e.Layers {
			var weight, bias []float32
			for _, part := range []string{"query", "key", "value"} {
				at := "layers." + string(rune('0'+i)) + ".attention." + part
				draws(own[at+".bias"])
				weight, bias = append(weight, own[at+".weight"].Float32()...), append(bias, own[at+".bias"].Float32()...)
			}
			l.Self.In.Set(weight)
			l.Self.Bias.Set(bias)
		}
		have := said(t, func(p *nn.Pass) *tensor.Tensor { return m.Encode(p, &model.Input{IDs: words}) })
		want := said(t, func(p *nn.Pass) *tensor.Tensor {
			return e.Forward(p, p.Use(own["embeddings.tokens.weight"]).Gather(words), attention.Full)
		})
		same(t, have, want)
	}
}

func draws(w *nn.Param) { nn.InitNormal(w, 0.3, 2) }

// With Llama's parts, biases aside, it is Llama.
func TestPartsAreLlama(t *testing.T) {
	m := partsOf(t, config{"positions": "rotary", "norm": "pre-rmsnorm", "gated": true, "hidden_act": "silu", "is_decoder": true})
	c := llamapage.Defaults()
	c.V, c.T, c.D, c.F, c.L, c.H, c.Eps = 13, 19, 12, 17, 2, 3, 1e-5
	l, err := llamapage.New(c)
	if err != nil {
		t.Fatal(err)
	}
	give(t, l, m, "embeddings.tokens", "embed_tokens", "attention.query", "self_attn.q_proj", "attention.key", "self_attn.k_proj", "attention.value",
		"self_attn.v_proj", "attention.output", "self_attn.o_proj", "norm1", "input_layernorm", "norm2", "post_attention_layernorm",
		"ffn.gate", "mlp.gate_proj", "ffn.up", "mlp.up_proj", "ffn.down", "mlp.down_proj")
	same(t, said(t, func(p *nn.Pass) *tensor.Tensor { return m.Encode(p, &model.Input{IDs: words}) }),
		said(t, func(p *nn.Pass) *tensor.Tensor { return l.Forward(p, words) }))
}
