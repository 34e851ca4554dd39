// Package tensor holds the values a model computes with: matrices of float32
// rows and vectors of ids, about 40 coarse ops on them, each with its adjoint
// beside it, and the tape that runs the adjoints.
//
// A Tensor belongs to a Scope: the memory it lies in, the device that computes
// it and the tape, if any. Ops are methods; results land in the scope of their
// operands. Nothing is freed by hand: the scope takes everything back, layer by
// layer (see Scope.Mark).
//
// Wrong shapes are programming faults and panic with *Fault; Guard turns them
// into errors at a package's border.
package tensor

import (
	"fmt"
	"slices"

	"github.com/qkvgo/qkv/kernel"
)

// Tensor is a matrix of float32 rows, or a vector of int32 ids.
//
// Its shape may have any number of axes; ops see it as [rows, width] with width
// the last axis. Rows may be further apart than width (a view of columns). A
// scalar has no axes, one row and width 1.
type Tensor struct {
	scope  *Scope
	buf    *buffer
	data   []float32 // from the first element to the last
	ints   []int32
	half   *Half // numbers of 16 bits in place of data
	shape  []int
	rows   int
	width  int
	stride int // from row to row

	base     *Tensor // a view's whole
	baseOff  int     // where the view starts in base's data
	needs    bool    // a gradient is wanted
	grad     *Tensor
	packable *Panels              // weights that may be read from prepared panels
	lowered  lowering             // how products read them
	low      [inBF16 + 1]*lowRows // its rows as such products read them
	name     string               // a parameter's, for faults
}

// buffer is one piece of memory that tensors share.
type buffer struct {
	mem   []float32
	free  string // the op after which the memory went back; empty while it lives
	saved bool   // an adjoint will read it
	keep  bool   // outlives Mark
	alien bool   // not the scope's to free
	made  int    // index of the tape entry that wrote it, plus 1
	refs  int    // gradients that share it
	grad  bool   // taken by an adjoint, not a value's

	// With a tape, for what an adjoint reads:
	recipe   *recipe   // makes it again; nil: nothing does
	boundary bool      // a layer's output
	settled  bool      // a mark has decided what becomes of it
	dropped  bool      // the recipe is to make it again
	moved    bool      // mem is not where it was at first
	exact    bool      // never rounded
	narrow   []float32 // its numbers in bfloat16, two in the place of one; nil: they are in mem
	count    int       // how many those are
}

// Shape is the sizes of the axes; the caller must not change it.
func (x *Tensor) Shape() []int { return x.shape }

// Rows is the number of rows: the product of all axes but the last.
func (x *Tensor) Rows() int { return x.rows }

// Width is the size of the last axis.
func (x *Tensor) Width() int { return x.width }

// Stride is the distance in elements from one row to the next.
func (x *Tensor) Stride() int { return x.stride }

// Scope is where x lives.
func (x *Tensor) Scope() *Scope { return x.scope }

// Row is row i, [width], without a copy.
func (x *Tensor) Row(i int) []float32 {
	x.live("Row")
	return x.data[i*x.stride : i*x.stride+x.width : i*x.stride+x.width]
}

// Data is the memory from the first element to the last, without a copy; with
// Stride it reaches every row.
func (x *Tensor) Data() []float32 {
	x.live("Data")
	return x.data
}

// Float32s copies the elements row by row.
func (x *Tensor) Float32s() []float32 {
	x.live("Float32s")
	out := make([]float32, 0, x.rows*x.width)
	for i := range x.rows {
		out = append(out, x.Row(i)...)
	}
	return out
}

// Ints is the ids of an integer tensor.
func (x *Tensor) Ints() []int32 {
	if x.buf != nil {
		panic(fault("Ints", "holds numbers, not ids", x))
	}
	return x.ints
}

// Scalar is the value of a tensor with one element.
func (x *Tensor) Scalar() float32 {
	if x.rows*x.width != 1 {
		panic(fault("Scalar", "has more than one element", x))
	}
	return x.Row(0)[0]
}

