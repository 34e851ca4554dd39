package check_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/qkvgo/qkv/check"
	"github.com/qkvgo/qkv/checkpoint"
	"github.com/qkvgo/qkv/nn"
	"github.com/qkvgo/qkv/safetensors"
	"github.com/qkvgo/qkv/zoo"
)

// naive computes models as their reference does, padding and masks included, in
// float64 and the plainest way: a second opinion on what the padding of a batch
// may and may not change. Masked scores are the least float32, not −Inf.
type naive struct {
	rand   *rand.Rand
	params map[string]*nn.Param
	n, t   int // sequences, and places of each
	mask   [][]bool
	ids    [][]int
	types  [][]int // nil: none
	enc    []mat   // nil: none
	encOK  [][]bool

	heads, kv int
	eps       float64
	relative  bool
	decoder   bool

	out map[string][]float64 // as outputs.safetensors has them
	dim map[string][]int
}

type mat [][]float64

const least = -math.MaxFloat32

func (m *naive) param(name string) ([]float64, []int) {
	w := m.params[name]
	if w == nil {
		panic("no parameter " + name)
	}
	v := make([]float64, w.Len())
	for i, x := range w.Float32() {
		v[i] = float64(x)
	}
	return v, w.Shape
}

func (m *naive) has(name string) bool { return m.params[name] != nil }

// row is row i of a table.
func (m *naive) row(name string, i int) []float64 {
	v, shape := m.param(name)
	return v[i*shape[1] : (i+1)*shape[1]]
}

// linear is x·Wᵀ + b; conv says that W is stored the other way round.
func (m *naive) linear(x mat, name string, conv bool) mat {
	w, shape := m.param(name + ".weight")
	in, out := shape[1], shape[0]
	if conv {
		in, out = out, in
	}
	var bias []float64
	if m.has(name + ".bias") {
		bias, _ = m.param(name + ".bias")
	}
	y := make(mat, len(x))
	for i := range x {
		y[i] = make([]float64, out)
		for o := range out {
			if bias != nil {
				y[i][o] = bias[o]
			}
			for k := range in {
				at := o*in + k
				if conv {
					at = k*out + o
				}
				y[i][o] += x[i][k] * w[at]
			}
		}
	}
	return y
}

// norm is a layer norm, or an RMS norm where there is no bias.
func (m *naive) norm(x mat, name string) mat {
	g, _ := m.param(name + ".weight")
	y := make(mat, len(x))
	for i, row := range x {
		mean, square, n := 0.0, 0.0, float64(len(row))
		if m.has(name + ".bias") {
			for _, v := range row {
				mean += v / n
			}
		}
		for _, v := range row {
			square += (v - mean) * (v - mean) / n
		}
		for j, v := range row {
			y[i] = append(y[i], (v-mean)/math.Sqrt(square+m.eps)*g[j])
		}
		if m.has(name + ".bias") {
			b, _ := m.param(name + ".bias")
			for j := range y[i] {
				y[i][j] += b[j]
			}
		}
	}
	return y
}

// attend is softmax attention with masks that are added to scores.
func (m *naive) attend(q, k, v mat, heads, kv int, score func(h, i, j int, dot float64) float64) (mix mat, maps [][][]float64) {
	d := len(q[0]) / heads
	mix = make(mat, len(q))
	for i := range mix {
		mix[i] = make([]float64, len(q[0]))
	}
	for h := range heads {
		g := h * kv / heads
		var each [][]float64
		for i := range q {
			p, top, sum := make([]float64, len(k)), math.Inf(-1), 0.0
			for j := range k {
				dot := 0.0
				for a := range d {
					dot += q[i][h*d+a] * k[j][g*d+a]
				}
				p[j] = score(h, i, j, dot)
				top = max(top, p[j])
			}
			for j := range p {
				p[j] = math.Exp(p[j] - top)
				sum += p[j]
			}
			for j := range p {
				p[j] /= sum
				for a := range d {
					mix[i][h*d+a] += p[j] * v[j][g*d+a]
				}
			}
			each = append(each, p)
		}
		maps = append(maps, each)
	}
	return mix, maps
}

