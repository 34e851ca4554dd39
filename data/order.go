package data

import (
	"crypto/sha256"
	"encoding/binary"

	"github.com/qkvgo/qkv/internal/philox"
)

// Permutation is an order of 0 … n-1 that depends on the seed and the epoch
// alone.
func Permutation(n int, seed, epoch uint64) []int {
	order := make([]int, n)
	for i := range order {
		order[i] = i
	}
	shuffle(order, seed, epoch)
	return order
}

// shuffle is Fisher and Yates's, each exchange with a draw of its own.
func shuffle[T any](xs []T, seed, epoch uint64) {
	for i := len(xs) - 1; i > 0; i-- {
		draw := philox.Block(seed, [4]uint32{uint32(i), uint32(uint64(i) >> 32), uint32(epoch), uint32(epoch >> 32)})
		j := int((uint64(draw[1])<<32 | uint64(draw[0])) % uint64(i+1))
		xs[i], xs[j] = xs[j], xs[i]
	}
}

// fate is a random number for a text that depends on the seed and on the text,
// not on where it stands. Texts that are equal have the same, others do not:
// it is their hash, encrypted with the seed as the key.
func fate(e Example, seed uint64) [4]uint32 {
	h := sha256.New()
	h.Write(binary.LittleEndian.AppendUint64(nil, uint64(len(e.Text))))
	h.Write([]byte(e.Text))
	h.Write([]byte(e.Pair))
	sum := h.Sum(nil)
	var counter [4]uint32
	for i := range counter {
		counter[i] = binary.LittleEndian.Uint32(sum[4*i:])
	}
	return philox.Block(seed, counter)
}
