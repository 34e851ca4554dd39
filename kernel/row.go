package kernel

import "math"

// rowLoops multiply one row by a matrix where it is.
type rowLoops struct {
	f32  rowFunc[float32]
	bf16 rowFunc[uint16]
	int8 rowFunc[int8]

	widenInt8 func(dst []float32, src []int8)
}

// rowFunc computes 16·groups columns, at most 64, each by the chain acc =
// FMA(a, b, acc) over k ascending, from zero or from C:
//
//	c[j] = Σ_p a[p] · b[p*bs+j]
//
// next is memory that will be read after it, worth fetching early.
type rowFunc[T any] func(groups, k int, a []float32, b []T, bs int, c []float32, accumulate bool, next []T)

func rowGo[T any](wide func(T) float32) rowFunc[T] {
	return func(groups, k int, a []float32, b []T, bs int, c []float32, accumulate bool, _ []T) {
		for j := range c[:16*groups] {
			acc := c[j]
			if !accumulate {
				acc = 0
			}
			for p, v := range a[:k] {
				acc = FMA(v, wide(b[p*bs+j]), acc)
			}
			c[j] = acc
		}
	}
}

func rowLoopsGo() *rowLoops {
	return &rowLoops{
		f32:  rowGo(func(x float32) float32 { return x }),
		bf16: rowGo(func(x uint16) float32 { return math.Float32frombits(uint32(x) << 16) }),
		int8: rowGo(func(x int8) float32 { return float32(x) }),
		widenInt8: func(dst []float32, src []int8) {
			for i := range dst {
				dst[i] = float32(src[i])
			}
		},
	}
}

// RowPlain is GemmPlain for one row: c = a·B or c += a·B with B [len(a), n], rows
// bs apart. It reads and writes on to a multiple of 16 columns, whatever is there.
// next is memory that will be read after it, worth fetching early; nil: nothing.
func (s *Set) RowPlain(n int, a, b []float32, bs int, c []float32, accumulate bool, next []float32) {
	rowPlain(s.rows.f32, n, a, b, bs, c, accumulate, next)
}

// RowPlainBF16 is RowPlain with B in bfloat16.
func (s *Set) RowPlainBF16(n int, a []float32, b []uint16, bs int, c []float32, accumulate bool, next []uint16) {
	rowPlain(s.rows.bf16, n, a, b, bs, c, accumulate, next)
}

// RowPlainInt8 is RowPlain with B in whole numbers.
func (s *Set) RowPlainInt8(n int, a []float32, b []int8, bs int, c []float32, accumulate bool, next []int8) {
	rowPlain(s.rows.int8, n, a, b, bs, c, accumulate, next)
}

func rowPlain[T any](f rowFunc[T], n int, a []float32, b []T, bs int, c []float32, accumulate bool, next []T) {
	const most = 4 // groups
	groups, k := (n+15)/16, len(a)
	if len(c) < 16*groups || k > 0 && len(b) < (k-1)*bs+16*groups {
		panic("kernel: RowPlain: B or C is shorter than its shape and stride say")
	}
	for j := 0; j < groups; j += most {
		at := b
		if k > 0 {
			at = b[16*j:]
		}
		f(min(most, groups-j), k, a, at, bs, c[16*j:], accumulate, next[min(16*j*k, len(next)):])
	}
}

// Int8ToF32 writes dst = src.
func (s *Set) Int8ToF32(dst []float32, src []int8) {
	s.rows.widenInt8(dst, src[:len(dst)])
}

// QuantizeRow rounds x to whole numbers of 8 bits, to nearest, ties to even, and
// gives what they are to be multiplied by: the largest |x| over 127.
//
//	dst = round(x·(127/largest))
//
// A row of zeros, or one with what is no number, gives zeros and 0 or that.
func QuantizeRow(dst []int8, x []float32) (scale float32) {
	largest := float32(0)
	for _, v := range x {
		v = float32(math.Abs(float64(v)))
		if v > largest || v != v {
			largest = v
		}
		if v != v {
			break
		}
	}
	inv := 127 / largest
	if !(largest > 0 && largest <= math.MaxFloat32 && inv <= math.MaxFloat32) {
		clear(dst[:len(x)])
		return largest * 0
	}
	for i, v := range x {
		dst[i] = int8(math.RoundToEven(float64(v * inv)))
	}
	return largest / 127
}