// hide is what a mask adds to a score.
func hide(visible bool) float64 {
	if visible {
		return 0
	}
	return least
}

func add(x ...mat) mat {
	y := make(mat, len(x[0]))
	for i := range y {
		y[i] = slices.Clone(x[0][i])
		for _, z := range x[1:] {
			for j := range y[i] {
				y[i][j] += z[i][j]
			}
		}
	}
	return y
}

func cols(x mat, lo, hi int) mat {
	y := make(mat, len(x))
	for i := range x {
		y[i] = x[i][lo:hi]
	}
	return y
}

func apply(x mat, f func(float64) float64) mat {
	y := make(mat, len(x))
	for i := range x {
		for _, v := range x[i] {
			y[i] = append(y[i], f(v))
		}
	}
	return y
}

func gelu(x float64) float64 { return x * (1 + math.Erf(x/math.Sqrt2)) / 2 }

func geluNew(x float64) float64 {
	return x / 2 * (1 + math.Tanh(math.Sqrt(2/math.Pi)*(x+0.044715*x*x*x)))
}

func silu(x float64) float64 { return x / (1 + math.Exp(-x)) }

// record appends one sequence's part of an output.
func (m *naive) record(name string, shape []int, rows ...[]float64) {
	for _, r := range rows {
		m.out[name] = append(m.out[name], r...)
	}
	m.dim[name] = append([]int{m.n}, shape...)
}

func (m *naive) recordMaps(name string, maps [][][]float64) {
	for _, head := range maps {
		m.record(name, []int{len(maps), len(head), len(head[0])}, head...)
	}
}

// gpt2 is the hidden states of sequence b.
func (m *naive) gpt2(b int, base string) mat {
	h := make(mat, m.t)
	for i := range h {
		h[i] = add(mat{m.row(base+"wte.weight", m.ids[b][i])}, mat{m.row(base+"wpe.weight", i)})[0]
		if m.types != nil {
			h[i] = add(mat{h[i]}, mat{m.row(base+"wte.weight", m.types[b][i])})[0]
		}
	}
	d := len(h[0])
	scale := 1 / math.Sqrt(float64(d/m.heads))
	layers := 0
	for ; m.has(fmt.Sprintf("%sh.%d.ln_1.weight", base, layers)); layers++ {
		m.record(fmt.Sprintf("hidden_states.%d", layers), []int{m.t, d}, h...)
		at := fmt.Sprintf("%sh.%d.", base, layers)
		x := m.linear(m.norm(h, at+"ln_1"), at+"attn.c_attn", true)
		mix, maps := m.attend(cols(x, 0, d), cols(x, d, 2*d), cols(x, 2*d, 3*d), m.heads, m.heads, func(_, i, j int, dot float64) float64 {
			if j > i {
				return least + hide(m.mask[b][j])
			}
			return dot*scale + hide(m.mask[b][j])
		})
		m.recordMaps(fmt.Sprintf("attentions.%d", layers), maps)
		h = add(h, m.linear(mix, at+"attn.c_proj", true))
		if m.enc != nil {
			q := m.linear(m.norm(h, at+"ln_cross_attn"), at+"crossattention.q_attn", true)
			kv := m.linear(m.enc[b], at+"crossattention.c_attn", true)
			mix, maps := m.attend(q, cols(kv, 0, d), cols(kv, d, 2*d), m.heads, m.heads, func(_, _, j int, dot float64) float64 {
				return dot*scale + hide(m.encOK[b][j])
			})
			m.recordMaps(fmt.Sprintf("cross_attentions.%d", layers), maps)
			h = add(h, m.linear(mix, at+"crossattention.c_proj", true))
		}
		u := apply(m.linear(m.norm(h, at+"ln_2"), at+"mlp.c_fc", true), geluNew)
		h = add(h, m.linear(u, at+"mlp.c_proj", true))
	}
	h = m.norm(h, base+"ln_f")
	m.record(fmt.Sprintf("hidden_states.%d", layers), []int{m.t, d}, h...)
	return h
}

