//go:build invariants

package tensor

import "math"

// poison fills memory that nobody has set yet, or that went back, with NaN: an
// op that reads it by mistake shows. Build with -tags invariants.
func poison(mem []float32) {
	for i := range mem {
		mem[i] = float32(math.NaN())
	}
}
