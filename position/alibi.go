package position

import (
	"math/bits"

	"github.com/qkvgo/qkv/internal/portable"
	"github.com/qkvgo/qkv/nn"
)

// ALiBi lowers the score of a query and a key by how far apart they are, by a
// slope of its own for each query head (Press et al. 2022, Train Short, Test
// Long, §3):
//
//	s_ij = fma(−m_h, |i−j|, s_ij)
type ALiBi struct {
	Slopes []float32 // m, [heads]
	fixed
}

// NewALiBi has the slopes of the paper for any number of heads: 2^(−max·k/n), k =
// 1…n, for a power of two n; for other numbers those of the power of two below,
// then every other one of the power above. The paper's max is 8.
func NewALiBi(heads int, max float64) *ALiBi {
	a := &ALiBi{Slopes: make([]float32, heads)}
	below := 1 << (bits.Len(uint(heads)) - 1)
	for h := range a.Slopes {
		k := float64(h+1) / float64(below)
		if h >= below {
			k = (float64(h-below) + 0.5) / float64(below)
		}
		a.Slopes[h] = float32(portable.Pow(2, -max*k))
	}
	return a
}

// Bind gives the bias itself: it has no parameters.
func (a *ALiBi) Bind(*nn.Pass) Bias { return a }

// Add adds to the tile's scores.
func (a *ALiBi) Add(t *Tile) {
	far := t.diagonals(func(distance int) float32 { return -float32(max(distance, -distance)) })
	for i := range t.Queries {
		t.Kernels.AddScaled(t.Row(i), far[t.Queries-1-i:], a.Slopes[t.Head])
	}
}