// bert is the hidden states of sequence b.
func (m *naive) bert(b int, base string) mat {
	h := make(mat, m.t)
	for i := range h {
		kind := 0
		if m.types != nil {
			kind = m.types[b][i]
		}
		h[i] = add(mat{m.row(base+"embeddings.word_embeddings.weight", m.ids[b][i])}, mat{m.row(base+"embeddings.token_type_embeddings.weight", kind)})[0]
		if !m.relative {
			h[i] = add(mat{h[i]}, mat{m.row(base+"embeddings.position_embeddings.weight", i)})[0]
		}
	}
	h = m.norm(h, base+"embeddings.LayerNorm")
	d := len(h[0])
	layers := 0
	for ; m.has(fmt.Sprintf("%sencoder.layer.%d.output.dense.weight", base, layers)); layers++ {
		m.record(fmt.Sprintf("hidden_states.%d", layers), []int{m.t, d}, h...)
		at := fmt.Sprintf("%sencoder.layer.%d.", base, layers)
		attention := func(name string, keys mat, ok []bool, causal bool) mat {
			q, k, v := m.linear(h, at+name+".self.query", false), m.linear(keys, at+name+".self.key", false), m.linear(keys, at+name+".self.value", false)
			dk := d / m.heads
			mix, maps := m.attend(q, k, v, m.heads, m.heads, func(head, i, j int, dot float64) float64 {
				if name == "attention" && m.relative {
					table := at + "attention.self.distance_embedding.weight"
					_, shape := m.param(table)
					for a, e := range m.row(table, i-j+shape[0]/2) {
						dot += q[i][head*dk+a] * e
					}
				}
				return dot/math.Sqrt(float64(dk)) + hide(ok[j] && (!causal || j <= i))
			})
			kind := "attentions"
			if name != "attention" {
				kind = "cross_attentions"
			}
			m.recordMaps(fmt.Sprintf("%s.%d", kind, layers), maps)
			return m.norm(add(m.linear(mix, at+name+".output.dense", false), h), at+name+".output.LayerNorm")
		}
		h = attention("attention", h, m.mask[b], m.decoder)
		if m.enc != nil {
			h = attention("crossattention", m.enc[b], m.encOK[b], false)
		}
		u := apply(m.linear(h, at+"intermediate.dense", false), gelu)
		h = m.norm(add(m.linear(u, at+"output.dense", false), h), at+"output.LayerNorm")
	}
	m.record(fmt.Sprintf("hidden_states.%d", layers), []int{m.t, d}, h...)
	return h
}

// llama is the hidden states of sequence b.
func (m *naive) llama(b int, base string) mat {
	h := make(mat, m.t)
	for i := range h {
		h[i] = m.row(base+"embed_tokens.weight", m.ids[b][i])
	}
	d := len(h[0])
	turn := func(x mat, heads int) mat {
		y, dk := make(mat, len(x)), len(x[0])/heads
		for i := range x {
			y[i] = slices.Clone(x[i])
			for head := range heads {
				for a := range dk / 2 {
					angle := float64(i) * math.Pow(10000, -float64(2*a)/float64(dk))
					lo, hi := head*dk+a, head*dk+dk/2+a
					y[i][lo] = x[i][lo]*math.Cos(angle) - x[i][hi]*math.Sin(angle)
					y[i][hi] = x[i][hi]*math.Cos(angle) + x[i][lo]*math.Sin(angle)
				}
			}
		}
		return y
	}
	layers := 0
	for ; m.has(fmt.Sprintf("%slayers.%d.input_layernorm.weight", base, layers)); layers++ {
		m.record(fmt.Sprintf("hidden_states.%d", layers), []int{m.t, d}, h...)
		at := fmt.Sprintf("%slayers.%d.", base, layers)
		x := m.norm(h, at+"input_layernorm")
		q, k := turn(m.linear(x, at+"self_attn.q_proj", false), m.heads), turn(m.linear(x, at+"self_attn.k_proj", false), m.kv)
		mix, maps := m.attend(q, k, m.linear(x, at+"self_attn.v_proj", false), m.heads, m.kv, func(_, i, j int, dot float64) float64 {
			return dot/math.Sqrt(float64(len(q[0])/m.heads)) + hide(m.mask[b][j] && j <= i)
		})
		m.recordMaps(fmt.Sprintf("attentions.%d", layers), maps)
		h = add(h, m.linear(mix, at+"self_attn.o_proj", false))
		x = m.norm(h, at+"post_attention_layernorm")
		gate, up := apply(m.linear(x, at+"mlp.gate_proj", false), silu), m.linear(x, at+"mlp.up_proj", false)
		for i := range gate {
			for j := range gate[i] {
				gate[i][j] *= up[i][j]
			}
		}
		h = add(h, m.linear(gate, at+"mlp.down_proj", false))
	}
	h = m.norm(h, base+"norm")
	m.record(fmt.Sprintf("hidden_states.%d", layers), []int{m.t, d}, h...)
	return h
}

