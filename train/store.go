package train

import (
	"unsafe"

	"github.com/qkvgo/qkv/kernel"
	"github.com/qkvgo/qkv/nn"
)

// StoreBF16 rounds all parameters of the model m to bfloat16, to nearest, and
// keeps them so: half the bytes, and what a file of them says.
func StoreBF16(m any) {
	for _, w := range nn.Params(m) {
		half := make([]uint16, w.Len())
		kernel.Best().F32ToBF16(half, w.Float32())
		w.Bind(nn.BF16, unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(half))), 2*len(half)))
	}
}
