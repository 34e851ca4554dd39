package token

import (
	"hash/maphash"
	"slices"
	"strings"
	"sync/atomic"
)

// A word may lie in any of cacheWays neighbouring slots; there are cacheSlots in all.
const (
	cacheSlots = 1 << 15
	cacheWays  = 4
)

// A wordCache remembers the tokens of words. It is bounded, a newcomer taking the place of another word, and needs no
// lock.
type wordCache struct {
	seed  maphash.Seed
	slots [cacheSlots]atomic.Pointer[cachedWord]
}

type cachedWord struct {
	word  string
	parts []piecePart
}

func newWordCache() *wordCache { return &wordCache{seed: maphash.MakeSeed()} }

// set returns the slots for a word, and its hash.
func (c *wordCache) set(word string) ([]atomic.Pointer[cachedWord], uint64) {
	h := maphash.String(c.seed, word)
	i := h % (cacheSlots / cacheWays) * cacheWays
	return c.slots[i : i+cacheWays], h
}

// get returns the tokens of word; the caller must not change them.
func (c *wordCache) get(word string) ([]piecePart, bool) {
	set, _ := c.set(word)
	for i := range set {
		w := set[i].Load()
		if w == nil {
			break
		}
		if w.word == word {
			return w.parts, true
		}
	}
	return nil, false
}

// put remembers the tokens of word.
func (c *wordCache) put(word string, parts []piecePart) {
	set, h := c.set(word)
	way := int(h >> 48 % cacheWays)
	for i := range set {
		if set[i].Load() == nil {
			way = i
			break
		}
	}
	set[way].Store(&cachedWord{strings.Clone(word), slices.Clone(parts)}) // a copy, so as not to hold the whole text
}