// crossEntropy is the mean of −log p over what is not ignored.
func crossEntropy(scores mat, labels []int) float64 {
	sum, n := 0.0, 0.0
	for i, l := range labels {
		if l < 0 {
			continue
		}
		total := 0.0
		for _, v := range scores[i] {
			total += math.Exp(v)
		}
		sum, n = sum+math.Log(total)-scores[i][l], n+1
	}
	return sum / n
}

func (m *naive) loss(v float64) {
	m.out["loss"], m.dim["loss"] = []float64{v}, []int{}
}

// naiveCase is one configuration, how it is called, and its head.
type naiveCase struct {
	name, config, family, base string
	padding                    string
	types, cross, choices      bool
	leaks                      []string
	head                       func(m *naive, h []mat, in func(name string, shape []int, v []int64))
}

// ints gives drawn whole numbers below n.
func (m *naive) ints(count, n int) []int64 {
	v := make([]int64, count)
	for i := range v {
		v[i] = int64(m.rand.IntN(n))
	}
	return v
}

// lmHead is the next token's scores, with labels on what is visible.
func lmHead(name string, shift bool) func(m *naive, h []mat, in func(string, []int, []int64)) {
	return func(m *naive, h []mat, in func(string, []int, []int64)) {
		labels := m.ints(m.n*m.t, 13)
		var rows mat
		var next []int
		for b := range h {
			var scores mat
			if strings.HasPrefix(name, "cls") {
				scores = m.linear(m.norm(apply(m.linear(h[b], name+".transform.dense", false), gelu), name+".transform.LayerNorm"), name+".decoder", false)
				bias, _ := m.param(name + ".bias")
				for i := range scores {
					scores[i] = add(mat{scores[i]}, mat{bias})[0]
				}
			} else {
				scores = m.linear(h[b], name, false)
			}
			m.record("logits", []int{m.t, 13}, scores...)
			for i := range scores {
				at := b*m.t + i
				if !m.mask[b][i] || i == 0 || !m.mask[b][i-1] {
					labels[at] = -100
				}
				rows = append(rows, scores[i])
				next = append(next, -100)
				switch {
				case !shift:
					next[at] = int(labels[at])
				case i > 0:
					next[at-1] = int(labels[at])
				}
			}
		}
		in("labels", []int{m.n, m.t}, labels)
		m.loss(crossEntropy(rows, next))
	}
}

func qaHead(m *naive, h []mat, in func(string, []int, []int64)) {
	starts, ends := []int64{2, int64(m.t) + 3, 3}, []int64{3, -1, 4}
	total := 0.0
	for k, at := range [][]int64{starts, ends} {
		var rows mat
		var labels []int
		for b := range h {
			var row []float64
			for _, r := range m.linear(h[b], "qa_outputs", false) {
				row = append(row, r[k])
			}
			m.record([]string{"start_logits", "end_logits"}[k], []int{m.t}, row)
			rows = append(rows, row)
			place := int(max(at[b], 0))
			if place >= m.t {
				place = -1
			}
			labels = append(labels, place)
		}
		total += crossEntropy(rows, labels) / 2
	}
	in("start_positions", []int{m.n}, starts)
	in("end_positions", []int{m.n}, ends)
	m.loss(total)
}

