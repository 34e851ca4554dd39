package nn

import (
	"slices"
	"testing"
)

// The model below has one of everything that walking must see or pass over.
type (
	spine struct {
		Embed *Embedding `ckpt:"wte"`
	}
	block struct {
		Attn *Linear    `ckpt:"attn.c_attn"`
		Norm *LayerNorm `ckpt:"ln"`
		Gate *Linear    `ckpt:"gate"` // nil in some
		Rate float32
		hide *Linear
	}
	machine struct {
		spine
		*Conv1D `ckpt:"conv"`
		Blocks  []*block    `ckpt:"h"`
		Experts [2]Linear   `ckpt:"mlp.experts"`
		Mixer   interface{} `ckpt:"mixer"`
		Head    *Embedding  `ckpt:"lm_head"` // tied
		Lists   [][]*Param  `ckpt:"lists"`
		Names   []string    `ckpt:"names"`
		Skip    *Linear     `ckpt:"-"`
		Table   *Param      `ckpt:"table"`
		None    *Param      `ckpt:"none"`
		Absent  *RMSNorm    `ckpt:"absent"`
		Nothing interface{} `ckpt:"nothing"`
		Plain   struct {
			W *Param `ckpt:"w"`
		}
	}
)

func newMachine() *machine {
	m := &machine{spine: spine{NewEmbedding(3, 2)}, Conv1D: NewConv1D(2, 2)}
	m.Blocks = []*block{
		{Attn: NewLinear(2, 2, true), Norm: NewLayerNorm(2, 1), hide: NewLinear(1, 1, true)},
		{Attn: NewLinear(2, 2, false), Norm: NewLayerNorm(2, 1), Gate: NewLinear(2, 1, false)},
		nil,
	}
	m.Experts = [2]Linear{*NewLinear(2, 2, false), *NewLinear(2, 2, false)}
	m.Mixer = NewRMSNorm(2, 1)
	m.Head = m.Embed
	m.Lists = [][]*Param{{NewParam(1)}, {}, {NewParam(2), NewParam(3)}}
	m.Skip, m.Table = NewLinear(1, 1, true), NewParam(4)
	m.Plain.W = NewParam(5)
	return m
}

var machineNames = []string{
	"wte.weight", "conv.weight", "conv.bias",
	"h.0.attn.c_attn.weight", "h.0.attn.c_attn.bias", "h.0.ln.weight", "h.0.ln.bias",
	"h.1.attn.c_attn.weight", "h.1.ln.weight", "h.1.ln.bias", "h.1.gate.weight",
	"mlp.experts.0.weight", "mlp.experts.1.weight", "mixer.weight",
	"lists.0.0", "lists.2.0", "lists.2.1", "table", "w",
}

// Params names each parameter once, in the order of fields, by the tags.
func TestParams(t *testing.T) {
	var names []string
	for name, w := range Params(newMachine()) {
		if w == nil {
			t.Errorf("%s is nil", name)
		}
		names = append(names, name)
	}
	if !slices.Equal(names, machineNames) {
		t.Errorf("have %v\nwant %v", names, machineNames)
	}
	for name := range Params(newMachine()) {
		if name == "h.0.ln.weight" {
			break // an iterator must obey
		}
	}
	for name := range Params((*machine)(nil)) {
		t.Errorf("no model has %s", name)
	}
}

// Name writes these names into the parameters.
func TestName(t *testing.T) {
	m := newMachine()
	Name(m)
	if have := m.Blocks[1].Gate.Weight.Name; have != "h.1.gate.weight" {
		t.Errorf("have %q", have)
	}
	if have := m.Head.Weight.Name; have != "wte.weight" {
		t.Errorf("tied: have %q", have)
	}
}

// Find gives pointers to what it finds, also to values, shows what an interface
// holds, and leaves out what is absent.
func TestFind(t *testing.T) {
	m := newMachine()
	if have := Find[*Linear](m); len(have) != 5 || have[0] != m.Blocks[0].Attn || have[3] != &m.Experts[0] {
		t.Errorf("have %d linear layers", len(have))
	}
	if have := Find[*block](m); len(have) != 2 {
		t.Errorf("have %d blocks", len(have))
	}
	if have := Find[*RMSNorm](m); len(have) != 1 || have[0] != m.Mixer {
		t.Errorf("have %v", have)
	}
	if have := Find[float32](m); len(have) == 0 {
		t.Error("no numbers")
	}
}
