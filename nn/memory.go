package nn

// Memory is what outlives a pass: caches of keys and values, recurrent states.
// A site (an attention core, a recurrent layer) keeps its own entry under its
// own key. A Memory belongs to one decoding session and one goroutine.
type Memory struct {
	entries map[any]Entry
}

// Entry is what one site remembers, over several sequences.
type Entry interface {
	// Select keeps the sequences that rows names, in that order; a sequence
	// may be dropped or named more than once. Beams use it.
	Select(rows []int)
	// Close gives the entry's memory back.
	Close()
}

// Recall gives the entry at site, made by create at first use.
func (m *Memory) Recall(site any, create func() Entry) Entry {
	e := m.entries[site]
	if e == nil {
		if m.entries == nil {
			m.entries = map[any]Entry{}
		}
		e = create()
		m.entries[site] = e
	}
	return e
}

// Select keeps the named sequences of every entry, in that order.
func (m *Memory) Select(rows []int) {
	for _, e := range m.entries {
		e.Select(rows)
	}
}

// Close gives all memory back.
func (m *Memory) Close() {
	for _, e := range m.entries {
		e.Close()
	}
	m.entries = nil
}
