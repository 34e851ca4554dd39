package zoo_test

import (
	"testing"

	"github.com/qkvgo/qkv/device/cpu"
	"github.com/qkvgo/qkv/model/transformer"
	"github.com/qkvgo/qkv/nn"
	"github.com/qkvgo/qkv/zoo"
)

// Parameters of published models, counted by hand from their papers' sizes: talk A30,
// A31.
func TestPublishedCounts(t *testing.T) {
	large := config{"hidden_size": 1024, "num_hidden_layers": 24, "num_attention_heads": 16, "intermediate_size": 4096}
	gpt := func(layers, width int) config {
		return config{"n_layer": layers, "n_embd": width, "n_head": width / 64, "architectures": []string{"GPT2LMHeadModel"}}
	}
	for name, c := range map[string]struct {
		config
		want int
	}{
		"BERT base":                {config{"architectures": []string{"BertModel"}}, 109_482_240},
		"BERT large":               {large.with(config{"architectures": []string{"BertModel"}}), 335_141_888},
		"BERT base, pre-training":  {config{"architectures": []string{"BertForPreTraining"}}, 110_106_428},
		"BERT large, pre-training": {large.with(config{"architectures": []string{"BertForPreTraining"}}), 336_226_108},
		"GPT-2":                    {gpt(12, 768), 124_439_808},
		"GPT-2 medium":             {gpt(24, 1024), 354_823_168},
		"GPT-2 large":              {gpt(36, 1280), 774_030_080},
		"GPT-2 XL":                 {gpt(48, 1600), 1_557_611_200},
	} {
		m, _, _, err := zoo.New(marshal(t, c.config), "")
		if err != nil {
			t.Fatal(err)
		}
		if have := count(m); have != c.want {
			t.Errorf("%s has %d parameters, want %d", name, have, c.want)
		}
	}
}

// RoBERTa is BERT with another vocabulary, two more places and one kind of token, here
// without the pooler; GPT-1 is GPT-2 without a norm at the end: talk A30, A31.
func TestSiblingCounts(t *testing.T) {
	roberta := config{"architectures": []string{"BertModel"}, "vocab_size": 50_265, "max_position_embeddings": 514, "type_vocab_size": 1}
	large := roberta.with(config{"hidden_size": 1024, "num_hidden_layers": 24, "num_attention_heads": 16, "intermediate_size": 4096})
	for _, c := range []struct {
		name       string
		config     config
		less, want int
	}{{"RoBERTa base", roberta, 768*768 + 768, 124_055_040}, {"RoBERTa large", large, 1024*1024 + 1024, 354_310_144},
		{"GPT-1", config{"architectures": []string{"GPT2Model"}, "vocab_size": 40_478, "n_positions": 512}, 2 * 768, 116_534_784}} {
		if have := countNew(t, c.config) - c.less; have != c.want {
			t.Errorf("%s has %d parameters, want %d", c.name, have, c.want)
		}
	}
}

// The Transformer of the paper, vocabulary shared by both sides and the output layer,
// no biases in attention: talk A28.
func TestTransformerCounts(t *testing.T) {
	const words = 37_000
	for _, c := range []struct{ width, inner, heads, want int }{{512, 2048, 8, 63_045_632}, {1024, 4096, 16, 214_171_648}} {
		size := transformer.Config{Width: c.width, Inner: c.inner, Heads: c.heads}
		encoder, decoder := transformer.NewEncoder(size, 6, false), transformer.NewDecoder(size, 6, false)
		have := words*c.width + count(encoder) + count(decoder)
		for _, m := range append(nn.Find[*transformer.MultiHead](encoder), nn.Find[*transformer.MultiHead](decoder)...) {
			have -= m.Bias.Len() + m.Out.Bias.Len()
		}
		if have != c.want {
			t.Errorf("width %d: %d parameters, want %d", c.width, have, c.want)
		}
	}
}

// A layer of LSTM as wide as its input has 8h²+4h parameters with one bias, PyTorch's
// two make it 8h²+8h; a block of a Transformer has 12d²+13d: talk A24.
func TestLayerCounts(t *testing.T) {
	for _, d := range []int{12, 48} {
		of := func(architecture string, c config) int {
			return countNew(t, c.with(config{"architectures": []string{architecture}, "hidden_size": d}))
		}
		two := of("QKVRNNForSequenceClassification", recurrent.with(config{"embedding_size": d, "num_hidden_layers": 2}))
		one := of("QKVRNNForSequenceClassification", recurrent.with(config{"embedding_size": d, "num_hidden_layers": 1}))
		if two-one != 8*d*d+8*d {
			t.Errorf("a layer of LSTM has %d parameters, want %d", two-one, 8*d*d+8*d)
		}
		block := config{"intermediate_size": 4 * d}
		two = of("QKVTransformerModel", parts.with(block))
		one = of("QKVTransformerModel", parts.with(block).with(config{"num_hidden_layers": 1}))
		if two-one != 12*d*d+13*d {
			t.Errorf("a block has %d parameters, want %d", two-one, 12*d*d+13*d)
		}
	}
}

func count(m any) (n int) {
	for _, w := range nn.Params(m) {
		n += w.Len()
	}
	return n
}

func countNew(t *testing.T, c config) int {
	t.Helper()
	m, _, _, err := zoo.New(marshal(t, c), "")
	if err != nil {
		t.Fatal(err)
	}
	return count(m)
}

// What a decoder keeps for the next token is two numbers a layer, token and column,
// and so grows with the text; what an LSTM keeps does not: talk A22.
func TestCacheGrows(t *testing.T) {
	decoder := parts.with(config{"architectures": []string{"QKVTransformerForCausalLM"}, "is_decoder": true, "hidden_size": 96})
	m, _, _, err := zoo.New(marshal(t, decoder), "")
	if err != nil {
		t.Fatal(err)
	}
	draw(m)
	var have [2]int64
	for i, n := range []int{128, 256} {
		f, err := zoo.ForecastOf(m, n)
		if err != nil {
			t.Fatal(err)
		}
		if have[i] = f.Cache; f.Cache < int64(2*2*n*96*4) {
			t.Errorf("%d tokens are kept in %d bytes, want %d or more", n, f.Cache, 2*2*n*96*4)
		}
	}
	if ratio := float64(have[1]) / float64(have[0]); ratio < 1.9 || ratio > 2.1 {
		t.Errorf("twice the tokens take %.2f times the bytes", ratio)
	}
	for kept, most := range map[nn.CacheType]float64{nn.CacheBFloat16: 0.55, nn.CacheInt8: 0.35} {
		f, err := zoo.ForecastOn(m, 256, nn.Float32, kept, cpu.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if ratio := float64(f.Cache) / float64(have[1]); ratio > most {
			t.Errorf("%s: the cache takes %.2f of float32's, want at most %.2f", kept, ratio, most)
		}
	}
	lstm := recurrent.with(config{"architectures": []string{"QKVRNNForCausalLM"}})
	if m, _, _, err = zoo.New(marshal(t, lstm), ""); err != nil {
		t.Fatal(err)
	}
	draw(m)
	for i, n := range []int{100, 1000} {
		f, err := zoo.ForecastOf(m, n)
		if err != nil {
			t.Fatal(err)
		}
		if have[i] = f.Cache; i > 0 && have[1] != have[0] {
			t.Errorf("an LSTM keeps %d bytes after 100 tokens and %d after 1,000", have[0], have[1])
		}
	}
}
