package zoo_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/qkvgo/qkv/checkpoint"
	"github.com/qkvgo/qkv/device"
	"github.com/qkvgo/qkv/kernel"
	"github.com/qkvgo/qkv/model"
	"github.com/qkvgo/qkv/nn"
	"github.com/qkvgo/qkv/zoo"
)

// config is config.json as Go writes it.
type config map[string]any

// with is c with other values of some keys.
func (c config) with(more config) config {
	m := maps.Clone(c)
	maps.Copy(m, more)
	return m
}

// The smallest models of each family; the numbers are odd where they may be.
var (
	gpt2 = config{"vocab_size": 13, "n_positions": 19, "n_embd": 12, "n_layer": 2, "n_head": 3, "pad_token_id": 12}
	bert = config{"vocab_size": 13, "max_position_embeddings": 19, "hidden_size": 12, "intermediate_size": 17,
		"num_hidden_layers": 2, "num_attention_heads": 3, "type_vocab_size": 3}
	llama = config{"vocab_size": 13, "max_position_embeddings": 19, "hidden_size": 12, "intermediate_size": 17,
		"num_hidden_layers": 2, "num_attention_heads": 2, "num_key_value_heads": 1, "pad_token_id": 12}
	bag       = config{"vocab_size": 13, "num_features": 13}
	recurrent = config{"vocab_size": 13, "embedding_size": 5, "hidden_size": 6, "num_hidden_layers": 2, "dropout": 0.1}
	parts     = config{"vocab_size": 13, "max_position_embeddings": 19, "hidden_size": 12, "intermediate_size": 17, "num_hidden_layers": 2, "num_attention_heads": 3}
	vit       = config{"hidden_size": 12, "intermediate_size": 17, "num_hidden_layers": 2, "num_attention_heads": 3,
		"image_size": 12, "patch_size": 4, "num_channels": 2, "encoder_stride": 4}
	bit = config{"model_type": "bit", "num_channels": 2, "embedding_size": 8, "hidden_sizes": []int{16, 8}, "depths": []int{2, 1}, "num_groups": 2,
		"layer_type": "bottleneck", "global_padding": "SAME", "embedding_dynamic_padding": true}
	hybrid = vit.with(config{"image_size": 21, "patch_size": 1, "backbone_featmap_shape": []int{1, 8, 3, 3}, "backbone_config": bit})
)

