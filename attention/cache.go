package attention

import (
	"fmt"
	"slices"

	"github.com/qkvgo/qkv/device"
	"github.com/qkvgo/qkv/kernel"
	"github.com/qkvgo/qkv/nn"
	"github.com/qkvgo/qkv/tensor"
)

// cache is the keys and values that a core remembers: for each sequence a list
// of pages, a tile of keys each. Pages are shared between sequences that began
// alike; what is shared is copied before it is written. It is the bank of a call
// too.
type cache struct {
	dev     device.Device
	heads   int
	dk, dv  int
	kept    nn.CacheType
	history []history
}

// history is what is remembered of one sequence.
type history struct {
	pages  []*page
	rows   int
	hidden []bool // rows that no query may see; shorter than rows where the rest are seen
}

// remember appends the call's keys and values to the core's cache.
func (c *Call) remember(p *nn.Pass) *cache {
	if p.Tape != nil && slices.ContainsFunc(c.inputs(), (*tensor.Tensor).Needs) {
		panic(&tensor.Fault{Op: "Attend", Shapes: [][]int{c.K.Shape()}, Msg: "a pass that is recorded for gradients cannot have a memory"})
	}
	m := p.Memory.Recall(c.Core, func() nn.Entry {
		return &cache{dev: p.Device, heads: c.KVHeads, dk: c.Dk(), dv: c.Dv(), kept: p.Memory.Cache, history: make([]history, c.Keys.Len())}
	}).(*cache)
	if len(m.history) != c.Keys.Len() || m.heads != c.KVHeads || m.dk != c.Dk() || m.dv != c.Dv() {
		panic(&tensor.Fault{Op: "Attend", Shapes: [][]int{c.K.Shape(), c.V.Shape()}, Msg: fmt.Sprintf(
			"the memory holds %d sequences of %d heads of width %d, the pass has %d", len(m.history), m.heads, m.dk, c.Keys.Len())})
	}
	for i := range m.history {
		c.Past[i] = m.history[i].rows
		m.extend(&m.history[i], c.Keys.Off[i+1]-c.Keys.Off[i])
		m.history[i].hide(c.Past[i], c.Keys.HiddenOf(i))
	}
	c.Pattern = Intersect(c.Pattern, m.unseen())
	rows := c.Keys.Rows()
	seq := make([]int, rows)
	for i := range m.history {
		for r := c.Keys.Off[i]; r < c.Keys.Off[i+1]; r++ {
			seq[r] = i
		}
	}
	p.Device.Parallel(rows, max(1, 16384/(m.heads*(m.dk+m.dv)+1)), func(lo, hi int, _ *kernel.Workspace) {
		var spare []float32
		for r := lo; r < hi; r++ {
			i := seq[r]
			m.write(&m.history[i], c.Past[i]+r-c.Keys.Off[i], c.K.Row(r), c.V.Row(r), &spare)
		}
	})
	return m
}

// hide notes which of the rows from at on no query may see.
func (h *history) hide(at int, hidden []bool) {
	if !slices.Contains(hidden, true) {
		return
	}
	h.hidden = append(slices.Clip(h.hidden), make([]bool, at-len(h.hidden))...)
	h.hidden = append(h.hidden, hidden...)
}

// unseen is the pattern that hides them, nil where there are none.
func (m *cache) unseen() Pattern {
	hidden, any := make([][]bool, len(m.history)), false
	for i := range m.history {
		hidden[i] = m.history[i].hidden
		any = any || hidden[i] != nil
	}
	if !any {
		return nil
	}
	return Hidden(hidden)
}

// extend makes n more rows of a history writable.
func (m *cache) extend(h *history, n int) {
	if n == 0 {
		return
	}
	if used := h.rows % Tile; used > 0 { // the last page is written to
		last := len(h.pages) - 1
		old, need := h.pages[last], min(used+n, Tile)
		if old.refs > 1 || need > old.room {
			h.pages[last] = m.grown(old, used, max(need, min(2*old.room, Tile)))
			m.drop(old)
		}
	}
	h.rows += n
	for len(h.pages)*Tile < h.rows {
		n := Tile
		if len(h.pages) == 0 { // short sequences are many, their pages small
			n = min(Tile, h.rows)
		}
		h.pages = append(h.pages, m.page(n))
	}
}

// free has nothing to do: the pages stay until Close.
func (m *cache) free() {}

// drop says that one history less holds p.
func (m *cache) drop(p *page) {
	if p.refs--; p.refs == 0 {
		m.dev.Free(p.data)
		p.data = nil
	}
}

// Select is nn.Entry's.
func (m *cache) Select(rows []int) {
	kept := make([]history, len(rows))
	for i, r := range rows {
		kept[i] = m.history[r]
		kept[i].pages = slices.Clone(kept[i].pages)
		for _, p := range kept[i].pages {
			p.refs++
		}
	}
	m.Close()
	m.history = kept
}

// Close is nn.Entry's.
func (m *cache) Close() {
	for _, h := range m.history {
		for _, p := range h.pages {
			m.drop(p)
		}
	}
	m.history = nil
}