// sequenceHead classifies by the row before the first padding token, 12.
func sequenceHead(m *naive, h []mat, in func(string, []int, []int64)) {
	labels := m.ints(m.n, 2)
	var rows mat
	for b := range h {
		last := slices.Index(m.ids[b], 12) - 1
		if last < 0 {
			last = m.t - 1
		}
		rows = append(rows, m.linear(h[b][last:last+1], "score", false)...)
	}
	m.record("logits", []int{2}, rows...)
	in("labels", []int{m.n}, labels)
	m.loss(crossEntropy(rows, []int{int(labels[0]), int(labels[1]), int(labels[2])}))
}

func pooledHead(m *naive, h []mat, in func(string, []int, []int64)) {
	labels := m.ints(m.n, 2)
	var rows mat
	for b := range h {
		pooled := apply(m.linear(h[b][:1], "bert.pooler.dense", false), math.Tanh)
		rows = append(rows, m.linear(pooled, "classifier", false)...)
	}
	m.record("logits", []int{2}, rows...)
	in("labels", []int{m.n}, labels)
	m.loss(crossEntropy(rows, []int{int(labels[0]), int(labels[1]), int(labels[2])}))
}

// choiceHead scores the pooled rows of three choices.
func choiceHead(m *naive, h []mat, in func(string, []int, []int64)) {
	var row []float64
	for b := range h {
		pooled := apply(m.linear(h[b][:1], "bert.pooler.dense", false), math.Tanh)
		row = append(row, m.linear(pooled, "classifier", false)[0]...)
	}
	m.out["logits"], m.dim["logits"] = row, []int{1, 3}
	in("labels", []int{}, []int64{2})
	m.loss(crossEntropy(mat{row}, []int{2}))
}

// doubleHeads predict the next token, and score three choices at a row of each.
func doubleHeads(m *naive, h []mat, in func(string, []int, []int64)) {
	lmHead("lm_head", true)(m, h, in)
	at := []int64{4, 6, 5}
	var row []float64
	for b := range h {
		row = append(row, m.linear(h[b][at[b]:at[b]+1], "multiple_choice_head.summary", false)[0]...)
	}
	m.out["mc_logits"], m.dim["mc_logits"] = row, []int{1, 3}
	m.out["mc_loss"], m.dim["mc_loss"] = []float64{crossEntropy(mat{row}, []int{1})}, []int{}
	in("mc_token_ids", []int{3}, at)
	in("mc_labels", []int{}, []int64{1})
}

// pretraining predicts masked words and whether sentences follow each other.
func pretraining(m *naive, h []mat, in func(string, []int, []int64)) {
	lmHead("cls.predictions", false)(m, h, in)
	m.out["prediction_logits"], m.dim["prediction_logits"] = m.out["logits"], m.dim["logits"]
	delete(m.out, "logits")
	var rows mat
	for b := range h {
		rows = append(rows, m.linear(apply(m.linear(h[b][:1], "bert.pooler.dense", false), math.Tanh), "cls.seq_relationship", false)...)
	}
	m.record("seq_relationship_logits", []int{2}, rows...)
	in("next_sentence_label", []int{3}, []int64{1, 0, 1})
	m.loss(m.out["loss"][0] + crossEntropy(rows, []int{1, 0, 1}))
}

const (
	gpt2Sizes  = `"vocab_size": 13, "n_positions": 9, "n_embd": 12, "n_layer": 2, "n_head": 3, "pad_token_id": 12, "tie_word_embeddings": false, "add_cross_attention": %v`
	bertSizes  = `"vocab_size": 13, "max_position_embeddings": 9, "type_vocab_size": 3, "hidden_size": 12, "intermediate_size": 17, "num_hidden_layers": 2, "num_attention_heads": 3, "layer_norm_eps": 1e-5, "tie_word_embeddings": false`
	llamaSizes = `"vocab_size": 13, "max_position_embeddings": 9, "hidden_size": 12, "intermediate_size": 17, "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 6, "rms_norm_eps": 1e-5, "pad_token_id": 12`
)

