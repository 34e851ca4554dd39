package position

import (
	"fmt"

	"github.com/qkvgo/qkv/internal/portable"
	"github.com/qkvgo/qkv/nn"
	"github.com/qkvgo/qkv/tensor"
)

// Buckets adds a learned number to the score of a query and a key by how far
// apart they are, a number for each head and bucket of distances: near distances
// have a bucket each, farther ones share ever larger ones, and from Farthest on
// there is one (Raffel et al. 2020, T5, §2.1).
type Buckets struct {
	Table    *nn.Param // [buckets, heads]
	Farthest int       // T5's relative_attention_max_distance
	TwoSided bool      // half of the buckets are for keys after the query, as encoders have it; else these count as distance 0
}

// Bind reads the table.
func (b *Buckets) Bind(p *nn.Pass) Bias {
	if near := b.near(); near < 1 || b.Farthest <= near {
		panic(&tensor.Fault{Op: "Buckets", Param: b.Table.Name, Shapes: [][]int{b.Table.Shape}, Msg: fmt.Sprintf(
			"%d distances with a bucket each do not lie below the farthest, %d", near, b.Farthest)})
	}
	return &buckets{p.Use(b.Table), b.ofDistance(), b.Farthest}
}

// ofDistance is the bucket of key − query = −Farthest … Farthest.
func (b *Buckets) ofDistance() []int {
	list := make([]int, 0, 2*b.Farthest+1)
	for distance := -b.Farthest; distance <= b.Farthest; distance++ {
		list = append(list, b.bucket(distance))
	}
	return list
}

// bucket is the bucket of one distance, rounded where the reference rounds.
func (b *Buckets) bucket(distance int) int {
	n, near, first := b.Table.Shape[0], b.near(), 0
	switch {
	case b.TwoSided:
		n /= 2
		if distance > 0 {
			first = n
		}
	case distance > 0:
		distance = 0
	}
	distance = max(distance, -distance)
	if distance < near {
		return first + distance
	}
	log := float32(portable.Log(float64(float32(distance) / float32(near))))
	share := log / float32(portable.Log(float64(b.Farthest)/float64(near)))
	return first + min(near+int(share*float32(n-near)), n-1)
}

// near is how many distances have a bucket each: half of those on a side.
func (b *Buckets) near() int {
	if b.TwoSided {
		return b.Table.Shape[0] / 4
	}
	return b.Table.Shape[0] / 2
}

type buckets struct {
	table    *tensor.Tensor
	of       []int // bucket of each distance from −farthest on
	farthest int
}

// Inputs is the table.
func (b *buckets) Inputs() []*tensor.Tensor { return []*tensor.Tensor{b.table} }

// at is the bucket of a distance.
func (b *buckets) at(distance int) int {
	return b.of[min(max(distance, -b.farthest), b.farthest)+b.farthest]
}

// Add adds to the tile's scores.
func (b *buckets) Add(t *Tile) {
	bias := t.diagonals(func(distance int) float32 { return b.table.Row(b.at(distance))[t.Head] })
	for i := range t.Queries {
		row := t.Row(i)
		t.Kernels.Add(row, row, bias[t.Queries-1-i:][:t.Keys])
	}
}

// Back adds the gradient of the table.
func (b *buckets) Back(t *Tile, grads [][]float32) {
	if grads[0] == nil {
		return
	}
	heads := b.table.Width()
	for i := range t.Queries {
		for j, g := range t.Row(i) {
			grads[0][b.at(t.Key+j-t.Query-i)*heads+t.Head] += g
		}
	}
}
