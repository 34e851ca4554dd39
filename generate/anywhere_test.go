package generate

import (
	"encoding/binary"
	"hash/fnv"
	"maps"
	"math"
	"slices"
	"testing"
)

// Ids and scores of every way of decoding, in one number, are the same on any machine.
func TestSameResultsAnywhere(t *testing.T) {
	h := fnv.New64a()
	all := ways()
	for _, name := range slices.Sorted(maps.Keys(all)) {
		for _, s := range generate(t, hashed(t, 23, 2, 5), [][]int32{{1}, {2, 3, 4}}, all[name]) {
			for _, id := range s.IDs {
				h.Write(binary.LittleEndian.AppendUint32(nil, uint32(id)))
			}
			h.Write(binary.LittleEndian.AppendUint32(nil, math.Float32bits(s.Score)))
		}
	}
	const want = 0x37582821cd73c025
	if have := h.Sum64(); have != want {
		t.Errorf("have %#x, want %#x", have, uint64(want))
	}
}
