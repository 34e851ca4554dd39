package kernel_test

import (
	"fmt"

	"github.com/qkvgo/qkv/kernel"
)

// A layer of two neurons on one row of three inputs: relu(x·Wᵀ + bias), the
// weights stored as [out, in] and therefore read transposed.
func ExampleSet_Gemm() {
	x := kernel.View{Data: []float32{1, 2, 3}, RowStride: 3, ColStride: 1}
	w := kernel.View{Data: []float32{
		1, 0, 1,
		0, -1, 0,
	}, RowStride: 3, ColStride: 1}
	y := make([]float32, 2)
	layer := &kernel.Epilogue{Bias: []float32{0.5, 1}, Act: kernel.ReLU}

	kernel.Best().Gemm(1, 2, 3, x, w.T(), y, 2, false, layer, nil)
	fmt.Println(y)
	// Output: [4.5 0]
}