// View is x as the kernels read a matrix.
func (x *Tensor) View() kernel.View {
	x.live("View")
	return kernel.View{Data: x.data, RowStride: x.stride, ColStride: 1}
}

// Transposed is xᵀ as the kernels read a matrix.
func (x *Tensor) Transposed() kernel.View {
	x.live("Transposed")
	return kernel.View{Data: x.data, RowStride: 1, ColStride: x.stride}
}

// contiguous says whether the rows follow each other without gaps.
func (x *Tensor) contiguous() bool { return x.stride == x.width || x.rows <= 1 }

// live panics where x has no numbers, or their memory went back.
func (x *Tensor) live(op string) {
	if x.buf == nil {
		panic(fault(op, "holds ids, not numbers", x))
	}
	if x.half != nil {
		panic(fault(op, "holds numbers of 16 bits, which only products and Gather read", x))
	}
	if x.buf.free != "" {
		panic(fault(op, "used after its memory went back at "+x.buf.free+"; Keep what must outlive a layer", x))
	}
	if x.buf.moved && len(x.data) > 0 && &x.data[0] != &x.buf.mem[x.baseOff] {
		panic(fault(op, "its memory was made anew; Record does not know that an adjoint reads it", x))
	}
}

// Named gives x a parameter's name, which faults tell; it gives x.
func (x *Tensor) Named(name string) *Tensor {
	x.name = name
	return x
}

// Keep makes x outlive the layer that made it, until the scope closes.
func (x *Tensor) Keep() *Tensor {
	if x.buf != nil {
		x.buf.keep = true
	}
	return x
}

// Cols is columns lo:hi of x, [rows, hi-lo], without a copy.
func (x *Tensor) Cols(lo, hi int) *Tensor {
	x.live("Cols")
	if lo < 0 || hi > x.width || lo > hi {
		panic(fault("Cols", fmt.Sprintf("columns %d:%d are not in it", lo, hi), x))
	}
	shape := append(slices.Clone(x.shape[:max(len(x.shape)-1, 0)]), hi-lo)
	return x.view(shape, lo, x.rows, hi-lo, x.stride)
}

// Slice is rows lo:hi of x, [hi-lo, width], without a copy.
func (x *Tensor) Slice(lo, hi int) *Tensor {
	x.live("Slice")
	if lo < 0 || hi > x.rows || lo > hi {
		panic(fault("Slice", fmt.Sprintf("rows %d:%d are not in it", lo, hi), x))
	}
	return x.view([]int{hi - lo, x.width}, lo*x.stride, hi-lo, x.width, x.stride)
}

// Reshape is x with other axes and the same elements in the same order; the
// rows of x must follow each other without gaps.
func (x *Tensor) Reshape(shape ...int) *Tensor {
	x.live("Reshape")
	rows, width := fold(shape)
	if rows*width != x.rows*x.width || !x.contiguous() {
		panic(&Fault{Op: "Reshape", Shapes: [][]int{x.shape, shape}, Msg: "sizes differ, or the rows have gaps"})
	}
	return x.view(slices.Clone(shape), 0, rows, width, width)
}

func (x *Tensor) view(shape []int, off, rows, width, stride int) *Tensor {
	whole, at := x, off
	if x.base != nil {
		whole, at = x.base, x.baseOff+off
	}
	end := off
	if rows > 0 {
		end = off + (rows-1)*stride + width
	}
	return &Tensor{scope: x.scope, buf: x.buf, data: x.data[min(off, len(x.data)):min(end, len(x.data))], shape: shape, rows: rows,
		width: width, stride: stride, base: whole, baseOff: at, needs: x.needs, name: x.name}
}

// fold gives rows and width of a shape.
func fold(shape []int) (rows, width int) {
	rows, width = 1, 1
	if len(shape) == 0 {
		return
	}
	for _, n := range shape[:len(shape)-1] {
		rows *= n
	}
	return rows, shape[len(shape)-1]
}
