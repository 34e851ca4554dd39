package token

import (
	"hash/maphash"
	"slices"
	"sync/atomic"
)

// cacheSlots is the number of words that a cache remembers at most.
const cacheSlots = 1 << 15

// A wordCache remembers the tokens of words. Every word has one place, and a newcomer takes it; so the cache is bounded
// and needs no lock.
type wordCache struct {
	seed  maphash.Seed
	slots [cacheSlots]atomic.Pointer[cachedWord]
}

type cachedWord struct {
	word  string
	parts []piecePart
}

func newWordCache() *wordCache { return &wordCache{seed: maphash.MakeSeed()} }

// get returns the tokens of word; the caller must not change them.
func (c *wordCache) get(word string) ([]piecePart, bool) {
	w := c.slots[maphash.String(c.seed, word)%cacheSlots].Load()
	if w == nil || w.word != word {
		return nil, false
	}
	return w.parts, true
}

// put remembers the tokens of word.
func (c *wordCache) put(word string, parts []piecePart) {
	w := &cachedWord{string([]byte(word)), slices.Clone(parts)} // a copy, so as not to hold the whole text
	c.slots[maphash.String(c.seed, word)%cacheSlots].Store(w)
}