var naiveCases = []naiveCase{
	{name: "GPT2LMHeadModel", config: fmt.Sprintf(gpt2Sizes, true), family: "gpt2", base: "transformer.", padding: "right", types: true, cross: true, head: lmHead("lm_head", true)},
	{name: "GPT2LMHeadModel", config: fmt.Sprintf(gpt2Sizes, false), family: "gpt2", base: "transformer.", padding: "left", types: true, head: lmHead("lm_head", true)},
	{name: "GPT2ForSequenceClassification", config: fmt.Sprintf(gpt2Sizes, false), family: "gpt2", base: "transformer.", padding: "right", leaks: []string{"loss", "logits"}, head: sequenceHead},
	{name: "GPT2ForSequenceClassification", config: fmt.Sprintf(gpt2Sizes, false), family: "gpt2", base: "transformer.", padding: "left", head: sequenceHead},
	{name: "GPT2ForQuestionAnswering", config: fmt.Sprintf(gpt2Sizes, false), family: "gpt2", base: "transformer.", padding: "right", leaks: []string{"loss"}, head: qaHead},
	{name: "LlamaForCausalLM", config: llamaSizes, family: "llama", base: "model.", padding: "right", head: lmHead("lm_head", true)},
	{name: "LlamaForCausalLM", config: llamaSizes, family: "llama", base: "model.", padding: "left", head: lmHead("lm_head", true)},
	{name: "LlamaForSequenceClassification", config: llamaSizes, family: "llama", base: "model.", padding: "right", leaks: []string{"loss"}, head: sequenceHead},
	{name: "LlamaForQuestionAnswering", config: llamaSizes, family: "llama", base: "transformer.", padding: "right", leaks: []string{"loss"}, head: qaHead},
	{name: "BertForMaskedLM", config: bertSizes, family: "bert", base: "bert.", padding: "holes", types: true, head: lmHead("cls.predictions", false)},
	{name: "BertForMaskedLM", config: bertSizes + `, "position_embedding_type": "relative_key"`, family: "bert", base: "bert.", padding: "holes", head: lmHead("cls.predictions", false)},
	{name: "BertLMHeadModel", config: bertSizes + `, "is_decoder": true, "add_cross_attention": true`, family: "bert", base: "bert.", padding: "right", cross: true, head: lmHead("cls.predictions", true)},
	{name: "BertLMHeadModel", config: bertSizes + `, "is_decoder": true, "add_cross_attention": true, "position_embedding_type": "relative_key"`,
		family: "bert", base: "bert.", padding: "left", cross: true, head: lmHead("cls.predictions", true)},
	{name: "GPT2DoubleHeadsModel", config: fmt.Sprintf(gpt2Sizes, false), family: "gpt2", base: "transformer.", padding: "left", choices: true, head: doubleHeads},
	{name: "BertForMultipleChoice", config: bertSizes, family: "bert", base: "bert.", padding: "right", types: true, choices: true, head: choiceHead},
	{name: "BertForPreTraining", config: bertSizes, family: "bert", base: "bert.", padding: "right", types: true, head: pretraining},
	{name: "BertForQuestionAnswering", config: bertSizes, family: "bert", base: "bert.", padding: "left", types: true, leaks: []string{"loss"}, head: qaHead},
	{name: "BertForSequenceClassification", config: bertSizes, family: "bert", base: "bert.", padding: "left", leaks: []string{"loss", "logits"}, head: pooledHead},
	{name: "BertForSequenceClassification", config: bertSizes, family: "bert", base: "bert.", padding: "right", types: true, head: pooledHead},
}

