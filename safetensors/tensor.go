package safetensors

import (
	"fmt"
	"math/bits"

	"github.com/qkvgo/qkv/internal/mmap"
)

// Tensor is a named array. Data of an opened file is a view of it, not to be
// written to, and valid as long as the Tensor is held and its File is not closed:
// who keeps Data keeps the Tensor.
type Tensor struct {
	Name  string
	DType DType
	Shape []int  // outermost first; empty for a single number
	Data  []byte // little endian, last dimension fastest

	// keep holds the mapping that Data is a view of, nil for bytes in memory.
	keep *mmap.Mapping
}

// Rest tells the system that the array's bytes will hardly be read again: if they
// are a view of a file, their memory may go back until they are.
func (t Tensor) Rest() { t.keep.Rest(t.Data) }

// Len returns the number of elements, the product of the shape.
func (t Tensor) Len() int {
	n := 1
	for _, d := range t.Shape {
		n *= d
	}
	return n
}

// byteSize returns the bytes of an array, false if they do not fit an int.
func byteSize(d DType, shape []int) (int, bool) {
	n := uint64(1)
	for _, dim := range append([]int{d.Size()}, shape...) {
		if dim < 0 {
			return 0, false
		}
		hi, lo := bits.Mul64(n, uint64(dim))
		if hi != 0 {
			return 0, false
		}
		n = lo
	}
	return int(n), n <= uint64(maxInt)
}

const maxInt = int(^uint(0) >> 1)

// String describes the tensor as "name F32[2 3]".
func (t Tensor) String() string {
	return fmt.Sprintf("%s %v%v", t.Name, t.DType, t.Shape)
}
