package nn

import "fmt"

// CacheType is how a Memory keeps keys and values. It is the user's choice, apart
// from the precision of projections.
type CacheType uint8

// The ways to keep them. All arithmetic on them is in float32, and bits do not
// depend on threads, batch, kernel set or on how rows were cut into passes.
const (
	CacheFloat32 CacheType = iota
	// CacheBFloat16 rounds them to bfloat16: half the memory, 3 decimal digits.
	CacheBFloat16
	// CacheInt8 rounds each head's key and value of a row to 8 bits with a scale of
	// its own: a little more than a quarter of the memory.
	CacheInt8
)

// CacheTypes are the names that ParseCacheType knows.
const CacheTypes = "f32, bf16, int8"

var cacheTypeNames = [...]string{"f32", "bf16", "int8"}

// ParseCacheType reads a name: f32, bf16 or int8.
func ParseCacheType(name string) (CacheType, error) {
	for i, n := range cacheTypeNames {
		if n == name {
			return CacheType(i), nil
		}
	}
	return CacheFloat32, fmt.Errorf("have cache type %q, want one of %s", name, CacheTypes)
}

// String is the name that ParseCacheType reads.
func (t CacheType) String() string { return cacheTypeNames[t] }

// Memory is what outlives a pass: caches of keys and values, recurrent states.
// A site (an attention core, a recurrent layer) keeps its own entry under its
// own key. A Memory belongs to one decoding session and one goroutine.
type Memory struct {
	Cache CacheType // how keys and values are kept; not to be changed once there are any

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