// Padded batches give what the naive models give, in every output that the
// reference records.
func TestNaive(t *testing.T) {
	for n, c := range naiveCases {
		t.Run(fmt.Sprintf("%d-%s", n, c.name), func(t *testing.T) {
			config := fmt.Sprintf(`{"architectures": [%q], %s}`, c.name, c.config)
			page, _, _, err := zoo.New([]byte(config), "")
			if err != nil {
				t.Fatal(err)
			}
			m := &naive{rand: rand.New(rand.NewPCG(uint64(n), 1)), params: map[string]*nn.Param{}, n: 3, t: wide, heads: 3, kv: 2, eps: 1e-5,
				relative: strings.Contains(config, "relative"), decoder: strings.Contains(config, "is_decoder"),
				out: map[string][]float64{}, dim: map[string][]int{}}
			if c.family == "llama" {
				m.heads = 4
			}
			nn.Name(page)
			for name, w := range nn.Params(page) {
				nn.InitNormal(w, 0.3, uint64(n))
				m.params[name] = w
			}
			k := &aCase{dir: t.TempDir(), meta: map[string]any{"cls": c.name, "task": "lm", "padding_leaks": c.leaks}}
			if err := checkpoint.Save(k.dir, page, []byte(config)); err != nil {
				t.Fatal(err)
			}
			in := func(name string, shape []int, v []int64) {
				if c.choices { // three sequences are three choices of one question
					shape = append([]int{1}, shape...)
				}
				k.inputs = append(k.inputs, integers(name, shape, v))
			}
			visible, ids, types := []int64{}, []int64{}, []int64{}
			for b, row := range masks[c.padding] {
				m.mask, m.ids = append(m.mask, nil), append(m.ids, nil)
				if c.types {
					m.types = append(m.types, nil)
				}
				for j := range wide {
					id := m.rand.IntN(12)
					if row[j] != 'x' {
						id = 12
					}
					m.mask[b], m.ids[b] = append(m.mask[b], row[j] == 'x'), append(m.ids[b], id)
					ids, visible = append(ids, int64(id)), append(visible, int64(b2i(row[j] == 'x')))
					if c.types {
						m.types[b] = append(m.types[b], m.rand.IntN(3))
						types = append(types, int64(m.types[b][j]))
					}
				}
			}
			in("input_ids", []int{3, wide}, ids)
			in("attention_mask", []int{3, wide}, visible)
			if c.types {
				in("token_type_ids", []int{3, wide}, types)
			}
			if c.cross {
				k.inputs = append(k.inputs, m.encoder(t, 5, 12)...)
			}
			var h []mat
			for b := range 3 {
				h = append(h, map[string]func(int, string) mat{"gpt2": m.gpt2, "bert": m.bert, "llama": m.llama}[c.family](b, c.base))
			}
			c.head(m, h, in)
			noise := map[string][2]float64{}
			for name, v := range m.out {
				v32, most := make([]float32, len(v)), 0.0
				for i := range v {
					v32[i], most = float32(v[i]), max(most, math.Abs(v[i]))
				}
				k.outputs = append(k.outputs, number(t, name, m.dim[name], v32))
				noise[name] = [2]float64{3e-7 * max(most, 1), most}
			}
			k.meta["noise"] = noise
			if r := k.run(t); r.Status != check.OK || r.Tensors != len(m.out) {
				t.Errorf("%+v", r)
			}
		})
	}
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}

// encoder draws an encoder's rows, some of them hidden.
func (m *naive) encoder(t *testing.T, wide, width int) []safetensors.Tensor {
	var all []float32
	var ok []int64
	for b := range m.n {
		m.enc, m.encOK = append(m.enc, nil), append(m.encOK, nil)
		for j := range wide {
			row := make([]float64, width)
			for i := range row {
				v := float32(m.rand.NormFloat64())
				row[i], all = float64(v), append(all, v)
			}
			m.enc[b], m.encOK[b] = append(m.enc[b], row), append(m.encOK[b], j%(b+2) != 1)
			ok = append(ok, int64(b2i(m.encOK[b][j])))
		}
	}
	return []safetensors.Tensor{number(t, "encoder_hidden_states", []int{m.n, wide, width}, all),
		integers("encoder_attention_mask", []int{m.n, wide}, ok)}
}