// tiny are configs of every architecture and of every key that a page obeys.
var tiny = []struct {
	architecture string
	config       config
}{
	{"GPT2LMHeadModel", gpt2},
	{"GPT2LMHeadModel", gpt2.with(config{"tie_word_embeddings": false, "n_inner": 7, "activation_function": "relu2", "scale_attn_weights": false})},
	{"GPT2LMHeadModel", gpt2.with(config{"scale_attn_by_inverse_layer_idx": true, "reorder_and_upcast_attn": true, "activation_function": "mish"})},
	{"GPT2LMHeadModel", gpt2.with(config{"add_cross_attention": true})},
	{"GPT2Model", gpt2},
	{"GPT2DoubleHeadsModel", gpt2},
	{"GPT2DoubleHeadsModel", gpt2.with(config{"summary_type": "mean", "summary_activation": "tanh", "summary_proj_to_labels": true})},
	{"GPT2ForSequenceClassification", gpt2.with(config{"num_labels": 5})},
	{"GPT2ForSequenceClassification", gpt2.with(config{"num_labels": 1})},
	{"GPT2ForTokenClassification", gpt2.with(config{"id2label": config{"0": "A", "1": "B", "2": "C"}, "num_labels": 2})},
	{"GPT2ForQuestionAnswering", gpt2},
	{"LlamaForCausalLM", llama},
	{"LlamaForCausalLM", llama.with(config{"tie_word_embeddings": true, "attention_bias": true, "mlp_bias": true, "head_dim": 10, "hidden_act": "gelu"})},
	{"LlamaForCausalLM", llama.with(config{"num_key_value_heads": nil, "rope_scaling": config{"rope_type": "dynamic", "factor": 2.5}, "max_position_embeddings": 5})},
	{"LlamaForCausalLM", llama.with(config{"rope_scaling": config{"type": "linear", "factor": 2.0}, "rope_theta": 500.0})},
	{"LlamaForCausalLM", llama.with(config{"rope_scaling": config{"rope_type": "yarn", "factor": 2.0, "attention_factor": 0.7, "beta_fast": 16, "beta_slow": 2}})},
	{"LlamaForCausalLM", llama.with(config{"rope_scaling": config{"rope_type": "longrope", "factor": 2.0, "long_factor": []float64{1, 2, 3}, "short_factor": []float64{1, 1, 1}}})},
	{"LlamaForCausalLM", llama.with(config{"rope_scaling": config{"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0, "original_max_position_embeddings": 16}})},
	{"LlamaModel", llama},
	{"LlamaForSequenceClassification", llama.with(config{"num_labels": 3, "problem_type": "multi_label_classification"})},
	{"LlamaForTokenClassification", llama},
	{"LlamaForQuestionAnswering", llama},
	{"BertModel", bert},
	{"BertModel", bert.with(config{"position_embedding_type": "relative_key_query", "hidden_act": "relu6"})},
	{"BertForMaskedLM", bert},
	{"BertForMaskedLM", bert.with(config{"tie_word_embeddings": false, "hidden_act": "gelu_10", "position_embedding_type": "relative_key"})},
	{"BertLMHeadModel", bert.with(config{"is_decoder": true})},
	{"BertLMHeadModel", bert.with(config{"is_decoder": true, "add_cross_attention": true, "position_embedding_type": "relative_key"})},
	{"BertForPreTraining", bert},
	{"BertForNextSentencePrediction", bert},
	{"BertForSequenceClassification", bert.with(config{"num_labels": 3, "problem_type": "regression", "classifier_dropout": 0.2})},
	{"BertForMultipleChoice", bert},
	{"BertForTokenClassification", bert},
	{"BertForQuestionAnswering", bert.with(config{"hidden_act": "leaky_relu"})},
	{"QKVBagForSequenceClassification", bag},
	{"QKVBagForSequenceClassification", bag.with(config{"num_features": 11, "ngram_range": []int{1, 2}, "use_idf": true, "norm": "l2", "binary": true})},
	{"QKVBagForSequenceClassification", bag.with(config{"num_features": 7, "ngram_range": []int{2, 3}, "hashed": true, "sublinear_tf": true, "num_labels": 3})},
	{"QKVAverageForSequenceClassification", config{"vocab_size": 13, "hidden_size": 7}},
	{"QKVCNNForSequenceClassification", config{"vocab_size": 13, "hidden_size": 6, "num_filters": 5, "filter_widths": []int{2, 3}, "dropout": 0.2}},
	{"QKVCNNForSequenceClassification", config{"vocab_size": 13, "hidden_size": 6, "num_filters": 3, "num_hidden_layers": 2, "filter_widths": []int{2}}},
	{"QKVRNNForSequenceClassification", recurrent},
	{"QKVRNNForSequenceClassification", recurrent.with(config{"cell": "GRU", "bidirectional": true, "pooling": "concat"})},
	{"QKVRNNForSequenceClassification", recurrent.with(config{"cell": "RNN_TANH", "pooling": "max", "num_hidden_layers": 1})},
	{"QKVRNNForSequenceClassification", recurrent.with(config{"cell": "RNN_RELU", "pooling": "mean", "bidirectional": true})},
	{"QKVRNNForCausalLM", recurrent},
	{"QKVRNNForCausalLM", recurrent.with(config{"cell": "GRU", "embedding_size": 6, "tie_word_embeddings": true})},
	{"QKVTransformerModel", parts},
	{"QKVTransformerForSequenceClassification", parts.with(config{"positions": "none", "norm": "pre-rmsnorm", "gated": true, "hidden_act": "silu", "pooling": "mean"})},
	{"QKVTransformerForSequenceClassification", parts.with(config{"positions": "rotary", "attention": "window", "window": 2, "pooling": "max", "hidden_act": "tanh"})},
	{"QKVTransformerForSequenceClassification", parts.with(config{"positions": "alibi", "is_decoder": true, "pooling": "last", "norm": "pre-layernorm"})},
	{"QKVTransformerForMaskedLM", parts.with(config{"positions": "relative", "tie_word_embeddings": false, "norm": "post-rmsnorm"})},
	{"QKVTransformerForMaskedLM", parts.with(config{"positions": "learned"})},
	{"QKVTransformerForCausalLM", parts.with(config{"is_decoder": true, "positions": "relative", "relative_attention_num_buckets": 8, "relative_attention_max_distance": 20})},
	{"QKVTransformerForMaskedLM", parts.with(config{"attention": "global", "window": 1})},
	{"QKVTransformerForCausalLM", parts.with(config{"is_decoder": true, "attention": "strided", "window": 2, "positions": "none"})},
	{"QKVTransformerForCausalLM", parts.with(config{"is_decoder": true, "attention": "block", "window": 3, "positions": "alibi"})},
	{"QKVTransformerForCausalLM", parts.with(config{"is_decoder": true, "positions": "rotary", "attention": "window", "window": 3, "norm": "pre-rmsnorm", "tie_word_embeddings": false})},
	{"ViTModel", vit},
	{"ViTModel", vit.with(config{"pooler_output_size": 5, "pooler_act": "tanh"})},
	{"ViTForImageClassification", vit.with(config{"qkv_bias": false, "image_size": []int{8, 12}, "patch_size": []int{4, 3}})},
	{"ViTForMaskedImageModeling", vit},
	{"ViTHybridModel", hybrid},
	{"BitModel", bit},
	{"BitModel", bit.with(config{"layer_type": "preactivation", "global_padding": nil, "embedding_dynamic_padding": false})},
	{"BitModel", bit.with(config{"width_factor": 2, "out_features": nil, "out_indices": []int{2}})},
	{"BitForImageClassification", bit.with(config{"hidden_act": "gelu", "output_stride": 8, "hidden_sizes": []int{8, 8, 8, 8}, "depths": []int{1, 1, 2, 2}})},
	{"ViTHybridForImageClassification", hybrid.with(config{"backbone_config": bit.with(config{"layer_type": "preactivation"})})},
	{"ViTHybridForImageClassification", hybrid.with(config{"backbone_featmap_shape": []int{1, 8, 6, 6}, "backbone_config": bit.with(config{
		"global_padding": nil, "embedding_dynamic_padding": false, "output_stride": 4, "hidden_act": "gelu"})})},
}

// each runs f with every tiny model, values drawn, and its config.json.
func each(t *testing.T, f func(t *testing.T, architecture string, config []byte, m model.Model)) {
	for i, c := range tiny {
		t.Run(fmt.Sprintf("%d-%s", i, c.architecture), func(t *testing.T) {
			b := marshal(t, c.config.with(config{"architectures": []string{c.architecture}}))
			m, name, _, err := zoo.New(b, "")
			if err != nil || name != c.architecture {
				t.Fatalf("%s: %v", name, err)
			}
			draw(m)
			f(t, c.architecture, b, m)
		})
	}
}

func marshal(t *testing.T, c config) []byte {
	t.Helper()
	b, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// draw gives a model values, those of norms about 1.
func draw(m model.Model) {
	nn.Name(m)
	for name, w := range nn.Params(m) {
		nn.InitNormal(w, 0.3, 1)
		if len(w.Shape) == 1 && strings.HasSuffix(name, "weight") {
			data := w.Own()
			kernel.Best().AddConst(data, data, 1)
		}
	}
}

// Every architecture is in the table above.
func TestTableIsComplete(t *testing.T) {
	var have []string
	for _, c := range tiny {
		have = append(have, c.architecture)
	}
	slices.Sort(have)
	if have = slices.Compact(have); !slices.Equal(have, zoo.Architectures()) {
		t.Errorf("tiny models of %v, the zoo has %v", have, zoo.Architectures())
	}
}

// What was saved loads, and saves to the same bytes.
func TestSaveLoadSave(t *testing.T) {
	each(t, func(t *testing.T, architecture string, config []byte, m model.Model) {
		dir := t.TempDir()
		if err := checkpoint.Save(dir, m, config); err != nil {
			t.Fatal(err)
		}
		l, err := zoo.Open(dir)
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		if l.Architecture != architecture || l.ModelType == "" {
			t.Errorf("architecture %q of model type %q", l.Architecture, l.ModelType)
		}
		again := t.TempDir()
		if err := checkpoint.Save(again, l.Model, l.Folder.Config); err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{"config.json", "model.safetensors"} {
			first, err1 := os.ReadFile(filepath.Join(dir, name))
			second, err2 := os.ReadFile(filepath.Join(again, name))
			if err := errors.Join(err1, err2); err != nil || string(first) != string(second) {
				t.Errorf("%s differs: %v", name, err)
			}
		}
		same := maps.Collect(nn.Params(l.Model))
		for name, w := range nn.Params(m) {
			if !slices.Equal(w.Float32(), same[name].Float32()) {
				t.Errorf("%s has other values", name)
			}
		}
	})
}

// call is a batch of four sequences, or three pictures, with everything that the
// architecture's head takes.
func call(architecture string, m model.Model) (nn.Batch, *model.Input) {
	in := &model.Input{}
	if v, ok := m.(model.Vision); ok {
		height, width, channels := v.PictureSize()
		g := nn.Grid{Height: height, Width: width}
		rows := nn.Pictures(g, g, g)
		in.Pixels = make([]float32, rows.Rows()*channels)
		kernel.Uniform(in.Pixels, 3, 0, 0)
		switch {
		case strings.Contains(architecture, "Classification"):
			in.Labels = []int32{1, 0, 1}
		case strings.Contains(architecture, "MaskedImage"):
			for i := range 27 {
				in.Masked = append(in.Masked, i%4 == 1)
			}
		}
		return rows, in
	}
	rows := nn.Sequences(7, 1, 5, 9)
	for i := range rows.Rows() {
		in.IDs = append(in.IDs, int32(i*5%12))
		in.Types = append(in.Types, int32(i%3))
	}
	perRow := func() {
		for i := range in.IDs {
			in.Labels = append(in.Labels, int32(i%2))
		}
		in.Labels[3] = -100
	}
	for name, set := range map[string]func(){
		"LMHead": perRow, "CausalLM": perRow, "MaskedLM": perRow, "TokenClass": perRow,
		"NextSentence":   func() { in.Labels = []int32{0, 1, 1, 0} },
		"PreTraining":    func() { perRow(); in.Next = []int32{0, 1, 1, 0} },
		"DoubleHeads":    func() { perRow(); in.Choices, in.Chosen, in.Summaries = 2, []int32{1, 0}, []int32{2, 0, 4, 8} },
		"MultipleChoice": func() { in.Choices, in.Labels = 2, []int32{1, 0} },
		"Question":       func() { in.Starts, in.Ends = []int32{2, 0, 0, 8}, []int32{3, 0, 9, 8} },
		"SequenceClass": func() {
			in.Labels = []int32{0, 1, 1, 0}
			for name, w := range nn.Params(m) { // heads whose labels are numbers have 1 or 3
				if n := w.Shape[0]; (strings.HasPrefix(name, "score") || strings.HasPrefix(name, "classifier")) && n != 5 && n != 2 {
					in.Labels, in.Targets = nil, make([]float32, 4*n)
					kernel.Uniform(in.Targets, 4, 0, 0)
				}
			}
		},
	} {
		if strings.Contains(architecture, name) {
			set()
		}
	}
	for name, w := range nn.Params(m) {
		if strings.Contains(name, "crossattention") && len(w.Shape) == 2 {
			in.EncodedRows = nn.Sequences(3, 1, 4, 2)
			in.Encoded = make([]float32, 10*12)
			kernel.Uniform(in.Encoded, 5, 0, 0)
			break
		}
	}
	return rows, in
}

// run gives the outputs of a call by name.
func run(t *testing.T, m model.Model, rows nn.Batch, in *model.Input, d device.Device) map[string][]float32 {
	t.Helper()
	p := nn.NewPass(t.Context(), rows, nn.Options{Device: d})
	defer p.Close()
	out := map[string][]float32{}
	for _, o := range m.Run(p, in) {
		out[o.Name] = o.Value.Float32s()
	}
	return out
}

// The gradient of every parameter is the slope of the loss along it.
func TestGradients(t *testing.T) {
	each(t, func(t *testing.T, architecture string, _ []byte, m model.Model) {
		rows, in := call(architecture, m)
		p := nn.NewPass(t.Context(), rows, nn.Options{Tape: true})
		defer p.Close()
		out := m.Run(p, in)
		if out[0].Name != "loss" {
			if !strings.HasSuffix(architecture, "Model") {
				t.Errorf("no loss, but %s", out[0].Name)
			}
			return
		}
		out[0].Value.Backward()
		most := 0.0
		slopes := map[*nn.Param][]float32{}
		for _, w := range nn.Params(m) {
			if g := p.Grad(w); g != nil {
				slopes[w] = g.Float32s()
				most = max(most, size(slopes[w]))
			}
		}
		for name, w := range nn.Params(m) {
			g := slopes[w]
			if size(g) == 0 {
				g = make([]float32, w.Len())
				kernel.Uniform(g, 6, 0, 0)
			}
			const h = 4e-3
			at := slices.Clone(w.Own())
			loss := func(step float64) float64 {
				data := w.Own()
				for i := range data {
					data[i] = at[i] + float32(step*float64(g[i])/size(g))
				}
				w.Changed()
				return float64(run(t, m, rows, in, nil)["loss"][0])
			}
			// Differences over h and h/2 together cancel the error of second order.
			have, want := size(slopes[w]), (8*(loss(h/2)-loss(-h/2))-(loss(h)-loss(-h)))/(6*h)
			copy(w.Own(), at)
			w.Changed()
			if diff := max(have-want, want-have); diff > 0.02*have+2e-3*most {
				t.Errorf("%s: the gradient's size is %v, the loss has slope %v along it", name, have, want)
			}
		}
	})
}
