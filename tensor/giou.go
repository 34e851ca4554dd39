package tensor

// GIoU is the generalized intersection over union of each box of x, [n, 4], and
// each of z, [m, 4], as left, top, right, bottom: [n, m] of numbers from -1 to 1
// (Rezatofighi et al. 2019, algorithm 1),
//
//	|A∩B|/|A∪B| − (|C| − |A∪B|)/|C|, C the smallest box around both.
func (x *Tensor) GIoU(z *Tensor) *Tensor {
	if x.width != 4 || z.width != 4 {
		panic(fault("GIoU", "boxes have four numbers", x, z))
	}
	s := x.scope
	y := s.New(x.rows, z.rows)
	y.eachRow(32, func(lo, hi int) {
		for i := lo; i < hi; i++ {
			for j := range z.rows {
				y.Row(i)[j] = overlapOf(x.Row(i), z.Row(j)).giou()
			}
		}
	})
	return s.Record("GIoU", y, []*Tensor{x, z}, []*Tensor{x, z}, func(g *Tensor) []*Tensor {
		dx, dz := s.Zeros(x.shape...), s.Zeros(z.shape...)
		for i := range x.rows {
			for j := range z.rows {
				overlapOf(x.Row(i), z.Row(j)).back(g.Row(i)[j], dx.Row(i), dz.Row(j))
			}
		}
		return []*Tensor{dx, dz}
	})
}

// overlap is two boxes and what they share.
type overlap struct {
	a, b             []float32
	inner, outer     [4]float32 // the boxes that both cover, and that cover both
	shared, sum, all float32    // areas of inner, of the union, and of outer
}

func overlapOf(a, b []float32) *overlap {
	o := &overlap{a: a, b: b,
		inner: [4]float32{max(a[0], b[0]), max(a[1], b[1]), min(a[2], b[2]), min(a[3], b[3])},
		outer: [4]float32{min(a[0], b[0]), min(a[1], b[1]), max(a[2], b[2]), max(a[3], b[3])}}
	o.shared, o.all = area(o.inner[:]), area(o.outer[:])
	o.sum = rawArea(a) + rawArea(b) - o.shared
	return o
}

// area of a box is 0 where its ends are out of order.
func area(b []float32) float32 { return float32(max(b[2]-b[0], 0) * max(b[3]-b[1], 0)) }

func rawArea(b []float32) float32 { return float32((b[2] - b[0]) * (b[3] - b[1])) }

func (o *overlap) giou() float32 { return o.shared/o.sum - (o.all-o.sum)/o.all }

// back adds the adjoint. By the areas, with I, U and C for shared, sum and all,
// I/U − 1 + U/C has the slopes 1/U, 1/C − I/U² and −U/C².
func (o *overlap) back(g float32, da, db []float32) {
	toUnion := float32(g * (1/o.all - o.shared/(o.sum*o.sum)))
	areaBack(toUnion, o.a, da)
	areaBack(toUnion, o.b, db)
	var inner, outer [4]float32
	if o.inner[2] > o.inner[0] && o.inner[3] > o.inner[1] {
		areaBack(g/o.sum-toUnion, o.inner[:], inner[:])
	}
	areaBack(-g*o.sum/(o.all*o.all), o.outer[:], outer[:])
	for i := range 4 {
		give(inner[i], o.a[i] == o.inner[i], o.b[i] == o.inner[i], &da[i], &db[i])
		give(outer[i], o.a[i] == o.outer[i], o.b[i] == o.outer[i], &da[i], &db[i])
	}
}

// areaBack adds the adjoint of an area to that of its box.
func areaBack(g float32, b, db []float32) {
	width, height := float32(g*(b[2]-b[0])), float32(g*(b[3]-b[1]))
	db[0] -= height
	db[1] -= width
	db[2] += height
	db[3] += width
}

// give adds g to the side that decided, or half of it to each where both did.
func give(g float32, toA, toB bool, da, db *float32) {
	switch {
	case toA && toB:
		*da += float32(0.5 * g)
		*db += float32(0.5 * g)
	case toA:
		*da += g
	default:
		*db += g
	}
}
